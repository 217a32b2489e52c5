//! The event log: appended once per transaction, at its very end, and read in sequence.
//!
//! Payloads are sealed bytes here; `app::events` seals and opens them. The counter row is locked by the last locking
//! statement of a transaction, so sequences become visible in order and a reader at a cursor never skips a late commit.

use gangway_domain::{
    event::NewEvent,
    id::{ConnectionId, EventId, SyncRunId},
};
use sea_orm::{ColumnTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use uuid::Uuid;

use crate::{
    Error, Page, PageRequest, Result, TenantTx,
    entity::event::{Column, Entity, Model},
    micros::{from_micros, to_micros},
    records::batch,
};

/// An event to be appended; its `data` stays behind, the payload holds it sealed.
#[derive(Debug, Clone)]
pub struct SealedEvent {
    /// The fact.
    pub event: NewEvent,
    /// Its data, sealed.
    pub payload: Vec<u8>,
}

/// An event in the log.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Position in the log.
    pub sequence: i64,
    /// The fact, its `data` null.
    pub event: NewEvent,
    /// Its data, sealed.
    pub payload: Vec<u8>,
}

/// The tenant's event log.
#[derive(Debug, Clone, Copy)]
pub struct Events<'a>(pub(crate) &'a TenantTx);

#[derive(FromQueryResult)]
struct Counter {
    last_sequence: i64,
}

impl Events<'_> {
    /// Events after a sequence, of these types (all when empty).
    pub async fn list(&self, kinds: &[String], page: PageRequest<i64>) -> Result<Page<StoredEvent>> {
        let mut query = self.0.find::<Entity>().filter(Column::Sequence.gt(page.after.unwrap_or(0)));
        if !kinds.is_empty() {
            query = query.filter(Column::Kind.is_in(kinds.iter().map(String::as_str)));
        }
        let rows = query.order_by_asc(Column::Sequence).limit(page.limit + 1).all(self.0.raw()).await?;
        Ok(Page::from_overfetch(rows.into_iter().map(read).collect::<Result<_>>()?, page.limit))
    }

    /// Events about one object after a sequence.
    pub async fn list_by_subject(&self, subject: Uuid, page: PageRequest<i64>) -> Result<Page<StoredEvent>> {
        let rows = self
            .0
            .find::<Entity>()
            .filter(Column::SubjectId.eq(subject))
            .filter(Column::Sequence.gt(page.after.unwrap_or(0)))
            .order_by_asc(Column::Sequence)
            .limit(page.limit + 1)
            .all(self.0.raw())
            .await?;
        Ok(Page::from_overfetch(rows.into_iter().map(read).collect::<Result<_>>()?, page.limit))
    }
}

/// Appends events in order, without gaps. Called by `TenantTx::commit` after everything else.
pub(crate) async fn append_all(tx: &TenantTx, events: Vec<SealedEvent>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(events.len()).map_err(|_| Error::corrupt("event", "too many at once"))?;
    let sql = "INSERT INTO event_counter (tenant_id, last_sequence) VALUES ($1, $2)
               ON CONFLICT (tenant_id) DO UPDATE SET last_sequence = event_counter.last_sequence + excluded.last_sequence
               RETURNING last_sequence";
    let counters: Vec<Counter> = tx.query(sql, vec![tx.tenant().uuid().into(), count.into()]).await?;
    let last = counters.first().ok_or_else(|| Error::corrupt("event_counter", "no row"))?.last_sequence;
    let rows = (last - count + 1..=last).zip(events).map(|(sequence, SealedEvent { event, payload })| {
        let NewEvent { id, kind, subject, subject_label, connection, run, credential_version, data: _, occurred_at } =
            event;
        vec![
            sequence.into(),
            id.uuid().into(),
            kind.into(),
            subject.into(),
            subject_label.into(),
            connection.map(ConnectionId::uuid).into(),
            run.map(SyncRunId::uuid).into(),
            credential_version.into(),
            payload.into(),
            to_micros(occurred_at).into(),
        ]
    });
    let columns = [
        "sequence",
        "id",
        "kind",
        "subject_id",
        "subject_label",
        "connection_id",
        "run_id",
        "credential_version",
        "payload",
        "occurred_at",
    ];
    batch::insert(tx, "event", &columns, "", rows.collect()).await?;
    Ok(())
}

fn read(row: Model) -> Result<StoredEvent> {
    let Model {
        tenant_id: _,
        sequence,
        id,
        kind,
        subject_id,
        subject_label,
        connection_id,
        run_id,
        credential_version,
        payload,
        occurred_at,
    } = row;
    Ok(StoredEvent {
        sequence,
        event: NewEvent {
            id: EventId::from_uuid(id),
            kind,
            subject: subject_id,
            subject_label,
            connection: connection_id.map(ConnectionId::from_uuid),
            run: run_id.map(SyncRunId::from_uuid),
            credential_version,
            data: serde_json::Value::Null,
            occurred_at: from_micros(occurred_at)?,
        },
        payload,
    })
}
