//! Asking for each record that a full run did not see by itself, a few at a time: what they say is committed as it comes, so
//! that a turn goes on where the one before stopped, however many there are.

use std::ops::ControlFlow;

use gangway_connector::{ErrorKind, ReadOne, SourceRecord};
use gangway_storage::{queue::JobFence, sweeps::Candidate};
use uuid::Uuid;

use super::{execute::Progress, page, place::Confirming, start::Reading, sweep};
use crate::{Ctx, Error, Result};

/// Single reads per commit: what a turn that dies must ask again.
const BATCH: u64 = 20;

/// What single reads said.
pub(super) enum Confirmation {
    /// These are gone: all that are, or as many as show that a human must look.
    Complete(Vec<Uuid>),
    /// This account has no such call, whatever the manifest promises: a missing route and a missing record look alike.
    NotOffered,
    /// They have not come to their end, but the turn has.
    Ended(Progress),
}

/// Goes on with the single reads of a run from [`Confirming::after`].
pub(super) async fn confirm(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    mut progress: Confirming,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Confirmation> {
    let limit = sweep::limit(reading.run.stream, progress.n_present);
    loop {
        let tx = ctx.app().db.begin_read(ctx.scope()).await?;
        let candidates = tx.sweeps().list_unseen(&reading.run, progress.after, BATCH).await?;
        tx.commit().await?;
        if candidates.is_empty() || progress.gone.len() > limit {
            return Ok(Confirmation::Complete(progress.gone));
        }
        let batch = ask(reading, progress, candidates, limit, should_stop).await;
        progress = batch.progress.clone();
        if let ControlFlow::Break(ended) = commit(ctx, reading, fence, batch.progress, batch.found).await? {
            return Ok(Confirmation::Ended(ended));
        }
        match batch.end {
            None => {}
            Some(End::Stopped) => return Ok(Confirmation::Ended(Progress::Yield)),
            Some(End::NotOffered) => return Ok(Confirmation::NotOffered),
            Some(End::Failed(error)) => return Err(error),
        }
    }
}

/// What some single reads brought.
struct Batch {
    progress: Confirming,
    /// Those that are there after all.
    found: Vec<SourceRecord>,
    /// Why the batch ended early.
    end: Option<End>,
}

enum End {
    Stopped,
    NotOffered,
    Failed(Error),
}

async fn ask(
    reading: &Reading,
    progress: Confirming,
    candidates: Vec<Candidate>,
    limit: usize,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Batch {
    let mut batch = Batch { progress, found: Vec::new(), end: None };
    let source = match reading.opened.source() {
        Ok(source) => source,
        Err(error) => return Batch { end: Some(End::Failed(error)), ..batch },
    };
    for Candidate { record, external } in candidates {
        if batch.progress.gone.len() > limit {
            break;
        }
        if should_stop() {
            batch.end = Some(End::Stopped);
            break;
        }
        match source.read_one(ReadOne::new(reading.run.stream, external.id, reading.class)).await {
            Ok(Some(found)) => batch.found.push(found),
            Ok(None) => batch.progress.gone.push(record),
            // An answer that cannot be read is no word that the record is gone; it stays as it is.
            Err(error) if error.kind == ErrorKind::Protocol => {}
            Err(error) => {
                let is_missing = error.kind == ErrorKind::Unsupported;
                batch.end = Some(if is_missing { End::NotOffered } else { End::Failed(error.into()) });
                break;
            }
        }
        batch.progress.after = Some(record);
    }
    batch
}

/// Commits a batch.
///
/// A record that is there after all is kept as it was just read: no listing shows it, so nothing else would bring its changes.
async fn commit(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    progress: Confirming,
    found: Vec<SourceRecord>,
) -> Result<ControlFlow<Progress>> {
    if reading.place.confirming.as_ref() == Some(&progress) {
        return Ok(ControlFlow::Continue(()));
    }
    let mut tx = ctx.app().db.begin(ctx.scope()).await?;
    let mut run = match page::lock(&tx, reading, fence).await? {
        ControlFlow::Continue(run) => run,
        ControlFlow::Break(ended) => return Ok(ControlFlow::Break(ended)),
    };
    let mut place = reading.place.clone();
    if !found.is_empty() {
        let selection = page::store(ctx, &mut tx, reading, &mut run, found, Vec::new()).await?;
        page::note_choice(&tx, &run, &mut place, &selection).await?;
    }
    place.confirming = Some(progress);
    run.checkpoint = Some(place.to_text()?);
    tx.runs().update(&run).await?;
    tx.commit().await?;
    reading.run = run;
    reading.place = place;
    Ok(ControlFlow::Continue(()))
}
