//! A migrated database for one test, gone with it.

mod postgres;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use gangway_migrations::{Migrator, MigratorTrait as _};
use gangway_storage::{Config, Db};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use tempfile::TempDir;

use self::postgres::Clone;

/// A migrated database of its own.
pub struct TestDb {
    url: String,
    place: Place,
}

enum Place {
    Sqlite(TempDir),
    Postgres(Clone),
}

impl TestDb {
    /// An embedded database in a temporary folder.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join(FILE).display());
        let connection = Database::connect(&url).await.expect("a new file can be opened");
        Migrator::up(&connection, None).await.expect("an empty database can be migrated");
        connection.close().await.expect("an idle pool closes");
        Self { url, place: Place::Sqlite(folder) }
    }

    /// A database on the server of `GANGWAY_TEST_POSTGRES_URL`, used through a plain `NOINHERIT` login as in production; none
    /// when the variable is not set.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn postgres() -> Option<Self> {
        let Some(server) = postgres::server() else {
            #[expect(clippy::print_stdout, reason = "the test run must say what it left out")]
            {
                println!("skipped on PostgreSQL: GANGWAY_TEST_POSTGRES_URL is not set (make test sets it)");
            }
            return None;
        };
        let clone = Clone::make(&server).await;
        Some(Self { url: clone.login_url().to_owned(), place: Place::Postgres(clone) })
    }

    /// Opens the working pools, as `serve` does.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn connect(&self) -> Db {
        let mut config = Config::new(&self.url);
        config.max_connections = 8;
        Db::connect(&config).await.expect("the test's database answers")
    }

    /// The URL of the working login.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of a login that passes every wall, to look at what is really there.
    pub fn owner_url(&self) -> &str {
        match &self.place {
            Place::Sqlite(_) => &self.url,
            Place::Postgres(clone) => clone.owner_url(),
        }
    }

    /// Whether this is `PostgreSQL`.
    pub fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Postgres(_))
    }

    /// The files of an embedded database: the database, its write-ahead log and its index.
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.place {
            Place::Sqlite(folder) => files_of(folder.path()),
            Place::Postgres(_) => Vec::new(),
        }
    }

    /// Every row of every table as text, bytes in hexadecimal digits.
    ///
    /// # Panics
    /// When a table can't be read.
    pub async fn dump(&self) -> String {
        let connection = Database::connect(self.owner_url()).await.expect("the owner may connect");
        let mut text = String::new();
        for table in tables(&connection).await {
            let sql = if self.is_postgres() {
                format!("SELECT t::text AS line FROM \"{table}\" t")
            } else {
                let columns =
                    texts(&connection, &format!("SELECT name AS line FROM pragma_table_info('{table}')")).await;
                let shown: Vec<_> = columns
                    .iter()
                    .map(|column| {
                        format!(
                            "CASE typeof(\"{column}\") WHEN 'blob' THEN '\\x' || lower(hex(\"{column}\")) \
                     ELSE coalesce(CAST(\"{column}\" AS TEXT), '') END"
                        )
                    })
                    .collect();
                format!("SELECT {} AS line FROM \"{table}\"", shown.join(" || '|' || "))
            };
            for line in texts(&connection, &sql).await {
                writeln!(text, "{table}: {line}").expect("a string takes everything");
            }
        }
        connection.close().await.expect("an idle pool closes");
        text
    }

    /// How many rows a table has, past every wall.
    ///
    /// # Panics
    /// When the table can't be read.
    pub async fn count(&self, table: &str) -> i64 {
        let connection = Database::connect(self.owner_url()).await.expect("the owner may connect");
        let sql = format!("SELECT CAST(count(*) AS TEXT) AS line FROM \"{table}\"");
        let lines = texts(&connection, &sql).await;
        connection.close().await.expect("an idle pool closes");
        lines.first().and_then(|line| line.parse().ok()).expect("a count is a number")
    }
}

const FILE: &str = "gangway.sqlite";

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the test's folder can be listed");
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect()
}

/// The tables of ours.
async fn tables(connection: &DatabaseConnection) -> Vec<String> {
    let sql = if connection.get_database_backend() == sea_orm::DbBackend::Postgres {
        "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    } else {
        "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
    };
    texts(connection, sql).await
}

async fn texts(connection: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| row.try_get::<String>("", "line").expect("the column is text")).collect()
}
