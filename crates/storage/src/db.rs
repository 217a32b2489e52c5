//! Connecting, and beginning transactions.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gangway_domain::id::TenantId;
use gangway_metrics::database::{CONNECTION_TIMEOUTS, CONNECTION_WAIT};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
    sqlx::{self, Connection as _, SqliteConnection},
};
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::context::TokioContext;

use crate::{
    Error, Result, SystemReason, SystemTx, TenantScope, TenantTx,
    access::{Access, Opened},
    keys::{self, KeyHolder},
    transaction::{Transaction, Watcher},
};

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Config {
    /// `sqlite://path` or `postgres://…`, for tenants' transactions.
    pub url: String,
    /// Login of the system role, when it has one of its own.
    pub system_url: Option<String>,
    /// Connections at most, per login.
    pub max_connections: u32,
    /// How long a transaction waits for a connection, and on SQLite for its turn to write.
    pub acquire_timeout: Duration,
}

impl Config {
    /// One login, sixteen connections, five seconds.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), system_url: None, max_connections: 16, acquire_timeout: Duration::from_secs(5) }
    }
}

/// A connection that was used this lately is taken as it is: asking whether it lives would cost every transaction a round trip.
const UNTESTED: Duration = Duration::from_secs(1);

/// The database.
#[derive(Clone)]
pub struct Db {
    tenants: DatabaseConnection,
    system: DatabaseConnection,
    /// One login, so that both are one pool.
    is_shared: bool,
    /// SQLite takes one writer at a time; waiting here is fair and does not poll.
    writer: Option<Arc<Semaphore>>,
    /// How long one waits there.
    patience: Duration,
    /// Where connections live. The API's threads have runtimes of their own, which end before the worker does.
    home: Handle,
    watcher: Option<Watcher>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("tenants", &self.tenants).field("system", &self.system).finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the pools. Run migrations before, on a pool of their own that is closed again: a pooled SQLite connection that
    /// cached the old schema fails on upserts.
    ///
    /// Connections live as long as the runtime this is called in, whichever runtime a transaction begins in.
    pub async fn connect(config: &Config) -> Result<Self> {
        let tenants = open(config, &config.url).await?;
        let is_shared = config.system_url.is_none();
        let system = match &config.system_url {
            Some(url) => open(config, url).await?,
            None => tenants.clone(),
        };
        let is_sqlite = tenants.get_database_backend() == DbBackend::Sqlite;
        let writer = is_sqlite.then(|| Arc::new(Semaphore::new(1)));
        let patience = config.acquire_timeout;
        Ok(Self { tenants, system, is_shared, writer, patience, home: Handle::current(), watcher: None })
    }

    /// Which database this is.
    pub fn is_postgres(&self) -> bool {
        self.tenants.get_database_backend() == DbBackend::Postgres
    }

    /// Answers whether the database does.
    pub async fn ping(&self) -> Result<()> {
        Ok(TokioContext::new(self.tenants.ping(), self.home.clone()).await?)
    }

    /// Begins a transaction that sees one tenant and may write.
    pub async fn begin(&self, scope: &TenantScope) -> Result<TenantTx> {
        let opened = self.open_transaction(Pool::Tenants, Some(scope.tenant()), Access::Write, None).await?;
        Ok(TenantTx::new(scope.tenant(), opened))
    }

    /// Begins a transaction that sees one tenant and only reads.
    pub async fn begin_read(&self, scope: &TenantScope) -> Result<TenantTx> {
        let opened = self.open_transaction(Pool::Tenants, Some(scope.tenant()), Access::Read, None).await?;
        Ok(TenantTx::new(scope.tenant(), opened))
    }

    /// Begins a transaction across tenants, for a named reason.
    pub async fn begin_system(&self, reason: SystemReason) -> Result<SystemTx> {
        tracing::trace!(reason = reason.as_str(), "system transaction");
        let access = if reason.only_reads() { Access::Read } else { Access::Write };
        let opened = self.open_transaction(Pool::System, None, access, reason.at_most()).await?;
        Ok(SystemTx::new(opened))
    }

    /// Finds whoever holds the key with this hash, in any tenant; expiry, revocation and suspension are the caller's to judge.
    pub async fn authenticate(&self, hash: &[u8; 32]) -> Result<Option<KeyHolder>> {
        let tx = self.begin_system(SystemReason::Authenticate).await?;
        let holder = keys::find_holder(&tx, hash).await?;
        tx.commit().await?;
        Ok(holder)
    }

    /// The scope an operator acts in; the tenant must exist.
    pub async fn scope_for_operator(&self, tenant: TenantId) -> Result<TenantScope> {
        let tx = self.begin_system(SystemReason::ActForTenant).await?;
        let found = tx.tenants().find(tenant).await?;
        tx.commit().await?;
        found.map(|tenant| TenantScope::new(tenant.id)).ok_or(Error::NotFound("tenant"))
    }

    /// Tells of each statement that transactions run from now on.
    #[cfg(test)]
    pub(crate) fn watch(&mut self, watcher: impl Fn(&sea_orm::Statement) + Clone + Send + Sync + 'static) {
        for pool in [&mut self.tenants, &mut self.system] {
            let watcher = watcher.clone();
            pool.set_metric_callback(move |told| watcher(told.statement));
        }
        self.watcher = Some(Arc::new(watcher));
    }

    /// The system role's pool, for the queue's notices (which need no tenant and no transaction).
    pub(crate) const fn system_pool(&self) -> &DatabaseConnection {
        &self.system
    }

