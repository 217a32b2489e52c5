//! `gangway serve`: API, worker, scheduler and admin listener in one process, and their orderly end.
//!
//! The order of the end matters: first nothing new comes in (HTTP), then running jobs finish (worker), then what they used
//! is closed. What does not end in time is left to its lease.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::future::BoxFuture;
use gangway_app::{App, jobs::RotateKeys};
use gangway_worker::WorkerConfig;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin::Admin,
    assemble, commands,
    config::{AdminListen, Config},
    database::Target,
    observer::Observer,
    print, shutdown,
    sole::Sole,
    telemetry::{Meters, trace_context},
};

/// Runs until a signal.
///
/// # Errors
/// One line that says what stands in the way: no master key, a taken port, a database that is away, damaged,
/// behind, or served by another process.
pub async fn run(config: Config, meters: Meters) -> anyhow::Result<ExitCode> {
    let ring = config.keys.ring()?;
    let tasks = TaskTracker::new();
    let stop = shutdown::on_signal(&tasks)?;
    let target = Target::of(&config)?;
    let _lock = target.lock()?;
    let admin = admin(&config).await?;
    free_address(config.listen)?;
    target.prepare().await?;
    let app = assemble::app(&config, ring, target.connect().await?).await?;
    commands::doctor::warn_of_weak_walls(&app.db).await?;
    if config.redis_url.is_some() {
        tracing::warn!(
            "redis.url is set but not used by this version: vendor budgets are counted in this process only"
        );
    }
    let sole = Sole::take(&app, &target.place(), config.worker.lease, &tasks, &stop).await?;
    let outcome = match Running::start(app, (admin, meters), &config, &tasks, &stop) {
        Ok(running) => {
            announce(running.address(), &target.place());
            running.until(stop).await
        }
        Err(error) => Err(error),
    };
    let alone = match sole {
        Some(sole) => sole.leave().await,
        None => Ok(()),
    };
    print::note("stopped");
    outcome.and(alone).map(|()| ExitCode::SUCCESS)
}

fn announce(at: SocketAddr, place: &str) {
    tracing::info!(
        server.address = %at,
        database.place = place,
        "gangway {} answers at http://{at}; data in {place}",
        env!("CARGO_PKG_VERSION")
    );
}

/// Makes sure that an address can be listened on, and answers it with the port that stands for 0.
///
/// # Errors
/// When it can't; the message names the cure.
pub fn free_address(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    let bound = std::net::TcpListener::bind(address).and_then(|listener| listener.local_addr());
    bound.with_context(|| not_free(address))
}

fn not_free(address: SocketAddr) -> String {
    format!("cannot listen on {address}; stop what listens there, or choose another with --listen")
}

/// Takes the admin listener's address.
///
/// # Errors
/// When it is taken.
pub async fn admin(config: &Config) -> anyhow::Result<Option<Admin>> {
    match config.admin {
        AdminListen::Off => Ok(None),
        AdminListen::At(address) => Admin::bind(address).await.map(Some),
    }
}

/// The running parts of the platform.
pub struct Running {
    address: SocketAddr,
    http: Part,
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
/// How much longer than its own limit the worker may take.
const WORKER_END: Duration = Duration::from_millis(500);

impl Running {
    /// Starts all parts. `any_ended` is cancelled when a part ends by itself, so that the process does not limp on.
    ///
    /// # Errors
    /// When the API's address is taken.
    pub fn start(
        app: App,
        (admin, meters): (Option<Admin>, Meters),
        config: &Config,
        tasks: &TaskTracker,
        any_ended: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let part = |name, stop: CancellationToken, work: BoxFuture<'static, anyhow::Result<()>>| {
            let any_ended = any_ended.clone();
            let task = tasks.spawn(async move {
                let _told = any_ended.drop_guard();
                work.await
            });
            Part { name, stop, task }
        };
        let (http_stop, worker_stop, side_stop) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let observer = Arc::new(Observer::new(app.clone()));
        let gangway_api::Server { addr: address, handle, mut run } =
            gangway_api::bind(app.clone(), api_config(config)).with_context(|| not_free(config.listen))?;
        let stop = http_stop.clone();
        let http = part(
            "API",
            http_stop,
            Box::pin(async move {
                tokio::select! {
                    ended = &mut run => return Ok(ended?),
                    () = stop.cancelled() => {}
                }
                let ((), ended) = tokio::join!(handle.stop(), run);
                Ok(ended?)
            }),
        );
        let (worker_config, stop) = (worker_config(config), worker_stop.clone());
        let work = async move {
            // The lock file makes this the only process there: whoever held a lease is gone.
            if !app.db.is_postgres() {
                gangway_app::queue::take_over(&app).await?;
            }
            Ok(gangway_worker::run(app, worker_config, stop).await?)
        };
        let worker = part("worker", worker_stop, Box::pin(work));
        let (side_tasks, stop) = (tasks.clone(), side_stop.clone());
        let side = part(
            "admin listener",
            side_stop,
            Box::pin(async move {
                let export = async {
                    if meters.is_exported() {
                        observer.look_on(stop.clone()).await;
                    }
                };
                let scrape = async {
                    match admin {
                        Some(admin) => {
                            admin.serve(meters.clone(), Arc::clone(&observer), side_tasks, stop.clone()).await;
                        }
                        None => stop.cancelled().await,
                    }
                };
                tokio::join!(export, scrape);
                Ok(())
            }),
        );
        Ok(Self { address, http, worker, side, drain: config.worker.drain + WORKER_END })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until told to stop, then ends part by part.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn until(self, stop: CancellationToken) -> anyhow::Result<()> {
        stop.cancelled().await;
        let Self { address: _, http, worker, side, drain } = self;
        let http = http.end(HTTP_END).await;
        let worker = worker.end(drain).await;
        let side = side.end(HTTP_END).await;
        http.and(worker).and(side)
    }
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

fn worker_config(config: &Config) -> WorkerConfig {
    let crate::config::Worker { concurrency, lease, poll, drain } = config.worker;
    let rotate = RotateKeys { max_age_days: config.rotate_after_days };
    WorkerConfig { concurrency, lease, poll, shutdown_timeout: drain, rotate, ..WorkerConfig::default() }
}
