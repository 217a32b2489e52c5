//! The worker: how jobs end, in the cases in which the stock storages fail.

use std::time::Duration;

use chrono::TimeDelta;
use gangway_domain::job::JobState;
use gangway_storage::queue::NewJob;
use gangway_worker::WorkerConfig;

use super::{
    on_both_databases,
    support::{Act, Bench, LEDGER, Probe, Worker, config},
};

on_both_databases! {
    a_payload_that_cannot_be_read_fails_and_the_worker_lives
    an_unknown_kind_fails_visibly
    a_panic_fails_the_job_and_the_worker_lives
    a_job_that_fails_twice_is_retried_after_a_stored_wait
    a_job_that_takes_too_long_is_cancelled_and_fails_in_the_end
    a_retry_after_reaches_the_row
    a_job_that_wants_another_turn_gets_it_without_counting
    an_error_text_that_the_database_refuses_does_not_block_results
    jobs_longer_than_their_lease_run_once
    a_job_is_picked_up_without_waiting_for_the_poll
    three_processes_run_three_thousand_jobs_once_each
}

async fn a_payload_that_cannot_be_read_fails_and_the_worker_lives(bench: Bench) {
    let broken = NewJob { payload: "{\"secret\": \"canary\"}".to_owned(), ..bench.job() };
    bench.enqueue(&bench.tenant_a, [broken.clone()]).await;
    bench.enqueue_probe(&Probe::new("after", Act::Succeed)).await;
    let worker = Worker::start(&bench.app, config());
    bench.wait_for(JobState::Done, 1).await;
    bench.wait_for(JobState::Failed, 1).await;
    worker.finish().await;
    let error = bench.find(broken.id).await.last_error.unwrap();
    assert!(error.contains("cannot be read") && !error.contains("canary"), "{error}");
}

async fn an_unknown_kind_fails_visibly(bench: Bench) {
    let unknown = NewJob { kind: "from-the-future".to_owned(), ..bench.job() };
    bench.enqueue(&bench.tenant_a, [unknown.clone()]).await;
    let worker = Worker::start(&bench.app, config());
    bench.wait_for(JobState::Failed, 1).await;
    worker.finish().await;
    assert!(bench.find(unknown.id).await.last_error.unwrap().contains("from-the-future"));
}

async fn a_panic_fails_the_job_and_the_worker_lives(bench: Bench) {
    bench.enqueue_probe(&Probe::new("panic", Act::Panic)).await;
    bench.enqueue_probe(&Probe::new("after", Act::Succeed)).await;
    let worker = Worker::start(&bench.app, config());
    bench.wait_for(JobState::Failed, 1).await;
    bench.wait_for(JobState::Done, 1).await;
    worker.finish().await;
    let job = &bench.jobs(&bench.tenant_a).await[0];
    assert_eq!((job.attempts, job.last_error.as_deref()), (1, Some("the job panicked")));
}

async fn a_job_that_fails_twice_is_retried_after_a_stored_wait(bench: Bench) {
    let probe = Probe::new("twice", Act::FailTwice);
    bench.enqueue_probe(&probe).await;
    let worker = Worker::start(&bench.app, WorkerConfig { concurrency: 1, ..config() });
    for attempt in 1..=2 {
        bench.wait_for_backoff(attempt).await;
        // The only slot is free meanwhile.
        bench.enqueue_probe(&Probe::new("beside", Act::Succeed)).await;
        bench.wait_for(JobState::Done, usize::try_from(attempt).unwrap()).await;
        bench.advance(2 * i64::from(attempt));
    }
    bench.wait_for(JobState::Done, 3).await;
    worker.finish().await;
    assert_eq!(LEDGER.runs(&probe.name), [1, 2, 3]);
}

