//! Taking up a run: the connection is opened, and on the first turn what the account offers, the days and the moment to read
//! from are settled, once for all pages.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use gangway_connector::ReadMode;
use gangway_domain::{
    Code,
    id::SyncRunId,
    record::Stream,
    sync::{RunCounts, RunMode, RunState, SyncRun, Window},
};
use gangway_egress::Class;
use gangway_storage::queue::JobFence;

use super::place::Place;
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
    tx.commit().await?;

    let is_light = run.mode == RunMode::Incremental && sync.cursor.is_some();
    let class = if is_light { Class::Incremental } else { Class::Sweep };
    let opened = connections::open(ctx, run.connection, class).await?;
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let goes_on = run.started_at.is_some() && is_same_account(ctx, &run, &opened).await?;
    let run = if goes_on { Some(run) } else { settle(ctx, id, fence, &opened).await? };
    let Some(run) = run else { return Ok(None) };
    let place = Place::parse(run.checkpoint.as_deref())?;
    Ok(Some(Reading { run, place, opened, keys, class }))
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
async fn settle(ctx: &Ctx, id: SyncRunId, fence: &JobFence, opened: &Opened) -> Result<Option<SyncRun>> {
    let app = ctx.app();
    let SyncRun { sync, stream, .. } = find(ctx, id).await?;
    let Some(manifest) = opened.manifest.stream(stream).cloned() else {
        let message = format!("The connector does not read {}; delete this sync.", stream.as_str());
        return Err(Error::new(Code::Unsupported, message));
    };
    if stream == Stream::Employees {
        attributes::refresh(ctx, opened.connection.id, opened).await?;
    }

    let tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some(sync) = tx.syncs().find_locked(sync).await? else { return Ok(None) };
    let Some(mut run) = tx.runs().find_locked(id).await?.filter(|run| run.state == RunState::Running) else {
        return Ok(None);
    };
    let tenant = tx.syncs().get_tenant().await?;
    let selection = attributes::selection(ctx, &tx, run.connection, stream).await?;
    let now = app.now();
    run.started_at = Some(now);
    run.credential_version = opened.credential_version();
    run.window = manifest.windowed.then(|| window(now, tenant.time_zone, app.config.window_days)).flatten();
    let overlap = TimeDelta::hours(app.config.cursor_overlap_hours.into());
    // What has not changed at the vendor is kept by the choice of its time: another choice needs every record.
    let kept_by = tx.syncs().find_kept_by(sync.id).await?;
    let is_kept = kept_by.as_deref() == Some(selection.version());
    if kept_by.is_some() && !is_kept {
        tx.syncs().set_kept_by(sync.id, None).await?;
    }
    let reads_changes = run.mode == RunMode::Incremental && manifest.supports_since && is_kept;
    run.since = sync.cursor.filter(|_| reads_changes).and_then(|cursor| cursor.checked_sub_signed(overlap));
    run.checkpoint = Some(Place::start(selection.version()).to_text()?);
    run.total = None;
    // Nothing that was read before counts: it was another account's, or of another time.
    run.counts = RunCounts::default();
    tx.quarantine().delete_of_run(&run).await?;
    tx.sweeps().delete_sightings(id).await?;
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

/// The days around today, as the tenant's calendar has it.
fn window(now: DateTime<Utc>, zone: Tz, days: u32) -> Option<Window> {
    let today: NaiveDate = now.with_timezone(&zone).date_naive();
    let reach = TimeDelta::days(days.into());
    Some(Window { from: today.checked_sub_signed(reach)?, to: today.checked_add_signed(reach)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_the_tenants_today() {
        let late = DateTime::parse_from_rfc3339("2026-11-23T23:30:00Z").unwrap().to_utc();
        let days = |zone| window(late, zone, 400).map(|window| (window.from.to_string(), window.to.to_string()));
        assert_eq!(days(Tz::Europe__Berlin), Some(("2025-10-20".into(), "2027-12-29".into())));
        assert_eq!(days(Tz::UTC), Some(("2025-10-19".into(), "2027-12-28".into())));
    }
}
