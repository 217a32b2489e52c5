//! Keeps what was changed through the admin endpoints, beside the seed that makes the rest.
//!
//! The file is replaced as a whole and readable by its owner only. It belongs to one company, seed, size and dialect:
//! anything else on the same file is an error that names both.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::auth::Token;
use crate::config::{Config, Dialect};
use crate::hooks::Webhook;
use crate::people::{Absence, Attendance, Person};
use crate::quirks::Quirks;
use crate::v2::{Extras, Scopes};

/// Why the state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is there but cannot be read.
    #[error("cannot read the sandbox state file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the sandbox state file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is not a state file of this version.
    #[error("the sandbox state file {} is damaged: move it away to start afresh", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where reading it ended.
        #[source]
        source: serde_json::Error,
    },
    /// It belongs to another sandbox.
    #[error(
        "the sandbox state file {} was made with {what} {stored:?}, but {asked:?} was asked for: use the same value or \
         another folder",
        path.display()
    )]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which setting differs.
        what: &'static str,
        /// The file's value.
        stored: String,
        /// The configuration's value.
        asked: String,
    },
}

/// What differs from the generated world.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Changes {
    /// Added or changed people; `None` is a removed one.
    pub(crate) people: BTreeMap<u64, Option<Person>>,
    pub(crate) absences: BTreeMap<u64, Option<Absence>>,
    pub(crate) attendances: BTreeMap<u64, Option<Attendance>>,
    pub(crate) quirks: Option<Quirks>,
    /// Changed rights by client id.
    pub(crate) rights: BTreeMap<String, Rights>,
    /// Tokens given out, by their text.
    pub(crate) tokens: BTreeMap<String, Token>,
    /// The highest id given to something added: ids are never used twice.
    pub(crate) last_id: u64,
    pub(crate) v2: Extras,
    /// Webhooks by their number.
    pub(crate) webhooks: BTreeMap<u64, Webhook>,
}

/// What a credential may read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rights {
    pub(crate) whitelist: Option<BTreeSet<String>>,
    pub(crate) forbid_discovery: bool,
    #[serde(default = "Scopes::all")]
    pub(crate) scopes: Scopes,
}

/// Whose file it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    company: String,
    seed: u64,
    people: usize,
    dialect: Dialect,
    absences_per_person: usize,
    attendances_per_person: usize,
}

#[derive(Deserialize)]
struct Stored {
    sandbox: Identity,
    today: NaiveDate,
    changes: Changes,
}

#[derive(Serialize)]
struct Storing<'a> {
    sandbox: &'a Identity,
    today: NaiveDate,
    changes: &'a Changes,
}

/// An open state file.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    identity: Identity,
    today: NaiveDate,
}

impl Store {
    /// Reads the file, or makes it. The day it was made stays the day the world is generated around.
    pub(crate) fn open(path: &Path, config: &Config) -> Result<(Self, NaiveDate, Changes), StateError> {
        let identity = Identity {
            company: config.company.clone(),
            seed: config.seed,
            people: config.people,
            dialect: config.dialect,
            absences_per_person: config.absences_per_person,
            attendances_per_person: config.attendances_per_person,
        };
        let path = path.to_owned();
        match std::fs::read(&path) {
            Ok(bytes) => {
                let stored: Stored = serde_json::from_slice(&bytes)
                    .map_err(|source| StateError::Damaged { path: path.clone(), source })?;
                stored.sandbox.must_equal(&identity, &path)?;
                let store = Self { path, identity, today: stored.today };
                Ok((store, stored.today, stored.changes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let store = Self { path, identity, today: config.today };
                let changes = Changes::default();
                store.save(&changes)?;
                Ok((store, config.today, changes))
            }
            Err(source) => Err(StateError::Read { path, source }),
        }
    }

    /// Replaces the file.
    pub(crate) fn save(&self, changes: &Changes) -> Result<(), StateError> {
        let write = || -> io::Result<()> {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            // Temporary files are made with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
            serde_json::to_writer(&mut file, &Storing { sandbox: &self.identity, today: self.today, changes })?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        write().map_err(|source| StateError::Write { path: self.path.clone(), source })
    }
}

impl Identity {
    fn must_equal(&self, asked: &Self, path: &Path) -> Result<(), StateError> {
        let rows: [(&'static str, String, String); 6] = [
            ("company", self.company.clone(), asked.company.clone()),
            ("seed", self.seed.to_string(), asked.seed.to_string()),
            ("people", self.people.to_string(), asked.people.to_string()),
            ("dialect", self.dialect.to_string(), asked.dialect.to_string()),
            ("absences per person", self.absences_per_person.to_string(), asked.absences_per_person.to_string()),
            (
                "attendances per person",
                self.attendances_per_person.to_string(),
                asked.attendances_per_person.to_string(),
            ),
        ];
        match rows.into_iter().find(|(_, stored, asked)| stored != asked) {
            Some((what, stored, asked)) => Err(StateError::Mismatch { path: path.to_owned(), what, stored, asked }),
            None => Ok(()),
        }
    }
}