    /// Connections of each pool: how many are idle, how many in use. With one login there is one pool, that of tenants.
    pub fn connections(&self) -> impl Iterator<Item = (&'static str, u32, u32)> {
        let pools = [(Pool::Tenants, &self.tenants), (Pool::System, &self.system)];
        pools.into_iter().take(if self.is_shared { 1 } else { 2 }).map(|(pool, connections)| {
            let (size, idle) = if connections.get_database_backend() == DbBackend::Postgres {
                let pool = connections.get_postgres_connection_pool();
                (pool.size(), pool.num_idle())
            } else {
                let pool = connections.get_sqlite_connection_pool();
                (pool.size(), pool.num_idle())
            };
            let idle = u32::try_from(idle).unwrap_or(size).min(size);
            (pool.as_str(), idle, size - idle)
        })
    }

    async fn open_transaction(
        &self,
        pool: Pool,
        tenant: Option<TenantId>,
        access: Access,
        at_most: Option<Duration>,
    ) -> Result<Opened> {
        let begun = Instant::now();
        let opened = self.open_transaction_of(pool, tenant, access, at_most).await;
        match &opened {
            Ok(_) => CONNECTION_WAIT.record(begun.elapsed(), [pool.as_str()]),
            Err(_) => CONNECTION_TIMEOUTS.add(1, [pool.as_str()]),
        }
        opened
    }

    async fn open_transaction_of(
        &self,
        pool: Pool,
        tenant: Option<TenantId>,
        access: Access,
        at_most: Option<Duration>,
    ) -> Result<Opened> {
        let connections = match pool {
            Pool::Tenants => &self.tenants,
            Pool::System => &self.system,
        };
        if connections.get_database_backend() == DbBackend::Postgres {
            let connections = connections.get_postgres_connection_pool();
            let watcher = self.watcher.clone();
            // Boxed: every future that begins a transaction would hold it.
            let begun = Box::pin(Transaction::on_postgres(connections, pool.role(), tenant, at_most, watcher));
            let tx = TokioContext::new(begun, self.home.clone()).await?;
            return Ok(Opened { tx, access, writer: None });
        }
        let Some(turns) = self.writer.as_ref().filter(|_| access == Access::Write) else {
            let tx = Transaction::Sqlite(connections.begin().await?);
            return Ok(Opened { tx, access, writer: None });
        };
        // One long transaction must not make everybody wait for ever: whoever asked is told to come again.
        let waited = tokio::time::timeout(self.patience, Arc::clone(turns).acquire_owned()).await;
        let writer = waited.map_err(|_| Error::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))?;
        // The semaphore is never closed, so the error cannot happen; treat it as a missing gate all the same.
        let writer = writer.ok();
        // A deferred transaction that reads first and then writes fails at once when another process wrote between.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = Transaction::Sqlite(connections.begin_with_options(options).await?);
        Ok(Opened { tx, access, writer })
    }
}

/// Whose connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Tenants,
    System,
}

impl Pool {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tenants => "tenants",
            Self::System => "system",
        }
    }

    /// The role that its transactions take.
    const fn role(self) -> &'static str {
        match self {
            Self::Tenants => "gangway_app",
            Self::System => "gangway_system",
        }
    }
}

async fn open(config: &Config, url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .connect_timeout(config.acquire_timeout)
        .test_before_acquire_if_idle_for(UNTESTED)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|options| {
            options.after_release(|connection, _| Box::pin(async move { has_no_transaction(connection).await }))
        })
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(10))
                .foreign_keys(true)
        });
    Ok(Database::connect(options).await?)
}

/// Whether a connection that comes back is free of a transaction. A full disk makes `SQLite` end one by itself; the driver takes it for
/// open all the same, and would nest whatever comes next in one that nobody commits.
async fn has_no_transaction(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // The end of a transaction that was dropped waits in the connection's own queue.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

#[cfg(test)]
mod tests {
    use gangway_domain::id::PLATFORM_TENANT;
    use sea_orm::{ConnectionTrait as _, Statement};

    use super::*;

    #[tokio::test]
    async fn whoever_waits_too_long_to_write_is_told_to_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        let mut db = Db::connect(&Config::new(url)).await.unwrap();
        // Connecting itself may take as long on a busy machine.
        db.patience = Duration::from_millis(50);
        assert_eq!(db.connections().count(), 1, "one login has one pool");
        let scope = TenantScope::new(PLATFORM_TENANT);
        let long = db.begin(&scope).await.unwrap();
        let refused = db.begin(&scope).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)) && refused.is_transient(), "{refused:?}");
        db.begin_read(&scope).await.unwrap();
        drop(long);
        db.begin(&scope).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_committed_after_a_full_disk_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        let one = Config { max_connections: 1, ..Config::new(url) };
        let db = Db::connect(&one).await.unwrap();
        let scope = TenantScope::new(PLATFORM_TENANT);
        let run = async |sqls: &[&str]| {
            let tx = db.begin(&scope).await.unwrap();
            for sql in sqls {
                tx.raw().execute_unprepared(sql).await.map_err(Error::from)?;
            }
            tx.commit().await
        };
        run(&["CREATE TABLE t (x BLOB)"]).await.unwrap();
        // SQLite ends the transaction by itself, and nobody tells the driver.
        let large = "INSERT INTO t VALUES (zeroblob(400000))";
        let full = run(&["PRAGMA max_page_count = 20", large]).await.unwrap_err();
        assert!(matches!(full, Error::Full(_)), "{full:?}");
        db.begin_read(&scope).await.unwrap();
        run(&["PRAGMA max_page_count = 4294967294", "INSERT INTO t VALUES ('here')"]).await.unwrap();
        let other = Db::connect(&one).await.unwrap();
        let tx = other.begin(&scope).await.unwrap();
        let counted = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) FROM t");
        let n_rows: i64 = tx.raw().query_one_raw(counted).await.unwrap().unwrap().try_get_by_index(0).unwrap();
        assert_eq!(n_rows, 1);
    }
}
