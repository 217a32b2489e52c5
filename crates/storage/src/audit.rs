//! The audit log: who did what to which object. Rows come in unchained; [`crate::audit_chain`] gives each its place.

use chrono::{DateTime, Utc};
use gangway_domain::id::{AuditId, RequestId, TenantId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde_json::Value;

use crate::{
    Error, Page, PageRequest, Result, SystemTx, TenantTx,
    entity::audit_entry::{ActiveModel, Column, Entity, Model},
    figures::IS_SERVED,
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

/// An entry as stored, with its place in the chain once it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntry {
    /// Place, from 1, without gaps.
    pub sequence: Option<i64>,
    /// Link of the chain.
    pub link: Option<Vec<u8>>,
    /// The entry.
    pub entry: AuditEntry,
}

/// Which entries; all when empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this action.
    pub action: Option<String>,
    /// Only about this object.
    pub object: Option<String>,
    /// Only by this principal.
    pub principal: Option<String>,
    /// Not earlier.
    pub since: Option<DateTime<Utc>>,
    /// Earlier.
    pub until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    fn apply(&self, mut query: Select<Entity>) -> Select<Entity> {
        let Self { action, object, principal, since, until } = self;
        for (column, wanted) in [(Column::Action, action), (Column::Object, object), (Column::Principal, principal)] {
            if let Some(wanted) = wanted {
                query = query.filter(column.eq(wanted.as_str()));
            }
        }
        if let Some(since) = since {
            query = query.filter(Column::At.gte(to_micros(*since)));
        }
        if let Some(until) = until {
            query = query.filter(Column::At.lt(to_micros(*until)));
        }
        query
    }
}

impl Audit<'_> {
    /// Adds an entry.
    pub async fn create(&self, entry: &AuditEntry) -> Result<()> {
        row(self.0.tenant(), entry).insert(self.0.raw()).await?;
        Ok(())
    }

    /// Entries in the order of the chain, after a place in it. On the last page follow those that have no place yet, as many as
    /// fit: where they will be is not known, so none is read at a cursor and then passed over.
    pub async fn list(&self, filter: &AuditFilter, page: PageRequest<i64>) -> Result<Page<StoredEntry>> {
        // Read first: an entry that is chained in between is then seen twice rather than not at all.
        let unchained = filter
            .apply(self.0.find::<Entity>().filter(Column::Sequence.is_null()))
            .order_by_asc(Column::Id)
            .limit(page.limit)
            .all(self.0.raw())
            .await?;
        let chained = filter
            .apply(self.0.find::<Entity>().filter(Column::Sequence.gt(page.after.unwrap_or(0))))
            .order_by_asc(Column::Sequence)
            .limit(page.limit + 1)
            .all(self.0.raw())
            .await?;
        let mut found = Page::from_overfetch(chained, page.limit);
        if !found.has_more {
            for row in unchained {
                let fits = u64::try_from(found.items.len()).is_ok_and(|n| n < page.limit);
                if fits && found.items.iter().all(|known| known.id != row.id) {
                    found.items.push(row);
                }
            }
        }
        let Page { items, has_more } = found;
        Ok(Page { items: items.into_iter().map(read).collect::<Result<_>>()?, has_more })
    }
}

/// Audit logs of any tenant, for the system role.
#[derive(Debug, Clone, Copy)]
pub struct SystemAudit<'a>(pub(crate) &'a SystemTx);

#[derive(FromQueryResult)]
struct Oldest {
    at: Option<i64>,
}

impl SystemAudit<'_> {
    /// Adds an entry to a tenant's log.
    pub async fn create(&self, tenant: TenantId, entry: &AuditEntry) -> Result<()> {
        row(tenant, entry).insert(self.0.raw()).await?;
        Ok(())
    }

    /// When the oldest entry was written that is not chained yet, in any tenant that is not suspended.
    pub async fn find_oldest_unchained(&self) -> Result<Option<DateTime<Utc>>> {
        let sql = format!("SELECT min(at) AS at FROM audit_entry WHERE sequence IS NULL AND {IS_SERVED}");
        let rows: Vec<Oldest> = self.0.query(&sql, Vec::new()).await?;
        rows.first().and_then(|row| row.at).map(from_micros).transpose()
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

fn read(row: Model) -> Result<StoredEntry> {
    let Model { tenant_id: _, id, principal, action, object, detail, request_id, at, sequence, chain } = row;
    let entry = AuditEntry {
        id: AuditId::from_uuid(id),
        principal,
        action,
        object,
        detail: serde_json::from_str(&detail).map_err(|_| Error::corrupt("audit entry", "detail is not JSON"))?,
        request: request_id.map(RequestId::from_uuid),
        at: from_micros(at)?,
    };
    Ok(StoredEntry { sequence, link: chain, entry })
}
