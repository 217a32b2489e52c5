//! Starting runs by hand, and reading them.

use chrono::TimeDelta;
use gangway_domain::{
    Code,
    id::{ConnectionId, SyncId, SyncRunId, uuid_v7_after},
    job::JobClass,
    principal::Scope,
    record::Stream,
    sync::{RunCounts, RunMode, RunState, Sync, SyncRun, Window},
};
use gangway_storage::{self as storage, Page, PageRequest, TenantTx};

use super::place::Place;
use crate::{
    Ctx, Error, Result, audit, idempotency,
    jobs::{self, RunSync},
};

/// How old the reading of a run may be that is taken up again by hand.
const STALE_AFTER: TimeDelta = TimeDelta::hours(6);

/// Starts a run: the row and its job in one transaction.
///
/// # Errors
/// `object.not-found`; `sync.running` with the run that is under way.
pub async fn start_run(ctx: &Ctx, sync: SyncId, mode: RunMode) -> Result<SyncRun> {
    ctx.require(Scope::ConnectionsWrite)?;
    let mut tx = ctx.app().db.begin(ctx.scope()).await?;
    // Locking the sync lets one start at a time find out whether a run is under way.
    let mut sync = tx.syncs().get_locked(sync).await?;
    if let Some(running) = tx.runs().find_running(sync.id).await? {
        return Err(is_running(running));
    }
    let run = create_noted(ctx, &mut tx, &mut sync, mode).await?;
    idempotency::made(ctx, &tx, &run.id).await?;
    tx.commit().await?;
    Ok(run)
}

