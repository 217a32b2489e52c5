//! Asking for each record that a full run did not see by itself, a few at a time: what they say is committed as it comes, so
//! that a turn goes on where the one before stopped, however many there are.

use std::ops::ControlFlow;

use gangway_connector::{ErrorKind, ReadOne, Source, SourceRecord};
use gangway_domain::held::Finding;
use gangway_storage::{held::HeldRecord, queue::JobFence, sweeps::Candidate};

use super::{execute::Progress, page, place::Confirming, start::Reading};
use crate::{Ctx, Error, Result};

/// Single reads per commit: what a turn that dies must ask again.
const BATCH: u64 = 20;

/// What single reads said.
pub(super) enum Confirmation {
    /// All that are gone or hidden are among the run's findings: so many, or as many as show that a human must look.
    Complete(u64),
    /// This account has no such call, whatever the manifest promises: a missing route and a missing record look alike, and so
    /// do a right that is missing and a record that is hidden.
    NotOffered,
    /// They have not come to their end, but the turn has.
    Ended(Progress),
}

/// Goes on with the single reads of a run from [`Confirming::after`], until more than `most` are found.
pub(super) async fn confirm(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    mut progress: Confirming,
    most: u64,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Confirmation> {
    loop {
        let tx = ctx.app().db.begin_read(ctx.scope()).await?;
        let candidates = tx.sweeps().list_unseen(&reading.run, progress.after, ctx.app().now(), BATCH).await?;
        tx.commit().await?;
        if candidates.is_empty() || progress.n_found > most {
            return Ok(Confirmation::Complete(progress.n_found));
        }
        let asking = Asking { ctx, reading, source: reading.opened.source()?, most, should_stop };
        let Batch { progress: next, found, findings, end } = asking.ask(progress, candidates).await;
        progress = next.clone();
        if let ControlFlow::Break(ended) = commit(ctx, reading, fence, next, found, findings).await? {
            return Ok(Confirmation::Ended(ended));
        }
        match end {
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
    /// Those that are not.
    findings: Vec<HeldRecord>,
    /// Why the batch ended early.
    end: Option<End>,
}

enum End {
    Stopped,
    NotOffered,
    Failed(Error),
}

struct Asking<'a> {
    ctx: &'a Ctx,
    reading: &'a Reading,
    source: &'a dyn Source,
    most: u64,
    should_stop: &'a (dyn Fn() -> bool + Send + Sync),
}

impl Asking<'_> {
    async fn ask(&self, progress: Confirming, candidates: Vec<Candidate>) -> Batch {
        let mut batch = Batch { progress, found: Vec::new(), findings: Vec::new(), end: None };
        for candidate in candidates {
            if batch.progress.n_found > self.most {
                break;
            }
            if (self.should_stop)() {
                batch.end = Some(End::Stopped);
                break;
            }
            let record = candidate.record;
            let finding = match self.read(&candidate).await {
                Ok(Some(found)) => {
                    batch.found.push(found);
                    None
                }
                Ok(None) => Some(Finding::Gone),
                // An answer that cannot be read is no word that the record is gone; it stays as it is.
                Err(error) if error.kind == ErrorKind::Protocol => None,
                Err(error) if error.kind == ErrorKind::Forbidden => {
                    match self.shows_others(&mut batch.progress).await {
                        Ok(true) => Some(Finding::Hidden),
                        Ok(false) => {
                            batch.end = Some(End::NotOffered);
                            break;
                        }
                        Err(error) => {
                            batch.end = Some(End::Failed(error));
                            break;
                        }
                    }
                }
                Err(error) => {
                    let is_missing = error.kind == ErrorKind::Unsupported;
                    batch.end = Some(if is_missing { End::NotOffered } else { End::Failed(error.into()) });
                    break;
                }
            };
            if let Some(finding) = finding {
                batch.findings.push(HeldRecord { record, finding });
                batch.progress.n_found += 1;
            }
            batch.progress.after = Some(record);
        }
        batch
    }

    async fn read(&self, candidate: &Candidate) -> gangway_connector::Result<Option<SourceRecord>> {
        let Reading { run, class, place, .. } = self.reading;
        let one = ReadOne::new(run.stream, candidate.external.id.clone(), *class)
            .with_names(candidate.names.clone())
            .with_api_version(place.api_version.clone());
        self.source.read_one(one).await
    }

    /// Whether the account shows a record by itself that it has just listed.
    async fn shows_others(&self, progress: &mut Confirming) -> Result<bool> {
        if progress.others_are_shown {
            return Ok(true);
        }
        let tx = self.ctx.app().db.begin_read(self.ctx.scope()).await?;
        let shown = tx.sweeps().find_seen(&self.reading.run).await?;
        tx.commit().await?;
        let Some(shown) = shown else { return Ok(false) };
        match self.read(&shown).await {
            Ok(found) => progress.others_are_shown = found.is_some(),
            Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Protocol | ErrorKind::Unsupported) => {
            }
            Err(error) => return Err(error.into()),
        }
        Ok(progress.others_are_shown)
    }
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
    findings: Vec<HeldRecord>,
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
    let mut noted = Vec::new();
    if !found.is_empty() {
        let stored = page::store(ctx, &mut tx, reading, &mut run, found, Vec::new()).await?;
        page::note_choice(&tx, &run, &mut place, &stored.selection).await?;
        noted = stored.noted;
    }
    tx.held().upsert_findings(run.id, &findings).await?;
    place.confirming = Some(progress);
    run.checkpoint = Some(place.to_text()?);
    tx.runs().update(&run).await?;
    tx.commit().await?;
    reading.noted.extend(noted);
    reading.run = run;
    reading.place = place;
    Ok(ControlFlow::Continue(()))
}
