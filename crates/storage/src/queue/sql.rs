//! What the queue's statements share: binds, the database's clock, and the few words that differ between databases.

use sea_orm::{ConnectionTrait, DbBackend, ExecResult, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::{Result, transaction::Transaction};

#[derive(FromQueryResult)]
pub(super) struct Epoch {
    pub(super) epoch: i64,
}

#[derive(FromQueryResult)]
pub(super) struct Id {
    pub(super) id: Uuid,
}

/// Values of a statement, numbered as they are added.
#[derive(Default)]
pub(super) struct Binds(pub(super) Vec<Value>);

impl Binds {
    /// Adds a value and names it.
    pub(super) fn add(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }
}

/// The words in which the databases differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Microseconds on the database's own clock: leases of several processes are compared by one clock.
    pub(super) now: &'static str,
    /// Skips rows of `job` that somebody else works on.
    pub(super) skip_locked: &'static str,
    /// Holds rows as they are until the commit.
    pub(super) hold: &'static str,
    /// The same, but leaves out those that somebody is changing.
    pub(super) hold_unless_changing: &'static str,
    /// Waits for rows that somebody else works on.
    pub(super) for_update: &'static str,
    /// Larger of two values.
    pub(super) greatest: &'static str,
    /// Smaller of two values.
    pub(super) least: &'static str,
}

impl Dialect {
    pub(super) fn of(tx: &Transaction) -> Self {
        if tx.get_database_backend() == DbBackend::Postgres {
            Self {
                now: "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
                skip_locked: "FOR UPDATE OF job SKIP LOCKED",
                hold: "FOR NO KEY UPDATE",
                hold_unless_changing: "FOR NO KEY UPDATE SKIP LOCKED",
                for_update: "FOR UPDATE",
                greatest: "greatest",
                least: "least",
            }
        } else {
            // One writer at a time: nothing to lock, nothing to skip.
            Self {
                now: "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
                skip_locked: "",
                hold: "",
                hold_unless_changing: "",
                for_update: "",
                greatest: "max",
                least: "min",
            }
        }
    }
}

pub(super) async fn execute(tx: &Transaction, sql: &str, values: Vec<Value>) -> Result<ExecResult> {
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?)
}

pub(super) async fn query<T: FromQueryResult>(tx: &Transaction, sql: &str, values: Vec<Value>) -> Result<Vec<T>> {
    Ok(T::find_by_statement(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).all(tx).await?)
}
