//! Which of a run's troubles use up its job's tries, with a real worker.

use std::time::Duration;

use chrono::TimeDelta;
use gangway_app::queue;
use gangway_connector::ErrorKind;
use gangway_domain::{
    job::JobState,
    record::Stream,
    sync::{RunMode, RunState, SyncRun},
};
use gangway_testkit::on_both_databases;
use gangway_worker::{Registry, WorkerConfig};
use tokio_util::sync::CancellationToken;

use super::support::Bench;

/// More than a job has.
const MANY_TRIES: usize = 25;

on_both_databases! {
    async fn a_run_that_moves_on_outlasts_any_number_of_failures(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..76, bench.now());
        bench.vendor.account().failures = [None, Some(ErrorKind::Unavailable)].repeat(MANY_TRIES).into();
        let run = work(&bench).await;
        assert_eq!((run.state, run.counts.pages, run.counts.created), (RunState::Completed, 25, 75));
    }

    async fn waiting_for_our_own_budget_uses_up_no_tries(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        bench.vendor.account().budget_refusals = MANY_TRIES;
        assert_eq!(work(&bench).await.state, RunState::Completed);
    }

    async fn failures_without_a_page_in_between_end_the_run(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..7, bench.now());
        let mut failures = vec![None];
        failures.extend([Some(ErrorKind::Unavailable)].repeat(MANY_TRIES));
        bench.vendor.account().failures = failures.into();
        let run = work(&bench).await;
        assert_eq!((run.state, run.error_code.as_deref()), (RunState::Failed, Some("connection.vendor-unavailable")));
        // One that came after a page, and twenty in a row.
        assert_eq!(bench.vendor.account().failures.len(), MANY_TRIES - 21);
    }
}

/// Starts a full run of the employees and lets a worker carry it out; whenever nothing is to do, time passes.
async fn work(bench: &Bench) -> SyncRun {
    let sync = bench.sync(Stream::Employees).await;
    let run = gangway_app::syncs::start_run(&bench.ctx, sync, RunMode::Full).await.unwrap().id;
    let stop = CancellationToken::new();
    let config =
        WorkerConfig { poll: Duration::from_millis(5), lease: Duration::from_mins(1), ..WorkerConfig::default() };
    let worker = gangway_worker::run_queues(bench.app.clone(), Registry::standard(), config, stop.clone());
    let watching = async {
        while bench.read_run(run).await.state == RunState::Running {
            let depths = queue::depths(&bench.app).await.unwrap();
            if depths.iter().all(|depth| !matches!(depth.state, JobState::Pending | JobState::Running)) {
                bench.advance(TimeDelta::minutes(16));
            }
        }
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(worker, watching);
    ended.unwrap();
    bench.read_run(run).await
}
