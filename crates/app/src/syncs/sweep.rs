//! Which records are gone, and whether to believe it.
//!
//! A full run's view is believed when it was complete: the vendor's total, where there is one, is what was seen, and neither
//! the credential nor what it may read changed. Then each record not seen is asked for by itself where the vendor has such a
//! call, else it must have been missing from the full run before as well. Many at once are left to a human.

use std::ops::ControlFlow;

use chrono::TimeDelta;
use gangway_domain::{
    id::SyncRunId,
    record::Stream,
    settings::DeletionLimits,
    sync::{RunMode, SyncRun, Window},
};
use gangway_storage::{TenantTx, queue::JobFence};

use super::{
    bury,
    confirm::{self, Confirmation},
    execute::Progress,
    measure, page, permissions,
    place::{Confirming, Place},
    rebase,
    start::Reading,
};
use crate::{Ctx, Result};

/// What a full run says about records that it did not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The run was no sweep.
    NoSweep,
    /// The run's findings were believed, and are carried out.
    Gone,
    /// So many seem gone that a human must look.
    Held(Box<Doubtful>),
    /// The stream went over to another version of the vendor's API: the next run looks.
    Rebased,
    /// The view was not complete: nothing is concluded.
    Doubted(&'static str),
    /// None yet: the turn ended while it was looked for.
    Open(Progress),
}

impl Verdict {
    /// Whether the run saw every record that there is.
    pub(super) fn saw_everything(&self) -> bool {
        !matches!(
            self,
            Self::NoSweep | Self::Open(_) | Self::Rebased | Self::Doubted(CREDENTIAL | DRIFTED | INCOMPLETE)
        )
    }
}

/// What is known when a human must look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubtful {
    /// How many records there were.
    pub(super) n_present: i64,
    /// How many might have gone without a human.
    pub(super) n_allowed: i64,
    /// The sweep that did not see them either; none where single reads are to be had.
    pub(super) earlier: Option<SyncRun>,
}

const CREDENTIAL: &str = "the credential was replaced while the account was read";
const DRIFTED: &str = "the vendor's total changed while the account was read";
const INCOMPLETE: &str = "the records seen are not as many as the vendor's total says";
const PERMISSIONS: &str = "the attributes that the credential may read changed while the account was read";
const RESTRICTED: &str = "an attribute came on nobody's record any more, so the credential may have lost a right";

/// Sweeps looked at to find the one that saw the same days.
const SWEEPS: u64 = 16;

/// Judges a full run that has read everything.
pub(super) async fn judge(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Verdict> {
    let stream = reading.run.stream;
    if reading.run.mode != RunMode::Full {
        return Ok(Verdict::NoSweep);
    }
    if reading.place.confirming.as_ref().is_some_and(|progress| progress.is_believed) {
        return carry_out(ctx, reading, fence, should_stop).await;
    }
    if reading.opened.credential_version() != reading.run.credential_version {
        return Ok(Verdict::Doubted(CREDENTIAL));
    }
    if reading.place.drifted {
        return Ok(Verdict::Doubted(DRIFTED));
    }
    if reading.place.rebase.is_some() {
        return Ok(match rebase::replace(ctx, reading, fence, should_stop).await? {
            ControlFlow::Continue(()) => Verdict::Rebased,
            ControlFlow::Break(ended) => Verdict::Open(ended),
        });
    }
    let progress = match reading.place.confirming.clone() {
        Some(progress) => progress,
        None => match begin(ctx, reading).await? {
            Ok(progress) => progress,
            Err(doubt) => return Ok(Verdict::Doubted(doubt)),
        },
    };
    let n_present = progress.n_present;
    let most = limit(&reading.deletions, stream, n_present);
    let mut found = None;
    if reading.opened.manifest.stream(stream).is_some_and(|stream| stream.confirms_deletion) {
        match confirm::confirm(ctx, reading, fence, progress, most, should_stop).await? {
            Confirmation::Complete(n_found) => found = Some(n_found),
            Confirmation::NotOffered => {}
            Confirmation::Ended(progress) => return Ok(Verdict::Open(progress)),
        }
    }
    if found == Some(0) {
        return Ok(Verdict::Gone);
    }
    match believe(ctx, reading, fence, found, n_present).await? {
        Some(verdict) => Ok(verdict),
        None => carry_out(ctx, reading, fence, should_stop).await,
    }
}

/// Whether the view was complete; how many records were present, or why it is doubted.
async fn begin(ctx: &Ctx, reading: &Reading) -> Result<std::result::Result<Confirming, &'static str>> {
    let run = &reading.run;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    if let Some(total) = run.total
        && tx.sweeps().count_seen(run).await? != total
    {
        return Ok(Err(INCOMPLETE));
    }
    let n_present = tx.sweeps().count_present(run).await?;
    let is_anything_missing = !tx.sweeps().list_unseen(run, None, ctx.app().now(), 1).await?.is_empty();
    tx.commit().await?;
    // What follows costs a request: only where something depends on it.
    if is_anything_missing && run.stream == Stream::Employees {
        if !permissions::are_unchanged(ctx, reading).await? {
            return Ok(Err(PERMISSIONS));
        }
        if permissions::has_lost_any(ctx, run).await? {
            return Ok(Err(RESTRICTED));
        }
    }
    Ok(Ok(Confirming::start(n_present)))
}

