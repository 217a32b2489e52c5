//! A vendor that says 429, in four dialects and without a word.

use chrono::TimeDelta;
use gangway_app::{connections, syncs::NewSync};
use gangway_domain::{
    connection::Pause,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::stage::{LIST, Stage};

on_both_databases! {
    async fn the_next_try_comes_when_the_vendor_said(db: TestDb) {
        let stage = Stage::empty(db).await;
        for says in ["retry_after", "retry_after_date", "reset", "replenish"] {
            let effect = json!({"kind": "too_many", "says": says, "wait_s": 2});
            stage.order_as(&json!({"path": LIST, "page": 2, "effect": effect}));
            let run = stage.start(stage.sync, RunMode::Full).await;
            let (run, waits) = stage.finish(run).await;
            assert_eq!((run.state, run.error_message.as_deref()), (RunState::Completed, None), "{says}: {run:?}");
            let first = waits.first().copied().unwrap();
            assert!(first >= TimeDelta::seconds(2) && first < TimeDelta::seconds(5), "{says}: {waits:?}");
            stage.recover();
        }
        stage.assert_right().await;
        stage.stop().await;
    }

    async fn without_a_word_the_pauses_are_ours(db: TestDb) {
        let stage = Stage::empty(db).await;
        let new = NewSync { connection: stage.connection, stream: Stream::Absences, schedule: None };
        let sync = gangway_app::syncs::create(&stage.ctx, new).await.unwrap().id;
        let effect = json!({"kind": "too_many", "says": "nothing", "wait_s": 0});
        stage.order_as(&json!({"path": "/v1/company/time-offs", "times": 2, "effect": effect}));
        let run = stage.start(sync, RunMode::Full).await;
        let (run, waits) = stage.finish(run).await;
        assert_eq!((run.state, run.counts.created), (RunState::Completed, 100), "{run:?}");
        assert!(waits.iter().all(|wait| *wait >= TimeDelta::milliseconds(500)), "{waits:?}");
        stage.recover();
        stage.stop().await;
    }

    async fn a_limit_that_stays_used_up_fails_the_run_and_says_to_wait(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "unsuccessful", "code": 429}));
        let run = stage.run(RunMode::Full).await;
        let words = ["Too many requests", "try again by themselves"];
        stage.assert_failed(&run, "connection.vendor-limited", &words, Pause::Timed).await;
        stage.assert_right().await;
        stage.recover();
        connections::resume(&stage.ctx, stage.connection).await.unwrap();
        stage.run_well().await;
        stage.stop().await;
    }
}
