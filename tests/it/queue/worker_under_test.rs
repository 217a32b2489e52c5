//! A worker as a process of its own, for the tests that kill it: jobs of its queue only, until SIGTERM.

mod work;

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use gangway_app::Ctx;
use gangway_domain::SystemClock;
use gangway_worker::{Finish, JobError, JobRun, Registry, Run, WorkerConfig, run_queues};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::work::{BEGUN, READY, STOPPING, Settings, Work, app_on};

/// How often a waiting job looks for its gate.
const LOOK: Duration = Duration::from_millis(10);

fn main() -> anyhow::Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let settings = serde_json::from_str(&line).context("the first line of input is not the settings")?;
    std::thread::spawn(|| {
        drop(io::copy(&mut io::stdin(), &mut io::sink()));
        // The test is gone and cannot end this process any more.
        std::process::exit(3);
    });
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let app = app_on(&settings.url, Arc::new(SystemClock)).await;
    let config = WorkerConfig {
        concurrency: settings.concurrency,
        lease: settings.lease,
        poll: Duration::from_millis(20),
        ..WorkerConfig::default()
    };
    let mut terminate = signal(SignalKind::terminate())?;
    say(READY)?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let running = tasks.spawn(run_queues(app, Registry::default().with::<Work>(), config, stop.clone()));
    terminate.recv().await;
    stop.cancel();
    say(STOPPING)?;
    running.await??;
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

impl Run for Work {
    async fn run(&self, _: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        if let Some(gate) = &self.gate
            && run.attempt == 1
        {
            say(BEGUN).map_err(|error| JobError::fail(error.to_string()))?;
            while !gate.exists() {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(Finish::Done)
    }
}