async fn a_job_that_takes_too_long_is_cancelled_and_fails_in_the_end(bench: Bench) {
    let probe = Probe::new("hang", Act::Hang);
    bench.enqueue_probe(&probe).await;
    let worker = Worker::start(&bench.app, WorkerConfig { job_timeout: Duration::from_millis(50), ..config() });
    for attempt in 1..=2 {
        bench.wait_for_backoff(attempt).await;
        assert!(LEDGER.was_cancelled(&probe.name));
        bench.advance(10);
    }
    bench.wait_for(JobState::Failed, 1).await;
    worker.finish().await;
    let job = &bench.jobs(&bench.tenant_a).await[0];
    assert_eq!((job.attempts, job.last_error.as_deref()), (3, Some("the job took too long and was cancelled")));
}

async fn a_retry_after_reaches_the_row(bench: Bench) {
    bench.enqueue_probe(&Probe::new("limited", Act::RetryAfterSeconds(100))).await;
    let worker = Worker::start(&bench.app, config());
    bench.wait_for(JobState::Scheduled, 1).await;
    let job = &bench.jobs(&bench.tenant_a).await[0];
    let wait = job.run_at - bench.now();
    assert!(wait >= TimeDelta::seconds(100) && wait <= TimeDelta::seconds(101), "{wait}");
    bench.advance(101);
    bench.wait_for(JobState::Done, 1).await;
    worker.finish().await;
}

async fn a_job_that_wants_another_turn_gets_it_without_counting(bench: Bench) {
    let probe = Probe::new("again", Act::AgainTwice);
    bench.enqueue_probe(&probe).await;
    let worker = Worker::start(&bench.app, config());
    bench.wait_for(JobState::Done, 1).await;
    worker.finish().await;
    assert_eq!(LEDGER.runs(&probe.name), [1, 1, 1]);
}

async fn an_error_text_that_the_database_refuses_does_not_block_results(bench: Bench) {
    bench.enqueue_probe(&Probe::new("nul", Act::FailWithNul)).await;
    let worker = Worker::start(&bench.app, config());
    bench.wait_for(JobState::Failed, 1).await;
    worker.finish().await;
    assert_eq!(bench.jobs(&bench.tenant_a).await[0].last_error.as_deref(), Some("ab"));
}

async fn jobs_longer_than_their_lease_run_once(bench: Bench) {
    let probe = Probe::new("long", Act::WorkMillis(1_500));
    for _ in 0..6 {
        bench.enqueue_probe(&probe).await;
    }
    // More jobs than slots, two workers, and each job three times as long as its lease.
    let short = WorkerConfig { concurrency: 2, lease: Duration::from_millis(500), ..config() };
    let workers = [Worker::start(&bench.app, short.clone()), Worker::start(&bench.other_process().await, short)];
    bench.wait_for(JobState::Done, 6).await;
    for worker in workers {
        worker.finish().await;
    }
    assert_eq!(LEDGER.runs(&probe.name), [1; 6]);
}

async fn a_job_is_picked_up_without_waiting_for_the_poll(bench: Bench) {
    let worker = Worker::start(&bench.app, WorkerConfig { poll: Duration::from_hours(1), ..config() });
    for n in 1..=5 {
        bench.enqueue_probe(&Probe::new("wake", Act::Succeed)).await;
        bench.wait_for(JobState::Done, n).await;
    }
    worker.finish().await;
}

async fn three_processes_run_three_thousand_jobs_once_each(bench: Bench) {
    let probe = Probe::new("many", Act::Succeed);
    let payload = serde_json::to_string(&probe).unwrap();
    bench.enqueue(&bench.tenant_a, (0..3_000).map(|_| NewJob { payload: payload.clone(), ..bench.job() })).await;
    let many = WorkerConfig { concurrency: 32, ..config() };
    let workers = [
        Worker::start(&bench.app, many.clone()),
        Worker::start(&bench.other_process().await, many.clone()),
        Worker::start(&bench.other_process().await, many),
    ];
    bench.wait_for(JobState::Done, 3_000).await;
    for worker in workers {
        worker.finish().await;
    }
    assert!(bench.jobs(&bench.tenant_a).await.iter().all(|job| job.attempts == 1));
    assert_eq!(LEDGER.runs(&probe.name).len(), 3_000);
}
