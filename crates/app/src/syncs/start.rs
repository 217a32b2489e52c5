//! Taking up a run: the connection is opened, and on the first turn what the account offers, the days and the moment to read
//! from are settled, once for all pages.

use std::{collections::HashSet, sync::Arc};

use chrono::TimeDelta;
use gangway_connector::ReadMode;
use gangway_domain::{
    Code,
    id::SyncRunId,
    record::Stream,
    settings::DeletionLimits,
    sync::{RunCounts, RunMode, RunState, SyncRun},
};
use gangway_egress::Class;
use gangway_storage::queue::JobFence;

use super::{due::is_ahead, permissions, place::Place, rebase, window::Calendar};
use crate::{
    Ctx, Error, Result, attributes,
    connections::{self, Opened},
    seal::TenantKeys,
};

/// A run being carried out.
pub(super) struct Reading {
    /// The run as last committed.
    pub(super) run: SyncRun,
    /// Where it stands.
    pub(super) place: Place,
    /// The vendor account.
    pub(super) opened: Opened,
    /// For sealing and hashing.
    pub(super) keys: Arc<TenantKeys>,
    /// Priority of its calls.
    pub(super) class: Class,
    /// How many records may go without a human.
    pub(super) deletions: DeletionLimits,
    /// The batch of held deletions that was not settled when the turn began. None can come up while a run is under way.
    pub(super) pending: Option<SyncRunId>,
    /// Attributes that this turn has noted as seen by the run.
    pub(super) noted: HashSet<String>,
}

impl Reading {
    /// Which records are asked for.
    pub(super) fn mode(&self) -> ReadMode {
        self.run.since.map_or(ReadMode::All, ReadMode::Since)
    }
}

/// Takes up a run; none when it has ended or is gone.
pub(super) async fn begin(ctx: &Ctx, id: SyncRunId, fence: &JobFence) -> Result<Option<Reading>> {
    let app = ctx.app();
    let tx = app.db.begin_read(ctx.scope()).await?;
    let Some(run) = tx.runs().find(id).await? else { return Ok(None) };
    if run.state != RunState::Running {
        return Ok(None);
    }
    let sync = tx.syncs().get(run.sync).await?;
    let deletions = tx.settings().get().await?.settings.deletions;
    let pending = tx.held().find_pending(run.sync).await?.map(|batch| batch.run);
    tx.commit().await?;

    let is_light = run.mode == RunMode::Incremental && sync.cursor.is_some();
    let class = if is_light { Class::Incremental } else { Class::Sweep };
    let opened = connections::open(ctx, run.connection, class).await?;
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let versions = opened.source()?.api_versions(run.stream);
    let goes_on = run.started_at.is_some()
        && rebase::fits(&Place::parse(run.checkpoint.as_deref())?, &versions, &sync)
        && is_same_account(ctx, &run, &opened).await?;
    let run = if goes_on { Some(run) } else { settle(ctx, id, fence, &opened, &keys).await? };
    let Some(run) = run else { return Ok(None) };
    let place = Place::parse(run.checkpoint.as_deref())?;
    let (class, pending) = if place.rebase.is_some() { (Class::Sweep, None) } else { (class, pending) };
    Ok(Some(Reading { run, place, opened, keys, class, deletions, pending, noted: HashSet::new() }))
}

/// Whether the connection still leads to the account that the run began with. Another one has other pages and other changes.
async fn is_same_account(ctx: &Ctx, run: &SyncRun, opened: &Opened) -> Result<bool> {
    if opened.credential_version() == run.credential_version {
        return Ok(true);
    }
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let before = tx.credentials().get(run.connection, run.credential_version).await?;
    let now = tx.credentials().get(run.connection, opened.credential_version()).await?;
    tx.commit().await?;
    Ok(connections::is_same_account(&before, &now))
}

/// Settles what every page of the run shares, also anew for a run that has read pages of another account or of long ago.
async fn settle(
    ctx: &Ctx,
    id: SyncRunId,
    fence: &JobFence,
    opened: &Opened,
    keys: &TenantKeys,
) -> Result<Option<SyncRun>> {
    let app = ctx.app();
    let SyncRun { sync, stream, .. } = find(ctx, id).await?;
    let Some(manifest) = opened.manifest.stream(stream).cloned() else {
        let message = format!("The connector does not read {}; delete this sync.", stream.as_str());
        return Err(Error::new(Code::Unsupported, message));
    };
    if stream == Stream::Employees {
        attributes::refresh(ctx, opened).await?;
    }

    let tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some(sync) = tx.syncs().find_locked(sync).await? else { return Ok(None) };
    let Some(mut run) = tx.runs().find_locked(id).await?.filter(|run| run.state == RunState::Running) else {
        return Ok(None);
    };
    let settings = tx.settings().get().await?.settings;
    let selection = attributes::selection(ctx, &tx, run.connection, stream).await?;
    let now = app.now();
    run.started_at = Some(now);
    run.credential_version = opened.credential_version();
    let calendar = Calendar::of(ctx, &tx).await?;
    let mut place = Place::start(selection.version());
    let versions = opened.source()?.api_versions(stream);
    rebase::settle(&tx, &sync, &mut run, &mut place, &versions).await?;
    let is_rebase = place.rebase.is_some();
    // A scheduled sweep of some days has had them since it was started.
    let is_part = manifest.windowed && !is_rebase && Place::reads_part(&run);
    if manifest.windowed && !is_part {
        run.window = Some(calendar.whole());
    }
    let overlap = TimeDelta::hours(settings.cursor_overlap_hours.unwrap_or(app.config.cursor_overlap_hours).into());
    // What has not changed at the vendor is kept by the choice of its time: another choice needs every record.
    let kept_by = tx.syncs().find_kept_by(sync.id).await?;
    let is_kept = kept_by.as_deref() == Some(selection.version());
    if kept_by.is_some() && !is_kept {
        tx.syncs().set_kept_by(sync.id, None).await?;
    }
    let reads_changes = run.mode == RunMode::Incremental && manifest.supports_since && is_kept;
    // A cursor from a time that has not come yet knows nothing of what happens until then.
    let cursor = sync.cursor.filter(|cursor| reads_changes && !is_ahead(*cursor, now));
    run.since = cursor.and_then(|cursor| cursor.checked_sub_signed(overlap));
    let offered = permissions::offered(&tx, &run, keys).await?;
    run.checkpoint = Some(Place { is_part, offered, ..place }.to_text()?);
    run.total = None;
    // Nothing that was read before counts: it was another account's, or of another time.
    run.counts = RunCounts::default();
    tx.quarantine().delete_of_run(&run).await?;
    tx.sweeps().begin(id, now).await?;
    tx.held().delete_findings(id).await?;
    tx.runs().update(&run).await?;
    tx.commit().await?;
    Ok(Some(run))
}

async fn find(ctx: &Ctx, id: SyncRunId) -> Result<SyncRun> {
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let run = tx.runs().find(id).await?;
    tx.commit().await?;
    run.ok_or_else(|| Error::not_found("sync run"))
}
