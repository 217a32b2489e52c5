//! Settings: defaults, then a TOML file, then the environment, then the command line.
//!
//! [`load`] finds every mistake before it gives up, and knows where each value came from. Secrets go into
//! [`SecretString`] at once and are never shown. `docs/configuration.md` lists the settings.

mod environment;
mod identity;
mod limits;
mod model;
mod quotas;
mod reader;
mod redact;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use gangway_vault::KeyRing;
use secrecy::{ExposeSecret as _, SecretString};

use self::reader::{Reader, split};
pub(crate) use self::redact::address;
pub use self::{
    environment::Environment,
    model::{AdminListen, Config, Database, Log, LogFormat, MasterKeys, Sync, Worker},
    reader::{Problem, Shown},
};
use crate::cli::Command;

/// The API's usual address.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// The admin listener's usual address.
pub const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);
/// The sandbox's usual address.
pub const DEFAULT_SANDBOX: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);
/// Schemes of a database server.
const POSTGRES: &[&str] = &["postgres", "postgresql"];
/// Schemes of Redis.
pub(crate) const REDIS: &[&str] = &["redis", "rediss"];
/// The usual data folder.
pub const DEFAULT_DATA: &str = "./gangway-data";

/// What the command line says about settings.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    is_demo: bool,
}

impl Overrides {
    /// Those of a command.
    pub fn of(command: &Command) -> Self {
        let listen = match command {
            Command::Serve { listen, .. } | Command::Api { listen, .. } => *listen,
            Command::Demo(flags) => flags.listen,
            _ => None,
        };
        Self { listen, data: command.data_folder().cloned(), is_demo: matches!(command, Command::Demo(_)) }
    }
}

/// What [`load`] found.
#[derive(Debug)]
pub struct Loaded {
    /// The settings; where there was a mistake, the default stands in.
    pub config: Config,
    /// Each setting with its value and origin.
    pub shown: Vec<Shown>,
    /// Every mistake.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// The settings, if there is no mistake in them.
    ///
    /// # Errors
    /// All mistakes, one a line.
    pub fn into_config(self) -> anyhow::Result<Config> {
        if self.problems.is_empty() {
            return Ok(self.config);
        }
        let lines: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        let word = if lines.len() == 1 { "mistake" } else { "mistakes" };
        anyhow::bail!("{} {word} in the settings:\n  {}", lines.len(), lines.join("\n  "))
    }
}

/// Reads all settings.
pub fn load(file: Option<&Path>, environment: &Environment, overrides: &Overrides) -> Loaded {
    let mut reader = Reader::new(file, environment);
    let address = "write an address and a port, like 127.0.0.1:8080";
    let listen = reader.value("server.listen", DEFAULT_LISTEN, overrides.listen, address);
    let public_url = public_url(&mut reader);
    let data = overrides.data.as_ref().map(|data| data.display().to_string());
    let data = reader.value("server.data", DEFAULT_DATA.to_owned(), data, "name a folder");
    // The demo must start beside whatever else runs, and its own lines say what happens.
    let (admin, filter) = if overrides.is_demo {
        (AdminListen::Off, crate::telemetry::DEMO_FILTER)
    } else {
        (AdminListen::At(DEFAULT_ADMIN), crate::telemetry::DEFAULT_FILTER)
    };
    let admin = reader.value("admin.listen", admin, None, "write an address and a port, or off");
    if admin == AdminListen::At(listen) && listen.port() != 0 {
        reader.problem("admin.listen", format!("{listen} is the API's address too"), "choose another, or off");
    }
    let database = database(&mut reader);
    let redis_url = reader.secret("redis.url", "REDIS_URL", shown_url);
    check_url(&mut reader, "redis.url", redis_url.as_ref(), REDIS);
    let keys = master_keys(&mut reader);
    let rotate_after_days = range(&mut reader, "keys.rotate_after_days", 90, 0, 3660);
    let origin = "write scheme, host and port, like https://api.vendor.example or http://127.0.0.1:8090";
    let connector_origins = reader.list("connector.allowed_origins", origin);
    let webhook_origins = reader.list("webhooks.allowed_origins", origin);
    let worker = Worker {
        concurrency: range(&mut reader, "worker.concurrency", 8, 1, 256),
        lease: Duration::from_secs(range(&mut reader, "worker.lease_seconds", 6, 3, 3600)),
        poll: Duration::from_millis(range(&mut reader, "worker.poll_milliseconds", 500, 50, 60_000)),
        drain: Duration::from_secs(range(&mut reader, "worker.drain_seconds", 25, 1, 3600)),
    };
    let sync = Sync {
        cursor_overlap_hours: range(&mut reader, "sync.cursor_overlap_hours", 24, 0, 24 * 14),
        window_days: range(&mut reader, "sync.window_days", 400, 1, 3660),
        budget_wait_seconds: range(&mut reader, "sync.budget_wait_seconds", 5, 0, 60),
    };
    let limits = limits::limits(&mut reader);
    let identity = identity::identity(&mut reader);
    let quotas = quotas::quotas(&mut reader);
    let keep_alive = Duration::from_secs(range(&mut reader, "api.keep_alive_seconds", 75, 1, 3600));
    let log = log(&mut reader, filter);
    let otlp_endpoint = otlp_endpoint(&mut reader);
    let (shown, problems) = reader.finish();
    let config = Config {
        listen,
        public_url,
        data: PathBuf::from(data),
        admin,
        database,
        redis_url,
        keys,
        rotate_after_days,
        connector_origins,
        webhook_origins,
        worker,
        sync,
        limits,
        identity,
        quotas,
        keep_alive,
        log,
        otlp_endpoint,
    };
    Loaded { config, shown, problems }
}

