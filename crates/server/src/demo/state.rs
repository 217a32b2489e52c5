//! What a demo must remember besides its database: flags, ports, the texts of its keys, and its master key.
//!
//! All in files of mode 0600 in the data folder. The flags of the first start hold for the folder; others are refused, since
//! people, seed and dialect decide what the sandbox says and the database has it already.

use std::{net::SocketAddr, time::Duration};

use anyhow::bail;
use chrono::NaiveDate;
use gangway_domain::{Clock as _, SystemClock};
use gangway_sandbox::Dialect;
use gangway_vault::MasterKey;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    cli::DemoArgs,
    config::{DEFAULT_LISTEN, DEFAULT_SANDBOX, MasterKeys},
    data_folder::DataFolder,
};

const FILE: &str = "demo.json";
const MASTER_KEY: &str = "master.key";
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
            let database = folder.database_file()?;
            if std::fs::metadata(&database).is_ok_and(|file| file.len() > 0) {
                bail!(
                    "the data folder {} holds data that no demo made; choose another folder with --data",
                    folder.path().display()
                );
            }
            // Of a start that ended before anything else was written.
            folder.remove(SANDBOX)?;
            return Ok(Self::begin(flags));
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

    fn begin(flags: &DemoArgs) -> Self {
        let dialect = flags.dialect.map_or(Dialect::Vendor, Into::into);
        Self {
            kept: Kept {
                people: flags.people.unwrap_or(DEFAULT_PEOPLE),
                seed: flags.seed.unwrap_or(DEFAULT_SEED),
                dialect,
                listen: flags.listen.unwrap_or(DEFAULT_LISTEN),
                sandbox_listen: flags.sandbox_listen.unwrap_or(DEFAULT_SANDBOX),
                today: SystemClock.now().date_naive(),
                operator_key: None,
                tenant_key: None,
                first_sync_milliseconds: None,
            },
        }
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

    /// The key of the operator, once made.
    pub(super) fn operator_key(&self) -> Option<&str> {
        self.kept.operator_key.as_deref()
    }

    /// The tenant's key, once made.
    pub(super) fn tenant_key(&self) -> Option<&str> {
        self.kept.tenant_key.as_deref()
    }

    /// Remembers the ports that were really taken.
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

/// The demo's own master key, made at the first start.
///
/// # Errors
/// When it can't be read or written.
pub(super) fn master_key(folder: &DataFolder) -> anyhow::Result<SecretString> {
    if let Some(text) = folder.read(MASTER_KEY)? {
        let key = SecretString::from(text.trim());
        anyhow::ensure!(
            MasterKeys::single(key.clone()).ring().is_ok(),
            "{} is damaged, and without it nothing in {} can be opened; put a copy of it back, or delete the folder to begin \
             anew",
            folder.path().join(MASTER_KEY).display(),
            folder.path().display()
        );
        return Ok(key);
    }
    let key = MasterKey::generate().to_base64();
    folder.write(MASTER_KEY, &format!("{}\n", key.expose_secret()))?;
    Ok(key)
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
    fn data_of_something_else_is_left_alone() {
        let (_parent, folder) = folder();
        std::fs::write(folder.database_file().unwrap(), "data").unwrap();
        let error = State::take_up(&folder, &DemoArgs::default()).err().unwrap().to_string();
        assert!(error.contains("no demo made"), "{error}");
    }

    #[test]
    fn the_master_key_stays() {
        let (_parent, folder) = folder();
        let first = master_key(&folder).unwrap();
        assert_eq!(master_key(&folder).unwrap().expose_secret(), first.expose_secret());
    }
}
