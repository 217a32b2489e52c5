//! Puts the platform's parts together from settings.

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use gangway_app::{
    App, OperatorCtx,
    ctx::Parts,
    queue::trace::{Port, set_port},
    seal::Keys,
};
use gangway_domain::{
    Clock, SystemClock,
    principal::{Principal, Scope},
};
use gangway_egress::Client;
use gangway_limits::{Budgets, Settings, SharedStore};
use gangway_storage::Db;
use gangway_vault::KeyRing;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::{commands::explain, config::Config, database::Target, print, telemetry::trace_context};

/// The platform over an open database.
///
/// # Errors
/// When TLS can't be set up, or a master key that stored data needs is not on the ring.
pub async fn app(config: &Config, ring: KeyRing, db: Db) -> anyhow::Result<App> {
    set_port(Port { current: trace_context::current, link: trace_context::link });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let app_config = app_config(config);
    let egress = Client::with_clock(app_config.vendor_client(), Arc::clone(&clock)).context("outgoing HTTP")?;
    let app = App::new(Parts {
        db,
        keys: Keys::new(ring),
        registry: gangway_connector::registry(),
        egress,
        budgets: Budgets::with_clock(Settings::default(), Arc::clone(&clock)),
        clock,
        config: app_config,
        rng: Mutex::new(App::system_rng()),
    });
    let missing = app.keys.missing_master_keys(&app).await.map_err(explain)?;
    anyhow::ensure!(
        missing.is_empty(),
        "the database was sealed with another master key ({}); set that key as GANGWAY_MASTER_KEY, or add it to \
         GANGWAY_MASTER_KEY_PREVIOUS",
        missing.join(", ")
    );
    Ok(app)
}

/// The same platform with vendor budgets that all processes on `redis.url` share, if it is set.
///
/// # Errors
/// When the address or the login is wrong, or the database does not answer. Redis itself may be away.
pub async fn share_budgets(app: App, config: &Config) -> anyhow::Result<App> {
    let Some(url) = &config.redis_url else { return Ok(app) };
    let store =
        SharedStore { namespace: deployment(&app, "").await?.to_string(), ..SharedStore::at(url.expose_secret()) };
    let budgets = Budgets::on_redis(Settings::default(), Arc::clone(&app.clock), &store).await.context("redis.url")?;
    app.with_budgets(budgets).context("the platform is in use before it is assembled")
}

/// The same for all processes on a database that have something else in common, and of no other.
///
/// # Errors
/// When the database does not answer.
pub async fn deployment(app: &App, common: &str) -> anyhow::Result<Uuid> {
    let name = app.keys.budget_key(app, &format!("processes\0{common}")).await.map_err(explain)?;
    Ok(Uuid::from_u128(name.into_iter().take(16).fold(0, |id, byte| (id << 8) | u128::from(byte))))
}

/// The platform for a command that does one thing and ends, also beside a running `serve`.
///
/// # Errors
/// When there is no master key, or the database does not answer or is behind.
pub async fn one_shot(config: &Config) -> anyhow::Result<App> {
    let ring = config.keys.ring()?;
    let is_new = Target::existing(config)?.is_none();
    let target = Target::of(config)?;
    target.prepare_beside().await?;
    if is_new {
        print::note(&format!("there was no database in {}, so a new one was made", config.data.display()));
    }
    app(config, ring, target.connect().await?).await
}

/// The command line acts with every right of an operator: who may run it holds the master key.
pub fn operator(app: &App) -> OperatorCtx {
    OperatorCtx::new(app.clone(), Principal::Cli, Scope::ALL.to_vec())
}

fn app_config(config: &Config) -> gangway_app::Config {
    gangway_app::Config {
        connector_origins: config.connector_origins.clone(),
        webhook_origins: config.webhook_origins.clone(),
        public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen)),
        limits: config.limits.clone(),
        identity: config.identity.clone(),
        budget_wait_seconds: config.sync.budget_wait_seconds,
        cursor_overlap_hours: config.sync.cursor_overlap_hours,
        window_days: config.sync.window_days,
    }
}
