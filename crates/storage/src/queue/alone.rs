//! The right to be the one process that works on a database: a lease, since no session state is kept.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    SystemQueue,
    sql::{Dialect, execute, query},
};
use crate::Result;

/// Whether the lease was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alone {
    /// It is ours.
    Ours,
    /// Another process has it, for so long unless it renews.
    Taken {
        /// Microseconds left.
        left_micros: i64,
    },
}

#[derive(FromQueryResult)]
struct Holder {
    holder: Uuid,
    left_micros: i64,
}

impl SystemQueue<'_> {
    /// Takes the lease, or prolongs it when it is ours already.
    pub async fn be_alone(&self, process: Uuid, lease_micros: i64) -> Result<Alone> {
        let tx = self.0.raw();
        let now = Dialect::of(tx).now;
        // One statement, so that of two processes that start together one gets it.
        let sql = format!(
            "INSERT INTO process_lease (name, holder, started_at, lease_until) VALUES ('serve', $1, {now}, {now} + $2)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until,
               started_at = CASE WHEN process_lease.holder = excluded.holder THEN process_lease.started_at
                 ELSE excluded.started_at END
             WHERE process_lease.holder = excluded.holder OR process_lease.lease_until < {now}"
        );
        execute(tx, &sql, vec![process.into(), lease_micros.into()]).await?;
        let sql = format!("SELECT holder, lease_until - {now} AS left_micros FROM process_lease");
        let rows: Vec<Holder> = query(tx, &sql, vec![]).await?;
        Ok(match rows.first() {
            Some(row) if row.holder != process => Alone::Taken { left_micros: row.left_micros.max(0) },
            _ => Alone::Ours,
        })
    }

    /// Gives the lease back, if it is ours.
    pub async fn leave(&self, process: Uuid) -> Result<()> {
        execute(self.0.raw(), "DELETE FROM process_lease WHERE holder = $1", vec![process.into()]).await.map(|_| ())
    }
}
