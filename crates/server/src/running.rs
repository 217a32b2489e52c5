//! The running parts of a process: which there are, and their orderly end.
//!
//! The order of the end matters: first nothing new comes in (HTTP), then running jobs finish (worker), then what they used
//! is closed. What does not end in time is left to its lease.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use gangway_app::{App, jobs::RotateKeys};
use gangway_worker::WorkerConfig;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin::Admin,
    config::Config,
    observer::Observer,
    serve::not_free,
    telemetry::{Meters, trace_context},
};

/// What a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// API, worker and schedules.
    Everything,
    /// The API; workers are elsewhere.
    Api,
    /// Worker and schedules; the API is elsewhere.
    Worker,
}

/// The running parts of a process.
pub struct Running {
    address: Option<SocketAddr>,
    http: Option<Part>,
    worker: Part,
    side: Part,
    drain: Duration,
}

/// A part, how it is told to stop, and how it ended.
struct Part {
    name: &'static str,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Part {
    /// Starts work that ends when `stop` is cancelled. `any_ended` is cancelled when it ends by itself, so that the process
    /// does not limp on.
    fn start(
        name: &'static str,
        (stop, any_ended): (CancellationToken, &CancellationToken),
        tasks: &TaskTracker,
        work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> Self {
        let any_ended = any_ended.clone();
        let task = tasks.spawn(async move {
            let _told = any_ended.drop_guard();
            work.await
        });
        Self { name, stop, task }
    }

    /// Asks it to stop and waits for that, but not for ever.
    async fn end(self, within: Duration) -> anyhow::Result<()> {
        let Self { name, stop, mut task } = self;
        stop.cancel();
        match tokio::time::timeout(within, &mut task).await {
            Ok(Ok(outcome)) => outcome.with_context(|| format!("the {name} failed")),
            Ok(Err(_)) => anyhow::bail!("the {name} panicked; the log names the place"),
            Err(_) => {
                task.abort();
                tracing::warn!(part.name = name, "the {name} did not end in time; its leases run out by themselves");
                Ok(())
            }
        }
    }
}

/// How long answers that are under way may take when stopping.
const HTTP_END: Duration = Duration::from_secs(2);
/// Long enough to outlast a renewal that fails because it waited too long for its turn to write. Nobody waits for it: the folder is
/// locked, so the next process takes a killed one's jobs over at once.
const EMBEDDED_LEASE: Duration = Duration::from_mins(1);
/// How much longer than its own limit the worker may take.
const WORKER_END: Duration = Duration::from_millis(500);

impl Running {
    /// Starts the parts of a role. `any_ended` is cancelled when one of them ends by itself.
    ///
    /// # Errors
    /// When the API's address is taken.
    pub fn start(
        role: Role,
        app: App,
        (admin, meters): (Option<Admin>, Meters),
        config: &Config,
        tasks: &TaskTracker,
        any_ended: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let observer = Arc::new(Observer::new(app.clone()));
        let (address, http) = match role {
            Role::Everything | Role::Api => {
                let (address, http) = http(app.clone(), config, tasks, any_ended)?;
                (Some(address), Some(http))
            }
            Role::Worker => (None, None),
        };
        let stop = CancellationToken::new();
        let worker = match role {
            Role::Everything | Role::Worker => {
                let work = work(app.clone(), worker_config(config, &app), stop.clone());
                Part::start("worker", (stop, any_ended), tasks, work)
            }
            Role::Api => {
                let relay = gangway_worker::run_no_jobs(app, stop.clone());
                Part::start("relay to the workers", (stop, any_ended), tasks, async move {
                    relay.await;
                    Ok(())
                })
            }
        };
        let (stop, side_tasks) = (CancellationToken::new(), tasks.clone());
        let stopped = stop.clone();
        let side = async move {
            let export = async {
                if meters.is_exported() {
                    observer.look_on(stopped.clone()).await;
                }
            };
            let scrape = async {
                match admin {
                    Some(admin) => {
                        admin.serve(meters.clone(), Arc::clone(&observer), side_tasks, stopped.clone()).await;
                    }
                    None => stopped.cancelled().await,
                }
            };
            tokio::join!(export, scrape);
            Ok(())
        };
        let side = Part::start("admin listener", (stop, any_ended), tasks, side);
        Ok(Self { address, http, worker, side, drain: config.worker.drain + WORKER_END })
    }

    /// Where the API listens, if there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Runs until told to stop, then ends part by part.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn until(self, stop: CancellationToken) -> anyhow::Result<()> {
        stop.cancelled().await;
        let Self { address: _, http, worker, side, drain } = self;
        let http = match http {
            Some(http) => http.end(HTTP_END).await,
            None => Ok(()),
        };
        let worker = worker.end(drain).await;
        let side = side.end(HTTP_END).await;
        http.and(worker).and(side)
    }
}

fn http(
    app: App,
    config: &Config,
    tasks: &TaskTracker,
    any_ended: &CancellationToken,
) -> anyhow::Result<(SocketAddr, Part)> {
    let gangway_api::Server { addr: address, handle, mut run } =
        gangway_api::bind(app, api_config(config)).with_context(|| not_free(config.listen))?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let serve = async move {
        tokio::select! {
            ended = &mut run => return Ok(ended?),
            () = stopped.cancelled() => {}
        }
        let ((), ended) = tokio::join!(handle.stop(), run);
        Ok(ended?)
    };
    Ok((address, Part::start("API", (stop, any_ended), tasks, serve)))
}

async fn work(app: App, config: WorkerConfig, stop: CancellationToken) -> anyhow::Result<()> {
    // The lock file makes this the only process there: whoever held a lease is gone.
    if !app.db.is_postgres() {
        gangway_app::queue::take_over(&app).await?;
    }
    Ok(gangway_worker::run(app, config, stop).await?)
}

fn api_config(config: &Config) -> gangway_api::Config {
    let mut api = gangway_api::Config::new(config.listen);
    api.public_url.clone_from(&config.public_url);
    api.quotas = config.quotas;
    api.keep_alive = config.keep_alive;
    api.shutdown_timeout = HTTP_END / 2;
    api.span_hook = Some(Arc::new(trace_context::continue_trace));
    api
}

fn worker_config(config: &Config, app: &App) -> WorkerConfig {
    let crate::config::Worker { concurrency, lease, poll, drain } = config.worker;
    let lease = if app.db.is_postgres() { lease } else { lease.max(EMBEDDED_LEASE) };
    let rotate = RotateKeys { max_age_days: config.rotate_after_days };
    WorkerConfig { concurrency, lease, poll, shutdown_timeout: drain, rotate, ..WorkerConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_leases_outlast_a_renewal_that_waits_too_long_for_its_turn_and_the_next_one() {
        let patience = gangway_storage::Config::new("").acquire_timeout;
        let (interval, n_waits) = (EMBEDDED_LEASE / 3, 2);
        assert!(EMBEDDED_LEASE > n_waits * (interval + patience), "a worker renews thrice per lease");
    }
}
