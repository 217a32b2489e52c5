//! What versions of before have left in the database is read by this one: rows of every table, recorded as they wrote them on a
//! day of the demo that ended by SIGKILL, and payloads of every kind of job.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use gangway_app::jobs::{
    ApplyChoice, ChainAudit, Job, KINDS, PruneJobs, ReleaseHeld, RemapRecords, ResumeJobs, RotateKeys, RunSync,
};
use gangway_sandbox::Config;
use gangway_testkit::{Sample, TestApp, TestDb};
use serde_json::json;

/// Every sample, by the newest migration of its time.
const SAMPLES: [&str; 1] = [include_str!("samples/m20261128_000001_token_apis.json")];
/// Where the vendor was when the rows were recorded.
const VENDOR: &str = "http://127.0.0.1:18081";

/// Kinds and payloads as they lay in rows. Lines are added, never changed: such rows may wait in somebody's database.
const PAYLOADS: &str = include_str!("samples/payloads.txt");

#[test]
fn payloads_of_every_kind_of_job_are_read() {
    let mut kinds = BTreeSet::new();
    for line in PAYLOADS.lines() {
        let (kind, payload) = line.split_once(' ').expect("a kind and a payload");
        kinds.insert(kind);
        assert!(is_read(kind, payload), "{line}");
        assert!(!is_read(kind, "7"), "control: {kind} takes not everything");
    }
    assert_eq!(kinds, KINDS.iter().copied().collect(), "each kind has a recorded payload");
}

fn is_read(kind: &str, payload: &str) -> bool {
    fn is<J: Job>(payload: &str) -> bool {
        serde_json::from_str::<J>(payload).is_ok()
    }
    match kind {
        ApplyChoice::KIND => is::<ApplyChoice>(payload),
        ChainAudit::KIND => is::<ChainAudit>(payload),
        PruneJobs::KIND => is::<PruneJobs>(payload),
        ReleaseHeld::KIND => is::<ReleaseHeld>(payload),
        RemapRecords::KIND => is::<RemapRecords>(payload),
        ResumeJobs::KIND => is::<ResumeJobs>(payload),
        RotateKeys::KIND => is::<RotateKeys>(payload),
        RunSync::KIND => is::<RunSync>(payload),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_before_are_read_on_sqlite() {
    for text in SAMPLES {
        let sample: Sample = serde_json::from_str(text).unwrap();
        let db = TestDb::sqlite_at(&sample.schema).await;
        Box::pin(rows_of_before_are_read(db, sample)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_before_are_read_on_postgres() {
    for text in SAMPLES {
        let sample: Sample = serde_json::from_str(text).unwrap();
        if let Some(db) = TestDb::postgres_at(&sample.schema).await {
            Box::pin(rows_of_before_are_read(db, sample)).await;
        }
    }
}

async fn rows_of_before_are_read(db: TestDb, sample: Sample) {
    sample.load(&db).await;
    db.migrate().await;
    let now: DateTime<Utc> = "2026-11-28T07:45:00Z".parse().unwrap();
    let app = TestApp::on(db).sandbox(Config::new(3, 3)).clock_at(now).master_key(&sample.master_key).start().await;
    let moved = format!("UPDATE connection SET config = replace(config, '{VENDOR}', '{}')", app.sandbox.base_url());
    assert_eq!(app.db.execute(&moved).await, 1);
    let (client, key) = (&app.client, &sample.tenant_key);

    // Keys, sealed values of every kind, the log and the audit chain.
    let people = client.list(key, "/v1/employees").await;
    assert_eq!(people.len(), 2, "{people:?}");
    let n_salaries = people.iter().filter(|person| person["sensitive"]["fix_salary"]["value"].is_string()).count();
    assert_eq!(n_salaries, 2, "sealed values open: {people:?}");
    assert_eq!(client.list(key, "/v1/employees?state=deleted").await.len(), 1);
    let id = people.iter().find(|person| person["last_name"] == "Renamed").unwrap()["id"].as_str().unwrap();
    let history = client.get(key, &format!("/v1/employees/{id}/history")).await.expect(200);
    assert_eq!(history["data"].as_array().map(Vec::len), Some(2), "{history}");
    assert_eq!(client.list(&sample.operator_key, "/v1/tenants").await.len(), 1);
    let audit = client.get(key, "/v1/audit-log/verify").await.expect(200);
    assert_eq!(audit["ok"], true, "{audit}");
    let syncs = client.list(key, "/v1/syncs").await;
    assert!(syncs.iter().all(|sync| sync["api_version"] == "v1"), "{syncs:?}");
    let of =
        |stream: &str| syncs.iter().find(|sync| sync["stream"] == stream).unwrap()["id"].as_str().unwrap().to_owned();
    let held = client.get(key, &format!("/v1/syncs/{}/held", of("employees"))).await.expect(200);
    assert_eq!(held["state"], "open", "{held}");

    // A run that a killed process had begun goes on, with its recorded credential, and finds what it had found before.
    app.run_jobs_until_idle().await;
    let run = client.get(key, &format!("/v1/syncs/{}/runs?limit=1", of("attendances"))).await.expect(200);
    let run = &run["data"][0];
    assert_eq!(
        (&run["state"], &run["counts"]["unchanged"], &run["counts"]["deleted"]),
        (&json!("completed"), &json!(24), &json!(0)),
        "{run}"
    );
    app.stop().await;
}
