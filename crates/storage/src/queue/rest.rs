//! Waiting jobs of suspended tenants: set aside, so that claims do not walk over them at every look.
//!
//! A row set aside keeps its state, and its virtual start is moved behind [`ASIDE`], where no claim looks. Claims set aside what
//! they meet, some at a time, since jobs also come to a tenant that is suspended already. When the tenant is resumed they are put
//! back, some at a time as well and with starts of that moment: with their old ones they would overtake everybody. The tenant's
//! row is locked for either, so none is set aside after it was put back.

use std::collections::BTreeMap;

use gangway_domain::{
    id::{JobId, TenantId},
    job::JobClass,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    SystemQueue, fair, job_id,
    sql::{Dialect, Id, execute, query},
};
use crate::{Result, transaction::Transaction};

/// Virtual starts from here on belong to rows set aside. No queue's virtual time comes near it.
pub(crate) const ASIDE: i64 = 1 << 60;

/// How many of a class's first rows are looked at: more than all processes together claim at once.
const LOOK: i64 = 200;

/// Rows set aside by one claim.
const AT_ONCE: i64 = 2_000;

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

/// Sets aside the rows of suspended tenants that stand in a claim's way. Answers whether there were any: more may stand behind.
pub(super) async fn set_aside(tx: &Transaction, queue: &str, class: JobClass) -> Result<bool> {
    let values = || vec![queue.into(), class.rank().into()];
    let sql = format!(
        "SELECT count(*) AS n FROM ({}) AS front
         WHERE tenant_id IN (SELECT tenant.id FROM tenant WHERE tenant.state = 'suspended')",
        front(LOOK)
    );
    let met: Vec<Count> = query(tx, &sql, values()).await?;
    if met.first().is_none_or(|met| met.n == 0) {
        return Ok(false);
    }
    // Materialised: each part is read once and locks no more than it names, of the tenants those whose jobs are in the way.
    let sql = format!(
        "WITH front AS MATERIALIZED ({front}),
           resting AS MATERIALIZED (SELECT id FROM tenant WHERE state = 'suspended'
             AND id IN (SELECT front.tenant_id FROM front) {hold}),
           waiting AS MATERIALIZED (SELECT id FROM job WHERE state = 'pending' AND id IN (
             SELECT front.id FROM front WHERE front.tenant_id IN (SELECT resting.id FROM resting)) {skip_locked})
         UPDATE job SET fair_at = fair_at + {ASIDE} WHERE id IN (SELECT waiting.id FROM waiting)",
        hold = Dialect::of(tx).hold_unless_changing,
        front = front(AT_ONCE),
        skip_locked = Dialect::of(tx).skip_locked,
    );
    execute(tx, &sql, values()).await?;
    Ok(true)
}

/// The first rows of the queue and class bound as `$1` and `$2`.
fn front(n: i64) -> String {
    format!(
        "SELECT id, tenant_id FROM job WHERE queue = $1 AND class = $2 AND state = 'pending' AND fair_at < {ASIDE}
         ORDER BY fair_at, id LIMIT {n}"
    )
}

#[derive(FromQueryResult)]
struct Resting {
    id: Uuid,
    queue: String,
    class: i16,
}

impl SystemQueue<'_> {
    /// Puts back the next of an active tenant's rows after this one, in the order of their making, at most `limit`. Answers how many
    /// there were, and the last of them while there may be more.
    pub async fn put_back(&self, tenant: TenantId, after: Option<JobId>, limit: i64) -> Result<(u64, Option<JobId>)> {
        let tx = self.0.raw();
        let Dialect { hold, skip_locked, .. } = Dialect::of(tx);
        let sql = format!("SELECT id FROM tenant WHERE id = $1 AND state = 'active' {hold}");
        let active: Vec<Id> = query(tx, &sql, vec![tenant.uuid().into()]).await?;
        if active.is_empty() {
            return Ok((0, None));
        }
        if after.is_none() {
            fair::forget_rested(tx, tenant).await?;
        }
        let sql = format!(
            "SELECT id, queue, class FROM job WHERE tenant_id = $1 AND state = 'pending' AND id > $2 AND fair_at >= {ASIDE}
             ORDER BY id LIMIT $3 {skip_locked}"
        );
        let after = after.map_or(Uuid::nil(), JobId::uuid);
        let resting: Vec<Resting> = query(tx, &sql, vec![tenant.uuid().into(), after.into(), limit.into()]).await?;
        let is_last = i64::try_from(resting.len()).unwrap_or(i64::MAX) < limit;
        let last = resting.last().map(|row| job_id(row.id)).filter(|_| !is_last);
        let mut groups: BTreeMap<(String, i16), Vec<Uuid>> = BTreeMap::new();
        for row in resting {
            groups.entry((row.queue, row.class)).or_default().push(row.id);
        }
        let mut n_back = 0;
        for ((queue, class), ids) in groups {
            n_back += fair::start(tx, tenant, &queue, class, ids).await?;
        }
        Ok((n_back, last))
    }
}
