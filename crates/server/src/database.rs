//! Which database, bringing its schema up to date, and opening it.
//!
//! Migrations run on a pool of their own that is closed before the working pools open: a pooled `SQLite` connection that
//! cached the old schema fails on upserts.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::bail;
use gangway_migrations::{Migrator, MigratorTrait as _};
use gangway_storage::{Db, doctor, sqlstate};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    config::Config,
    data_folder::{DataFolder, FolderLock},
};

/// How long a command waits for a starting process to bring the schema up to date.
const WAIT: Duration = Duration::from_millis(100);
const N_WAITS: u32 = 100;

/// The database of a configuration.
#[derive(Debug)]
pub struct Target {
    url: SecretString,
    system_url: Option<SecretString>,
    migration_url: Option<SecretString>,
    max_connections: u32,
    auto_migrate: bool,
    embedded: Option<Embedded>,
}

#[derive(Debug)]
struct Embedded {
    folder: DataFolder,
    file: PathBuf,
}

impl Target {
    /// The configured database, or the embedded one, whose folder is created.
    ///
    /// # Errors
    /// When the folder can't be created or written.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        let database = &config.database;
        let (url, embedded) = if let Some(url) = &database.url {
            (url.clone(), None)
        } else {
            let folder = DataFolder::open(&config.data)?;
            let file = folder.database_file()?;
            (SecretString::from(sqlite_url(&file)), Some(Embedded { folder, file }))
        };
        Ok(Self {
            url,
            system_url: database.system_url.clone(),
            migration_url: database.migration_url.clone(),
            max_connections: database.max_connections,
            auto_migrate: database.auto_migrate,
            embedded,
        })
    }

    /// The database for a look: as [`Target::of`], but none while there is no embedded one, since a look makes nothing.
    ///
    /// # Errors
    /// When the folder can't be looked into.
    pub fn existing(config: &Config) -> anyhow::Result<Option<Self>> {
        if config.database.url.is_none() && !DataFolder::look_at(&config.data).has_database()? {
            return Ok(None);
        }
        Self::of(config).map(Some)
    }

    /// The embedded database's folder.
    pub fn folder(&self) -> Option<&DataFolder> {
        self.embedded.as_ref().map(|embedded| &embedded.folder)
    }

    /// Where the data lies, for people: a path, or the server without its login.
    pub fn place(&self) -> String {
        match &self.embedded {
            Some(embedded) => embedded.file.display().to_string(),
            None => server_of(self.url.expose_secret()),
        }
    }

    /// Takes the data folder for this process; nothing for a database server.
    ///
    /// # Errors
    /// When another process runs on it.
    pub fn lock(&self) -> anyhow::Result<Option<FolderLock>> {
        self.folder().map(DataFolder::lock).transpose()
    }

    /// Brings the schema up to date where that is ours to do, else refuses when it is behind.
    ///
    /// # Errors
    /// When the database does not answer, is damaged, or is behind and must be migrated by hand.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        if self.embedded.is_some() || self.auto_migrate {
            let n = self.migrate().await?;
            if n > 0 {
                tracing::info!(n_migrations = n, "the database's schema is up to date");
            }
            return Ok(());
        }
        self.require_current().await
    }

    /// For commands beside a running process: an embedded database that nobody runs is brought up to date, one that is being
    /// brought up to date is waited for, and a server's is only checked.
    ///
    /// # Errors
    /// As [`Target::prepare`].
    pub async fn prepare_beside(&self) -> anyhow::Result<()> {
        let Some(folder) = self.folder() else { return self.require_current().await };
        for _ in 0..N_WAITS {
            if self.pending().await?.is_empty() {
                return Ok(());
            }
            if let Ok(_lock) = folder.lock() {
                return self.prepare().await;
            }
            tokio::time::sleep(WAIT).await;
        }
        bail!("the running gangway is of another version than this one; use the same binary for both");
    }

    /// Refuses when migrations are pending.
    ///
    /// # Errors
    /// When the database is behind or does not answer.
    pub async fn require_current(&self) -> anyhow::Result<()> {
        let pending = self.pending().await?;
        if pending.is_empty() {
            return Ok(());
        }
        bail!(
            "the database at {} lacks {} migrations; run `gangway migrate` with the same settings first",
            self.place(),
            pending.len()
        );
    }

    /// Runs pending migrations and tells how many there were.
    ///
    /// # Errors
    /// When the database does not answer, is damaged, or refuses.
    pub async fn migrate(&self) -> anyhow::Result<usize> {
        let connection = self.owner_connection().await?;
        let outcome = async {
            let n = Migrator::get_pending_migrations(&connection).await?.len();
            if n > 0 {
                Migrator::up(&connection, None).await?;
            }
            anyhow::Ok(n)
        }
        .await;
        drop(connection.close().await);
        outcome.map_err(|error| self.explain(error, "migrating", self.owner_setting()))
    }

    /// Looks whether an embedded database hangs together.
    ///
    /// # Errors
    /// When it does not, or can't be read.
    pub async fn check(&self) -> anyhow::Result<()> {
        if self.embedded.is_none() {
            return Ok(());
        }
        let connection = self.owner_connection().await?;
        let outcome = doctor::is_whole(&connection).await;
        drop(connection.close().await);
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(anyhow::anyhow!(damaged(&self.place()))),
            Err(error) => Err(self.explain(error.into(), "reading", self.owner_setting())),
        }
    }

    /// Names of pending migrations.
    ///
    /// # Errors
    /// When the database does not answer or is damaged.
    pub async fn pending(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.status().await?.into_iter().filter(|(_, applied)| !applied).map(|(name, _)| name).collect())
    }

    /// [`Target::status`] of a database that is not there yet.
    pub fn status_of_none() -> Vec<(String, bool)> {
        Migrator::migrations().iter().map(|migration| (migration.name().to_owned(), false)).collect()
    }

    /// Every migration, and whether it was applied.
    ///
    /// # Errors
    /// When the database does not answer or is damaged.
    pub async fn status(&self) -> anyhow::Result<Vec<(String, bool)>> {
        let connection = self.owner_connection().await?;
        let outcome = gangway_migrations::status(&connection).await;
        drop(connection.close().await);
        outcome.map_err(|error| self.explain(error.into(), "reading", self.owner_setting()))
    }

    /// Opens the working pools.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn connect(&self) -> anyhow::Result<Db> {
        let mut config = gangway_storage::Config::new(self.url.expose_secret());
        config.system_url = self.system_url.as_ref().map(|url| url.expose_secret().to_owned());
        config.max_connections = self.max_connections;
        let settings = if self.system_url.is_some() { "database.url and database.system_url" } else { "database.url" };
        Db::connect(&config).await.map_err(|error| self.explain(error.into(), "opening", settings))
    }

    async fn owner_connection(&self) -> anyhow::Result<doctor::OwnerConnection> {
        let url = self.migration_url.as_ref().unwrap_or(&self.url);
        let opened = doctor::connect_as_owner(url.expose_secret()).await;
        opened.map_err(|error| self.explain(error.into(), "opening", self.owner_setting()))
    }

    const fn owner_setting(&self) -> &'static str {
        if self.migration_url.is_some() { "database.migration_url" } else { "database.url" }
    }

    /// One line that says what to do. Libraries' texts may hold the URL, so only the causes that are known are quoted.
    fn explain(&self, error: anyhow::Error, doing: &str, settings: &str) -> anyhow::Error {
        let text = format!("{error:#}").to_lowercase();
        let place = self.place();
        let known = if self.embedded.is_some() {
            of_file(&text, &place)
        } else {
            of_server(sqlstate(error.as_ref()).as_deref(), &text, &place, settings)
        };
        let urls = [Some(&self.url), self.system_url.as_ref(), self.migration_url.as_ref()];
        if let Some(known) = known {
            return anyhow::anyhow!(known);
        }
        if urls.into_iter().flatten().any(|url| quotes(&text, url.expose_secret())) {
            return anyhow::anyhow!("{doing} the database {place} failed; check {settings}");
        }
        error.context(format!("{doing} the database {place} failed"))
    }
}

