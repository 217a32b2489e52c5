//! What a worker process and the tests that start it agree on. Holds nothing that only one of them needs.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use gangway_app::{App, Config, ctx::Parts, jobs::Job, seal::Keys};
use gangway_connector::Registry as Connectors;
use gangway_domain::{Clock, job::JobClass};
use gangway_egress::{Client, ClientConfig};
use gangway_limits::{Budgets, Settings as Limits};
use gangway_storage::{Config as DbConfig, Db};
use gangway_vault::{KeyRing, MasterKey};
use serde::{Deserialize, Serialize};

/// What the process prints once it works.
pub(super) const READY: &str = "ready";

/// What it prints for each job that begins to wait at its gate.
pub(super) const BEGUN: &str = "begun";

/// What it prints once it has understood that it is to end.
pub(super) const STOPPING: &str = "stopping";

/// The process's one line of input. Its input ends with the one that started it, and the process with its input.
#[derive(Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) url: String,
    pub(super) concurrency: usize,
    pub(super) lease: Duration,
}

/// A job of the process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Work {
    /// The first try waits until this file is there; every other ends at once.
    pub(super) gate: Option<PathBuf>,
}

impl Job for Work {
    const KIND: &'static str = "work";
    const QUEUE: &'static str = "work";
    const MAX_ATTEMPTS: i32 = 3;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        None
    }
}

/// The platform on a database, through pools of its own.
pub(super) async fn app_on(url: &str, clock: Arc<dyn Clock>) -> App {
    let db = Db::connect(&DbConfig::new(url)).await.expect("the database answers");
    App::new(Parts {
        db,
        keys: Keys::new(KeyRing::new(MasterKey::generate(), Vec::new())),
        registry: Connectors::new(Vec::new()),
        egress: Client::new(ClientConfig::default()).expect("the defaults are valid"),
        budgets: Budgets::new(Limits::default()),
        clock,
        config: Config::default(),
        rng: Mutex::new(App::system_rng()),
    })
}