/// Notes in the run's place that its findings are believed; or answers why they are not. `found` is how many records single reads
/// found missing, none where there are no single reads: then it is what no other sweep of the same days saw either.
///
/// Findings of two sweeps are committed together with the belief in them, never before: another turn may find that records can
/// be asked for after all.
async fn believe(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    found: Option<u64>,
    n_present: i64,
) -> Result<Option<Verdict>> {
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    let mut run = match page::lock(&tx, reading, fence).await? {
        ControlFlow::Continue(run) => run,
        ControlFlow::Break(ended) => return Ok(Some(Verdict::Open(ended))),
    };
    let (n_found, earlier) = match found {
        Some(n_found) => (n_found, None),
        None => unseen_twice(ctx, &tx, &run).await?,
    };
    if n_found == 0 {
        return Ok(Some(Verdict::Gone));
    }
    let saw_nobody = tx.sweeps().find_seen(&run).await?.is_none();
    if is_too_many(&reading.deletions, run.stream, n_found, n_present, saw_nobody) {
        let n_allowed = i64::try_from(limit(&reading.deletions, run.stream, n_present)).unwrap_or(i64::MAX);
        return Ok(Some(Verdict::Held(Box::new(Doubtful { n_present, n_allowed, earlier }))));
    }
    let confirming = Some(Confirming { is_believed: true, ..Confirming::start(n_present) });
    let place = Place { confirming, ..reading.place.clone() };
    run.checkpoint = Some(place.to_text()?);
    tx.runs().update(&run).await?;
    tx.commit().await?;
    reading.run = run;
    reading.place = place;
    Ok(None)
}

/// Makes what no other sweep of the same days saw either the run's findings; how many, and that sweep.
async fn unseen_twice(ctx: &Ctx, tx: &TenantTx, run: &SyncRun) -> Result<(u64, Option<SyncRun>)> {
    // Single reads that came to nothing have left findings behind.
    tx.held().delete_findings(run.id).await?;
    let Some(earlier) = earlier(tx, run).await? else { return Ok((0, None)) };
    let n_found = tx.sweeps().hold_unseen(run, Some(&earlier), ctx.app().now()).await?;
    Ok((u64::try_from(n_found).unwrap_or(0), Some(earlier)))
}

