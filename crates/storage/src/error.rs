//! Storage failures. `Display` never holds values of rows or parameters.

use std::borrow::Cow;

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// Why a storage operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such row in this tenant.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A unique name or pair is taken.
    #[error("a unique value is taken")]
    Taken,
    /// A row that this one points at is missing.
    #[error("a referenced row is missing")]
    MissingReference,
    /// The job's lease was lost: another worker has it, so nothing was committed.
    #[error("the job's lease was lost")]
    LeaseLost,
    /// The row changed since it was read.
    #[error("the row has changed since it was read")]
    Stale,
    /// The database cannot be reached, is shutting down, or has no connection free in time.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// The disk under the database is full, or takes nothing more for another reason; nothing was stored.
    #[error("the disk under the database is full, or refuses to be written")]
    Full(#[source] DbErr),
    /// Stored data cannot be read back: damage or a bug.
    #[error("stored {what} cannot be read: {reason}")]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
        /// Why, without values.
        reason: String,
    },
    /// Anything else.
    #[error("the database refused a statement")]
    Database(#[source] DbErr),
}

impl Error {
    /// Stored data that cannot be read back.
    pub(crate) fn corrupt(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Corrupt { what, reason: reason.into() }
    }

    /// Whether trying again may help without anyone touching what was asked for.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => return Self::Taken,
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => return Self::MissingReference,
            _ => {}
        }
        match code(&error) {
            Some(code) if FULL.contains(&code.as_ref()) => Self::Full(error),
            _ if is_unavailable(&error) => Self::Unavailable(error),
            _ => Self::Database(error),
        }
    }
}

/// `disk_full` of PostgreSQL; of SQLite a full disk, and a write, a flush or a growing of its index of the log that failed, which
/// is how a quota and a limit on the length of files show.
const FULL: &[&str] = &["53100", "13", "778", "1034", "4874"];

/// What the database calls the failure.
fn code(error: &DbErr) -> Option<Cow<'_, str>> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(source))
        | DbErr::Exec(RuntimeErr::SqlxError(source))
        | DbErr::Query(RuntimeErr::SqlxError(source)) => source.as_database_error()?.code(),
        _ => None,
    }
}

/// What the database calls the failure that is among the causes of an error: five characters on PostgreSQL.
pub fn sqlstate(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|error| code(error.downcast_ref::<DbErr>()?).map(Cow::into_owned))
}

/// Connection trouble, PostgreSQL's classes 08, 53, 57 and serialisation failures, and a busy SQLite.
fn is_unavailable(error: &DbErr) -> bool {
    let source = match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return true,
        DbErr::Exec(RuntimeErr::SqlxError(source)) | DbErr::Query(RuntimeErr::SqlxError(source)) => source,
        _ => return false,
    };
    match source.as_ref() {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            ["08", "53", "57"].iter().any(|class| code.len() == 5 && code.starts_with(class))
                || ["40001", "40P01", "5", "6", "261", "517", "773"].contains(&code.as_ref())
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, ConnectionTrait as _, Database};

    use super::*;

    #[tokio::test]
    async fn a_full_sqlite_is_told_apart_from_one_that_is_away() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let db = Database::connect(options).await.unwrap();
        db.execute_unprepared("CREATE TABLE t (x BLOB); PRAGMA max_page_count = 3").await.unwrap();
        let refused = db.execute_unprepared("INSERT INTO t VALUES (zeroblob(100000))").await.unwrap_err();
        let error = Error::from(refused);
        assert!(matches!(error, Error::Full(_)) && error.is_transient(), "{error:?}");
    }
}
