//! Waiting jobs of suspended tenants: set aside, so that claims do not walk over them at every look.
//!
//! A row set aside keeps its state, and its virtual start is moved behind [`ASIDE`], where no claim looks. Claims set aside what
//! they meet, some at a time, since jobs also come to a tenant that is suspended already; resuming the tenant puts all of it
//! back where it was. The tenant's row is locked for either, so none is set aside after it was put back.

use gangway_domain::{id::TenantId, job::JobClass};
use sea_orm::{DatabaseTransaction, FromQueryResult};

use super::sql::{Dialect, execute, query};
use crate::{Result, SystemTx};

/// Virtual starts from here on belong to rows set aside. No queue's virtual time comes near it.
pub(super) const ASIDE: i64 = 1 << 60;

/// How many of a class's first rows are looked at: more than all processes together claim at once.
const LOOK: i64 = 200;

/// Rows set aside by one claim.
const AT_ONCE: i64 = 2_000;

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

/// Sets aside the rows of suspended tenants that stand in a claim's way. Answers whether there were any: more may stand behind.
pub(super) async fn set_aside(tx: &DatabaseTransaction, queue: &str, class: JobClass) -> Result<bool> {
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
    // Materialised: each part is read once and locks no more than it names.
    let sql = format!(
        "WITH resting AS MATERIALIZED (SELECT id FROM tenant WHERE state = 'suspended' {hold}),
           front AS MATERIALIZED ({front}),
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

/// Puts a tenant's rows back in their places. Call it after the tenant's row was changed in the same transaction.
pub(crate) async fn put_back(tx: &SystemTx, tenant: TenantId) -> Result<()> {
    let sql = format!(
        "UPDATE job SET fair_at = fair_at - {ASIDE} WHERE tenant_id = $1 AND state = 'pending' AND fair_at >= {ASIDE}"
    );
    tx.execute(&sql, vec![tenant.uuid().into()]).await?;
    Ok(())
}
