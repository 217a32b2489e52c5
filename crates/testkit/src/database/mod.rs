//! A migrated database for one test, gone with it.

mod disk;
mod postgres;
mod sample;

use std::{fmt::Write as _, path::Path};

use gangway_migrations::{Migrator, MigratorTrait as _};
use gangway_storage::{Config, Db};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use tempfile::TempDir;

pub use self::disk::{Disk, SERVER_LOG};
pub use self::sample::Sample;

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
        migrate(&url, None).await;
        Self { url, place: Place::Sqlite(folder) }
    }

    /// A database on the server of [`crate::postgres_url`], used through a plain `NOINHERIT` login as in production; none
    /// without a server.
    ///
    /// # Panics
    /// When it can't be made, or there is no server in a run that leaves nothing out.
    pub async fn postgres() -> Option<Self> {
        let server = postgres::server()?;
        let clone = Clone::make(&server).await;
        Some(Self { url: clone.login_url().to_owned(), place: Place::Postgres(clone) })
    }

    /// An embedded database as it was after that migration.
    ///
    /// # Panics
    /// When it can't be made, or there is no such migration.
    pub async fn sqlite_at(migration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join(FILE).display());
        migrate(&url, Some(migration)).await;
        Self { url, place: Place::Sqlite(folder) }
    }

    /// The same on the server of [`crate::postgres_url`]; none without one.
    ///
    /// # Panics
    /// When it can't be made, there is no such migration, or there is no server in a run that leaves nothing out.
    pub async fn postgres_at(migration: &str) -> Option<Self> {
        let server = postgres::server()?;
        let clone = Clone::make_at(&server, migration).await;
        Some(Self { url: clone.login_url().to_owned(), place: Place::Postgres(clone) })
    }

    /// Brings the schema up to date.
    ///
    /// # Panics
    /// When a migration fails.
    pub async fn migrate(&self) {
        migrate(self.owner_url(), None).await;
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

    /// The folder of an embedded database.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Sqlite(folder) => Some(folder.path()),
            Place::Postgres(_) => None,
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
            // Column by column: PostgreSQL would print a whole row with its quotes doubled.
            let columns = if self.is_postgres() {
                format!(
                    "SELECT quote_ident(column_name) || '::text' AS line FROM information_schema.columns
                     WHERE table_schema = 'public' AND table_name = '{table}'"
                )
            } else {
                format!(
                    "SELECT 'CASE typeof(\"' || name || '\") WHEN ''blob'' THEN ''\\x'' || lower(hex(\"' || name || '\")) \
                     ELSE CAST(\"' || name || '\" AS TEXT) END' AS line FROM pragma_table_info('{table}')"
                )
            };
            let columns = texts(&connection, &columns).await;
            let shown: Vec<_> = columns.iter().map(|column| format!("coalesce({column}, '')")).collect();
            let sql = format!("SELECT {} AS line FROM \"{table}\"", shown.join(" || '|' || "));
            for line in texts(&connection, &sql).await {
                writeln!(text, "{table}: {line}").expect("a string takes everything");
            }
        }
        connection.close().await.expect("an idle pool closes");
        text
    }

    /// Runs a statement past every wall; answers how many rows it met.
    ///
    /// # Panics
    /// When it fails.
    pub async fn execute(&self, sql: &str) -> u64 {
        let connection = Database::connect(self.owner_url()).await.expect("the owner may connect");
        let done = connection.execute_unprepared(sql).await.expect("the statement is right");
        connection.close().await.expect("an idle pool closes");
        done.rows_affected()
    }

    /// How many rows a table has, past every wall.
    ///
    /// # Panics
    /// When the table can't be read.
    pub async fn count(&self, table: &str) -> i64 {
        self.count_where(table, "TRUE").await
    }

    /// How many rows of a table meet a condition, past every wall.
    ///
    /// # Panics
    /// When the table can't be read.
    pub async fn count_where(&self, table: &str, condition: &str) -> i64 {
        let connection = Database::connect(self.owner_url()).await.expect("the owner may connect");
        let sql = format!("SELECT CAST(count(*) AS TEXT) AS line FROM \"{table}\" WHERE {condition}");
        let lines = texts(&connection, &sql).await;
        connection.close().await.expect("an idle pool closes");
        lines.first().and_then(|line| line.parse().ok()).expect("a count is a number")
    }
}

/// Applies all migrations, or those up to one.
async fn migrate(url: &str, last: Option<&str>) {
    let all = Migrator::migrations();
    let steps = last.map(|last| {
        let place = all.iter().position(|migration| migration.name() == last).expect("there is that migration");
        u32::try_from(place + 1).expect("there are few migrations")
    });
    let connection = Database::connect(url).await.expect("a new database answers");
    Migrator::up(&connection, steps).await.expect("a database of ours can be migrated");
    connection.close().await.expect("an idle pool closes");
}

const FILE: &str = "gangway.sqlite";

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
