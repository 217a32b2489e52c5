//! What a transaction was opened for, and the moment at which its work becomes true.
//!
//! Either side of that moment is traced, at the finest level: whoever asks what a crash leaves behind can end a process right
//! there, as `tests/it/killed` does.

use tokio::sync::OwnedSemaphorePermit;

use crate::{Result, transaction::Transaction};

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

/// A transaction that has begun.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) tx: Transaction,
    pub(crate) access: Access,
    /// `SQLite`: the turn to write, kept until the end.
    pub(crate) writer: Option<OwnedSemaphorePermit>,
}

/// Commits.
pub(crate) async fn commit(tx: Transaction, access: Access) -> Result<()> {
    if access == Access::Read {
        return Ok(tx.commit().await?);
    }
    tracing::trace!("a transaction is about to commit");
    tx.commit().await?;
    tracing::trace!("a transaction has committed");
    Ok(())
}
