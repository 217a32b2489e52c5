//! Runs that fail for good, and what they say about their connection.

use gangway_app::{
    Error, connections,
    queue::{self, Outcome},
    syncs::{self, Progress},
};
use gangway_domain::{
    Code,
    connection::ConnectionState,
    id::SyncId,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::support::Bench;

on_both_databases! {
    async fn a_failed_run_says_why_and_degrades_its_connection_once(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        fail(&bench, sync, Code::VendorUnavailable).await;
        fail(&bench, sync, Code::VendorUnavailable).await;

        assert_eq!(bench.kinds().await, ["sync.failed", "connection.degraded", "sync.failed"]);
        let event = bench.events().await.remove(0).fact;
        assert_eq!(event.data["code"], json!("connection.vendor-unavailable"));
        let connection = connections::get(&bench.ctx, bench.connection).await.unwrap();
        assert_eq!(connection.state, ConnectionState::Degraded);
        assert!(connection.state_reason.unwrap().contains("employees"));
    }

    async fn the_next_success_restores_it(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        fail(&bench, sync, Code::CredentialRefused).await;
        assert_eq!(state(&bench).await, ConnectionState::Failed);
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(state(&bench).await, ConnectionState::Active);
        bench.run(sync, RunMode::Incremental).await;
        let kinds = bench.kinds().await;
        assert_eq!(kinds, ["sync.failed", "connection.degraded", "sync.completed", "connection.restored"]);
    }

    async fn a_stream_that_works_does_not_hide_one_that_fails(db: TestDb) {
        let bench = Bench::on(db).await;
        let employees = bench.sync(Stream::Employees).await;
        let absences = bench.sync(Stream::Absences).await;
        fail(&bench, absences, Code::PermissionMissing).await;
        bench.run(employees, RunMode::Incremental).await;
        assert_eq!(state(&bench).await, ConnectionState::Degraded);
        bench.run(absences, RunMode::Incremental).await;
        assert_eq!(state(&bench).await, ConnectionState::Active);
    }

    async fn a_run_whose_job_died_is_ended_and_does_not_block_its_sync(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        syncs::start_due(&bench.app).await.unwrap();
        assert_eq!(bench.read_run(run).await.state, RunState::Running);

        // What the queue does to the job of a worker that died on its last try.
        bench.ack(fence, Outcome::Fail { error: "lease expired".into() }).await;
        syncs::start_due(&bench.app).await.unwrap();
        assert_eq!(bench.read_run(run).await.state, RunState::Failed);
        assert_eq!(bench.kinds().await, ["sync.failed"]);
        bench.run(sync, RunMode::Full).await;
    }

    async fn retrying_the_job_takes_the_run_up_again(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 2).await.unwrap();
        let error = Error::new(Code::VendorUnavailable, "It does not work.");
        syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
        bench.ack(fence, Outcome::Fail { error: "no".into() }).await;

        let again = queue::retry_job(&bench.ctx, fence.job).await.unwrap();
        assert_eq!(again.retry_of, Some(fence.job));
        assert_eq!(bench.read_run(run).await.state, RunState::Running);
        let fence = bench.claim().await.unwrap();
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        let run = bench.read_run(run).await;
        assert_eq!((run.state, run.counts.seen, run.error_code), (RunState::Completed, 20, None));
        assert_eq!(bench.present(Stream::Employees).await.len(), 20);
    }

    async fn our_own_fault_is_not_the_connections(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        fail(&bench, sync, Code::Internal).await;
        assert_eq!(state(&bench).await, ConnectionState::Unchecked);
        assert_eq!(bench.kinds().await, ["sync.failed"]);
    }
}

async fn fail(bench: &Bench, sync: SyncId, code: Code) {
    let (run, fence) = bench.begin(sync, RunMode::Incremental).await;
    syncs::fail(&bench.ctx, run, &fence, &Error::new(code, "It does not work.")).await.unwrap();
    bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
    let run = bench.read_run(run).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.error_code.as_deref(), Some(code.as_str()));
    assert!(run.finished_at.is_some());
}

async fn state(bench: &Bench) -> ConnectionState {
    connections::get(&bench.ctx, bench.connection).await.unwrap().state
}
