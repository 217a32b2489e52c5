//! Another process holds SQLite's one turn to write for longer than anybody waits.

use gangway_testkit::eventually;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use super::stage::{Place, Stage, assert_unavailable};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_to_a_locked_file_is_told_when_to_come_again_and_readers_notice_nothing() {
    let stage = Stage::on(Place::embedded()).await;
    let run = stage.run_to_the_middle().await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", stage.place().file().display())).await.unwrap();
    eventually("another process to have the turn", async || other.execute("BEGIN IMMEDIATE").await.is_ok()).await;
    let n_pages = stage.run(&run).await["counts"]["pages"].clone();

    // The first waits for the file, the second for the first.
    let (one, two) = tokio::join!(stage.write(), stage.write());
    for answer in [one, two] {
        assert_unavailable(&answer);
    }
    stage.read().await.expect(200);
    assert!(stage.is_ready().await);
    let now = stage.run(&run).await;
    assert_eq!((&now["state"], &now["counts"]["pages"]), (&"running".into(), &n_pages), "{now}");

    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
    eventually("somebody to write", async || stage.write().await.status == 201).await;
    stage.assert_ends_well(&run).await;
    stage.stop().await;
}
