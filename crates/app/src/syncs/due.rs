//! Starting the runs whose schedule is due, once each, however many processes look.

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::{
    connection::Connection,
    id::{JobId, PLATFORM_TENANT, SyncId},
    principal::Principal,
    sync::{RunMode, Sync, SyncRun, Window},
};
use gangway_storage::{
    SystemReason, TenantScope, TenantTx,
    syncs::{AbandonedRun, DueSync},
};

use super::{
    health, pause, runs,
    schedule::{Anchor, Schedule},
    window::Calendar,
};
use crate::{
    App, Ctx, Result,
    jobs::{Job as _, RunSync},
};

/// Due syncs looked at per call.
const BATCH: u64 = 200;
/// A scheduled run is a full one when the last sweep is older: a little less than a day, so that a daily schedule sweeps daily.
const SWEEP_EVERY: TimeDelta = TimeDelta::hours(23);

/// The first pause before a sweep is tried again that was not believed or failed; each further one is twice as long.
const FIRST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// Full runs looked at to count those in vain: as many as it takes for the pause to reach [`SWEEP_EVERY`], and one.
const ATTEMPTS: u64 = 6;
/// How far ahead a moment may be that was noted before. Clocks of processes lie apart, and one that was an hour wrong is waited for: the
/// overlap of the cursor covers it.
const AHEAD: TimeDelta = TimeDelta::hours(2);

/// Whether a moment that was noted is one that has not come yet: the clock that noted it was ahead, and has been set back.
pub(super) fn is_ahead(noted: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    noted - now > AHEAD
}

/// Starts a run of every sync that is due; answers how many. Before that it ends runs whose job is no more, since a run that
/// seems under way would keep its sync from starting for ever.
/// A sync whose last run is still under way waits for its next time.
///
/// The system transaction only looks. Each start is decided in a tenant's transaction that locks the sync, moves its next time
/// and adds the run with its job: nothing is lost when a process dies in between, and a second process finds it done.
pub async fn start_due(app: &App) -> Result<usize> {
    let tx = app.db.begin_system(SystemReason::Schedule).await?;
    let abandoned = tx.syncs().list_abandoned(RunSync::QUEUE, BATCH).await?;
    let due = tx.syncs().list_due(app.now(), app.now() + AHEAD, BATCH).await?;
    tx.commit().await?;
    for AbandonedRun { scope, run } in abandoned {
        if let Err(error) = health::fail_abandoned(&clockwork(app, scope), run).await {
            tracing::error!(tenant.id = %scope.tenant(), sync.run = %run, %error, "a run without a job was not ended");
        }
    }
    let mut n_started = 0;
    for DueSync { scope, sync } in due {
        let ctx = clockwork(app, scope);
        match fire(&ctx, sync).await {
            Ok(true) => n_started += 1,
            Ok(false) => {}
            // One tenant's trouble must not keep the others from starting.
            Err(error) => {
                tracing::error!(tenant.id = %scope.tenant(), sync.id = %sync, %error, "a due sync was not started");
            }
        }
    }
    Ok(n_started)
}

/// Nobody asked but the clock: the principal is the platform's own job.
fn clockwork(app: &App, scope: TenantScope) -> Ctx {
    Ctx::new(app.clone(), Principal::Job(JobId::from_uuid(PLATFORM_TENANT.uuid())), scope, Vec::new())
}

async fn fire(ctx: &Ctx, id: SyncId) -> Result<bool> {
    let now = ctx.app().now();
    let mut tx = ctx.app().db.begin(ctx.scope()).await?;
    let mut sync = tx.syncs().get_locked(id).await?;
    // A next time that was reckoned from a clock that was ahead is none.
    if sync.next_run_at.is_none_or(|next| next > now && !is_ahead(sync.updated_at, now)) {
        return Ok(false);
    }
    let connection = tx.connections().get(sync.connection).await?;
    let waits = pause::holds(ctx, &tx, &connection, &sync).await?;
    sync.next_run_at = if waits { connection.paused_until } else { next(ctx, &tx, &sync).await? };
    sync.updated_at = now;
    tx.syncs().update_progress(&sync).await?;
    let starts = !waits && tx.runs().find_running(id).await?.is_none();
    if starts {
        let (mode, window) = plan(ctx, &tx, &sync, &connection).await?;
        runs::create_in(ctx, &mut tx, &mut sync, mode, window).await?;
    }
    tx.commit().await?;
    Ok(starts)
}

/// When a sync next runs by itself, by its schedule.
pub(super) async fn next(ctx: &Ctx, tx: &TenantTx, sync: &Sync) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = &sync.schedule else { return Ok(None) };
    let zone = tx.syncs().get_tenant().await?.time_zone;
    let anchor = Anchor { id: sync.id, created_at: sync.created_at, zone };
    let next = Schedule::parse(text).ok().and_then(|schedule| schedule.next_after(ctx.app().now(), &anchor));
    if next.is_none() {
        tracing::error!(sync.id = %sync.id, "a stored schedule is not understood; the sync rests until it is changed");
    }
    Ok(next)
}

/// What the run reads: changes, or everything that is due for a sweep.
async fn plan(ctx: &Ctx, tx: &TenantTx, sync: &Sync, connection: &Connection) -> Result<(RunMode, Option<Window>)> {
    if sync.first_completed_at.is_none() {
        return Ok((RunMode::Full, None));
    }
    if let Some(last) = tx.runs().list_sweeps(sync.id, None, 1).await?.first()
        && is_within(ctx, last, SWEEP_EVERY)
    {
        return Ok((RunMode::Incremental, None));
    }
    let attempts = tx.runs().list_full(sync.id, ATTEMPTS).await?;
    let n_vain = attempts.iter().take_while(|run| !run.is_believed()).count();
    if n_vain > 0 && attempts.first().is_some_and(|last| is_within(ctx, last, pause_after(n_vain))) {
        return Ok((RunMode::Incremental, None));
    }
    let connector = ctx.app().registry.get(&connection.connector);
    // Where the vendor cannot tell changes, every run reads every day, and a sweep of all of them costs nothing more.
    let reads_in_parts = connector
        .and_then(|connector| connector.manifest().stream(sync.stream).cloned())
        .is_some_and(|stream| stream.windowed && stream.supports_since);
    if !reads_in_parts {
        return Ok((RunMode::Full, None));
    }
    // The slice follows when these days are done.
    Ok((RunMode::Full, Some(Calendar::of(ctx, tx).await?.recent())))
}

/// Whether a run was asked for less than so long ago.
fn is_within(ctx: &Ctx, run: &SyncRun, span: TimeDelta) -> bool {
    let now = ctx.app().now();
    now - run.created_at < span && !is_ahead(run.created_at, now)
}

/// How long a sweep waits after so many in vain: runs that look for changes come in between.
fn pause_after(n_vain: usize) -> TimeDelta {
    let doublings = u32::try_from(n_vain.saturating_sub(1)).unwrap_or(u32::MAX);
    2_i32
        .checked_pow(doublings)
        .and_then(|factor| FIRST_PAUSE.checked_mul(factor))
        .map_or(SWEEP_EVERY, |pause| pause.min(SWEEP_EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_in_vain_come_ever_more_rarely_and_daily_in_the_end() {
        let hours: Vec<i64> = (1..=8).map(|n_vain| pause_after(n_vain).num_hours()).collect();
        assert_eq!(hours, [1, 2, 4, 8, 16, 23, 23, 23]);
        assert_eq!(pause_after(usize::MAX), SWEEP_EVERY);
    }
}
