//! Interrupted runs: whatever happens between two commits, the end is the same and nothing is told twice.

use gangway_app::{
    queue::Outcome,
    syncs::{self, Progress},
};
use gangway_connector::ErrorKind;
use gangway_domain::{
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;

use super::support::Bench;

on_both_databases! {
    async fn a_run_stopped_after_any_page_ends_the_same(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        for _ in 0..2 {
            assert_eq!(bench.execute_pages(run, &fence, 1).await.unwrap(), Progress::Yield);
        }
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);

        let ended = bench.read_run(run).await;
        assert_eq!((ended.state, ended.counts.pages, ended.counts.created), (RunState::Completed, 3, 8));
        assert_eq!(bench.vendor.account().calls.len(), 3);
        assert_eq!(bench.kinds().await, ["sync.completed"]);
    }

    async fn a_failing_vendor_costs_no_page_that_was_committed(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.vendor.account().failures = [None, Some(ErrorKind::Unavailable), Some(ErrorKind::RateLimited)].into();
        for _ in 0..2 {
            let failed = bench.execute(run, &fence).await.unwrap_err();
            assert!(failed.is_transient);
            assert_eq!(bench.present(Stream::Employees).await.len(), 3);
        }
        bench.execute(run, &fence).await.unwrap();
        let ended = bench.read_run(run).await;
        assert_eq!((ended.counts.pages, ended.counts.seen), (3, 8));
    }

    async fn a_turn_that_dies_before_its_commit_leaves_nothing(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..31, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        // Dropping the turn in mid-air at growing distances is what a killed process looks like to the database. One poll further each
        // time: on a busy machine answers are there at once, and only some polls lie between a page and its commit.
        let (mut n_polls, mut n_lost_pages) = (1, 0);
        while bench.read_run(run).await.state == RunState::Running {
            let n_calls = bench.vendor.account().calls.len();
            let n_pages = bench.read_run(run).await.counts.pages;
            drop_after(n_polls, bench.execute_pages(run, &fence, 1)).await;
            let has_read = bench.vendor.account().calls.len() > n_calls;
            if has_read && bench.read_run(run).await.counts.pages == n_pages {
                n_lost_pages += 1;
            }
            n_polls += 1;
        }
        assert!(n_lost_pages > 0, "no turn died between a page and its commit");
        let ended = bench.read_run(run).await;
        assert_eq!((ended.state, ended.counts.pages, ended.counts.created), (RunState::Completed, 10, 30));
        assert_eq!(bench.shown(Stream::Employees).await.len(), 30);
        assert_eq!(bench.kinds().await, ["sync.completed"]);
    }

    async fn a_worker_whose_lease_was_lost_commits_nothing(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, stale) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &stale, 1).await.unwrap();
        bench.ack(stale, Outcome::Again).await;
        let fresh = bench.claim().await.unwrap();
        assert!(fresh.epoch > stale.epoch);

        assert!(bench.execute(run, &stale).await.is_err());
        let error = gangway_app::Error::new(gangway_domain::Code::VendorUnavailable, "late");
        assert!(syncs::fail(&bench.ctx, run, &stale, &error).await.is_err());
        assert_eq!(bench.present(Stream::Employees).await.len(), 3);
        assert_eq!(bench.read_run(run).await.state, RunState::Running);

        bench.execute(run, &fresh).await.unwrap();
        assert_eq!(bench.read_run(run).await.counts.created, 8);
    }

    async fn a_run_that_has_ended_is_left_alone(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute(run, &fence).await.unwrap();
        let ended = bench.read_run(run).await;
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        assert_eq!(bench.read_run(run).await, ended);
        assert_eq!(bench.vendor.account().calls.len(), 1);
    }

    async fn a_sync_deleted_while_it_runs_ends_its_run_quietly(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 1).await.unwrap();
        syncs::delete(&bench.ctx, sync, None).await.unwrap();
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        assert_eq!(bench.present(Stream::Employees).await.len(), 3);
    }

    async fn a_total_that_changes_while_reading_leads_to_a_second_reading(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        bench.vendor.account().total_changes_on = vec![2];
        let sync = bench.sync(Stream::Employees).await;
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.counts.pages, run.counts.created, run.counts.unchanged), (6, 8, 8));
        assert_eq!(run.error_message, None);
    }

    async fn the_first_load_stays_quiet_over_failed_runs(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 1).await.unwrap();
        let error = gangway_app::Error::new(gangway_domain::Code::VendorUnavailable, "It is away.");
        syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
        bench.ack(fence, Outcome::Fail { error: "away".into() }).await;
        bench.run(sync, RunMode::Full).await;
        let kinds = bench.kinds().await;
        assert!(!kinds.iter().any(|kind| kind.starts_with("employee.")), "{kinds:?}");
    }
}

/// Lets a turn go so far, unless it ends before, and drops it.
async fn drop_after(n_polls: usize, turn: impl Future<Output = Result<Progress, gangway_app::Error>>) {
    futures::pin_mut!(turn);
    for _ in 0..n_polls {
        if futures::poll!(turn.as_mut()).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}
