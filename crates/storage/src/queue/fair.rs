//! Start-time fair queueing between tenants: each job gets a virtual start time when it becomes due, and jobs are claimed in
//! that order.
//!
//! A tenant's next start is the larger of the queue's virtual time (the start of what was claimed last) and the end of the
//! tenant's own previous job; each job lasts one unit. So a tenant with a million waiting jobs has starts far in the future,
//! and a newcomer starts now. Plain columns and an index: `FOR UPDATE` allows no window functions.

use gangway_domain::id::TenantId;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    rest::ASIDE,
    sql::{Binds, Dialect, Id, execute, query},
};
use crate::{Error, Result, records::batch::CHUNK, transaction::Transaction};

#[derive(FromQueryResult)]
struct LastFinish {
    last_finish: i64,
}

/// Reserves `n` consecutive starts for a tenant and answers the first. Holds the tenant's share until the commit.
pub(super) async fn reserve(tx: &Transaction, tenant: TenantId, queue: &str, class: i16, n: i64) -> Result<i64> {
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

/// Lets a tenant's next starts follow what really waits: those of rows set aside were never used.
pub(super) async fn forget_rested(tx: &Transaction, tenant: TenantId) -> Result<()> {
    let Dialect { for_update, greatest, .. } = Dialect::of(tx);
    // Who enqueues holds its share until the commit: only then are its rows to be seen.
    let sql = format!("SELECT tenant_id AS id FROM fair_share WHERE tenant_id = $1 ORDER BY queue, class {for_update}");
    let _: Vec<Id> = query(tx, &sql, vec![tenant.uuid().into()]).await?;
    let sql = format!(
        "UPDATE fair_share SET last_finish = {greatest}(
           coalesce((SELECT c.virtual_now FROM queue_clock c
                     WHERE c.queue = fair_share.queue AND c.class = fair_share.class), 0),
           coalesce((SELECT max(j.fair_at) + 1 FROM job j
                     WHERE j.tenant_id = $1 AND j.state = 'pending' AND j.queue = fair_share.queue
                       AND j.class = fair_share.class AND j.fair_at < {ASIDE}), 0))
         WHERE tenant_id = $1"
    );
    execute(tx, &sql, vec![tenant.uuid().into()]).await.map(|_| ())
}

/// Makes a tenant's rows of a queue and class pending, with the next starts in this order; answers how many.
pub(super) async fn start(tx: &Transaction, tenant: TenantId, queue: &str, class: i16, ids: Vec<Uuid>) -> Result<u64> {
    let mut next = reserve(tx, tenant, queue, class, i64::try_from(ids.len()).unwrap_or(i64::MAX)).await?;
    let mut n_started = 0;
    for chunk in ids.chunks(CHUNK) {
        let mut binds = Binds::default();
        let mut rows = Vec::with_capacity(chunk.len());
        for id in chunk {
            rows.push(format!("({}, {next})", binds.add(*id)));
            next += 1;
        }
        let sql = format!(
            "WITH next (id, start) AS (VALUES {})
             UPDATE job SET state = 'pending', fair_at = next.start FROM next WHERE job.id = next.id",
            rows.join(", ")
        );
        n_started += execute(tx, &sql, binds.0).await?.rows_affected();
    }
    Ok(n_started)
}

/// Moves a queue's virtual time to the start of a claimed job, never back.
pub(super) async fn advance(tx: &Transaction, queue: &str, class: i16, start: i64) -> Result<()> {
    let sql = "INSERT INTO queue_clock (queue, class, virtual_now) VALUES ($1, $2, $3)
         ON CONFLICT (queue, class) DO UPDATE SET virtual_now = excluded.virtual_now
         WHERE queue_clock.virtual_now < excluded.virtual_now";
    execute(tx, sql, vec![queue.into(), class.into(), start.into()]).await.map(|_| ())
}
