//! The database crashes in mid-run and comes back: no job runs twice, no result is lost, and the worker lives through it.

use std::time::Duration;

use gangway_domain::job::JobState;
use gangway_testkit::eventually;
use gangway_worker::WorkerConfig;
use tokio::time::Instant;

use super::{
    server::Server,
    support::{Act, Bench, LEDGER, Probe, Worker, config},
};

/// How long the database is away; shorter than the lease.
const OUTAGE: Duration = Duration::from_secs(2);

const N_JOBS: usize = 60;

/// A job whose run had begun counts one try, however its result got through. The exception is a claim whose answer was cut
/// off with its connection: the worker never heard of these jobs, so they run once their leases are over, for the first
/// time and as their second try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_database_in_mid_run_costs_no_job_and_no_worker() {
    if gangway_testkit::postgres_url().is_none() {
        return;
    }
    let mut server = Server::start().await;
    let bench = Bench::on(server.url()).await;
    let probes: Vec<_> = (0..N_JOBS).map(|n| Probe::new(&format!("outage-{n}"), Act::WorkMillis(300))).collect();
    for probe in &probes {
        bench.enqueue_probe(probe).await;
    }
    let begun = || probes.iter().filter(|probe| !LEDGER.runs(&probe.name).is_empty());
    let worker = Worker::start(&bench.app, WorkerConfig { concurrency: 9, lease: Duration::from_secs(5), ..config() });
    eventually("a job to be done", async || bench.count(JobState::Done).await > 0).await;
    eventually("others to run", async || bench.count(JobState::Running).await > 0).await;

    let begun_before: Vec<_> = begun().map(|probe| probe.name.clone()).collect();
    server.crash().await;
    let crashed = Instant::now();
    eventually("the outage to last", async || crashed.elapsed() >= OUTAGE).await;
    assert!(begun().count() < N_JOBS, "the crash came in mid-run");
    assert!(worker.is_alive());
    server.recover().await;
    bench.wait_for(JobState::Done, N_JOBS).await;
    assert!(worker.is_alive());
    worker.finish().await;

    for (probe, job) in probes.iter().zip(bench.jobs(&bench.tenant_a).await) {
        let runs = LEDGER.runs(&probe.name);
        assert_eq!((runs.len(), job.state), (1, JobState::Done), "{}", probe.name);
        assert_eq!(job.attempts, runs[0], "{}", probe.name);
        let most = if begun_before.contains(&probe.name) { 1 } else { 2 };
        assert!(job.attempts <= most, "{}: {}", probe.name, job.attempts);
        assert!(!LEDGER.was_cancelled(&probe.name));
    }
}