/// What is told of a failure of the embedded database. SQLite's texts are always English.
fn of_file(text: &str, place: &str) -> Option<String> {
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    if says(&["not a database", "malformed", "disk image"]) {
        return Some(damaged(place));
    }
    if says(&["readonly", "read-only", "unable to open"]) {
        return Some(format!("the database {place} cannot be written; check the owner and rights of its folder"));
    }
    let is_full = says(&["disk is full", "disk i/o error", "no space left"]);
    is_full.then(|| format!("the disk under the database {place} is full or fails; make room there"))
}

fn damaged(place: &str) -> String {
    format!("the database {place} is damaged; restore a backup of the folder, or move the folder away to begin anew")
}

/// The same of a server: by its code, since its texts come in its own language, and else by what the library says.
fn of_server(code: Option<&str>, text: &str, place: &str, settings: &str) -> Option<String> {
    Some(match code {
        Some("28P01" | "28000") => {
            format!("the database at {place} refuses the login; check user and password in {settings}")
        }
        Some("3D000") => format!("there is no database {place}; create it, or check {settings}"),
        Some("42501") => format!(
            "the login of {settings} may not do what is needed at {place}; docs/operations.md#postgresql says what it needs"
        ),
        Some("53300") => format!(
            "the database at {place} has no connection left; lower database.max_connections, or raise the server's own limit"
        ),
        Some("57P03") => format!("the database at {place} is starting or stopping; try again in a moment"),
        Some("53100" | "58030") => format!("the disk under the database at {place} is full or fails; make room there"),
        None if text.contains("tls") => {
            format!("the database at {place} and this process agree on no TLS; check sslmode in {settings}")
        }
        None if ["refused", "timed out", "not available"].iter().any(|sign| text.contains(sign)) => {
            format!("the database at {place} does not answer; check {settings} and whether it runs")
        }
        Some(_) | None => return None,
    })
}

