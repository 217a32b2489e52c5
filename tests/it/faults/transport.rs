//! Bytes that do not come, come slowly, or do not end.

use gangway_domain::{
    connection::Pause,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::stage::{LIST, LOGIN, Stage};

const GIGABYTE: u64 = 1 << 30;

on_both_databases! {
    async fn an_answer_that_breaks_off_is_asked_for_again(db: TestDb) {
        let stage = Stage::empty(db).await;
        for (spared, percent) in [0, 50, 99].into_iter().enumerate() {
            let effect = json!({"kind": "cut", "after_percent": percent});
            stage.order_as(&json!({"path": LIST, "page": 2, "after": spared, "effect": effect}));
        }
        let run = stage.start(stage.sync, RunMode::Full).await;
        let (run, waits) = stage.finish(run).await;
        assert_eq!((run.state, run.counts.created, run.counts.pages), (RunState::Completed, 25, 3), "{run:?}");
        assert_eq!(waits.len(), 3, "{waits:?}");
        stage.assert_right().await;
        stage.recover();
        stage.stop().await;
    }

    async fn an_answer_of_a_gigabyte_is_refused(db: TestDb) {
        let stage = Stage::filled(db).await;
        for is_declared in [true, false] {
            stage.order_as(&json!({
                "path": LIST, "page": 2, "times": 1,
                "effect": {"kind": "huge", "bytes": GIGABYTE, "is_declared": is_declared},
            }));
            let run = stage.run(RunMode::Full).await;
            assert_eq!((run.state, run.error_code.as_deref()), (RunState::Failed, Some("connection.vendor-protocol")));
            assert!(run.error_message.unwrap().contains("larger than allowed"));
            assert_eq!(stage.connection().await.pause(), Pause::Timed);
            stage.assert_right().await;
            stage.recover_well().await;
        }
        stage.stop().await;
    }

    async fn a_login_of_a_gigabyte_is_refused_too(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order_as(&json!({"path": "/v1/company/**", "effect": {"kind": "expire_tokens"}}));
        stage.order_as(&json!({"path": LOGIN, "effect": {"kind": "huge", "bytes": GIGABYTE}}));
        let run = stage.run(RunMode::Full).await;
        stage.assert_failed(&run, "connection.vendor-protocol", &["larger than allowed"], Pause::Timed).await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn an_answer_that_drips_is_given_up_and_asked_for_again(db: TestDb) {
        let stage = Stage::empty(db).await;
        let drip = json!({"kind": "drip", "bytes": 16, "pause_ms": 100});
        stage.order_as(&json!({"path": LIST, "page": 2, "times": 1, "effect": drip}));
        let run = stage.start(stage.sync, RunMode::Full).await;
        let (run, waits) = stage.finish(run).await;
        assert_eq!((run.state, run.counts.created, waits.len()), (RunState::Completed, 25, 1), "{run:?}");
        stage.assert_right().await;
        stage.recover();
        stage.stop().await;
    }
}
