//! A clock that jumps by an hour, either way, while an account is read and between runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use gangway_app::{
    connections,
    queue::{self, Ack, ClaimRequest, JobFence, Outcome},
    syncs::{self, NewSync, Progress},
};
use gangway_domain::{
    connection::{ConnectionState, Pause},
    id::SyncRunId,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::stage::{LIST, Stage};

on_both_databases! {
    async fn a_jump_in_mid_sync_loses_nothing(db: TestDb) {
        let stage = Stage::empty(db).await;
        for (jump, n_gone) in [(1, 0_usize), (-1, 1), (-1, 2), (1, 3)] {
            let run = stage.start(stage.sync, RunMode::Full).await;
            let fence = claim(&stage).await;
            let asked = AtomicUsize::new(0);
            let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 1;
            let turn = syncs::execute(&stage.ctx, run, &fence, &stop).await.unwrap();
            assert_eq!(turn, Progress::Yield);
            stage.pass(TimeDelta::hours(jump));
            end(&stage, run, fence).await;
            stage.assert_right().await;
            assert_eq!(stage.n_events("employee.deleted").await, n_gone);

            // What changes afterwards is found by the next run, and who leaves by the sweep of the next round.
            let ids = stage.ids();
            stage.vendor().change_person(ids[1], &json!({"position": format!("After {jump} and {n_gone}")})).unwrap();
            let run = stage.run(RunMode::Incremental).await;
            assert_eq!((run.state, run.counts.updated), (RunState::Completed, 1), "{run:?}");
            stage.assert_right().await;
            stage.vendor().remove_person(*ids.last().unwrap()).unwrap();
            stage.pass(TimeDelta::minutes(2));
        }
        stage.stop().await;
    }

    async fn a_token_outlives_a_jump_or_is_replaced(db: TestDb) {
        let stage = Stage::filled(db).await;
        for hours in [-1, 1, 25, -25] {
            stage.pass(TimeDelta::hours(hours));
            stage.run_well().await;
        }
        stage.stop().await;
    }

    async fn an_hour_back_neither_hides_a_recovery_nor_starts_twice(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "forbidden"}));
        let run = stage.run(RunMode::Full).await;
        assert_eq!(run.state, RunState::Failed);
        let paused = stage.connection().await.paused_until.unwrap();
        stage.pass(TimeDelta::hours(-1));
        // A failure of a time that has not come yet: the pause holds until its end, which is an hour off and not for ever.
        assert!(stage.connection().await.is_paused_at(stage.now()));
        assert!(paused - stage.now() <= TimeDelta::minutes(66));
        stage.recover();
        let run = stage.run(RunMode::Full).await;
        assert_eq!(run.state, RunState::Completed);
        let connection = stage.connection().await;
        assert_eq!((connection.state, connection.pause()), (ConnectionState::Active, Pause::None), "{connection:?}");
        stage.stop().await;
    }

    async fn a_schedule_survives_a_jump(db: TestDb) {
        let stage = Stage::filled(db).await;
        let new = NewSync { connection: stage.connection, stream: Stream::Absences, schedule: Some("every 15m".into()) };
        let sync = syncs::create(&stage.ctx, new).await.unwrap().id;
        let mut n_started = 0;
        for minutes in [20, 60, -60, 20, 20, 20, 20, 20] {
            stage.pass(TimeDelta::minutes(minutes));
            n_started += syncs::start_due(&stage.app.app).await.unwrap();
            stage.app.run_jobs_until_idle().await;
        }
        // While the clock is where it was before, nothing starts again; then the schedule goes on.
        assert!((3..=5).contains(&n_started), "{n_started}");
        let next = syncs::get(&stage.ctx, sync).await.unwrap().next_run_at.unwrap();
        assert!(next - stage.now() <= TimeDelta::minutes(17));
        assert!(connections::get(&stage.ctx, stage.connection).await.unwrap().failures == 0);
        stage.stop().await;
    }
}

async fn claim(stage: &Stage) -> JobFence {
    let request = ClaimRequest {
        queue: "syncs".to_owned(),
        owner: "test".to_owned(),
        slots: 1,
        turn: 0,
        lease: std::time::Duration::from_hours(1),
    };
    queue::claim(&stage.app.app, &request).await.unwrap().first().unwrap().fence
}

/// Carries the run out under the same lease.
async fn end(stage: &Stage, run: SyncRunId, fence: JobFence) {
    let turn = syncs::execute(&stage.ctx, run, &fence, &|| false).await.unwrap();
    assert_eq!(turn, Progress::Done);
    queue::ack(&stage.app.app, &[Ack { fence, attempt: 1, outcome: Outcome::Done }]).await.unwrap();
    let run = syncs::get_run(&stage.ctx, run).await.unwrap();
    assert_eq!((run.state, run.error_message.as_deref()), (RunState::Completed, None), "{run:?}");
}
