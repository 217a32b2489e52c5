//! Looks at what no event tells: the process's own memory and time, and the figures of the whole database.

use std::time::{Duration, Instant};

use gangway_app::{App, figures};
use gangway_limits::Counting;
use gangway_metrics::{process, vendor};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::telemetry::Chain;

/// A scraper does not wait longer for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sets the gauges when somebody looks.
#[derive(Debug)]
pub struct Observer {
    app: App,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    database: Option<Instant>,
    cpu: Duration,
}

impl Observer {
    /// Has not looked yet.
    pub fn new(app: App) -> Self {
        process::BUILD.set(1, [env!("CARGO_PKG_VERSION")]);
        process::STARTED.set(app.clock.now().timestamp(), []);
        Self { app, last: Mutex::new(Last { database: None, cpu: Duration::ZERO }) }
    }

    /// Looks; at the database not more often than what it says is kept.
    pub async fn look(&self) {
        let mut last = self.last.lock().await;
        let cpu = cpu_time();
        process::CPU.add(cpu.saturating_sub(last.cpu), []);
        last.cpu = cpu;
        // Linux only; elsewhere they are not shown.
        if let Some(bytes) = resident_bytes() {
            process::MEMORY.set(bytes, []);
        }
        if let Some(n) = std::fs::read_dir("/proc/self/fd").ok().and_then(|entries| i64::try_from(entries.count()).ok())
        {
            process::DESCRIPTORS.set(n, []);
        }
        vendor::BUDGET_PROCESSES.set(
            match self.app.budgets.counting() {
                Counting::Here => 1,
                Counting::Together { n_processes } => n_processes.into(),
                Counting::Share { .. } => 0,
            },
            [],
        );
        if last.database.is_some_and(|at| at.elapsed() < figures::KEEP) {
            return;
        }
        match tokio::time::timeout(PATIENCE, figures::refresh(&self.app)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = %Chain(&error), "the gauges of the database are as they were"),
            Err(_) => {
                figures::unanswered();
                tracing::debug!("the database did not answer a look in time; its gauges are as they were");
            }
        }
        // Not before: a scraper that goes away in the middle has seen nothing.
        last.database = Some(Instant::now());
    }

    /// Looks twice per export, until `stop`.
    pub async fn look_on(&self, stop: CancellationToken) {
        let mut interval = tokio::time::interval(Duration::from_secs(30));
        while stop.run_until_cancelled(interval.tick()).await.is_some() {
            self.look().await;
        }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok().map(|kilobytes| kilobytes * 1024)
}
