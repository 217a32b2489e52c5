//! `gangway doctor`: looks at everything that can be wrong before it goes wrong, and names the cure.

use std::process::ExitCode;

use chrono::Duration;
use gangway_app::{audit, seal, seal::MasterKeyUse};
use gangway_domain::{Clock as _, SystemClock};
use gangway_limits::SharedStore;
use gangway_storage::{Db, doctor, doctor::Isolation};
use gangway_vault::KeyRing;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    commands::key_rewrap,
    config::{Config, Loaded, MasterKeys},
    data_folder::DataFolder,
    database::Target,
    demo, print,
};

/// The database's clock may be off by this much: leases and schedules use it.
const CLOCK_TOLERANCE: Duration = Duration::seconds(5);

/// Audit entries get their place within a minute or two where a worker runs.
const AUDIT_LAG: Duration = Duration::minutes(10);

/// Rights of everybody but the owner.
const OTHERS: u32 = 0o077;

enum Finding {
    Ok(String),
    Warn(String, &'static str),
    Fail(String, String),
}

/// Prints one line for each check; code 1 when one failed.
///
/// # Errors
/// Never; findings are printed.
pub async fn run(loaded: Loaded) -> anyhow::Result<ExitCode> {
    let mut findings = settings(&loaded);
    let config = &loaded.config;
    // A key that can't be used is among the mistakes already.
    if !loaded.problems.iter().any(|problem| problem.setting.starts_with("keys.master")) {
        findings.push(master_key(config));
    }
    if config.database.url.is_none() {
        findings.push(folder(config));
    }
    // What is wrong with its settings is said above; what a library says to them may quote them.
    if !loaded.problems.iter().any(|problem| problem.setting.starts_with("database.")) {
        findings.extend(database(config).await);
    }
    if let Some(url) = &config.redis_url
        && !loaded.problems.iter().any(|problem| problem.setting.starts_with("redis."))
    {
        findings.push(redis(url).await);
    }
    let mut is_well = true;
    for finding in findings {
        print::line(&match finding {
            Finding::Ok(text) => format!("ok    {text}"),
            Finding::Warn(text, cure) => format!("warn  {text}; {cure}"),
            Finding::Fail(text, cure) => {
                is_well = false;
                format!("fail  {text}; {cure}")
            }
        });
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn settings(loaded: &Loaded) -> Vec<Finding> {
    if loaded.problems.is_empty() {
        return vec![Finding::Ok("settings: no mistake".to_owned())];
    }
    let finding = |problem: &crate::config::Problem| {
        Finding::Fail(format!("settings: {}: {}", problem.setting, problem.message), problem.cure.clone())
    };
    loaded.problems.iter().map(finding).collect()
}

/// What is evicted there is forgotten: a slot that nobody counts any more is spent twice.
const KEEPS_ALL: &str = "noeviction";

async fn redis(url: &SecretString) -> Finding {
    match SharedStore::at(url.expose_secret()).check().await {
        Ok(Some(policy)) if policy != KEEPS_ALL => Finding::Warn(
            format!(
                "redis: answers, but evicts keys when memory runs out ({policy}), and vendor limits would be exceeded"
            ),
            "set maxmemory-policy noeviction there, or use a server of its own",
        ),
        Ok(_) => Finding::Ok("redis: answers; vendor budgets are counted there".to_owned()),
        Err(error) => Finding::Fail(
            format!("redis: {}", crate::telemetry::Chain(&error)),
            "check redis.url and whether it runs; until then each process takes its share of each vendor limit"
                .to_owned(),
        ),
    }
}

fn master_key(config: &Config) -> Finding {
    match config.keys.ring() {
        Ok(ring) => Finding::Ok(format!("master key: {}, {} on the ring", ring.current_id(), ring.ids().count())),
        Err(_) if !config.keys.is_set() => key_of_the_demo(config).unwrap_or_else(|| {
            Finding::Fail(
                "master key: none, so `serve` will not start".to_owned(),
                "make one with `openssl rand -base64 32` and set GANGWAY_MASTER_KEY or GANGWAY_MASTER_KEY_FILE"
                    .to_owned(),
            )
        }),
        Err(error) => Finding::Fail(format!("master key: {error:#}"), "correct GANGWAY_MASTER_KEY".to_owned()),
    }
}

/// The key that a demo keeps in its folder, if it is a demo's.
fn key_of_the_demo(config: &Config) -> Option<Finding> {
    if config.database.url.is_some() {
        return None;
    }
    match demo::kept_master_key(&DataFolder::look_at(&config.data)) {
        Ok(None) => None,
        Ok(Some((place, key))) => Some(match MasterKeys::single(key).ring() {
            Ok(ring) => Finding::Ok(format!(
                "master key: {}, the demo's own, in {}; for other commands name that file in GANGWAY_MASTER_KEY_FILE",
                ring.current_id(),
                place.display()
            )),
            Err(error) => Finding::Fail(format!("master key: {error:#}"), "see docs/operations.md".to_owned()),
        }),
        Err(error) => Some(Finding::Fail(format!("master key: {error:#}"), "see docs/operations.md".to_owned())),
    }
}

/// The ring that a start of this folder would have: the settings', or else the demo's own key.
fn ring(config: &Config) -> Option<KeyRing> {
    if config.keys.is_set() || config.database.url.is_some() {
        return config.keys.ring().ok();
    }
    let (_, key) = demo::kept_master_key(&DataFolder::look_at(&config.data)).ok()??;
    MasterKeys::single(key).ring().ok()
}

fn folder(config: &Config) -> Finding {
    let path = config.data.display();
    if !DataFolder::can_be_written(&config.data) {
        let cure = "correct its owner and rights, or choose another with --data".to_owned();
        return Finding::Fail(format!("data folder: {path} cannot be written"), cure);
    }
    match DataFolder::mode(&config.data) {
        Ok(mode) if mode & OTHERS == 0 => Finding::Ok(format!("data folder: {path}, mode {mode:04o}")),
        Ok(mode) => Finding::Warn(
            format!("data folder: {path} has mode {mode:04o}, so other users may look into it"),
            "run chmod 0700 on it",
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::Ok(format!("data folder: {path} is not there yet; the first start makes it"))
        }
        Err(error) => Finding::Fail(format!("data folder: {path}: {error}"), "correct its owner and rights".to_owned()),
    }
}

async fn database(config: &Config) -> Vec<Finding> {
    let failed =
        |error: anyhow::Error| Finding::Fail(format!("database: {error:#}"), "see docs/operations.md".to_owned());
    let target = match Target::existing(config) {
        Ok(Some(target)) => target,
        Ok(None) => return vec![Finding::Ok("database: none yet; the first start makes it".to_owned())],
        Err(error) => return vec![failed(error)],
    };
    if let Err(error) = target.check().await {
        return vec![failed(error)];
    }
    let mut findings = Vec::new();
    match target.pending().await {
        Ok(pending) if pending.is_empty() => findings.push(Finding::Ok("migrations: none pending".to_owned())),
        Ok(pending) => {
            let text = format!("migrations: {} pending", pending.len());
            findings
                .push(Finding::Warn(text, "run `gangway migrate`, or start `serve` where it may migrate by itself"));
            return findings;
        }
        Err(error) => return vec![failed(error)],
    }
    match target.connect().await {
        Ok(db) => {
            findings.extend(inside(&db, &target.place()).await);
            findings.push(audit_lag(&db).await);
            // Without a ring there is a finding of its own.
            if let Some(ring) = ring(config) {
                findings.push(data_keys(&db, &ring).await);
            }
        }
        Err(error) => findings.push(failed(error)),
    }
    findings
}

/// Whether audit logs are chained, as workers do every minute.
async fn audit_lag(db: &Db) -> Finding {
    match audit::lag(db, SystemClock.now()).await {
        Ok(Some(lag)) if lag > AUDIT_LAG => Finding::Warn(
            format!("audit logs: the oldest entry has waited {} minutes for its place in the chain", lag.num_minutes()),
            "see that a worker runs, and look for failed jobs of kind chain-audit",
        ),
        Ok(_) => Finding::Ok(
            "audit logs: no entry waits for its place in the chain; `gangway audit verify` says whether the chains hold"
                .to_owned(),
        ),
        Err(error) => {
            let text = format!("audit logs: {}", crate::telemetry::Chain(&error));
            Finding::Fail(text, "check the login's rights".to_owned())
        }
    }
}

/// Whether the ring opens every data key, and which of its keys are needed for that.
async fn data_keys(db: &Db, ring: &KeyRing) -> Finding {
    let uses = match seal::master_key_uses(db).await {
        Ok(uses) => uses,
        Err(error) => {
            let text = format!("data keys: {}", crate::telemetry::Chain(&error));
            return Finding::Fail(text, "check the login's rights".to_owned());
        }
    };
    let known: Vec<_> = ring.ids().map(|id| id.to_string()).collect();
    let current = ring.current_id().to_string();
    let list = |needed: &dyn Fn(&MasterKeyUse) -> bool| {
        uses.iter().filter(|used| needed(used)).map(key_rewrap::describe).collect::<Vec<_>>().join(", ")
    };
    let missing = list(&|used| !known.contains(&used.master_key_id));
    if !missing.is_empty() {
        return Finding::Fail(
            format!("data keys: need a master key that is not set: {missing}"),
            "add that key to GANGWAY_MASTER_KEY_PREVIOUS; without it what these data keys sealed stays closed"
                .to_owned(),
        );
    }
    let previous = list(&|used| used.master_key_id != current);
    if !previous.is_empty() {
        return Finding::Warn(
            format!("data keys: need a previous master key: {previous}"),
            "keep GANGWAY_MASTER_KEY_PREVIOUS and run `gangway key rewrap`",
        );
    }
    let n: u64 = uses.iter().map(|used| used.n_data_keys).sum();
    if n == 0 {
        return Finding::Ok("data keys: none yet; each tenant gets one".to_owned());
    }
    let rest = if known.len() > 1 { "; GANGWAY_MASTER_KEY_PREVIOUS can be dropped" } else { "" };
    Finding::Ok(format!("data keys: {n}, none needs a previous master key{rest}"))
}

async fn inside(db: &Db, place: &str) -> Vec<Finding> {
    let report = match doctor::report(db).await {
        Ok(report) => report,
        Err(error) => {
            let text = format!("database: {place}: {}", crate::telemetry::Chain(&error));
            return vec![Finding::Fail(text, "check the login's rights".to_owned())];
        }
    };
    let mut findings = vec![Finding::Ok(format!("database: {} at {place}", report.server_version))];
    findings.extend(isolation(&report));
    if report.isolation != Isolation::FilterOnly {
        findings.push(if report.unforced_tables.is_empty() {
            Finding::Ok("row-level security: forced on every table of tenants".to_owned())
        } else {
            let text = format!("row-level security: not forced on {}", report.unforced_tables.join(", "));
            Finding::Fail(text, "run ALTER TABLE … FORCE ROW LEVEL SECURITY on each".to_owned())
        });
    }
    findings.push(match report.database_now {
        None => Finding::Ok("clock: the database runs in this process".to_owned()),
        Some(there) => {
            let apart = (SystemClock.now() - there).abs();
            let text = format!("clock: {} ms apart from the database's", apart.num_milliseconds());
            if apart <= CLOCK_TOLERANCE {
                Finding::Ok(text)
            } else {
                Finding::Warn(text, "synchronise both machines (NTP)")
            }
        }
    });
    findings
}

/// Logs what makes the walls between tenants weaker than promised, for those who never ask the doctor.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn warn_of_weak_walls(db: &Db) -> anyhow::Result<()> {
    for finding in isolation(&doctor::report(db).await?) {
        if let Finding::Fail(text, cure) = finding {
            tracing::warn!("{text}; {cure}");
        }
    }
    Ok(())
}

fn isolation(report: &doctor::Report) -> Vec<Finding> {
    let mut findings = vec![match report.isolation {
        Isolation::FilterOnly => Finding::Warn(
            "isolation: SQLite has no row-level security, so our queries' tenant filter stands alone".to_owned(),
            "use PostgreSQL where tenants do not trust each other",
        ),
        Isolation::OneLogin { no_inherit: true } => Finding::Warn(
            "isolation: row-level security with one NOINHERIT login that takes a role for each transaction".to_owned(),
            "set database.system_url and database.migration_url to logins of their own for the strongest level",
        ),
        Isolation::OneLogin { no_inherit: false } => Finding::Fail(
            "isolation: the login inherits its roles, so between transactions it sees every tenant".to_owned(),
            "run ALTER ROLE … NOINHERIT for it, see docs/operations.md#postgresql".to_owned(),
        ),
        Isolation::SeparateLogins { reaches_more: false } => {
            Finding::Ok("isolation: row-level security with a login for each role".to_owned())
        }
        Isolation::SeparateLogins { reaches_more: true } => Finding::Warn(
            "isolation: the login of database.url may take gangway_system or owns tables, so it is no wall".to_owned(),
            "make it a member of gangway_app alone, see docs/operations.md",
        ),
    }];
    if report.passes_row_security {
        findings.push(Finding::Fail(
            "isolation: a login is superuser or has BYPASSRLS, so row-level security does not hold for it".to_owned(),
            "use a plain login, see docs/operations.md#postgresql".to_owned(),
        ));
    }
    findings
}
