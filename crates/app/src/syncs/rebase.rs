//! A stream that goes over to another version of the vendor's API.
//!
//! Two versions may show the same object in other fields, under another id, or as several objects. None of that happened in the
//! company, so the run that goes over reads everything and tells nothing of single records; it concludes nothing about what is
//! gone, and what earlier runs saw bears no witness any more. Records of which the new version shows others in their place end
//! with it, quietly. The sync holds the version that its records were read through, and keeps to it while it can.

use std::{collections::BTreeMap, ops::ControlFlow};

use gangway_domain::{
    id::ConnectionId,
    record::{RecordState, Stream},
    sync::{MIXED, RunMode, Sync, SyncRun},
};
use gangway_storage::{TenantTx, queue::JobFence};
use uuid::Uuid;

use super::{
    execute::Progress,
    held, page,
    place::{Place, Rebase},
    start::Reading,
};
use crate::{Ctx, Error, Result};

/// Records that are replaced in one transaction.
const BATCH: u64 = 200;

/// Whether a run that has begun may go on as it did: the connection still reads through its version, and the sync holds that one or
/// goes over to it with this run.
pub(super) fn fits(place: &Place, versions: &[&str], sync: &Sync) -> bool {
    let goes_over = place.rebase.is_some();
    match &place.api_version {
        Some(version) => {
            versions.contains(&version.as_str()) && (goes_over || sync.api_version.as_ref() == Some(version))
        }
        None if goes_over => true,
        None => match sync.api_version.as_deref() {
            Some(version) => version != MIXED,
            // Pages that nobody has noted a version of were read by a process that knew of none.
            None => versions.is_empty() || !place.has_pages(),
        },
    }
}

/// Notes in a run that begins, and in its place, which version it reads through. Where the sync's own is not among `versions` the
/// run goes over to another: it reads everything, and what was seen so far is forgotten.
pub(super) async fn settle(
    tx: &TenantTx,
    sync: &Sync,
    run: &mut SyncRun,
    place: &mut Place,
    versions: &[&str],
) -> Result<()> {
    let Some(held) = held_version(tx, sync, run).await?.filter(|_| !versions.is_empty()) else { return Ok(()) };
    if versions.contains(&held.as_str()) {
        place.api_version = Some(held);
        return Ok(());
    }
    // What this run itself has noted before it was begun anew says more than `mixed`.
    let noted = Place::parse(run.checkpoint.as_deref()).ok();
    let noted = noted.and_then(|place| place.rebase.map(|rebase| rebase.from).or(place.api_version));
    let from = if held == MIXED { noted.unwrap_or(held) } else { held };
    tx.syncs().set_api_version(sync.id, MIXED).await?;
    tx.sweeps().forget(sync).await?;
    held::supersede_open(tx, sync.id).await?;
    run.mode = RunMode::Full;
    place.rebase = Some(Rebase { from, n_replaced: 0 });
    Ok(())
}

/// The version that a sync's records were read through; none where it has none yet. Beside this process one of an older version may
/// run for a while, which notes no version of what it reads: it may be any.
async fn held_version(tx: &TenantTx, sync: &Sync, run: &SyncRun) -> Result<Option<String>> {
    if sync.api_version.is_some() {
        return Ok(sync.api_version.clone());
    }
    let has_records = sync.first_completed_at.is_some() || tx.sweeps().count_present(run).await? > 0;
    Ok(has_records.then(|| MIXED.to_owned()))
}

/// Notes through which version a page was read; or ends the turn when that is not the one that the run was to read through: the
/// vendor no longer serves it. The next turn then begins the run anew.
pub(super) async fn note_page(
    tx: &TenantTx,
    reading: &Reading,
    place: &mut Place,
    version: Option<String>,
) -> Result<ControlFlow<()>> {
    let Some(version) = version else { return Ok(ControlFlow::Continue(())) };
    let goes_over = reading.place.rebase.is_some();
    let expected = match &reading.place.api_version {
        Some(expected) => Some(expected.clone()),
        None if goes_over => None,
        // A run that a process of before has begun notes none.
        None => tx.syncs().get(reading.run.sync).await?.api_version,
    };
    match expected {
        Some(expected) if expected == version => place.api_version = Some(version),
        Some(_) if goes_over => {
            let message = format!(
                "Pages of {} come through one version of the vendor's API and then through another; nothing more was read.",
                reading.run.stream.as_str()
            );
            return Err(Error::new(gangway_domain::Code::VendorProtocol, message));
        }
        Some(_) => {
            tx.syncs().set_api_version(reading.run.sync, MIXED).await?;
            return Ok(ControlFlow::Break(()));
        }
        None => {
            if !goes_over {
                tx.syncs().set_api_version(reading.run.sync, &version).await?;
            }
            place.api_version = Some(version);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The versions that a connection's records are held from, by stream.
pub(crate) async fn api_versions(ctx: &Ctx, connection: ConnectionId) -> Result<BTreeMap<Stream, String>> {
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let mut versions = BTreeMap::new();
    for stream in Stream::ALL {
        let sync = tx.syncs().find_by_stream(connection, stream).await?;
        versions.extend(sync.and_then(|sync| sync.api_version).map(|version| (stream, version)));
    }
    tx.commit().await?;
    Ok(versions)
}

/// Ends the records that others took the place of, until `should_stop` says so between two batches; answers how the turn ends, if
/// it does.
pub(super) async fn replace(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + std::marker::Sync),
) -> Result<ControlFlow<Progress>> {
    let mut after: Option<Uuid> = None;
    loop {
        if should_stop() {
            return Ok(ControlFlow::Break(Progress::Yield));
        }
        let tx = ctx.app().db.begin(ctx.scope()).await?;
        let mut run = match page::lock(&tx, reading, fence).await? {
            ControlFlow::Continue(run) => run,
            ControlFlow::Break(ended) => return Ok(ControlFlow::Break(ended)),
        };
        let replaced = tx.sweeps().list_replaced(&run, after, BATCH).await?;
        if replaced.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        after = replaced.last().copied();
        let ended = tx.records().bury(&replaced, RecordState::Deleted, ctx.app().now()).await?;
        let mut place = reading.place.clone();
        if let Some(rebase) = &mut place.rebase {
            rebase.n_replaced += i64::try_from(ended.len()).unwrap_or(i64::MAX);
        }
        run.checkpoint = Some(place.to_text()?);
        tx.runs().update(&run).await?;
        tx.commit().await?;
        reading.run = run;
        reading.place = place;
    }
}
