//! What happened to an employee: how we came to know the record, then the events about it.

use gangway_domain::{
    event::{Event, NewEvent},
    id::{EmployeeId, EventId},
    principal::Scope,
    record::Stream,
};
use gangway_storage::{Page, PageRequest, records::Record};
use serde_json::json;

use super::wire_id;
use crate::{Ctx, Error, Result, events};

/// Kind of the entry that a history opens with. It is derived from the record and is no event of the log, since a first load
/// emits none per person.
pub const FIRST_SEEN: &str = "employee.first_seen";

/// An entry: `first_seen` with sequence 0, or an event of the log.
pub type HistoryEntry = Event;

/// The history of an employee, oldest entry first; `after` is an entry's sequence.
///
/// # Errors
/// `object.not-found`.
pub async fn history(ctx: &Ctx, employee: EmployeeId, page: PageRequest<i64>) -> Result<Page<HistoryEntry>> {
    ctx.require(Scope::RecordsRead)?;
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin_read(ctx.scope()).await?;
    let record = tx.records().find(Stream::Employees, employee.uuid()).await?;
    let record = record.ok_or_else(|| Error::not_found("employee"))?;
    let opens = page.after.is_none();
    // The opening entry takes one of the places asked for.
    let rest = PageRequest { limit: if opens { page.limit.saturating_sub(1) } else { page.limit }, after: page.after };
    let Page { mut items, has_more } = events::list_by_subject(&keys, &tx, employee.uuid(), rest).await?;
    tx.commit().await?;
    if opens {
        items.insert(0, first_seen(&record));
    }
    Ok(Page { items, has_more })
}

fn first_seen(record: &Record) -> HistoryEntry {
    Event {
        sequence: 0,
        fact: NewEvent {
            id: EventId::from_uuid(record.id),
            kind: FIRST_SEEN.to_owned(),
            subject: Some(record.id),
            subject_label: Some(wire_id(record.stream, record.id)),
            connection: Some(record.connection),
            run: Some(record.first_seen_run),
            credential_version: None,
            data: json!({ "external": record.external }),
            occurred_at: record.first_seen_at,
        },
    }
}
