//! The event log: appending facts in the transaction that found them, and reading them in sequence.
//!
//! Data is sealed before it reaches storage. Sensitive values never become part of an event: whoever drafts one says
//! `{"changed": true}` instead. The types are explained in `docs/events.md`.

mod closed;

use gangway_domain::{
    event::{EVENT_TYPES, Event, NewEvent},
    id::{ConnectionId, SyncRunId},
    principal::Scope,
};
use gangway_storage::{Page, PageRequest, TenantTx, events::StoredEvent};
use serde_json::Value;
use uuid::Uuid;

use crate::{Ctx, Error, Result, seal::TenantKeys};

/// Object kind under which event data is sealed.
const SEAL_KIND: &str = "event";
/// Field under which event data is sealed.
const SEAL_FIELD: &str = "data";

/// A fact about to be appended; its identity and time are added.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// One of [`EVENT_TYPES`].
    pub(crate) kind: String,
    /// What it is about: the stored id, and the id on the wire.
    pub(crate) subject: Option<(Uuid, String)>,
    /// The connection it came through.
    pub(crate) connection: Option<ConnectionId>,
    /// The run that found it.
    pub(crate) run: Option<SyncRunId>,
    /// Version of the credential in use.
    pub(crate) credential_version: Option<i32>,
    /// Old and new values, or counts.
    pub(crate) data: Value,
}

/// Seals a fact, to be appended when `tx` commits; its `data` does not reach the database in clear.
pub(crate) fn append(ctx: &Ctx, keys: &TenantKeys, tx: &mut TenantTx, draft: Draft) {
    let Draft { kind, subject, connection, run, credential_version, data } = draft;
    debug_assert!(EVENT_TYPES.contains(&kind.as_str()), "{kind} is not in the table of event types");
    let app = ctx.app();
    let (subject, subject_label) = subject.unzip();
    let event = NewEvent {
        id: app.new_id(),
        kind,
        subject,
        subject_label,
        connection,
        run,
        credential_version,
        data: Value::Null,
        occurred_at: app.now(),
    };
    let payload = keys.seal(SEAL_KIND, event.id.uuid(), SEAL_FIELD, data.to_string().as_bytes());
    tx.append_event(event, payload);
}

/// Events after a sequence, of these types (all when empty).
///
/// # Errors
/// `request.invalid` for a type that does not exist.
pub async fn list(ctx: &Ctx, kinds: &[String], page: PageRequest<i64>) -> Result<Page<Event>> {
    ctx.require(Scope::RecordsRead)?;
    if let Some(unknown) = kinds.iter().find(|kind| !EVENT_TYPES.contains(&kind.as_str())) {
        let message = format!("`{unknown}` is not an event type; there are {}", EVENT_TYPES.join(", "));
        return Err(Error::invalid("type", message));
    }
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin_read(ctx.scope()).await?;
    let stored = tx.events().list(kinds, page).await?;
    let opened = open_page(&keys, &tx, stored).await?;
    tx.commit().await?;
    Ok(opened)
}

/// Events about one object after a sequence. Asks no permission: callers have asked for theirs.
pub(crate) async fn list_by_subject(
    keys: &TenantKeys,
    tx: &TenantTx,
    subject: Uuid,
    page: PageRequest<i64>,
) -> Result<Page<Event>> {
    open_page(keys, tx, tx.events().list_by_subject(subject, page).await?).await
}

async fn open_page(keys: &TenantKeys, tx: &TenantTx, page: Page<StoredEvent>) -> Result<Page<Event>> {
    let Page { items, has_more } = page;
    let mut opened = Vec::with_capacity(items.len());
    for stored in items {
        opened.push(open(keys, tx, stored).await?);
    }
    closed::close(tx, &mut opened).await?;
    Ok(Page { items: opened, has_more })
}

async fn open(keys: &TenantKeys, tx: &TenantTx, stored: StoredEvent) -> Result<Event> {
    let StoredEvent { sequence, mut event, payload } = stored;
    let clear = keys.open(tx, SEAL_KIND, event.id.uuid(), SEAL_FIELD, &payload).await?;
    event.data = serde_json::from_slice(&clear).map_err(Error::internal)?;
    Ok(Event { sequence, fact: event })
}
