//! Workers as processes of their own on PostgreSQL: together, killed, and told to end.

use std::{process::Stdio, time::Duration};

use gangway_app::jobs::Job as _;
use gangway_domain::job::JobState;
use gangway_storage::{PageRequest, queue::NewJob};
use gangway_testkit::eventually;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout},
};

use super::{
    support::{Bench, PATIENCE},
    work::{BEGUN, READY, STOPPING, Settings, Work},
};

const LEASE: Duration = Duration::from_secs(2);

/// What a busy machine may need beyond what is promised.
const LENIENCE: Duration = Duration::from_secs(5);

/// A worker process.
struct Process {
    child: Child,
    /// Its end would end the process.
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    async fn start(bench: &Bench, concurrency: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gangway-worker-under-test"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let settings = Settings { url: bench.url().to_owned(), concurrency, lease: LEASE };
        let line = format!("{}\n", serde_json::to_string(&settings).unwrap());
        let mut input = child.stdin.take().unwrap();
        input.write_all(line.as_bytes()).await.unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, input, output };
        process.hear(READY).await;
        process
    }

    /// Waits for its next line, which must be this one.
    async fn hear(&mut self, expected: &str) {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("the process says something").unwrap();
        assert_eq!(line.as_deref(), Some(expected));
    }

    /// Waits until so many jobs have begun.
    async fn hear_of_jobs(&mut self, n_jobs: usize) {
        for _ in 0..n_jobs {
            self.hear(BEGUN).await;
        }
    }

    /// Sends SIGTERM, and waits until it was understood.
    async fn terminate(&mut self) {
        let id = self.child.id().expect("the process runs").to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().await.unwrap().success());
        self.hear(STOPPING).await;
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended well.
    async fn end(mut self) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("the process ends").unwrap();
        assert!(status.success(), "{status}");
    }

    /// SIGKILL.
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

async fn enqueue(bench: &Bench, work: &Work, n_jobs: usize) {
    let payload = serde_json::to_string(work).unwrap();
    let job = || NewJob {
        queue: Work::QUEUE.to_owned(),
        kind: Work::KIND.to_owned(),
        payload: payload.clone(),
        ..bench.job()
    };
    bench.enqueue(&bench.tenant_a, (0..n_jobs).map(|_| job())).await;
}

/// Whether a job is in this state, without reading the thousands that are not.
async fn has_some(bench: &Bench, state: JobState) -> bool {
    let tx = bench.app.db.begin_read(&bench.tenant_a).await.unwrap();
    let page = tx.jobs().list(Some(state), PageRequest { limit: 1, after: None }).await.unwrap();
    tx.commit().await.unwrap();
    !page.items.is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_run_three_thousand_jobs_once_each() {
    let Some(bench) = Bench::postgres().await else { return };
    enqueue(&bench, &Work::default(), 3_000).await;
    let mut processes = futures::future::join_all((0..3).map(|_| Process::start(&bench, 32))).await;
    // In this order: a job goes from the first to the second.
    for state in [JobState::Pending, JobState::Running] {
        eventually("every job to end", async || !has_some(&bench, state).await).await;
    }
    for process in &mut processes {
        process.terminate().await;
    }
    for process in processes {
        process.end().await;
    }
    let jobs = bench.jobs(&bench.tenant_a).await;
    assert_eq!(jobs.len(), 3_000);
    assert!(jobs.iter().all(|job| (job.state, job.attempts) == (JobState::Done, 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_processs_jobs_run_again_in_another_once_their_leases_are_over() {
    let Some(bench) = Bench::postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    enqueue(&bench, &Work { gate: Some(folder.path().join("never")) }, 20).await;
    let mut victim = Process::start(&bench, 21).await;
    victim.hear_of_jobs(20).await;
    let mut other = Process::start(&bench, 21).await;

    victim.kill().await;
    let killed = Instant::now();
    bench.wait_for(JobState::Done, 20).await;
    let took = killed.elapsed();
    assert!(took <= LEASE + LENIENCE, "{took:?}");
    assert!(bench.jobs(&bench.tenant_a).await.iter().all(|job| job.attempts == 2));
    other.terminate().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_process_ends_with_its_running_jobs_and_leaves_the_rest_uncounted() {
    let Some(bench) = Bench::postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    enqueue(&bench, &Work { gate: Some(gate.clone()) }, 150).await;
    // One slot more than one tenant can have.
    let mut process = Process::start(&bench, 61).await;
    process.hear_of_jobs(60).await;

    process.terminate().await;
    assert!(process.is_alive());
    tokio::fs::write(&gate, "").await.unwrap();
    let opened = Instant::now();
    process.end().await;
    let took = opened.elapsed();
    assert!(took <= LENIENCE, "{took:?}");

    let jobs = bench.jobs(&bench.tenant_a).await;
    let count = |state, attempts| jobs.iter().filter(|job| (job.state, job.attempts) == (state, attempts)).count();
    assert_eq!((count(JobState::Done, 1), count(JobState::Pending, 0), jobs.len()), (60, 90, 150));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_ends_when_the_one_that_started_it_is_gone() {
    let Some(bench) = Bench::postgres().await else { return };
    let mut process = Process::start(&bench, 1).await;
    drop(process.input);
    eventually("the process to end", async || process.child.try_wait().unwrap().is_some()).await;
}
