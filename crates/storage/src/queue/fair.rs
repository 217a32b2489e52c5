//! Start-time fair queueing between tenants: each job gets a virtual start time when it becomes due, and jobs are claimed in
//! that order.
//!
//! A tenant's next start is the larger of the queue's virtual time (the start of what was claimed last) and the end of the
//! tenant's own previous job; each job lasts one unit. So a tenant with a million waiting jobs has starts far in the future,
//! and a newcomer starts now. Plain columns and an index: `FOR UPDATE` allows no window functions.

use gangway_domain::id::TenantId;
use sea_orm::{DatabaseTransaction, FromQueryResult};

use super::sql::{Dialect, execute, query};
use crate::{Error, Result};

#[derive(FromQueryResult)]
struct LastFinish {
    last_finish: i64,
}

/// Reserves `n` consecutive starts for a tenant and answers the first. Holds the tenant's share until the commit.
pub(super) async fn reserve(
    tx: &DatabaseTransaction,
    tenant: TenantId,
    queue: &str,
    class: i16,
    n: i64,
) -> Result<i64> {
    let greatest = Dialect::of(tx).greatest;
    let sql = format!(
        "INSERT INTO fair_share (tenant_id, queue, class, last_finish)
         VALUES ($1, $2, $3,
           coalesce((SELECT virtual_now FROM queue_clock WHERE queue = $2 AND class = $3), 0) + $4)
         ON CONFLICT (tenant_id, queue, class) DO UPDATE
         SET last_finish = {greatest}(fair_share.last_finish, excluded.last_finish - $4) + $4
         RETURNING last_finish"
    );
    let values = vec![tenant.uuid().into(), queue.into(), class.into(), n.into()];
    let rows: Vec<LastFinish> = query(tx, &sql, values).await?;
    let row = rows.first().ok_or_else(|| Error::corrupt("fair share", "not returned"))?;
    Ok(row.last_finish - n)
}

/// Moves a queue's virtual time to the start of a claimed job, never back.
pub(super) async fn advance(tx: &DatabaseTransaction, queue: &str, class: i16, start: i64) -> Result<()> {
    let sql = "INSERT INTO queue_clock (queue, class, virtual_now) VALUES ($1, $2, $3)
         ON CONFLICT (queue, class) DO UPDATE SET virtual_now = excluded.virtual_now
         WHERE queue_clock.virtual_now < excluded.virtual_now";
    execute(tx, sql, vec![queue.into(), class.into(), start.into()]).await.map(|_| ())
}
