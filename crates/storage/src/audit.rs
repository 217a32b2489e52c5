//! The audit log: who did what to which object. Rows come in unchained; [`crate::audit_chain`] gives each its place.

use std::{collections::HashSet, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use gangway_domain::id::{AuditId, RequestId, TenantId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde_json::Value;
use uuid::Uuid;

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

/// Where a listing goes on: behind a place in the chain, and behind one of the entries that have no place yet once they are being read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditCursor {
    /// The place.
    pub sequence: i64,
    /// The entry without one.
    pub unchained: Option<AuditId>,
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sequence)?;
        self.unchained.map_or(Ok(()), |id| write!(f, ".{id}"))
    }
}

impl FromStr for AuditCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (sequence, unchained) = text.split_once('.').map_or((text, None), |(place, id)| (place, Some(id)));
        let is_plain = sequence.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = is_plain.then(|| sequence.parse().ok()).flatten().ok_or(Error::NotFound("cursor"))?;
        let unchained = unchained.map(|id| id.parse().map_err(|_| Error::NotFound("cursor"))).transpose()?;
        Ok(Self { sequence, unchained })
    }
}

/// A part of the log.
#[derive(Debug, Clone)]
pub struct Section {
    /// The entries.
    pub entries: Vec<StoredEntry>,
    /// From where on entries follow; none when none do.
    pub next: Option<AuditCursor>,
}

impl Audit<'_> {
    /// Adds an entry.
    pub async fn create(&self, entry: &AuditEntry) -> Result<()> {
        row(self.0.tenant(), entry).insert(self.0.raw()).await?;
        Ok(())
    }

    /// Entries in the order of the chain, then those that have no place yet, in the order of their ids. One that gets its place while
    /// the latter are read comes again with it; whoever reads on from a place passes over none.
    pub async fn list(&self, filter: &AuditFilter, page: PageRequest<AuditCursor>) -> Result<Section> {
        let from = page.after.unwrap_or_default();
        // Read first: an entry that is chained in between is then seen twice rather than not at all.
        let mut unchained = filter.apply(self.0.find::<Entity>().filter(Column::Sequence.is_null()));
        if let Some(id) = from.unchained {
            unchained = unchained.filter(Column::Id.gt(id.uuid()));
        }
        let unchained = unchained.order_by_asc(Column::Id).limit(page.limit + 1).all(self.0.raw()).await?;
        let mut rows = filter
            .apply(self.0.find::<Entity>().filter(Column::Sequence.gt(from.sequence)))
            .order_by_asc(Column::Sequence)
            .limit(page.limit + 1)
            .all(self.0.raw())
            .await?;
        let chained: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
        rows.extend(unchained.into_iter().filter(|row| !chained.contains(&row.id)));
        let Page { items, has_more } = Page::from_overfetch(rows, page.limit);
        let entries: Vec<StoredEntry> = items.into_iter().map(read).collect::<Result<_>>()?;
        let next = has_more.then(|| AuditCursor {
            sequence: entries.iter().filter_map(|entry| entry.sequence).next_back().unwrap_or(from.sequence),
            unchained: entries
                .last()
                .filter(|last| last.sequence.is_none())
                .map(|last| last.entry.id)
                .or(from.unchained),
        });
        Ok(Section { entries, next })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_one_spelling() {
        let id = AuditId::from_uuid(Uuid::from_u128(7));
        for cursor in [
            AuditCursor::default(),
            AuditCursor { sequence: 42, unchained: None },
            AuditCursor { sequence: 42, unchained: Some(id) },
        ] {
            assert_eq!(cursor.to_string().parse::<AuditCursor>().unwrap(), cursor);
        }
        for text in ["", "x", "-1", "+1", "1.", ".", "1.key_00000000000000000000000000000007", "99999999999999999999"] {
            assert!(text.parse::<AuditCursor>().is_err(), "{text:?}");
        }
    }
}