fn database(reader: &mut Reader<'_>) -> Database {
    let url = reader.secret("database.url", "DATABASE_URL", shown_url);
    let system_url = reader.secret("database.system_url", "DATABASE_SYSTEM_URL", shown_url);
    let migration_url = reader.secret("database.migration_url", "DATABASE_MIGRATION_URL", shown_url);
    if url.as_ref().is_some_and(|url| url.expose_secret().starts_with("sqlite:")) {
        let cure = "set server.data to a folder, and remove this one";
        reader.problem("database.url", "the embedded database lives in the data folder".to_owned(), cure);
    } else {
        check_url(reader, "database.url", url.as_ref(), POSTGRES);
    }
    for (name, other) in [("database.system_url", &system_url), ("database.migration_url", &migration_url)] {
        check_url(reader, name, other.as_ref(), POSTGRES);
        if other.is_some() && url.is_none() {
            let cure = "set database.url to the application's login, or remove this one";
            reader.problem(name, "there is no database.url beside it".to_owned(), cure);
        }
    }
    let max_connections = range(reader, "database.max_connections", 16, 2, 1000);
    let single = system_url.is_none() && migration_url.is_none();
    let auto_migrate = reader.value("database.auto_migrate", single, None, "write true or false");
    Database { url, system_url, migration_url, max_connections, auto_migrate }
}

fn master_keys(reader: &mut Reader<'_>) -> MasterKeys {
    let mistaken: Vec<String> = reader.environment().mistaken_for_keys().map(str::to_owned).collect();
    for variable in mistaken {
        let cure = "there are GANGWAY_MASTER_KEY and GANGWAY_MASTER_KEY_PREVIOUS, each also with _FILE";
        reader.problem(&variable, "is no setting".to_owned(), cure);
    }
    let hidden = |_: &str| "set".to_owned();
    let current = reader.secret("keys.master", "GANGWAY_MASTER_KEY", hidden);
    let previous = reader.secret("keys.previous", "GANGWAY_MASTER_KEY_PREVIOUS", hidden);
    let previous: Vec<SecretString> = previous
        .map(|texts| split(texts.expose_secret()).into_iter().map(SecretString::from).collect())
        .unwrap_or_default();
    match &current {
        Some(current) => {
            if let Err(error) = KeyRing::from_base64(current, &previous) {
                // The text ends with the cure.
                let text = error.to_string();
                let (message, cure) =
                    text.split_once("; ").unwrap_or((text.as_str(), "write 32 random bytes in base64"));
                reader.problem("keys.master (GANGWAY_MASTER_KEY)", message.to_owned(), cure);
            }
        }
        None if !previous.is_empty() => {
            let cure = "set GANGWAY_MASTER_KEY to the current key";
            reader.problem(
                "keys.previous (GANGWAY_MASTER_KEY_PREVIOUS)",
                "there is no current key beside it".to_owned(),
                cure,
            );
        }
        None => {}
    }
    MasterKeys { current, previous }
}

fn public_url(reader: &mut Reader<'_>) -> Option<String> {
    let cure = "write how others reach us, like https://gangway.example.com";
    let url = reader.address("server.public_url", "from the address", cure)?;
    if url.query().is_some() || url.fragment().is_some() || has_login(&url) {
        let message = "holds a login, a query or a fragment".to_owned();
        reader.problem("server.public_url", message, cure);
        return None;
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn log(reader: &mut Reader<'_>, filter: &str) -> Log {
    let format = reader.value("log.format", LogFormat::Text, None, "write text or json");
    let filter = reader.value("log.filter", filter.to_owned(), None, "write a filter");
    if let Err(error) = filter.parse::<tracing_subscriber::filter::Targets>() {
        let cure = "write levels by target, like info,gangway_app=debug";
        reader.problem("log.filter", format!("`{filter}` is no filter: {error}"), cure);
    }
    Log { format, filter }
}

fn otlp_endpoint(reader: &mut Reader<'_>) -> Option<SecretString> {
    let cure = "write the collector's address, like http://127.0.0.1:4318";
    let url = reader.address("telemetry.otlp_endpoint", "off", cure)?;
    Some(SecretString::from(url.as_str().trim_end_matches('/')))
}

pub(crate) fn has_login(url: &url::Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn range<T>(reader: &mut Reader<'_>, name: &str, default: T, least: T, most: T) -> T
where
    T: FromStr + fmt::Display + PartialOrd + Copy,
{
    let cure = format!("write a number from {least} to {most}");
    let value = reader.value(name, default, None, &cure);
    if value < least || value > most {
        reader.problem(name, format!("{value} is out of range"), &cure);
        return default;
    }
    value
}

fn check_url(reader: &mut Reader<'_>, name: &str, url: Option<&SecretString>, schemes: &[&str]) {
    let Some(url) = url else { return };
    if redact::parse(url.expose_secret(), schemes).is_none() {
        let cure = format!("write a URL that begins with {}", schemes.join(":// or ") + "://");
        reader.problem(name, "is no URL of a kind that is understood".to_owned(), &cure);
    }
}

/// A secret address with its login left out, or only that it is set.
fn shown_url(text: &str) -> String {
    let known: Vec<_> = POSTGRES.iter().chain(REDIS).copied().collect();
    address(text, &known).unwrap_or_else(|| "set".to_owned())
}
