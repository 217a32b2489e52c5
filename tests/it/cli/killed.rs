//! A demo that is killed at any step ends like one that nobody disturbed, value by value.

use std::path::Path;

use gangway_storage::doctor;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::Value;
use tokio::process::Command;

use super::{
    demo::{COMPLETE, LAST, demo},
    end_state::{self, EndState, line},
    process::Process,
};

/// Three pages of employees, so that there is a middle.
const N_PEOPLE: usize = 420;
const FLAGS: &str = "--people 420 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";

/// How many employees a database holds that nobody runs.
async fn n_employees(data: &Path) -> usize {
    let url = format!("sqlite://{}", data.join("gangway.sqlite").display());
    let db = doctor::connect_as_owner(&url).await.unwrap();
    let sql = "SELECT count(*) AS n FROM record WHERE stream = 'employees'";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap().unwrap();
    db.close().await.unwrap();
    usize::try_from(row.try_get::<i64>("", "n").unwrap()).unwrap()
}

/// A demo whose leases outlast every test: it must go on without waiting for them.
fn demo_of_long_leases(data: &Path) -> Command {
    let mut command = demo(data, FLAGS);
    command.env("GANGWAY__WORKER__LEASE_SECONDS", "3600");
    command
}

/// Kills demos on one folder, one at each step of the onboarding and of the first sync; the next one ends it.
async fn disturbed(data: &Path) -> (Vec<String>, EndState) {
    for step in ["tenant: ", "operator key: ", "discovered "] {
        let mut killed = Process::start(demo_of_long_leases(data));
        killed.read_until(step).await;
        killed.kill().await;
    }
    assert_eq!(n_employees(data).await, 0);
    let mut killed = Process::start(demo_of_long_leases(data));
    let told = killed.read_until("syncing employees: ").await.pop().unwrap();
    killed.kill().await;
    let n_before = n_employees(data).await;
    assert!(n_before > 0 && n_before < N_PEOPLE, "killed in the middle: {n_before} after `{told}`");

    let mut killed = Process::start(demo_of_long_leases(data));
    killed.read_until("synced employees: ").await;
    killed.kill().await;
    finished(data).await
}

/// Lets a demo end its first sync.
async fn finished(data: &Path) -> (Vec<String>, EndState) {
    let mut process = Process::start(demo_of_long_leases(data));
    let lines = process.read_until(LAST).await;
    let state = end_state::read(&lines).await;
    let (client, operator) = (end_state::client(&lines), line(&lines, "operator key: "));
    assert_eq!(client.list(operator, "/v1/tenants").await.len(), 1);
    let keys = client.list(line(&lines, "tenant key: "), "/v1/keys").await;
    let n_working = keys.iter().filter(|key| key["revoked_at"].is_null()).count();
    assert_eq!(n_working, 1, "a key whose text was lost is revoked");
    process.stop().await;
    (lines, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_ends_in_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let (left, right) = (folder.path().join("killed"), folder.path().join("undisturbed"));
    let ((lines, killed), (_, undisturbed)) = tokio::join!(disturbed(&left), finished(&right));

    // Eight days of attendances for each, of which version 2 tells work and breaks apart.
    let periods = undisturbed["attendances"].len();
    assert!((16 * N_PEOPLE..=24 * N_PEOPLE).contains(&periods), "{periods}");
    let complete = format!("420 employees, 1680 absences, {periods} attendances in ");
    assert!(line(&lines, COMPLETE).starts_with(&complete), "{lines:#?}");
    end_state::assert_same(&killed, &undisturbed);
    // What both could have wrong together.
    let external = |row: &Value| row["origin"]["external_id"].as_str().unwrap().to_owned();
    for (stream, n) in [("employees", N_PEOPLE), ("absences", 4 * N_PEOPLE), ("attendances", periods)] {
        let ids: std::collections::BTreeSet<_> = killed[stream].iter().map(external).collect();
        assert_eq!((ids.len(), killed[stream].len()), (n, n), "each of the {stream} is there once");
    }
    let completed = killed["events"].iter().filter(|event| event["type"] == "sync.completed").count();
    assert_eq!(completed, 3, "{:#?}", killed["events"]);
    // The run that was killed went on from its last page: it counts nobody twice.
    let run = killed["runs"].iter().find(|run| run["stream"] == "employees").unwrap();
    assert_eq!((&run["counts"]["seen"], &run["counts"]["created"]), (&N_PEOPLE.into(), &N_PEOPLE.into()), "{run}");
}
