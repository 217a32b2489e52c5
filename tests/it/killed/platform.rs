//! What a process that is killed and the tests that start it have in common: the same platform, and the same work.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use gangway_app::{
    App, Config,
    ctx::Parts,
    queue::{self, Ack, ClaimRequest},
    seal::Keys,
};
use gangway_domain::{Clock, ManualClock};
use gangway_egress::Client;
use gangway_limits::{Budgets, Settings as Limits};
use gangway_storage::{Config as DbConfig, Db};
use gangway_testkit::plenty;
use gangway_vault::{KeyRing, MasterKey};
use gangway_worker::Registry;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// Longer than any test: nobody waits for the lease of somebody who was killed.
const LEASE: Duration = Duration::from_hours(1);

/// A process's one line of input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    /// The database.
    pub(super) url: String,
    /// The master key, in base64.
    pub(super) master_key: String,
    /// Where the vendor answers.
    pub(super) vendor: String,
    /// What time it is.
    pub(super) now: DateTime<Utc>,
    /// The moment at which the process ends, counted from 1: before its first commit, after it, before its second…
    pub(super) moment: Option<u64>,
}

/// The platform on a database that others use too.
pub(super) async fn app(settings: &Settings, clock: &ManualClock) -> App {
    let time: Arc<dyn Clock> = Arc::new(clock.clone());
    let key = SecretString::from(settings.master_key.clone());
    let mut config = Config::default();
    config.connector_origins.push(settings.vendor.parse().expect("a sandbox has an origin"));
    config.limits.insert("personio".to_owned(), plenty());
    App::new(Parts {
        db: Db::connect(&DbConfig::new(&settings.url)).await.expect("the database answers"),
        keys: Keys::new(KeyRing::new(MasterKey::from_base64("the key", &key).expect("a key"), Vec::new())),
        registry: gangway_connector::registry(),
        egress: Client::with_clock(config.vendor_client(), Arc::clone(&time)).expect("TLS can be set up"),
        budgets: Budgets::with_clock(Limits::default(), Arc::clone(&time)),
        clock: time,
        config,
        // Two processes must not draw the same ids.
        rng: Mutex::new(App::system_rng()),
    })
}

/// Takes back what the dead held, and carries out every job that is due, one after the other, as a worker does.
pub(super) async fn work(app: &App) {
    let registry = Registry::standard();
    let request = ClaimRequest { queue: "syncs".to_owned(), owner: "test".to_owned(), slots: 1, turn: 0, lease: LEASE };
    queue::reap(app).await.expect("the queue answers");
    while let Some(job) = queue::claim(app, &request).await.expect("the queue answers").first() {
        let outcome = registry.attempt(app, job, &CancellationToken::new()).await;
        let ack = Ack { fence: job.fence, attempt: job.attempt, outcome };
        let lost = queue::ack(app, &[ack]).await.expect("the queue answers");
        assert!(lost.is_empty(), "nobody else works");
    }
}
