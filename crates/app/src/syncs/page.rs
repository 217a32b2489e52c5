//! One page, one transaction: job fence, run row, records, events, place. Either all of it is committed or nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use gangway_connector::{BadRecord, Checkpoint, Page};
use gangway_domain::{
    record::Stream,
    sync::{RunMode, RunState, SyncRun},
};
use gangway_storage::{TenantTx, quarantine::QuarantinedRecord, queue::JobFence};
use uuid::Uuid;

use super::{
    intake::{self, Incoming},
    place::Place,
    start::Reading,
    write::{self, Scene},
};
use crate::{Ctx, Error, Result, attributes, seal::TenantKeys};

/// Object kind under which set-aside bytes are sealed.
const QUARANTINE_KIND: &str = "quarantine";
/// Field under which set-aside bytes are sealed.
const QUARANTINE_FIELD: &str = "payload";

/// Commits a page that was read from `reading.place`. Answers the run and its new place; none when it has ended or is gone.
///
/// # Errors
/// A transient error when another worker has moved the run on.
pub(super) async fn commit(
    ctx: &Ctx,
    reading: &Reading,
    fence: &JobFence,
    page: Page,
) -> Result<Option<(SyncRun, Place)>> {
    let app = ctx.app();
    let mut tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some(mut run) = tx.runs().find_locked(reading.run.id).await?.filter(is_running) else { return Ok(None) };
    require_same_place(&run, &reading.place)?;
    let sync = tx.syncs().get(run.sync).await?;
    let selection = attributes::selection(ctx, &tx, run.connection, run.stream).await?;
    let Page { records, bad, next, done: _, total, total_changed, .. } = page;

    let incoming: Vec<Incoming> =
        records.into_iter().map(|record| intake::take_in(record, &selection, reading.keys.hash_key())).collect();
    let undecided: BTreeSet<String> = incoming.iter().flat_map(|it| it.undecided.iter().cloned()).collect();
    let undecided: Vec<String> = undecided.into_iter().collect();
    attributes::note_seen(ctx, &tx, run.connection, run.stream, &undecided).await?;
    let readable: HashSet<String> = incoming.iter().flat_map(|it| it.names().map(|name| name.id.clone())).collect();

    let scene =
        Scene { run: &run, keys: &reading.keys, selection: &selection, is_quiet: sync.first_completed_at.is_none() };
    let written = Box::pin(write::write(ctx, &mut tx, &scene, incoming)).await?;
    let mut seen = written.seen;
    let n_bad = set_aside(ctx, &tx, &run, &reading.keys, bad, &mut seen).await?;
    resolve(ctx, &tx, &run, &readable).await?;
    if run.mode == RunMode::Full {
        seen.sort_unstable();
        seen.dedup();
        tx.sweeps().upsert_sightings(run.id, &seen).await?;
    }

    let place = reading.place.after_page(total_changed, next.map(Checkpoint::into_string));
    if place.pass > reading.place.pass && run.mode == RunMode::Full {
        tx.sweeps().delete_sightings(run.id).await?;
    }
    run.counts.pages += 1;
    run.counts.created += written.n_created;
    run.counts.updated += written.n_updated;
    run.counts.unchanged += written.n_unchanged;
    run.counts.quarantined += n_bad;
    run.counts.seen += written.n_created + written.n_updated + written.n_unchanged + n_bad;
    run.total = total.map_or(run.total, |total| i64::try_from(total).ok());
    run.checkpoint = Some(place.to_text()?);
    tx.runs().update(&run).await?;
    tx.commit().await?;
    Ok(Some((run, place)))
}

pub(super) fn is_running(run: &SyncRun) -> bool {
    run.state == RunState::Running
}

/// Refuses when another worker has moved the run on: what was read no longer fits.
pub(super) fn require_same_place(run: &SyncRun, place: &Place) -> Result<()> {
    if run.checkpoint.as_deref() == Some(place.to_text()?.as_str()) {
        return Ok(());
    }
    let mut error = Error::internal("another worker has moved the run on");
    error.is_transient = true;
    Err(error)
}

/// Sets bad records aside. Those that we know count as seen: what cannot be read is not gone.
async fn set_aside(
    ctx: &Ctx,
    tx: &TenantTx,
    run: &SyncRun,
    keys: &TenantKeys,
    bad: Vec<BadRecord>,
    seen: &mut Vec<Uuid>,
) -> Result<i64> {
    if bad.is_empty() {
        return Ok(0);
    }
    let app = ctx.app();
    let now = app.now();
    let names: Vec<String> = bad.iter().filter_map(|record| record.external_id.clone()).collect();
    let known = tx.records().list_known(run.connection, run.stream, &names).await?;
    seen.extend(known.into_iter().map(|known| known.record));

    let mut distinct: HashMap<[u8; 32], QuarantinedRecord> = HashMap::new();
    for BadRecord { external_id, reason, raw, .. } in bad {
        let fingerprint = keys.hash_key().hash(&raw);
        let id: gangway_domain::id::QuarantineId = app.new_id();
        let record = QuarantinedRecord {
            id,
            connection: run.connection,
            stream: run.stream,
            run: run.id,
            external_id,
            fingerprint: fingerprint.to_vec(),
            reason,
            payload: keys.seal(QUARANTINE_KIND, id.uuid(), QUARANTINE_FIELD, &raw),
            created_at: now,
            last_seen_at: now,
            resolved_at: None,
        };
        distinct.insert(fingerprint, record);
    }
    let n_bad = i64::try_from(distinct.len()).unwrap_or(i64::MAX);
    tracing::warn!(
        connection.id = %run.connection, sync.run = %run.id, stream = Stream::as_str(run.stream), n_bad,
        "records were set aside because they could not be read"
    );
    tx.quarantine().upsert(distinct.into_values().collect()).await?;
    Ok(n_bad)
}

/// Closes what was set aside and could now be read.
async fn resolve(ctx: &Ctx, tx: &TenantTx, run: &SyncRun, readable: &HashSet<String>) -> Result<()> {
    let open = tx.quarantine().list_open_ids(run.connection, run.stream).await?;
    let resolved: Vec<String> = open.into_iter().filter(|id| readable.contains(id)).collect();
    if !resolved.is_empty() {
        tx.quarantine().resolve(run.connection, run.stream, &resolved, ctx.app().now()).await?;
    }
    Ok(())
}