/// Carries out the findings that are believed, until `should_stop` says so between two batches.
async fn carry_out(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Verdict> {
    loop {
        if should_stop() {
            return Ok(Verdict::Open(Progress::Yield));
        }
        let mut tx = ctx.app().db.begin(ctx.scope()).await?;
        let mut run = match page::lock(&tx, reading, fence).await? {
            ControlFlow::Continue(run) => run,
            ControlFlow::Break(ended) => return Ok(Verdict::Open(ended)),
        };
        let is_quiet = tx.syncs().get(run.sync).await?.first_completed_at.is_none();
        let (_, has_more) = bury::bury_some(ctx, &mut tx, &reading.keys, &mut run, is_quiet).await?;
        tx.commit().await?;
        measure::moved(&run, &reading.run.counts);
        reading.run = run;
        if !has_more {
            return Ok(Verdict::Gone);
        }
    }
}

/// The newest complete sweep before a run that saw most of its days, and whose sightings are kept.
async fn earlier(tx: &TenantTx, run: &SyncRun) -> Result<Option<SyncRun>> {
    let witnesses = tx.runs().list_witnesses(run.sync, run.id, SWEEPS).await?;
    Ok(witnesses.into_iter().find(|sweep| overlap(run, sweep) >= overlap(run, run) / 2))
}

/// The earlier sweeps whose sightings a later one will ask for: the newest that saw most of these days, and the newest that did
/// not.
pub(super) async fn needed_later(tx: &TenantTx, run: &SyncRun) -> Result<Vec<SyncRunId>> {
    let witnesses = tx.runs().list_witnesses(run.sync, run.id, SWEEPS).await?;
    let is_same = |sweep: &&SyncRun| overlap(run, sweep) >= overlap(run, run) / 2;
    let same = witnesses.iter().find(is_same);
    let other = witnesses.iter().find(|sweep| !is_same(sweep));
    Ok(same.into_iter().chain(other).map(|sweep| sweep.id).collect())
}

/// The days that two runs have both read; without windows, all there are.
fn overlap(run: &SyncRun, other: &SyncRun) -> TimeDelta {
    let (Some(a), Some(b)) = (run.window, other.window) else { return TimeDelta::MAX };
    let common = Window { from: a.from.max(b.from), to: a.to.min(b.to) };
    common.to - common.from + TimeDelta::days(1)
}

/// How many may go at once without a human.
fn limit(limits: &DeletionLimits, stream: Stream, n_present: i64) -> u64 {
    let share = |percent: u32| u64::try_from(n_present).unwrap_or(0).saturating_mul(percent.into()) / 100;
    let DeletionLimits { employees_percent, employees_most, employees_least, periods_percent, periods_least } = *limits;
    match stream {
        Stream::Employees => share(employees_percent).min(employees_most.into()).max(employees_least.into()),
        Stream::Absences | Stream::Attendances => share(periods_percent).max(periods_least.into()),
    }
}

/// Whether a human must look at so many. `saw_nobody`: the run saw none of the records that were present, so the account is
/// empty, whatever a human has kept of it before.
fn is_too_many(limits: &DeletionLimits, stream: Stream, n_gone: u64, n_present: i64, saw_nobody: bool) -> bool {
    // Three absences may be all there are in a small company's window; an account without employees is never plain.
    let spared = match stream {
        Stream::Employees => 0,
        Stream::Absences | Stream::Attendances => 3,
    };
    n_gone > limit(limits, stream, n_present) || (saw_nobody && n_gone > spared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_too_many(stream: Stream, n_gone: u64, n_present: i64) -> bool {
        super::is_too_many(
            &DeletionLimits::default(),
            stream,
            n_gone,
            n_present,
            i64::try_from(n_gone) == Ok(n_present),
        )
    }

    #[test]
    fn employees_go_by_the_smaller_of_a_twentieth_and_ten_but_three_at_least() {
        let most = |present| (0..40).rev().find(|gone| !is_too_many(Stream::Employees, *gone, present)).unwrap();
        assert_eq!((most(10), most(60), most(100), most(200), most(100_000)), (3, 3, 5, 10, 10));
    }

    #[test]
    fn an_emptied_account_is_never_believed() {
        assert!(is_too_many(Stream::Employees, 1, 1));
        assert!(is_too_many(Stream::Employees, 3, 3));
        assert!(!is_too_many(Stream::Employees, 2, 3));
        assert!(!is_too_many(Stream::Employees, 0, 0));
        let generous = DeletionLimits { employees_percent: 100, employees_most: 1_000, ..DeletionLimits::default() };
        assert!(!super::is_too_many(&generous, Stream::Employees, 99, 100, false));
        assert!(
            super::is_too_many(&generous, Stream::Employees, 99, 100, true),
            "whom somebody kept was not seen either"
        );
    }

    #[test]
    fn other_streams_go_by_the_larger_of_a_twentieth_and_fifty() {
        assert!(!is_too_many(Stream::Absences, 50, 100));
        assert!(is_too_many(Stream::Absences, 51, 100));
        assert!(!is_too_many(Stream::Attendances, 500, 10_000));
        assert!(is_too_many(Stream::Attendances, 501, 10_000));
        assert!(is_too_many(Stream::Attendances, 20, 20));
        assert!(!is_too_many(Stream::Attendances, 2, 2));
    }
}
