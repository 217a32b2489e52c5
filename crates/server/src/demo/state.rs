//! What a demo must remember besides its database: flags, ports, what it made, and the texts of its keys.
//!
//! All in a file of mode 0600 in the data folder. The flags of the first start that had its ports hold for the folder; others are
//! refused, since people, seed and dialect decide what the sandbox says and the database has it already.

use std::{net::SocketAddr, time::Duration};

use anyhow::bail;
use chrono::NaiveDate;
use gangway_domain::{
    Clock as _, SystemClock,
    id::{ConnectionId, TenantId},
};
use gangway_sandbox::Dialect;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    cli::DemoArgs,
    config::{DEFAULT_LISTEN, DEFAULT_SANDBOX},
    data_folder::DataFolder,
};

const FILE: &str = "demo.json";
const SANDBOX: &str = "sandbox.json";
const DEFAULT_PEOPLE: usize = 250;
const DEFAULT_SEED: u64 = 1;

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    people: usize,
    seed: u64,
    dialect: Dialect,
    listen: SocketAddr,
    sandbox_listen: SocketAddr,
    /// The day the sandbox's absences and attendances are made around.
    today: NaiveDate,
    /// No start has had its ports yet, so nothing was made and the flags may change.
    #[serde(default)]
    is_provisional: bool,
    /// Names may be changed by anybody who has the keys, ids stay.
    tenant: Option<TenantId>,
    connection: Option<ConnectionId>,
    operator_key: Option<String>,
    tenant_key: Option<String>,
    first_sync_milliseconds: Option<u64>,
}

/// A demo's memory.
pub(super) struct State {
    kept: Kept,
}

impl State {
    /// Reads what an earlier start left and compares it with the flags; without one, begins. Writes nothing yet.
    ///
    /// # Errors
    /// When flags differ, the file is damaged, or the folder holds something else's data.
    pub(super) fn take_up(folder: &DataFolder, flags: &DemoArgs) -> anyhow::Result<Self> {
        let Some(text) = folder.read(FILE)? else {
            if folder.has_database()? {
                bail!(
                    "the data folder {} holds data that no demo made; choose another folder with --data",
                    folder.path().display()
                );
            }
            return Self::new().begin(folder, flags);
        };
        // The library's text may quote a key, so only the place is told.
        let kept: Kept = serde_json::from_str(&text).map_err(|error| {
            let path = folder.path().join(FILE);
            anyhow::anyhow!(
                "{} is damaged in line {}; delete the folder {} to begin anew, or choose another with --data",
                path.display(),
                error.line(),
                folder.path().display()
            )
        })?;
        let state = Self { kept };
        if state.kept.is_provisional {
            return state.begin(folder, flags);
        }
        let differences = state.differences(flags);
        if differences.is_empty() {
            return Ok(state);
        }
        bail!(
            "the data folder {} was made with other flags: {}; leave them out, choose another folder with --data, or delete \
             this one",
            folder.path().display(),
            differences.join(", ")
        )
    }

    fn new() -> Self {
        Self {
            kept: Kept {
                people: DEFAULT_PEOPLE,
                seed: DEFAULT_SEED,
                dialect: Dialect::Vendor,
                listen: DEFAULT_LISTEN,
                sandbox_listen: DEFAULT_SANDBOX,
                today: SystemClock.now().date_naive(),
                is_provisional: true,
                tenant: None,
                connection: None,
                operator_key: None,
                tenant_key: None,
                first_sync_milliseconds: None,
            },
        }
    }

    /// Takes on the flags of a start before which nothing was made.
    fn begin(mut self, folder: &DataFolder, flags: &DemoArgs) -> anyhow::Result<Self> {
        let DemoArgs { people, seed, listen, sandbox_listen, data: _, dialect } = flags;
        let kept = &mut self.kept;
        kept.people = people.unwrap_or(kept.people);
        kept.seed = seed.unwrap_or(kept.seed);
        kept.dialect = dialect.map_or(kept.dialect, Into::into);
        kept.listen = listen.unwrap_or(kept.listen);
        kept.sandbox_listen = sandbox_listen.unwrap_or(kept.sandbox_listen);
        kept.today = SystemClock.now().date_naive();
        // Of a start that ended early, perhaps with other people.
        folder.remove(SANDBOX)?;
        Ok(self)
    }

