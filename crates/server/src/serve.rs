//! `gangway serve`, `gangway api` and `gangway worker`: what must hold before a process runs, and running it.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use tokio_util::task::TaskTracker;

use crate::{
    admin::Admin,
    assemble, commands,
    config::{self, AdminListen, Config},
    database::Target,
    print,
    running::{Role, Running},
    shutdown,
    sole::Sole,
    telemetry::Meters,
};

/// Runs until a signal.
///
/// # Errors
/// One line that says what stands in the way: no master key, a taken port, a database that is away, damaged,
/// behind, or served by another process.
pub async fn run(role: Role, config: Config, meters: Meters) -> anyhow::Result<ExitCode> {
    let ring = config.keys.ring()?;
    require_peers(role, &config)?;
    let tasks = TaskTracker::new();
    let stop = shutdown::on_signal(&tasks)?;
    let target = Target::of(&config)?;
    let _lock = target.lock()?;
    let admin = admin(&config).await?;
    if role != Role::Worker {
        free_address(config.listen)?;
    }
    match role {
        Role::Everything => target.prepare().await?,
        // Several that start at once would get in each other's way.
        Role::Api | Role::Worker => target.prepare_beside().await?,
    }
    let app = assemble::app(&config, ring, target.connect().await?).await?;
    commands::doctor::warn_of_weak_walls(&app.db).await?;
    let app = assemble::share_budgets(app, &config).await?;
    let redis =
        config.redis_url.as_ref().map(|url| config::address(url.expose_secret(), config::REDIS).unwrap_or_default());
    let sole = Sole::take(&app, (&target.place(), redis.as_deref()), config.worker.lease, &tasks, &stop).await?;
    let outcome = match Running::start(role, app, (admin, meters), &config, &tasks, &stop) {
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

/// Refuses a process that is to share its work with others, but has nothing to share it by.
fn require_peers(role: Role, config: &Config) -> anyhow::Result<()> {
    if role == Role::Everything {
        return Ok(());
    }
    let settings =
        [("database.url (PostgreSQL)", config.database.url.is_none()), ("redis.url", config.redis_url.is_none())];
    let missing: Vec<_> = settings.into_iter().filter(|(_, is_missing)| *is_missing).map(|(name, _)| name).collect();
    anyhow::ensure!(
        missing.is_empty(),
        "processes that run apart share a database and the budgets of vendors; set {}, the same for all of them; `gangway serve` runs \
         everything in one process without",
        missing.join(" and ")
    );
    Ok(())
}

fn announce(at: Option<SocketAddr>, place: &str) {
    let version = env!("CARGO_PKG_VERSION");
    if let Some(at) = at {
        tracing::info!(
            server.address = %at,
            database.place = place,
            "gangway {version} answers at http://{at}; data in {place}"
        );
    } else {
        tracing::info!(database.place = place, "gangway {version} runs jobs; data in {place}");
    }
}

/// Makes sure that an address can be listened on, and answers it with the port that stands for 0.
///
/// # Errors
/// When it can't; the message names the cure.
pub fn free_address(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    let bound = std::net::TcpListener::bind(address).and_then(|listener| listener.local_addr());
    bound.with_context(|| not_free(address))
}

pub(crate) fn not_free(address: SocketAddr) -> String {
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
