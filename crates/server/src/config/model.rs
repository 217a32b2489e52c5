//! What settings there are, once read: plain values, secrets wrapped.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use gangway_api::Quotas;
use gangway_app::config::VendorLimits;
use gangway_egress::Origin;
use gangway_vault::KeyRing;
use secrecy::SecretString;

/// Settings of this process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API listens (`server.listen`).
    pub listen: SocketAddr,
    /// How we name ourselves to the outside (`server.public_url`); from the address when left out.
    pub public_url: Option<String>,
    /// Folder of the embedded database (`server.data`).
    pub data: PathBuf,
    /// Where the admin listener listens (`admin.listen`), unless `off`.
    pub admin: AdminListen,
    /// The database.
    pub database: Database,
    /// Where processes count vendor budgets together (`redis.url`, `REDIS_URL`); each in its memory when left out.
    pub redis_url: Option<SecretString>,
    /// Master keys.
    pub keys: MasterKeys,
    /// Days that a data key seals (`keys.rotate_after_days`); 0 for no end by age.
    pub rotate_after_days: u32,
    /// Origins a connection may name beside its connector's own.
    pub connector_origins: Vec<Origin>,
    /// Origins webhooks may be sent to although they are not public.
    pub webhook_origins: Vec<Origin>,
    /// The worker.
    pub worker: Worker,
    /// Syncs.
    pub sync: Sync,
    /// What vendors allow, by connector (`limits.<connector>.…`).
    pub limits: BTreeMap<String, VendorLimits>,
    /// How we make ourselves known to vendors, by connector (`identity.<connector>.…`).
    pub identity: BTreeMap<String, Vec<(&'static str, String)>>,
    /// How often who may ask us (`api.…`).
    pub quotas: Quotas,
    /// How long a connection may do nothing between two requests (`api.keep_alive_seconds`).
    pub keep_alive: Duration,
    /// Logs.
    pub log: Log,
    /// Where traces and metrics go (`telemetry.otlp_endpoint`).
    pub otlp_endpoint: Option<SecretString>,
}

/// Settings of the database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Tenants' transactions (`database.url`, `DATABASE_URL`); the embedded database when left out.
    pub url: Option<SecretString>,
    /// The system role's login (`database.system_url`).
    pub system_url: Option<SecretString>,
    /// The owner's login, for migrations (`database.migration_url`).
    pub migration_url: Option<SecretString>,
    /// Connections at most, per login.
    pub max_connections: u32,
    /// Whether `serve` runs pending migrations on `PostgreSQL`; by default only with a single URL.
    pub auto_migrate: bool,
}

/// Master keys in base64. Built into a [`KeyRing`] once.
#[derive(Debug, Clone, Default)]
pub struct MasterKeys {
    pub(super) current: Option<SecretString>,
    pub(super) previous: Vec<SecretString>,
}

impl MasterKeys {
    /// A ring of one key.
    pub fn single(current: SecretString) -> Self {
        Self { current: Some(current), previous: Vec::new() }
    }

    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.current.is_some()
    }

    /// Builds the ring.
    ///
    /// # Errors
    /// When there is no key; the message says how to make one.
    pub fn ring(&self) -> anyhow::Result<KeyRing> {
        let Some(current) = &self.current else {
            anyhow::bail!(
                "there is no master key, without which nothing can be sealed; make one with `openssl rand -base64 32`, keep it \
                 safe, and set it as GANGWAY_MASTER_KEY or name its file in GANGWAY_MASTER_KEY_FILE"
            )
        };
        Ok(KeyRing::from_base64(current, &self.previous)?)
    }
}

/// Settings of the worker.
#[derive(Debug, Clone, Copy)]
pub struct Worker {
    /// Jobs at the same time (`worker.concurrency`).
    pub concurrency: usize,
    /// How long a job stays a dead worker's (`worker.lease_seconds`).
    pub lease: Duration,
    /// How often the queue is looked at without a wake-up (`worker.poll_milliseconds`).
    pub poll: Duration,
    /// How long a stop waits for running jobs (`worker.drain_seconds`).
    pub drain: Duration,
}

/// Settings of syncs.
#[derive(Debug, Clone, Copy)]
pub struct Sync {
    /// Hours taken off a cursor.
    pub cursor_overlap_hours: u32,
    /// Days back and ahead that windowed streams read.
    pub window_days: u32,
    /// How long a call waits for a vendor budget slot.
    pub budget_wait_seconds: u64,
}

/// Settings of logs.
#[derive(Debug, Clone)]
pub struct Log {
    /// Text or JSON (`log.format`).
    pub format: LogFormat,
    /// What is logged, in `tracing`'s filter language (`log.filter`).
    pub filter: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the admin listener listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminListen {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

macro_rules! words {
    ($type:ty { $($text:literal = $value:expr),+ $(,)? }) => {
        impl FromStr for $type {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok($value),)+ _ => Err(()) }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(value if *value == $value => f.write_str($text),)+ _ => Ok(()) }
            }
        }
    };
}
words!(LogFormat { "text" = LogFormat::Text, "json" = LogFormat::Json });

impl FromStr for AdminListen {
    type Err = std::net::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

impl fmt::Display for AdminListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}
