//! One page, one transaction: job fence, connection, sync, run row, records, events, place. Either all of it is committed or nothing.

use std::{
    collections::{BTreeSet, HashSet},
    ops::ControlFlow,
};

use gangway_connector::{BadRecord, Checkpoint, Page, SourceRecord};
use gangway_domain::sync::{RunMode, RunState, SyncRun};
use gangway_storage::{TenantTx, queue::JobFence};

use super::{
    execute::Progress,
    finish::about,
    held,
    intake::{self, Incoming},
    measure, permissions,
    place::Place,
    quarantine::{self, Refused},
    rebase, remap,
    start::Reading,
    write::{self, Scene, Told},
};
use crate::{
    Ctx, Error, Result,
    attributes::{self, Selection},
    events,
};

/// Commits a page that was read from `reading.place`, and moves `reading` on; or answers how the turn ends.
///
/// # Errors
/// A transient error when another worker has moved the run on.
pub(super) async fn commit(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    page: Page,
) -> Result<ControlFlow<Progress>> {
    let app = ctx.app();
    let mut tx = app.db.begin(ctx.scope()).await?;
    let mut run = match lock(&tx, reading, fence).await? {
        ControlFlow::Continue(run) => run,
        ControlFlow::Break(progress) => return Ok(ControlFlow::Break(progress)),
    };
    let Page { records, bad, next, done: _, total, total_changed, api_version, .. } = page;
    let mut place = reading.place.after_page(total_changed, next.map(Checkpoint::into_string));
    if rebase::note_page(&tx, reading, &mut place, api_version).await?.is_break() {
        tx.commit().await?;
        return Ok(ControlFlow::Break(Progress::Yield));
    }
    let Stored { selection, noted } = Box::pin(store(ctx, &mut tx, reading, &mut run, records, bad)).await?;

    note_choice(&tx, &run, &mut place, &selection).await?;
    if place.pass > reading.place.pass && run.mode == RunMode::Full {
        tx.sweeps().begin(run.id, app.now()).await?;
    }
    run.counts.pages += 1;
    run.total = total.map_or(run.total, |total| i64::try_from(total).ok());
    run.checkpoint = Some(place.to_text()?);
    tx.runs().update(&run).await?;
    tx.commit().await?;
    measure::moved(&run, &reading.run.counts);
    reading.noted.extend(noted);
    reading.run = run;
    reading.place = place;
    Ok(ControlFlow::Continue(()))
}

/// Locks what a page is written under, in the order that all transactions keep: job, connection, sync, run. Answers the run, or
/// how the turn ends: done when it has ended or is gone, another turn when the connection got another credential since this one began.
///
/// # Errors
/// A transient error when another worker has moved the run on.
pub(super) async fn lock(tx: &TenantTx, reading: &Reading, fence: &JobFence) -> Result<ControlFlow<Progress, SyncRun>> {
    tx.fence(fence).await?;
    let over = ControlFlow::Break(Progress::Done);
    let Some(connection) = tx.connections().find_for_key_share(reading.run.connection).await? else { return Ok(over) };
    if tx.syncs().find_locked(reading.run.sync).await?.is_none() {
        return Ok(over);
    }
    let Some(run) = tx.runs().find_locked(reading.run.id).await?.filter(is_running) else { return Ok(over) };
    // The next turn finds out whether it is another account's; what was read with the old one may be.
    if connection.credential_version != reading.opened.credential_version() {
        return Ok(ControlFlow::Break(Progress::Yield));
    }
    require_same_place(&run, &reading.place)?;
    Ok(ControlFlow::Continue(run))
}

/// What storing records came to.
pub(super) struct Stored {
    /// The choice of attributes that they were kept by.
    pub(super) selection: Selection,
    /// Attributes that are now known to have come on the run's records.
    pub(super) noted: Vec<String>,
}

/// Stores records that were read, sets aside those that could not be, notes what a full run saw, and counts them all.
pub(super) async fn store(
    ctx: &Ctx,
    tx: &mut TenantTx,
    reading: &Reading,
    run: &mut SyncRun,
    records: Vec<SourceRecord>,
    bad: Vec<BadRecord>,
) -> Result<Stored> {
    let sync = tx.syncs().get(run.sync).await?;
    let selection = attributes::selection(ctx, tx, run.connection, run.stream).await?;
    let keys = &reading.keys;
    let noted = permissions::note_seen(tx, reading, &records).await?;

    let incoming: Vec<Incoming> =
        records.into_iter().map(|record| intake::take_in(record, run.stream, &selection, keys.hash_key())).collect();
    let undecided: BTreeSet<String> = incoming.iter().flat_map(|it| it.undecided.iter().cloned()).collect();
    let told = told(reading, sync.first_completed_at.is_some())?;
    for attribute in attributes::note_seen(ctx, tx, run.connection, run.stream, &selection, &undecided).await? {
        // The first load is told by its end, as all that it finds; so is another version of the vendor's API.
        if told == Told::All {
            let subject = Some((attribute.id.uuid(), attribute.id.to_string()));
            let draft = about(run, "attribute.added", attributes::event_data(&attribute));
            events::append(ctx, keys, tx, events::Draft { subject, ..draft });
        }
    }
    let (incoming, nameless): (Vec<_>, Vec<_>) = incoming.into_iter().partition(Incoming::has_good_names);
    let refused = (bad.into_iter().map(|bad| Refused::unreadable(bad, run.stream, keys)))
        .chain(nameless.iter().map(|incoming| Refused::nameless(incoming, run.stream, keys)))
        .collect();
    let readable: HashSet<String> = incoming.iter().flat_map(|it| it.names().map(|name| name.id.clone())).collect();

    let connector = remap::connector_of(ctx, &reading.opened.connection.connector)?;
    let scene = Scene { run, keys, selection: &selection, connector, told };
    let written = Box::pin(write::write(ctx, tx, &scene, incoming)).await?;
    let mut seen = written.seen;
    let n_bad = quarantine::set_aside(ctx, tx, run, keys, refused, &mut seen).await?;
    quarantine::resolve(ctx, tx, run, &readable).await?;
    if let Some(batch) = reading.pending {
        held::note_seen(tx, batch, &seen).await?;
    }
    if run.mode == RunMode::Full {
        seen.sort_unstable();
        seen.dedup();
        tx.sweeps().upsert_sightings(run.id, &seen).await?;
    }
    run.counts.created += written.n_created;
    run.counts.updated += written.n_updated;
    run.counts.unchanged += written.n_unchanged;
    run.counts.quarantined += n_bad;
    run.counts.seen += written.n_created + written.n_updated + written.n_unchanged + n_bad;
    Ok(Stored { selection, noted })
}

fn told(reading: &Reading, is_loaded: bool) -> Result<Told> {
    if !is_loaded {
        return Ok(Told::Nothing);
    }
    if reading.place.rebase.is_none() {
        return Ok(Told::All);
    }
    let kept = reading.opened.source()?.kept_fields(reading.run.stream);
    Ok(if kept.is_empty() { Told::Nothing } else { Told::Kept(kept) })
}

/// Notes in the place, and in the sync, whether all that the run kept is kept by one choice of attributes.
pub(super) async fn note_choice(tx: &TenantTx, run: &SyncRun, place: &mut Place, selection: &Selection) -> Result<()> {
    if !place.selection.is_empty() && place.selection != selection.version() {
        tx.syncs().set_kept_by(run.sync, None).await?;
    }
    place.note_selection(selection.version());
    Ok(())
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
