//! Ending a run that has read everything: what is gone is buried, the cursor moves, and the log says so.

use chrono::{DateTime, Utc};
use gangway_domain::sync::{RunMode, RunState, Sync, SyncRun};
use gangway_storage::{TenantTx, queue::JobFence};
use serde_json::{Value, json};

use super::{
    execute::Progress,
    health,
    page::{is_running, require_same_place},
    place::Place,
    quarantine, runs,
    start::Reading,
    sweep::{self, Verdict},
};
use crate::{Ctx, Result, attributes, events, records::wire_id, seal::TenantKeys};

const DRIFTED: &str = "The vendor's total kept changing while the account was read, so records may have been missed; the next run \
                       asks for changes since the same moment again.";

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

    let is_first = sync.first_completed_at.is_none();
    let event = conclude(ctx, &mut tx, keys, &mut run, &verdict, is_first, now).await?;
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
        let complete = tx.runs().find_last_sweep(sync.id, Some(run.id)).await?;
        tx.sweeps().prune(&run, complete.map(|earlier| earlier.id)).await?;
        // A connection that was deleted leaves persons behind who have no record any more.
        tx.persons().delete_orphans().await?;
    }
    quarantine::prune(ctx, &tx, &run).await?;
    // Records may have moved between pages: what was missed is asked for again.
    if !reading.place.drifted {
        sync.cursor = sync.cursor.max(run.started_at);
    }
    sync.first_completed_at = sync.first_completed_at.or(Some(now));
    sync.updated_at = now;
    tx.syncs().update_progress(&sync).await?;
    health::recovered(ctx, &mut tx, keys, &run).await?;
    conclude_choice(ctx, &mut tx, reading, &mut sync).await?;
    tx.commit().await?;
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
    tx: &mut TenantTx,
    keys: &TenantKeys,
    run: &mut SyncRun,
    verdict: &Verdict,
    is_first: bool,
    now: DateTime<Utc>,
) -> Result<Option<(&'static str, Value)>> {
    run.state = RunState::Completed;
    let mut sweep = Value::Null;
    match verdict {
        Verdict::NoSweep | Verdict::Open(_) => {}
        Verdict::Gone { records, confirmed_by } => {
            let buried = tx.records().bury(records, now).await?;
            run.counts.deleted += i64::try_from(buried).unwrap_or(i64::MAX);
            for record in records {
                let draft = events::Draft {
                    subject: Some((*record, wire_id(run.stream, *record))),
                    ..about(run, "", json!({ "confirmed_by": confirmed_by }))
                };
                let kind = format!("{}.deleted", run.stream.noun());
                events::append(ctx, keys, tx, events::Draft { kind, ..draft });
            }
            sweep = json!("complete");
        }
        Verdict::Doubted(reason) => {
            run.error_message =
                Some(format!("Nothing was looked for as deleted: {reason}. The next full run tries again."));
            sweep = json!({ "skipped": reason });
        }
        Verdict::Held { n_missing, n_present } => {
            run.state = RunState::Held;
            let message = held_message(run, *n_missing, *n_present);
            let data = json!({
                "stream": run.stream, "missing": n_missing, "present": n_present, "counts": run.counts, "message": message,
            });
            run.error_message = Some(message);
            return Ok(Some(("sync.held", data)));
        }
    }
    let changed = run.counts.created + run.counts.updated + run.counts.deleted + run.counts.quarantined > 0;
    if !is_first && !changed && run.mode != RunMode::Full {
        return Ok(None);
    }
    let data =
        json!({ "stream": run.stream, "mode": run.mode, "first": is_first, "counts": run.counts, "sweep": sweep });
    Ok(Some(("sync.completed", data)))
}

fn held_message(run: &SyncRun, n_missing: usize, n_present: i64) -> String {
    format!(
        "At least {n_missing} of {n_present} {} are no longer visible; nothing was deleted. Check in the vendor's account \
         whether the credential still sees them, then start a full run again.",
        run.stream.as_str()
    )
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
/// first pages were kept by the old choice.
async fn conclude_choice(ctx: &Ctx, tx: &mut TenantTx, reading: &Reading, sync: &mut Sync) -> Result<()> {
    let selection = attributes::selection(ctx, tx, sync.connection, sync.stream).await?;
    let version = selection.version();
    if version != reading.place.selection {
        runs::create_in(ctx, tx, sync, RunMode::Full).await?;
        return Ok(());
    }
    let is_noted = tx.syncs().find_kept_by(sync.id).await?.as_deref() == Some(version);
    if reading.run.since.is_none() && !is_noted {
        let rest = tx.records().list_not_kept_by(sync.connection, sync.stream, version, 1).await?;
        tx.syncs().set_kept_by(sync.id, rest.is_empty().then_some(version)).await?;
    }
    Ok(())
}
