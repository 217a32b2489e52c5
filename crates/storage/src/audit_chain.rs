//! The chain over a tenant's audit log: which entry has which place, and where the chain ends.
//!
//! Entries get their places in the order in which they became visible, whatever their ids say: the end of the chain is locked,
//! then what is visible and has no place is read. Links are computed by `app::audit`; here they are bytes.

use gangway_domain::id::{AuditId, TenantId};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{
    Error, Result, SystemTx, TenantScope,
    audit::{Audit, SystemAudit},
    figures::IS_SERVED,
    queue::{JobFence, check_fence_of},
};

/// An entry's stored values as they are, also those that make no sense: what the chain was made over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chained {
    /// Identity.
    pub id: AuditId,
    /// Who.
    pub principal: String,
    /// Did what.
    pub action: String,
    /// To which object.
    pub object: String,
    /// Details, as stored.
    pub detail: String,
    /// In which request.
    pub request: Option<Uuid>,
    /// When, in microseconds.
    pub at: i64,
    /// Place, when it has one.
    pub sequence: Option<i64>,
    /// Link, when it has one.
    pub link: Option<Vec<u8>>,
}

/// Where a chain ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainEnd {
    /// Place of the last entry; 0 before the first.
    pub sequence: i64,
    /// Its link; empty before the first.
    pub link: Vec<u8>,
}

/// Where a chain ends, and what the log itself says, read at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainState {
    /// The end as noted when entries were last chained.
    pub end: ChainEnd,
    /// The highest place that an entry has.
    pub highest: i64,
    /// Entries without a place.
    pub n_unchained: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    principal: String,
    action: String,
    object: String,
    detail: String,
    request_id: Option<Uuid>,
    at: i64,
    sequence: Option<i64>,
    chain: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct End {
    sequence: i64,
    link: Vec<u8>,
}

#[derive(FromQueryResult)]
struct State {
    sequence: Option<i64>,
    link: Option<Vec<u8>>,
    highest: Option<i64>,
    n_unchained: i64,
}

#[derive(FromQueryResult)]
struct Tenant {
    tenant_id: Uuid,
}

const COLUMNS: &str = "id, principal, action, object, detail, request_id, at, sequence, chain";

impl Audit<'_> {
    /// Where the chain ends.
    pub async fn find_chain_state(&self) -> Result<ChainState> {
        // One statement, so that what is chained meanwhile is in all of its answers or in none.
        let sql = "SELECT
            (SELECT sequence FROM audit_chain WHERE tenant_id = $1) AS sequence,
            (SELECT link FROM audit_chain WHERE tenant_id = $1) AS link,
            (SELECT max(sequence) FROM audit_entry WHERE tenant_id = $1 AND sequence IS NOT NULL) AS highest,
            (SELECT count(*) FROM audit_entry WHERE tenant_id = $1 AND sequence IS NULL) AS n_unchained";
        let rows: Vec<State> = self.0.query(sql, vec![self.0.tenant().uuid().into()]).await?;
        let State { sequence, link, highest, n_unchained } =
            rows.into_iter().next().ok_or_else(|| Error::corrupt("audit chain", "no row"))?;
        let end = ChainEnd { sequence: sequence.unwrap_or_default(), link: link.unwrap_or_default() };
        Ok(ChainState { end, highest: highest.unwrap_or_default(), n_unchained })
    }

    /// Entries in the order of the chain, after a place.
    pub async fn list_chained(&self, after: i64, limit: u64) -> Result<Vec<Chained>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entry WHERE tenant_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
        );
        let values = vec![self.0.tenant().uuid().into(), after.into(), bind(limit)];
        let rows: Vec<Row> = self.0.query(&sql, values).await?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// The entry at a place.
    pub async fn find_chained(&self, sequence: i64) -> Result<Option<Chained>> {
        let sql = format!("SELECT {COLUMNS} FROM audit_entry WHERE tenant_id = $1 AND sequence = $2");
        let rows: Vec<Row> = self.0.query(&sql, vec![self.0.tenant().uuid().into(), sequence.into()]).await?;
        Ok(rows.into_iter().next().map(read))
    }
}

impl SystemAudit<'_> {
    /// Tenants with entries that have no place yet; a suspended tenant's wait, since none of its jobs runs.
    pub async fn list_unchained(&self, limit: u64) -> Result<Vec<TenantScope>> {
        let sql = format!("SELECT DISTINCT tenant_id FROM audit_entry WHERE sequence IS NULL AND {IS_SERVED} LIMIT $1");
        let rows: Vec<Tenant> = self.0.query(&sql, vec![bind(limit)]).await?;
        Ok(rows.into_iter().map(|row| TenantScope::new(TenantId::from_uuid(row.tenant_id))).collect())
    }

    /// Locks the end of a tenant's chain until the commit, and answers it. A job's fence comes first.
    pub async fn get_chain_end_for_update(&self, tenant: TenantId) -> Result<ChainEnd> {
        let values = || vec![Value::from(tenant.uuid())];
        let sql = "INSERT INTO audit_chain (tenant_id, sequence, link) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING";
        self.0.execute(sql, vec![tenant.uuid().into(), Vec::<u8>::new().into()]).await?;
        let lock = if self.0.is_postgres() { "FOR UPDATE" } else { "" };
        let sql = format!("SELECT sequence, link FROM audit_chain WHERE tenant_id = $1 {lock}");
        let rows: Vec<End> = self.0.query(&sql, values()).await?;
        let End { sequence, link } = rows.into_iter().next().ok_or(Error::NotFound("tenant"))?;
        Ok(ChainEnd { sequence, link })
    }

    /// A tenant's entries that have no place yet, oldest first.
    pub async fn list_unchained_of(&self, tenant: TenantId, limit: u64) -> Result<Vec<Chained>> {
        let sql =
            format!("SELECT {COLUMNS} FROM audit_entry WHERE tenant_id = $1 AND sequence IS NULL ORDER BY id LIMIT $2");
        let rows: Vec<Row> = self.0.query(&sql, vec![tenant.uuid().into(), bind(limit)]).await?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// Gives an entry its place.
    pub async fn update_place(&self, tenant: TenantId, id: AuditId, end: &ChainEnd) -> Result<()> {
        let sql =
            "UPDATE audit_entry SET sequence = $1, chain = $2 WHERE tenant_id = $3 AND id = $4 AND sequence IS NULL";
        let values = vec![end.sequence.into(), end.link.clone().into(), tenant.uuid().into(), id.uuid().into()];
        match self.0.execute(sql, values).await?.rows_affected() {
            1 => Ok(()),
            _ => Err(Error::Stale),
        }
    }

    /// Notes where a tenant's chain ends.
    pub async fn update_chain_end(&self, tenant: TenantId, end: &ChainEnd) -> Result<()> {
        let sql = "UPDATE audit_chain SET sequence = $1, link = $2 WHERE tenant_id = $3";
        self.0.execute(sql, vec![end.sequence.into(), end.link.clone().into(), tenant.uuid().into()]).await?;
        Ok(())
    }
}

impl SystemTx {
    /// Locks a tenant's job row and checks that this worker still holds its lease. Must come first.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when the epoch has moved on.
    pub async fn fence(&self, tenant: TenantId, fence: &JobFence) -> Result<()> {
        check_fence_of(self, tenant, fence).await
    }
}

fn bind(limit: u64) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

fn read(row: Row) -> Chained {
    let Row { id, principal, action, object, detail, request_id, at, sequence, chain } = row;
    let id = AuditId::from_uuid(id);
    Chained { id, principal, action, object, detail, request: request_id, at, sequence, link: chain }
}
