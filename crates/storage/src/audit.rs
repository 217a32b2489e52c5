//! The audit log: who did what to which object. Rows come in unchained; a job chains them in commit order.

use chrono::{DateTime, Utc};
use gangway_domain::id::{AuditId, RequestId, TenantId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

use crate::{
    Error, Page, PageRequest, Result, SystemTx, TenantTx,
    entity::audit_entry::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, to_micros},
};

/// The audit log of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a>(pub(crate) &'a TenantTx);

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Identity.
    pub id: AuditId,
    /// Who (`key:key_…`).
    pub principal: String,
    /// Did what (`connection.create`).
    pub action: String,
    /// To which object (`con_…`).
    pub object: String,
    /// What changed; no secrets, no personal data.
    pub detail: Value,
    /// In which request.
    pub request: Option<RequestId>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Audit<'_> {
    /// Adds an entry.
    pub async fn create(&self, entry: &AuditEntry) -> Result<()> {
        row(self.0.tenant(), entry).insert(self.0.raw()).await?;
        Ok(())
    }

    /// A page, oldest first.
    pub async fn list(&self, page: PageRequest<AuditId>) -> Result<Page<AuditEntry>> {
        let mut query = self.0.find::<Entity>();
        if let Some(after) = page.after {
            query = query.filter(Column::Id.gt(after.uuid()));
        }
        let rows = query.order_by_asc(Column::Id).limit(page.limit + 1).all(self.0.raw()).await?;
        let items = rows.into_iter().map(entry).collect::<Result<_>>()?;
        Ok(Page::from_overfetch(items, page.limit))
    }
}

/// Audit logs of any tenant, for the system role.
#[derive(Debug, Clone, Copy)]
pub struct SystemAudit<'a>(pub(crate) &'a SystemTx);

impl SystemAudit<'_> {
    /// Adds an entry to a tenant's log.
    pub async fn create(&self, tenant: TenantId, entry: &AuditEntry) -> Result<()> {
        row(tenant, entry).insert(self.0.raw()).await?;
        Ok(())
    }
}

fn row(tenant: TenantId, entry: &AuditEntry) -> ActiveModel {
    let AuditEntry { id, principal, action, object, detail, request, at } = entry;
    ActiveModel {
        tenant_id: Set(tenant.uuid()),
        id: Set(id.uuid()),
        principal: Set(principal.clone()),
        action: Set(action.clone()),
        object: Set(object.clone()),
        detail: Set(detail.to_string()),
        request_id: Set(request.map(RequestId::uuid)),
        at: Set(to_micros(*at)),
        sequence: Set(None),
        chain: Set(None),
    }
}

fn entry(row: Model) -> Result<AuditEntry> {
    let Model { tenant_id: _, id, principal, action, object, detail, request_id, at, sequence: _, chain: _ } = row;
    Ok(AuditEntry {
        id: AuditId::from_uuid(id),
        principal,
        action,
        object,
        detail: serde_json::from_str(&detail).map_err(|_| Error::corrupt("audit entry", "detail is not JSON"))?,
        request: request_id.map(RequestId::from_uuid),
        at: from_micros(at)?,
    })
}
