//! A vendor that is away, or says nonsense.

use gangway_domain::{
    connection::Pause,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::stage::{LIST, Stage};

on_both_databases! {
    async fn passing_trouble_of_every_kind_costs_a_run_nothing(db: TestDb) {
        let stage = Stage::empty(db).await;
        for (page, effect) in [
            (1, json!({"kind": "answer", "status": 500, "body": "{}"})),
            (1, json!({"kind": "answer", "status": 502, "body": "<h1>Bad gateway</h1>"})),
            (2, json!({"kind": "answer", "status": 504})),
            (2, json!({"kind": "answer", "status": 200, "body": "<html>Please log in</html>"})),
            (3, json!({"kind": "unsuccessful", "code": 500})),
            (3, json!({"kind": "unsuccessful", "code": 12})),
        ] {
            stage.order_as(&json!({"path": LIST, "page": page, "times": 2, "effect": effect}));
        }
        let run = stage.start(stage.sync, RunMode::Full).await;
        let (run, waits) = stage.finish(run).await;
        assert_eq!((run.state, run.error_message.as_deref()), (RunState::Completed, None), "{run:?}");
        // Twelve, of which the first met a look at whether the version is there, which may fail.
        assert_eq!((run.counts.created, waits.len()), (25, 11));
        stage.assert_right().await;
        stage.recover();
        stage.stop().await;
    }

    async fn an_outage_that_lasts_fails_the_run_and_says_to_wait(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "answer", "status": 502, "body": "<h1>Bad gateway</h1>"}));
        let run = stage.run(RunMode::Full).await;
        let words = ["employees", "status 502", "try again by themselves"];
        stage.assert_failed(&run, "connection.vendor-unavailable", &words, Pause::Timed).await;
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn html_for_json_that_lasts_fails_the_run(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "answer", "status": 200, "body": "<html>Please log in</html>"}));
        let run = stage.run(RunMode::Full).await;
        stage.assert_failed(&run, "connection.vendor-protocol", &["not JSON", "the run's id"], Pause::Timed).await;
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn an_error_that_comes_as_success_is_an_error(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "unsuccessful", "code": 12}));
        let run = stage.run(RunMode::Full).await;
        let words = ["error 12 with status 200", "the run's id"];
        stage.assert_failed(&run, "connection.vendor-protocol", &words, Pause::Timed).await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn a_list_that_is_not_there_is_the_vendors_fault_and_nobodys_end(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "unsuccessful", "code": 404}));
        let run = stage.run(RunMode::Full).await;
        stage.assert_failed(&run, "connection.vendor-protocol", &["employees", "not found"], Pause::Timed).await;
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }
}
