//! Ending a run that has read everything: the cursor moves, and the log says how it ended.

use gangway_domain::sync::{RunMode, RunState, Sync, SyncRun, Window};
use gangway_storage::{TenantTx, queue::JobFence};
use serde_json::{Value, json};

use super::{
    due::is_ahead,
    execute::Progress,
    health, held, measure,
    page::{is_running, require_same_place},
    permissions,
    place::Place,
    quarantine, runs,
    start::Reading,
    sweep::{self, Verdict},
    window::Calendar,
};
use crate::{Ctx, Result, attributes, events};

const DRIFTED: &str = "The vendor's total kept changing while the account was read, so records may have been missed; the next run \
                       asks for changes since the same moment again.";

const REBASED: &str = "The stream is read through another version of the vendor's API than before, which is no change of its records, \
                       so they were told of by no event; nothing was looked for as deleted. The next full run does.";

const RELEASING: &str = "Many records seem gone while deletions that were held before are being released; nothing was concluded, and \
                         the next full run looks again.";
/// Sweeps looked at to find the last slices.
const SLICES: u64 = 8;

/// Ends a run.
pub(super) async fn finish(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + std::marker::Sync),
) -> Result<Progress> {
    let verdict = Box::pin(sweep::judge(ctx, reading, fence, should_stop)).await?;
    if let Verdict::Open(progress) = verdict {
        return Ok(progress);
    }
    let app = ctx.app();
    let keys = &reading.keys;
    let mut tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some(connection) = tx.connections().find_for_update(reading.run.connection).await? else {
        return Ok(Progress::Done);
    };
    let Some(mut sync) = tx.syncs().find_locked(reading.run.sync).await? else { return Ok(Progress::Done) };
    let Some(mut run) = tx.runs().find_locked(reading.run.id).await?.filter(is_running) else {
        return Ok(Progress::Done);
    };
    // The cursor is one of the account that was read.
    if connection.credential_version != reading.opened.credential_version() {
        return Ok(Progress::Yield);
    }
    require_same_place(&run, &reading.place)?;
    let now = app.now();
    let calendar = Calendar::of(ctx, &tx).await?;

    let is_first = sync.first_completed_at.is_none();
    let event = conclude(ctx, &tx, &mut run, &reading.place, &verdict, is_first).await?;
    held::look_after(ctx, &mut tx, &run).await?;
    if let Some((kind, data)) = event {
        events::append(ctx, keys, &mut tx, about(&run, kind, data));
    }
    if reading.place.drifted {
        run.error_message.get_or_insert_with(|| DRIFTED.to_owned());
    }
    run.finished_at = Some(now);
    // The ids of the single reads have served their turn.
    run.checkpoint = Some(Place { confirming: None, ..reading.place.clone() }.to_text()?);
    tx.runs().update(&run).await?;
    if run.mode == RunMode::Full {
        // The sweep after this one compares itself with the last that was complete.
        let needed = sweep::needed_later(&tx, &run).await?;
        tx.sweeps().prune(&run, &needed).await?;
        tx.held().prune_refusals(&run, now).await?;
        // A connection that was deleted leaves persons behind who have no record any more.
        tx.persons().delete_orphans().await?;
    }
    quarantine::prune(ctx, &tx, &run).await?;
    // Records may have moved between pages: what was missed is asked for again. And a run that read some of the days says
    // nothing about the others.
    let is_part = reading.place.is_part;
    if !reading.place.drifted && !is_part {
        sync.cursor = sync.cursor.filter(|cursor| !is_ahead(*cursor, now)).max(run.started_at);
    }
    if !is_part {
        sync.first_completed_at = sync.first_completed_at.or(Some(now));
    }
    if verdict == Verdict::Rebased
        && let Some(version) = &reading.place.api_version
    {
        tx.syncs().set_api_version(sync.id, version).await?;
    }
    sync.updated_at = now;
    tx.syncs().update_progress(&sync).await?;
    health::recovered(ctx, &mut tx, keys, &run, &mut sync).await?;
    if run.mode == RunMode::Full && verdict.saw_everything() {
        let permission = reading.opened.manifest.stream(run.stream).map_or("", |stream| stream.requires_permission);
        permissions::tell(ctx, &mut tx, keys, &run, permission).await?;
    }
    let reads_again = conclude_choice(ctx, &mut tx, reading, &mut sync).await?;
    if !reads_again && run.mode == RunMode::Full && is_part && calendar.is_recent(&run) {
        let slice = next_slice(ctx, &tx, &calendar, &run).await?;
        runs::create_in(ctx, &mut tx, &mut sync, RunMode::Full, Some(slice)).await?;
    }
    tx.commit().await?;
    measure::moved(&run, &reading.run.counts);
    measure::ended(&run);
    tracing::info!(
        connection.id = %run.connection, sync.id = %run.sync, sync.run = %run.id, stream = run.stream.as_str(),
        state = run.state.as_str(), created = run.counts.created, updated = run.counts.updated,
        unchanged = run.counts.unchanged, deleted = run.counts.deleted, "sync run ended"
    );
    Ok(Progress::Done)
}

