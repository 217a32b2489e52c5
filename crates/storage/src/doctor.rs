//! What an operator must know about the database: which isolation runs, whether it holds everywhere, how far its clock is off.
//!
//! Reads catalogues, never rows of tenants. [`connect_as_owner`] is for migrations only.

use std::time::Duration;

use chrono::{DateTime, Utc};
use gangway_domain::id::PLATFORM_TENANT;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, FromQueryResult, Statement, sqlx,
};

use crate::{Db, Result, SystemReason, TenantScope};

/// A connection with the owner's rights. Close it before any working pool opens.
pub type OwnerConnection = DatabaseConnection;

/// Which walls stand between tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// `SQLite`: the filter of our queries alone.
    FilterOnly,
    /// `PostgreSQL`, one login that takes a role for each transaction.
    OneLogin {
        /// It does not inherit its roles' rights, so between transactions it sees nothing.
        no_inherit: bool,
    },
    /// `PostgreSQL`, a login for each role.
    SeparateLogins {
        /// The tenants' login may take the system role too, or owns tables: then it is no wall.
        reaches_more: bool,
    },
}

/// What [`report`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which walls stand between tenants.
    pub isolation: Isolation,
    /// A login is superuser or passes row-level security.
    pub passes_row_security: bool,
    /// Tables with a tenant column and without forced row-level security.
    pub unforced_tables: Vec<String>,
    /// Version as the database tells it.
    pub server_version: String,
    /// The database's clock, where it has one of its own.
    pub database_now: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Name {
    name: String,
}

#[derive(FromQueryResult)]
struct Session {
    login: String,
    inherits: bool,
    passes: bool,
    reaches_more: bool,
    version: String,
    now: DateTime<Utc>,
}

/// Looks at the database.
///
/// # Errors
/// When it does not answer.
pub async fn report(db: &Db) -> Result<Report> {
    let tx = db.begin_system(SystemReason::Doctor).await?;
    if !tx.is_postgres() {
        let version = tx.query::<Name>("SELECT sqlite_version() AS name", vec![]).await?;
        tx.commit().await?;
        let server_version = version.into_iter().next().map(|row| format!("SQLite {}", row.name)).unwrap_or_default();
        return Ok(Report {
            isolation: Isolation::FilterOnly,
            passes_row_security: false,
            unforced_tables: Vec::new(),
            server_version,
            database_now: None,
        });
    }
    let unforced = tx.query::<Name>(UNFORCED_TABLES, vec![]).await?;
    let system = tx.query::<Session>(LOGIN, vec![]).await?;
    tx.commit().await?;
    let tx = db.begin_read(&TenantScope::new(PLATFORM_TENANT)).await?;
    let tenants = tx.query::<Session>(LOGIN, vec![]).await?;
    tx.commit().await?;
    let (Some(system), Some(tenants)) = (system.into_iter().next(), tenants.into_iter().next()) else {
        return Err(crate::Error::corrupt("pg_roles", "the session's login is not in it"));
    };
    let isolation = if tenants.login == system.login {
        Isolation::OneLogin { no_inherit: !tenants.inherits }
    } else {
        Isolation::SeparateLogins { reaches_more: tenants.reaches_more }
    };
    Ok(Report {
        isolation,
        passes_row_security: tenants.passes || system.passes,
        unforced_tables: unforced.into_iter().map(|row| row.name).collect(),
        server_version: format!("PostgreSQL {}", tenants.version),
        database_now: Some(tenants.now),
    })
}

const UNFORCED_TABLES: &str = "
    SELECT c.relname AS name FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    UNION ALL
    SELECT c.relname FROM pg_class c
    WHERE c.relname = 'tenant' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    ORDER BY 1";

/// `session_user` is the login, whatever role the transaction took. `USAGE` asks whether it has a role's rights without taking
/// it, which since `PostgreSQL` 16 is a matter of the grant rather than of the login.
const LOGIN: &str = "
    SELECT session_user::text AS login,
           pg_has_role(session_user, 'gangway_app', 'USAGE')
             OR pg_has_role(session_user, 'gangway_system', 'USAGE') AS inherits, (r.rolsuper OR r.rolbypassrls) AS passes,
           pg_has_role(session_user, 'gangway_system', 'MEMBER') OR EXISTS (
             SELECT FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
               AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS reaches_more,
           current_setting('server_version') AS version, now() AS now
    FROM pg_roles r WHERE r.rolname = session_user";

/// Whether the pages of an embedded database hang together. Reads all of them, so it is for small ones and for doctors.
///
/// # Errors
/// When it can't even be read that far.
pub async fn is_whole(connection: &OwnerConnection) -> Result<bool> {
    let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA quick_check(1)");
    let row = connection.query_one_raw(statement).await?;
    Ok(row.is_some_and(|row| row.try_get_by_index::<String>(0).is_ok_and(|text| text == "ok")))
}

/// Opens one connection for migrations.
///
/// # Errors
/// When the database does not answer or is damaged.
pub async fn connect_as_owner(url: &str) -> Result<OwnerConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .connect_timeout(Duration::from_secs(5))
        .acquire_timeout(Duration::from_secs(5))
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .busy_timeout(Duration::from_secs(10))
                .foreign_keys(true)
        });
    let connection = Database::connect(options).await?;
    connection.ping().await?;
    Ok(connection)
}