/// The URL of a file. Characters that mean something in a URL are escaped.
fn sqlite_url(file: &Path) -> String {
    let text = file.to_string_lossy();
    let escaped = text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '%' => escaped.push_str("%25"),
            '?' => escaped.push_str("%3F"),
            '#' => escaped.push_str("%23"),
            other => escaped.push(other),
        }
        escaped
    });
    format!("sqlite://{escaped}?mode=rwc")
}

/// Whether a text, in lower case, holds an address or the password in it.
fn quotes(text: &str, url: &str) -> bool {
    let password = url::Url::parse(url).ok().and_then(|url| url.password().map(str::to_lowercase));
    text.contains(&url.to_lowercase()) || password.is_some_and(|password| text.contains(&password))
}

fn server_of(url: &str) -> String {
    let address = crate::config::address(url, &["postgres", "postgresql"]);
    let place = address.as_deref().and_then(|address| address.split_once("://"));
    place.map_or("the configured server", |(_, place)| place.trim_end_matches("?***")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_no_login() {
        assert_eq!(server_of("postgres://user:pw@db.internal:5433/gangway"), "db.internal:5433/gangway");
        assert_eq!(server_of("postgres://db/gangway?password=x"), "db/gangway");
        assert_eq!(server_of("gangway:pw@db/x"), "the configured server");
    }

    #[test]
    fn an_error_that_quotes_the_address_is_known() {
        assert!(quotes("no driver for 'gangway:pw@db'", "gangway:PW@db"));
        assert!(quotes("login with s3cret failed", "postgres://a:S3cret@db/x"));
        assert!(!quotes("relation tenant does not exist", "postgres://a:S3cret@db/x"));
    }

    #[test]
    fn a_servers_failure_is_known_by_its_code_whatever_its_language() {
        let told = |code, text| of_server(code, text, "db/gangway", "database.migration_url");
        for (code, text, part) in [
            (Some("28P01"), "passwort-authentifizierung", "check user and password in database.migration_url"),
            (Some("3D000"), "datenbank existiert nicht", "there is no database db/gangway; create it"),
            (Some("42501"), "", "docs/operations.md#postgresql"),
            (Some("53300"), "", "has no connection left"),
            (None, "connection refused (os error 111)", "does not answer; check database.migration_url"),
            (None, "server does not support tls", "check sslmode in database.migration_url"),
        ] {
            assert!(told(code, text).unwrap().contains(part), "{code:?} {text}");
        }
        assert_eq!(told(Some("42P01"), "connection refused by a trigger"), None);
    }

    #[test]
    fn odd_characters_of_a_path_are_escaped() {
        assert_eq!(sqlite_url(Path::new("/a b/50%?#/x.sqlite")), "sqlite:///a b/50%25%3F%23/x.sqlite?mode=rwc");
    }
}
