//! A transaction on either database, with sea-orm's builders on top.
//!
//! On PostgreSQL it begins by a statement of ours: sea-orm's would cost a round trip for `BEGIN` and another one for the role, and
//! most transactions here are short.

use std::{sync::Arc, time::Duration};

use gangway_domain::id::TenantId;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, sea_query,
    sqlx::{self, Postgres, postgres::PgPool},
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::Mutex;

/// Told of each statement before it runs.
pub(crate) type Watcher = Arc<dyn Fn(&Statement) + Send + Sync>;

/// A transaction that has begun. Dropped, it is rolled back.
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(DatabaseTransaction),
    Postgres(PostgresTransaction),
}

/// The same on PostgreSQL.
pub(crate) struct PostgresTransaction {
    tx: Mutex<sqlx::Transaction<'static, Postgres>>,
    watcher: Option<Watcher>,
}

impl std::fmt::Debug for PostgresTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresTransaction")
    }
}

impl Transaction {
    /// Begins on PostgreSQL, in a role and seeing a tenant. Both are set for this transaction only, never for the session, so any
    /// pooler works. A statement that takes longer than `at_most` is ended by the server.
    pub(crate) async fn on_postgres(
        pool: &PgPool,
        role: &'static str,
        tenant: Option<TenantId>,
        at_most: Option<Duration>,
        watcher: Option<Watcher>,
    ) -> Result<Self, DbErr> {
        // Neither holds a quote: a name of ours, and a UUID.
        let tenant = tenant.map(|tenant| tenant.uuid().to_string()).unwrap_or_default();
        let limit = at_most.map(|at_most| format!("; SET LOCAL statement_timeout = {}", at_most.as_millis()));
        let limit = limit.unwrap_or_default();
        let sql = format!("BEGIN; SET LOCAL ROLE {role}; SET LOCAL app.tenant_id = '{tenant}'{limit}");
        let tx = pool.begin_with(sqlx::AssertSqlSafe(sql)).await.map_err(begin_error)?;
        Ok(Self::Postgres(PostgresTransaction { tx: Mutex::new(tx), watcher }))
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.tx.into_inner().commit().await.map_err(query_error),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Sqlite(_) => DbBackend::Sqlite,
            Self::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Sqlite(tx) => tx.execute_raw(statement).await,
            Self::Postgres(tx) => {
                let query = tx.query(statement);
                let done = query.execute(&mut **tx.tx.lock().await).await;
                done.map(Into::into).map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Sqlite(tx) => tx.execute_unprepared(sql).await,
            Self::Postgres(tx) => {
                let query = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
                let done = query.execute(&mut **tx.tx.lock().await).await;
                done.map(Into::into).map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Sqlite(tx) => tx.query_one_raw(statement).await,
            Self::Postgres(tx) => {
                let row = tx.query(statement).fetch_optional(&mut **tx.tx.lock().await).await;
                Ok(row.map_err(query_error)?.map(Into::into))
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Sqlite(tx) => tx.query_all_raw(statement).await,
            Self::Postgres(tx) => {
                let rows = tx.query(statement).fetch_all(&mut **tx.tx.lock().await).await;
                Ok(rows.map_err(query_error)?.into_iter().map(Into::into).collect())
            }
        }
    }
}

impl PostgresTransaction {
    fn query(&self, statement: Statement) -> sqlx::query::Query<'static, Postgres, SqlxValues> {
        if let Some(watcher) = &self.watcher {
            watcher(&statement);
        }
        let values = statement.values.unwrap_or_else(|| sea_query::Values(Vec::new()));
        sqlx::query_with(sqlx::AssertSqlSafe(statement.sql), SqlxValues(values))
    }
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

/// What the database says to the statement is told apart from not reaching it.
fn begin_error(error: sqlx::Error) -> DbErr {
    /// A role that does not exist, or that the login may not take.
    const REFUSED: [&str; 2] = ["22023", "42501"];
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => {
            let is_refused = error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code)
                .is_some_and(|code| REFUSED.contains(&code.as_ref()));
            let source = RuntimeErr::SqlxError(error.into());
            if is_refused { DbErr::Query(source) } else { DbErr::Conn(source) }
        }
    }
}