/// Sets the run's end by the verdict; answers the event that it is worth.
async fn conclude(
    ctx: &Ctx,
    tx: &TenantTx,
    run: &mut SyncRun,
    place: &Place,
    verdict: &Verdict,
    is_first: bool,
) -> Result<Option<(&'static str, Value)>> {
    run.state = RunState::Completed;
    let mut sweep = Value::Null;
    match verdict {
        Verdict::NoSweep | Verdict::Open(_) => {}
        Verdict::Rebased => run.error_message = Some(REBASED.to_owned()),
        Verdict::Gone => {
            tx.held().delete_findings(run.id).await?;
            held::supersede_open(tx, run.sync).await?;
            sweep = json!("complete");
        }
        Verdict::Doubted(reason) => {
            tx.held().delete_findings(run.id).await?;
            run.error_message =
                Some(format!("Nothing was looked for as deleted: {reason}. The next full run tries again."));
            sweep = json!({ "skipped": reason });
        }
        Verdict::Held(doubtful) => {
            let Some((n_missing, is_more)) = held::park(ctx, tx, run, doubtful).await? else {
                run.error_message = Some(RELEASING.to_owned());
                return Ok(None);
            };
            run.state = RunState::Held;
            let message = held_message(run, n_missing, doubtful.n_present);
            let data = json!({
                "stream": run.stream, "missing": n_missing, "present": doubtful.n_present, "allowed": doubtful.n_allowed,
                "first": is_first, "window": run.window, "counts": run.counts, "message": message,
            });
            run.error_message = Some(message);
            // Nobody is told twice of the same records.
            return Ok((is_more || is_first).then_some(("sync.held", data)));
        }
    }
    let changed = run.counts.created + run.counts.updated + run.counts.deleted + run.counts.quarantined > 0;
    if !is_first && !changed && run.mode != RunMode::Full {
        return Ok(None);
    }
    let mut data = json!({
        "stream": run.stream, "mode": run.mode, "first": is_first, "window": run.window, "counts": run.counts,
        "sweep": sweep,
    });
    if let (Verdict::Rebased, Some(rebase), Some(members)) = (verdict, &place.rebase, data.as_object_mut()) {
        let went = json!({ "from": rebase.from, "to": place.api_version, "replaced": rebase.n_replaced });
        members.insert("rebased".to_owned(), went);
    }
    Ok(Some(("sync.completed", data)))
}

fn held_message(run: &SyncRun, n_missing: i64, n_present: i64) -> String {
    format!(
        "{n_missing} of {n_present} {} are no longer visible; nothing was deleted. Check in the vendor's account whether the \
         credential still sees them, then release or refuse the deletions at /v1/syncs/{}/held.",
        run.stream.as_str(),
        run.sync
    )
}

/// The days to sweep next after the recent ones. A slice that left records which no single read can confirm is read once more,
/// so that two sweeps can agree.
async fn next_slice(ctx: &Ctx, tx: &TenantTx, calendar: &Calendar, run: &SyncRun) -> Result<Window> {
    let sweeps = tx.runs().list_sweeps(run.sync, Some(run.id), SLICES).await?;
    let mut slices = sweeps.iter().filter(|sweep| Place::reads_part(sweep) && !calendar.is_recent(sweep));
    let Some(last) = slices.next() else { return Ok(calendar.slice_after(None)) };
    let is_witness = tx.runs().list_witnesses(run.sync, run.id, SLICES).await?.iter().any(|sweep| sweep.id == last.id);
    let was_repeated = slices.next().is_some_and(|before| before.window == last.window);
    if let Some(window) = last.window
        && is_witness
        && !was_repeated
        && !tx.sweeps().list_unseen(last, None, ctx.app().now(), 1).await?.is_empty()
    {
        return Ok(window);
    }
    Ok(calendar.slice_after(Some(last)))
}

/// An event about the run's sync.
pub(super) fn about(run: &SyncRun, kind: &str, data: Value) -> events::Draft {
    events::Draft {
        kind: kind.to_owned(),
        subject: Some((run.sync.uuid(), run.sync.to_string())),
        connection: Some(run.connection),
        run: Some(run.id),
        credential_version: Some(run.credential_version),
        data,
    }
}

/// Notes that every record is kept by one choice, or reads again: when the tenant chose other attributes while the run read, its
/// first pages were kept by the old choice. Answers whether it reads again.
async fn conclude_choice(ctx: &Ctx, tx: &mut TenantTx, reading: &Reading, sync: &mut Sync) -> Result<bool> {
    let selection = attributes::selection(ctx, tx, sync.connection, sync.stream).await?;
    let version = selection.version();
    if version != reading.place.selection {
        runs::create_in(ctx, tx, sync, RunMode::Full, None).await?;
        return Ok(true);
    }
    let is_noted = tx.syncs().find_kept_by(sync.id).await?.as_deref() == Some(version);
    if reading.run.since.is_none() && !is_noted {
        let rest = tx.records().list_not_kept_by(sync.connection, sync.stream, version, 1).await?;
        tx.syncs().set_kept_by(sync.id, rest.is_empty().then_some(version)).await?;
    }
    Ok(false)
}
