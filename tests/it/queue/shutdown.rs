//! Ending: gracefully, late, and by SIGKILL.

use std::time::Duration;

use gangway_domain::job::JobState;
use gangway_testkit::eventually;
use gangway_worker::WorkerConfig;

use super::{
    on_both_databases,
    support::{Act, Bench, LEDGER, Probe, Worker, config},
};

on_both_databases! {
    running_jobs_end_and_unstarted_ones_go_back_uncounted
    a_job_that_does_not_end_is_left_to_its_lease
    a_killed_workers_jobs_run_again_within_seconds
    an_idle_worker_ends_at_once
}

async fn running_jobs_end_and_unstarted_ones_go_back_uncounted(bench: Bench) {
    let probe = Probe::new("shutdown", Act::WaitForGate);
    for _ in 0..150 {
        bench.enqueue_probe(&probe).await;
    }
    // One slot more than one tenant can have.
    let worker = Worker::start(&bench.app, WorkerConfig { concurrency: 61, ..config() });
    eventually("60 jobs to run", async || LEDGER.runs(&probe.name).len() == 60).await;
    worker.stop.cancel();
    LEDGER.open_gate(&probe.name);
    worker.finish().await;

    let jobs = bench.jobs(&bench.tenant_a).await;
    let of = |state| jobs.iter().filter(move |job| job.state == state);
    assert_eq!((of(JobState::Done).count(), of(JobState::Pending).count()), (60, 90));
    assert!(of(JobState::Pending).all(|job| job.attempts == 0));
    assert_eq!(LEDGER.runs(&probe.name).len(), 60);
}

async fn a_job_that_does_not_end_is_left_to_its_lease(bench: Bench) {
    let probe = Probe::new("stuck", Act::Hang);
    bench.enqueue_probe(&probe).await;
    let short =
        WorkerConfig { shutdown_timeout: Duration::from_millis(50), lease: Duration::from_millis(300), ..config() };
    let worker = Worker::start(&bench.app, short);
    eventually("the job to run", async || LEDGER.runs(&probe.name).len() == 1).await;
    worker.finish().await;
    assert!(LEDGER.was_cancelled(&probe.name));
    assert_eq!(bench.count(JobState::Running).await, 1);
    bench.reap(1).await;
    assert_eq!(bench.count(JobState::Pending).await, 1);
}

async fn a_killed_workers_jobs_run_again_within_seconds(bench: Bench) {
    let probe = Probe::new("killed", Act::WaitForGate);
    for _ in 0..20 {
        bench.enqueue_probe(&probe).await;
    }
    let lease = WorkerConfig { concurrency: 21, lease: Duration::from_secs(2), ..config() };
    // A runtime of its own that ends without a word to anybody, as a killed process does.
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let victim = bench.other_process().await;
    let registry = gangway_worker::Registry::default().with::<Probe>();
    process.spawn(gangway_worker::run_queues(
        victim,
        registry,
        lease.clone(),
        tokio_util::sync::CancellationToken::new(),
    ));
    eventually("20 jobs to run", async || LEDGER.runs(&probe.name).len() == 20).await;
    process.shutdown_background();

    let worker = Worker::start(&bench.app, lease);
    eventually("20 jobs to run again", async || LEDGER.runs(&probe.name).len() == 40).await;
    LEDGER.open_gate(&probe.name);
    bench.wait_for(JobState::Done, 20).await;
    worker.finish().await;
    assert!(bench.jobs(&bench.tenant_a).await.iter().all(|job| job.attempts == 2));
}

async fn an_idle_worker_ends_at_once(bench: Bench) {
    let worker = Worker::start(&bench.app, WorkerConfig { poll: Duration::from_hours(1), ..config() });
    worker.finish().await;
}
