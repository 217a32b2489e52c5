//! Syncs: create, read, list, reschedule, delete.

use gangway_domain::{
    Code,
    id::{ConnectionId, SyncId},
    principal::Scope,
    record::Stream,
    sync::Sync,
};
use gangway_storage::{self as storage, Page, PageRequest, TenantTx};

use super::schedule::{Anchor, Schedule};
use crate::{Ctx, Error, Result, audit, idempotency};

/// What a new sync needs.
#[derive(Debug, Clone)]
pub struct NewSync {
    /// Whose account.
    pub connection: ConnectionId,
    /// What is read.
    pub stream: Stream,
    /// `every 15m`, a five-field cron expression, or none (by hand).
    pub schedule: Option<String>,
}

/// Creates a sync.
///
/// # Errors
/// `request.invalid` for a schedule; `object.not-found` for the connection; `connection.unsupported` for a stream that the
/// connector does not read; `sync.exists` with the sync that reads the stream already.
pub async fn create(ctx: &Ctx, new: NewSync) -> Result<Sync> {
    ctx.require(Scope::ConnectionsWrite)?;
    let NewSync { connection, stream, schedule } = new;
    let app = ctx.app();
    let now = app.now();
    let tx = app.db.begin(ctx.scope()).await?;
    // Locking the connection lets one creation at a time find out whether the stream is taken.
    let connection = match tx.connections().get_for_update(connection).await {
        Err(storage::Error::NotFound(_)) => return Err(Error::not_found("connection")),
        found => found?,
    };
    let reads_stream =
        app.registry.get(&connection.connector).is_some_and(|connector| connector.manifest().stream(stream).is_some());
    if !reads_stream {
        let message = format!("The connector `{}` does not read {}.", connection.connector, stream.as_str());
        return Err(Error::new(Code::Unsupported, message));
    }
    if let Some(existing) = tx.syncs().find_by_stream(connection.id, stream).await? {
        let message = format!("The connection's {} are synced already; change that sync instead.", stream.as_str());
        return Err(Error::new(Code::SyncExists, message).with_existing(existing.id));
    }
    let mut sync = Sync {
        id: app.new_id(),
        connection: connection.id,
        stream,
        schedule: None,
        cursor: None,
        first_completed_at: None,
        next_run_at: None,
        last_run: None,
        api_version: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    reschedule(ctx, &tx, &mut sync, schedule).await?;
    tx.syncs().create(&sync).await?;
    let detail = serde_json::json!({ "connection": sync.connection, "stream": stream, "schedule": sync.schedule });
    audit::record(ctx, &tx, "sync.create", &sync.id.to_string(), detail).await?;
    idempotency::made(ctx, &tx, &sync.id).await?;
    tx.commit().await?;
    Ok(sync)
}

/// The sync.
///
/// # Errors
/// `object.not-found`.
pub async fn get(ctx: &Ctx, id: SyncId) -> Result<Sync> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let sync = tx.syncs().get(id).await?;
    tx.commit().await?;
    Ok(sync)
}

/// Syncs in creation order, of one connection or of all.
pub async fn list(ctx: &Ctx, connection: Option<ConnectionId>, page: PageRequest<SyncId>) -> Result<Page<Sync>> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let syncs = tx.syncs().list(connection, page).await?;
    tx.commit().await?;
    Ok(syncs)
}

/// Changes the schedule; `if_version` is the version the caller has seen.
///
/// # Errors
/// `object.not-found`, `object.stale`, `request.invalid`.
pub async fn update(ctx: &Ctx, id: SyncId, if_version: Option<i64>, schedule: Option<String>) -> Result<Sync> {
    ctx.require(Scope::ConnectionsWrite)?;
    let app = ctx.app();
    let tx = app.db.begin(ctx.scope()).await?;
    let mut sync = tx.syncs().get_locked(id).await?;
    require_version(&sync, if_version)?;
    let before = sync.schedule.clone();
    reschedule(ctx, &tx, &mut sync, schedule).await?;
    if sync.schedule == before {
        // Nothing new: nobody's version is outdated, and its next time stays.
        return Ok(tx.syncs().get(id).await?);
    }
    sync.version += 1;
    sync.updated_at = app.now();
    tx.syncs().update(&sync).await?;
    let detail = serde_json::json!({ "schedule": sync.schedule });
    audit::record(ctx, &tx, "sync.update", &id.to_string(), detail).await?;
    tx.commit().await?;
    Ok(sync)
}

/// Deletes a sync with its runs. Records and events stay; a run under way ends at its next page.
///
/// # Errors
/// `object.not-found`, `object.stale`.
pub async fn delete(ctx: &Ctx, id: SyncId, if_version: Option<i64>) -> Result<()> {
    ctx.require(Scope::ConnectionsWrite)?;
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    let sync = tx.syncs().get_locked(id).await?;
    require_version(&sync, if_version)?;
    tx.syncs().delete(id).await?;
    let detail = serde_json::json!({ "connection": sync.connection, "stream": sync.stream });
    audit::record(ctx, &tx, "sync.delete", &id.to_string(), detail).await?;
    tx.commit().await?;
    Ok(())
}

fn require_version(sync: &Sync, seen: Option<i64>) -> Result<()> {
    if seen.is_none_or(|seen| seen == sync.version) { Ok(()) } else { Err(storage::Error::Stale.into()) }
}

/// Sets a schedule and the time it next starts a run.
async fn reschedule(ctx: &Ctx, tx: &TenantTx, sync: &mut Sync, schedule: Option<String>) -> Result<()> {
    let Some(text) = schedule else {
        sync.schedule = None;
        sync.next_run_at = None;
        return Ok(());
    };
    let wrong = |message: String| Error::invalid("/schedule", message);
    let parsed = Schedule::parse(&text).map_err(wrong)?;
    let zone = tx.syncs().get_tenant().await?.time_zone;
    let anchor = Anchor { id: sync.id, created_at: sync.created_at, zone };
    let next = parsed.next_after(ctx.app().now(), &anchor);
    sync.next_run_at = Some(next.ok_or_else(|| wrong("the cron expression names a time that never comes".to_owned()))?);
    sync.schedule = Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(())
}