/// The syncs of a connection, locked until the transaction ends, after the connection itself. In one order, so that two who do
/// this wait for each other.
pub(crate) async fn lock_of_connection(tx: &TenantTx, connection: ConnectionId) -> Result<Vec<Sync>> {
    tx.connections().get_for_update(connection).await?;
    let mut syncs = Vec::new();
    for stream in Stream::ALL {
        let Some(found) = tx.syncs().find_by_stream(connection, stream).await? else { continue };
        match tx.syncs().get_locked(found.id).await {
            Ok(sync) => syncs.push(sync),
            // Deleted in between.
            Err(storage::Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(syncs)
}

/// Starts a full run in the caller's transaction, which has locked the sync; none when a run is under way.
pub(crate) async fn start_full_unless_running(
    ctx: &Ctx,
    tx: &mut TenantTx,
    mut sync: Sync,
) -> Result<Option<SyncRunId>> {
    if tx.runs().find_running(sync.id).await?.is_some() {
        return Ok(None);
    }
    Ok(Some(create_noted(ctx, tx, &mut sync, RunMode::Full).await?.id))
}

/// Adds a run that somebody asked for.
async fn create_noted(ctx: &Ctx, tx: &mut TenantTx, sync: &mut Sync, mode: RunMode) -> Result<SyncRun> {
    let run = create_in(ctx, tx, sync, mode, None).await?;
    let detail = serde_json::json!({ "run": run.id, "mode": mode });
    audit::record(ctx, tx, "sync.run", &sync.id.to_string(), detail).await?;
    Ok(run)
}

/// Adds a run and its job; `window` are the days, where it is not to read all of them. The caller holds the sync's row and knows
/// that no run is under way.
pub(super) async fn create_in(
    ctx: &Ctx,
    tx: &mut TenantTx,
    sync: &mut Sync,
    mode: RunMode,
    window: Option<Window>,
) -> Result<SyncRun> {
    let app = ctx.app();
    let now = app.now();
    let connection = tx.connections().get(sync.connection).await?;
    let run = SyncRun {
        // The order of a sync's runs is that of their ids, even where the clock went back between them.
        id: SyncRunId::from_uuid(uuid_v7_after(sync.last_run.map(SyncRunId::uuid), now, app.random())),
        sync: sync.id,
        connection: sync.connection,
        stream: sync.stream,
        mode,
        state: RunState::Running,
        counts: RunCounts::default(),
        total: None,
        since: None,
        window,
        checkpoint: None,
        error_code: None,
        error_message: None,
        credential_version: connection.credential_version,
        created_at: now,
        started_at: None,
        finished_at: None,
    };
    tx.runs().create(&run).await?;
    sync.last_run = Some(run.id);
    sync.updated_at = now;
    tx.syncs().update_progress(sync).await?;
    let is_light = mode == RunMode::Incremental && sync.cursor.is_some();
    let class = if is_light { JobClass::Normal } else { JobClass::Bulk };
    jobs::enqueue(ctx, tx, &RunSync { run: run.id, class })?;
    Ok(run)
}

/// The run.
///
/// # Errors
/// `object.not-found`.
pub async fn get_run(ctx: &Ctx, id: SyncRunId) -> Result<SyncRun> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let run = tx.runs().find(id).await?;
    tx.commit().await?;
    run.ok_or_else(|| Error::not_found("sync run"))
}

/// Runs of a sync, the newest first.
///
/// # Errors
/// `object.not-found` when there is no such sync.
pub async fn list_runs(ctx: &Ctx, sync: SyncId, page: PageRequest<SyncRunId>) -> Result<Page<SyncRun>> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    tx.syncs().get(sync).await?;
    let runs = tx.runs().list(sync, page).await?;
    tx.commit().await?;
    Ok(runs)
}

/// Takes a run up again where it ended, for a job that is repeated by hand. What single reads said about records that seem gone is
/// asked for anew, and a run that began more than [`STALE_AFTER`] ago reads everything anew: the account has moved on.
///
/// Only the sync's newest run can be: an older one would count records as unseen that newer runs have seen, and what it saw
/// itself is forgotten.
///
/// # Errors
/// `sync.running` when a job carries the run out already; `job.outdated` with the newer run; `job.not-failed` and
/// `object.not-found` when there is nothing left to do.
pub(crate) async fn reopen(ctx: &Ctx, tx: &TenantTx, id: SyncRunId) -> Result<()> {
    let gone = || {
        let message =
            "The run that this job carried out was deleted with its sync or connection; nothing is left to repeat.";
        Error::new(Code::NotFound, message)
    };
    let found = tx.runs().find(id).await?.ok_or_else(gone)?;
    let sync = match tx.syncs().get_locked(found.sync).await {
        Err(storage::Error::NotFound(_)) => return Err(gone()),
        sync => sync?,
    };
    let mut run = tx.runs().find_locked(id).await?.ok_or_else(gone)?;
    match run.state {
        RunState::Running if tx.runs().has_job(id).await? => Err(is_running(id)),
        // Its worker died on the last try, and nobody has noted that yet.
        RunState::Running => go_on(ctx, tx, run).await,
        RunState::Completed | RunState::Held => {
            let message = "The run has read everything all the same; start a new run instead.";
            Err(Error::new(Code::JobNotFailed, message).with_existing(id))
        }
        RunState::Failed => {
            if let Some(last) = sync.last_run.filter(|last| *last != id) {
                let message = "A newer run of the sync has taken this one's place; read that one, or start a new run.";
                return Err(Error::new(Code::JobOutdated, message).with_existing(last));
            }
            run.state = RunState::Running;
            run.error_code = None;
            run.error_message = None;
            run.finished_at = None;
            go_on(ctx, tx, run).await
        }
    }
}

/// Stores the run without what is too old to go on with.
async fn go_on(ctx: &Ctx, tx: &TenantTx, mut run: SyncRun) -> Result<()> {
    if let Some(started_at) = run.started_at {
        if ctx.app().now() - started_at > STALE_AFTER {
            run.started_at = None;
        } else {
            let place = Place { confirming: None, ..Place::parse(run.checkpoint.as_deref())? };
            run.checkpoint = Some(place.to_text()?);
        }
    }
    tx.held().delete_findings(run.id).await?;
    Ok(tx.runs().update(&run).await?)
}

fn is_running(run: SyncRunId) -> Error {
    Error::new(Code::SyncRunning, "A run of this sync is under way; wait until it ends, or read it.").with_existing(run)
}
