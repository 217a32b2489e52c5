//! Repeating the job of a run by hand: only where the run can go on from where it stands.

use chrono::TimeDelta;
use gangway_app::{
    Error,
    queue::{self, JobFence, Outcome},
    syncs::{self, Progress},
};
use gangway_connector::ErrorKind;
use gangway_domain::{
    Code,
    id::{SyncId, SyncRunId},
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;

use super::support::Bench;

on_both_databases! {
    async fn a_run_that_a_newer_one_has_overtaken_is_not_taken_up_again(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..31, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let (old, fence) = fail_after(&bench, sync, 5).await;
        bench.run(sync, RunMode::Full).await;
        let newest = bench.run(sync, RunMode::Full).await;
        let before = (syncs::get(&bench.ctx, sync).await.unwrap(), bench.db.count("job").await);

        let refused = queue::retry_job(&bench.ctx, fence.job).await.unwrap_err();
        assert_eq!((refused.code, refused.existing), (Code::JobOutdated, Some(newest.id.to_string())));
        assert_eq!(bench.read_run(old).await.state, RunState::Failed);
        assert!(bench.claim().await.is_none());
        assert_eq!((syncs::get(&bench.ctx, sync).await.unwrap(), bench.db.count("job").await), before);
        // The sightings of the newest sweep and of the one before it.
        assert_eq!(bench.db.count("sweep_sighting").await, 60);
    }

    async fn a_run_under_way_gets_no_second_job(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = fail_after(&bench, sync, 1).await;
        queue::retry_job(&bench.ctx, fence.job).await.unwrap();
        let refused = async || queue::retry_job(&bench.ctx, fence.job).await.unwrap_err();
        let waiting = refused().await;
        assert_eq!((waiting.code, waiting.existing), (Code::SyncRunning, Some(run.to_string())));
        // Once it runs its key is free.
        assert!(bench.claim().await.is_some());
        let running = refused().await;
        assert_eq!((running.code, running.existing), (Code::SyncRunning, Some(run.to_string())));
        assert!(bench.claim().await.is_none());
        assert_eq!(bench.db.count("job").await, 2);
    }

    async fn a_run_that_ended_well_gets_no_other_job(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        bench.ack(fence, Outcome::Fail { error: "its end was not heard of".into() }).await;
        let refused = queue::retry_job(&bench.ctx, fence.job).await.unwrap_err();
        assert_eq!((refused.code, refused.existing), (Code::JobNotFailed, Some(run.to_string())));
        assert!(bench.claim().await.is_none());
    }

    async fn a_run_deleted_with_its_sync_gets_no_other_job(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        let (_, fence) = fail_after(&bench, sync, 0).await;
        syncs::delete(&bench.ctx, sync, None).await.unwrap();
        assert_eq!(queue::retry_job(&bench.ctx, fence.job).await.unwrap_err().code, Code::NotFound);
        assert!(bench.claim().await.is_none());
    }

    async fn a_run_whose_worker_died_on_its_last_try_goes_on_with_the_repetition(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 1).await.unwrap();
        bench.ack(fence, Outcome::Fail { error: "lease expired".into() }).await;
        queue::retry_job(&bench.ctx, fence.job).await.unwrap();
        let fence = bench.claim().await.unwrap();
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        assert_eq!(bench.read_run(run).await.counts.pages, 3);
    }

    async fn a_run_taken_up_again_asks_anew_for_what_seemed_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        let (run, fence) = fail_while_confirming(&bench).await;
        // Listed by nobody, but there again.
        bench.vendor.account().unlisted = vec!["1".into(), "2".into()];
        bench.vendor.hire(1..3, bench.now());
        queue::retry_job(&bench.ctx, fence.job).await.unwrap();
        let fence = bench.claim().await.unwrap();
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        let run = bench.read_run(run).await;
        assert_eq!((run.state, run.counts.deleted, run.counts.pages), (RunState::Completed, 0, 6));
    }

    async fn a_run_taken_up_again_after_hours_begins_anew(db: TestDb) {
        let bench = Bench::on(db).await;
        let (run, fence) = fail_while_confirming(&bench).await;
        let begun = bench.read_run(run).await.started_at;
        bench.advance(TimeDelta::hours(7));
        bench.vendor.account().page_size = 100;
        queue::retry_job(&bench.ctx, fence.job).await.unwrap();
        let fence = bench.claim().await.unwrap();
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        let run = bench.read_run(run).await;
        assert_eq!((run.state, run.counts.pages, run.counts.seen), (RunState::Completed, 1, 18));
        assert!(run.started_at > begun, "the next run asks for changes since the reading, not since the first try");
    }

    async fn a_run_forgets_no_sightings_of_newer_ones(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let old = bench.run(sync, RunMode::Full).await;
        bench.run(sync, RunMode::Full).await;
        let tx = bench.app.db.begin(bench.ctx.scope()).await.unwrap();
        tx.sweeps().prune(&old, &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(bench.db.count("sweep_sighting").await, 6);
    }
}

/// A full run that read everything and heard that one of two unseen people is gone; then single reads failed for good.
async fn fail_while_confirming(bench: &Bench) -> (SyncRunId, JobFence) {
    bench.vendor.hire(1..21, bench.now());
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    bench.vendor.remove(Stream::Employees, &["1", "2"]);
    bench.vendor.account().single_failures = [None, Some(ErrorKind::Unavailable)].into();
    let (run, fence) = bench.begin(sync, RunMode::Full).await;
    let error = bench.execute(run, &fence).await.unwrap_err();
    syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
    bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
    (run, fence)
}

/// A full run that read some pages and then failed for good, with its job.
async fn fail_after(bench: &Bench, sync: SyncId, pages: usize) -> (SyncRunId, JobFence) {
    let (run, fence) = bench.begin(sync, RunMode::Full).await;
    bench.execute_pages(run, &fence, pages).await.unwrap();
    let error = Error::new(Code::VendorUnavailable, "It does not work.");
    syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
    bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
    (run, fence)
}