    fn differences(&self, flags: &DemoArgs) -> Vec<String> {
        let DemoArgs { people, seed, listen, sandbox_listen, data: _, dialect } = flags;
        let kept = &self.kept;
        let mut differences = Vec::new();
        let mut compare = |flag: &str, now: Option<String>, then: String| {
            if let Some(now) = now
                && now != then
            {
                differences.push(format!("--{flag} {now}, but it was {then}"));
            }
        };
        compare("people", people.map(|n| n.to_string()), kept.people.to_string());
        compare("seed", seed.map(|n| n.to_string()), kept.seed.to_string());
        compare("dialect", dialect.map(|d| Dialect::from(d).to_string()), kept.dialect.to_string());
        // Port 0 asks for any, and the one of the first start is as good as any.
        let asked = |address: &SocketAddr| (address.port() != 0).then(|| address.to_string());
        compare("listen", listen.as_ref().and_then(asked), kept.listen.to_string());
        compare("sandbox-listen", sandbox_listen.as_ref().and_then(asked), kept.sandbox_listen.to_string());
        differences
    }

    /// The sandbox this demo has.
    pub(super) fn sandbox(&self, folder: &DataFolder) -> gangway_sandbox::Config {
        let mut config = gangway_sandbox::Config::new(self.kept.people, self.kept.seed).with_dialect(self.kept.dialect);
        config.listen = self.kept.sandbox_listen;
        config.today = self.kept.today;
        config.state_file = Some(folder.path().join(SANDBOX));
        config
    }

    /// Where the API listens.
    pub(super) fn listen(&self) -> SocketAddr {
        self.kept.listen
    }

    /// The tenant, once made.
    pub(super) fn tenant(&self) -> Option<TenantId> {
        self.kept.tenant
    }

