//! The disk that the database lies on is full. Nobody must be told to look for a mistake of ours, or of theirs.

use gangway_testkit::{Answer, TestDb, eventually};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};

use super::stage::{Place, Stage, assert_unavailable};

/// What a server without room answers to whoever adds a row.
const FULL: &str = "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
   CREATE TRIGGER is_full BEFORE INSERT ON record FOR EACH ROW EXECUTE FUNCTION is_full();
   CREATE TRIGGER is_full BEFORE INSERT ON tenant FOR EACH ROW EXECUTE FUNCTION is_full();";
const EMPTIED: &str = "DROP TRIGGER is_full ON record; DROP TRIGGER is_full ON tenant;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_sqlite_is_named_and_the_run_goes_on_once_there_is_room() {
    let stage = Stage::on(Place::embedded()).await;
    let run = stage.run_to_the_middle().await;
    // No file may become longer, nor may what it has be written again.
    let before = limit(&stage, Some(0));
    assert_refused(&stage, &run).await;
    limit(&stage, before.current);

    eventually("somebody to write", async || stage.write().await.status == 201).await;
    stage.assert_ends_well(&run).await;
    let file = stage.place().file();
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let whole: String = connection.fetch_one("PRAGMA integrity_check").await.unwrap().get(0);
    assert_eq!(whole, "ok");
    connection.close().await.unwrap();
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_postgresql_is_named_and_the_run_goes_on_once_there_is_room() {
    let Some(db) = TestDb::postgres().await else { return };
    let stage = Stage::on(Place::Postgres(db.owner_url().to_owned())).await;
    let run = stage.run_to_the_middle().await;
    let mut owner = PgConnection::connect(db.owner_url()).await.unwrap();
    owner.execute(FULL).await.unwrap();
    assert_refused(&stage, &run).await;
    // Here the queue still has room to tell why the run waits.
    eventually("the job to tell why it waits", async || {
        let jobs = stage.client.list(&stage.key, "/v1/jobs").await;
        jobs.iter().any(|job| job["last_error"].as_str().is_some_and(|error| error.contains("disk")))
    })
    .await;
    owner.execute(EMPTIED).await.unwrap();
    owner.close().await.unwrap();

    stage.write().await.expect(201);
    stage.assert_ends_well(&run).await;
    stage.stop().await;
}

/// Writers are told that the disk is full and when to come again, readers notice nothing, and the run waits.
async fn assert_refused(stage: &Stage, run: &str) {
    let answer = stage.write().await;
    assert_unavailable(&answer);
    let Answer { body, .. } = &answer;
    for word in ["disk", "full", "room"] {
        assert!(body["detail"].as_str().unwrap().contains(word), "{word} is not in: {body}");
    }
    stage.read().await.expect(200);
    assert!(stage.is_ready().await);
    let now = stage.run(run).await;
    assert_eq!(now["state"], "running", "{now}");
}

/// Limits how long files of the serving process may become, and answers the limit before.
fn limit(stage: &Stage, current: Option<u64>) -> Rlimit {
    let process = Pid::from_raw(stage.serve.id().try_into().unwrap());
    let before = rustix::process::getrlimit(Resource::Fsize);
    prlimit(process, Resource::Fsize, Rlimit { current, maximum: before.maximum }).unwrap()
}
