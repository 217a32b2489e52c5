//! PostgreSQL crashes and is started again while a sync runs and people ask.

use gangway_testkit::{eventually, postgres_url};

use super::stage::{Place, Stage, assert_unavailable};
use crate::queue::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_postgresql_is_a_503_with_retry_after_and_then_everything_goes_on() {
    if postgres_url().is_none() {
        return;
    }
    let mut server = Server::start().await;
    let stage = Stage::on(Place::Postgres(server.url())).await;
    let run = stage.run_to_the_middle().await;
    let asking = stage.asking();

    server.crash().await;
    eventually("the process to say that it is not ready", async || !stage.is_ready().await).await;
    for answer in [stage.read().await, stage.write().await] {
        assert_unavailable(&answer);
    }
    stage.client.get("", "/healthz").await.expect(200);

    server.recover().await;
    eventually("the process to be ready", async || stage.is_ready().await).await;
    stage.read().await.expect(200);
    stage.write().await.expect(201);
    stage.assert_ends_well(&run).await;
    let answers = asking.end().await;
    assert!(answers.refused > 0 && answers.read > 0 && answers.written > 0, "{answers:?}");
    // An answer that was cut off with its connection may have been written all the same.
    let n_written = stage.n_written().await;
    assert!(
        (answers.written + 1..=answers.written + 1 + answers.refused).contains(&n_written),
        "{n_written}: {answers:?}"
    );
    stage.stop().await;
}