    /// Its connection to the sandbox, once made.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        self.kept.connection
    }

    /// The key of the operator, once made.
    pub(super) fn operator_key(&self) -> Option<&str> {
        self.kept.operator_key.as_deref()
    }

    /// The tenant's key, once made.
    pub(super) fn tenant_key(&self) -> Option<&str> {
        self.kept.tenant_key.as_deref()
    }

    /// Remembers which tenant is the demo's.
    pub(super) fn keep_tenant(&mut self, folder: &DataFolder, tenant: TenantId) -> anyhow::Result<()> {
        self.kept.tenant = Some(tenant);
        self.write(folder)
    }

    /// Remembers which connection is the demo's.
    pub(super) fn keep_connection(&mut self, folder: &DataFolder, connection: ConnectionId) -> anyhow::Result<()> {
        self.kept.connection = Some(connection);
        self.write(folder)
    }

    /// From now on the flags hold.
    pub(super) fn settle(&mut self, folder: &DataFolder) -> anyhow::Result<()> {
        if self.kept.is_provisional {
            self.kept.is_provisional = false;
            self.write(folder)?;
        }
        Ok(())
    }

    /// Remembers the ports that were found.
    pub(super) fn keep_ports(
        &mut self,
        folder: &DataFolder,
        listen: SocketAddr,
        sandbox: SocketAddr,
    ) -> anyhow::Result<()> {
        self.kept.listen = listen;
        self.kept.sandbox_listen = sandbox;
        self.write(folder)
    }

    /// Remembers the text of the operator's key.
    pub(super) fn keep_operator_key(&mut self, folder: &DataFolder, key: &SecretString) -> anyhow::Result<()> {
        self.kept.operator_key = Some(key.expose_secret().to_owned());
        self.write(folder)
    }

    /// Remembers the text of the tenant's key.
    pub(super) fn keep_tenant_key(&mut self, folder: &DataFolder, key: &SecretString) -> anyhow::Result<()> {
        self.kept.tenant_key = Some(key.expose_secret().to_owned());
        self.write(folder)
    }

    /// How long the first sync took: remembered from when it ended, so that later starts say the same.
    pub(super) fn first_sync_seconds(&mut self, folder: &DataFolder, now: Duration) -> anyhow::Result<f64> {
        let milliseconds = if let Some(milliseconds) = self.kept.first_sync_milliseconds {
            milliseconds
        } else {
            let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            self.kept.first_sync_milliseconds = Some(milliseconds);
            self.write(folder)?;
            milliseconds
        };
        Ok(Duration::from_millis(milliseconds).as_secs_f64())
    }

    fn write(&self, folder: &DataFolder) -> anyhow::Result<()> {
        folder.write(FILE, &serde_json::to_string_pretty(&self.kept)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(parent.path()).unwrap();
        (parent, folder)
    }

    #[test]
    fn later_flags_must_agree_with_the_first_ones() {
        let (_parent, folder) = folder();
        let first = DemoArgs { people: Some(9), seed: Some(2), ..DemoArgs::default() };
        let mut state = State::take_up(&folder, &first).unwrap();
        state.keep_ports(&folder, DEFAULT_LISTEN, DEFAULT_SANDBOX).unwrap();
        state.settle(&folder).unwrap();
        for same in [first.clone(), DemoArgs::default()] {
            assert_eq!(State::take_up(&folder, &same).unwrap().kept.people, 9);
        }
        let other = DemoArgs {
            people: Some(10),
            dialect: Some(crate::cli::Dialect::Guide),
            listen: Some("127.0.0.1:0".parse().unwrap()),
            ..DemoArgs::default()
        };
        let error = State::take_up(&folder, &other).err().unwrap().to_string();
        assert!(error.contains("--people 10, but it was 9, --dialect guide, but it was vendor"), "{error}");
        assert!(error.contains("--data") && !error.contains("listen"), "{error}");
    }

    #[test]
    fn a_start_that_had_no_ports_binds_nothing_to_its_flags() {
        let (_parent, folder) = folder();
        let flags = |people| DemoArgs { people, ..DemoArgs::default() };
        let mut failed = State::take_up(&folder, &flags(Some(9))).unwrap();
        failed.keep_ports(&folder, DEFAULT_LISTEN, DEFAULT_SANDBOX).unwrap();
        std::fs::write(folder.path().join(SANDBOX), "of nine people").unwrap();
        std::fs::write(folder.database_file().unwrap(), "a schema").unwrap();

        assert_eq!(
            State::take_up(&folder, &flags(None)).unwrap().kept.people,
            9,
            "they are still the next one's defaults"
        );
        let mut other = State::take_up(&folder, &flags(Some(10))).unwrap();
        assert!(!folder.path().join(SANDBOX).exists());
        other.settle(&folder).unwrap();
        assert!(State::take_up(&folder, &flags(Some(9))).is_err());
        assert_eq!(State::take_up(&folder, &flags(None)).unwrap().kept.people, 10);
    }

    #[test]
    fn a_file_of_an_older_version_is_read() {
        let (_parent, folder) = folder();
        let mut state = State::take_up(&folder, &DemoArgs::default()).unwrap();
        state.settle(&folder).unwrap();
        let mut file: serde_json::Value = serde_json::from_str(&folder.read(FILE).unwrap().unwrap()).unwrap();
        for new in ["is_provisional", "tenant", "connection"] {
            file.as_object_mut().unwrap().remove(new).unwrap();
        }
        folder.write(FILE, &file.to_string()).unwrap();
        let again = State::take_up(&folder, &DemoArgs::default()).unwrap();
        assert_eq!((again.kept.is_provisional, again.tenant(), again.connection()), (false, None, None));
    }

    #[test]
    fn data_of_something_else_is_left_alone() {
        let (_parent, folder) = folder();
        std::fs::write(folder.database_file().unwrap(), "data").unwrap();
        let error = State::take_up(&folder, &DemoArgs::default()).err().unwrap().to_string();
        assert!(error.contains("no demo made"), "{error}");
    }
}
