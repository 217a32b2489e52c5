//! Which records are gone, and whether to believe it.
//!
//! A full run's view is believed when it was complete: the vendor's total, where there is one, is what was seen, and the
//! credential did not change. Then each record not seen is asked for by itself where the vendor has such a call, else it must
//! have been missing from the full run before as well. Many at once are left to a human.

use gangway_domain::{
    record::Stream,
    sync::{RunMode, SyncRun},
};
use gangway_storage::queue::JobFence;
use uuid::Uuid;

use super::{
    confirm::{self, Confirmation},
    execute::Progress,
    place::Confirming,
    start::Reading,
};
use crate::{Ctx, Result};

/// What a full run says about records that it did not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The run was no sweep.
    NoSweep,
    /// These are gone.
    Gone {
        /// The records.
        records: Vec<Uuid>,
        /// How it was confirmed.
        confirmed_by: &'static str,
    },
    /// So many seem gone that a human must look.
    Held {
        /// How many are missing, at least.
        n_missing: usize,
        /// How many there were.
        n_present: i64,
    },
    /// The view was not complete: nothing is concluded.
    Doubted(&'static str),
    /// None yet: the turn ended while it was looked for.
    Open(Progress),
}

const INCOMPLETE: Verdict = Verdict::Doubted("the records seen are not as many as the vendor's total says");

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
    if reading.opened.credential_version() != reading.run.credential_version {
        return Ok(Verdict::Doubted("the credential was replaced while the account was read"));
    }
    if reading.place.drifted {
        return Ok(Verdict::Doubted("the vendor's total changed while the account was read"));
    }
    let progress = match reading.place.confirming.clone() {
        Some(progress) => progress,
        None => match count(ctx, &reading.run).await? {
            Some(n_present) => Confirming::start(n_present),
            None => return Ok(INCOMPLETE),
        },
    };
    let n_present = progress.n_present;
    let mut confirmed = None;
    if reading.opened.manifest.stream(stream).is_some_and(|stream| stream.confirms_deletion) {
        match confirm::confirm(ctx, reading, fence, progress, should_stop).await? {
            Confirmation::Complete(gone) => confirmed = Some(gone),
            Confirmation::NotOffered => {}
            Confirmation::Ended(progress) => return Ok(Verdict::Open(progress)),
        }
    }
    let (records, confirmed_by) = match confirmed {
        Some(gone) => (gone, "single_read"),
        None => (unseen_twice(ctx, &reading.run, n_present).await?, "two_sweeps"),
    };
    if is_too_many(stream, records.len(), n_present) {
        return Ok(Verdict::Held { n_missing: records.len(), n_present });
    }
    Ok(Verdict::Gone { records, confirmed_by })
}

/// How many records are present; none when the view was not complete.
async fn count(ctx: &Ctx, run: &SyncRun) -> Result<Option<i64>> {
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    if let Some(total) = run.total
        && tx.sweeps().count_seen(run).await? != total
    {
        return Ok(None);
    }
    let n_present = tx.sweeps().count_present(run).await?;
    tx.commit().await?;
    Ok(Some(n_present))
}

/// Those that the full run before has not seen either: all of them, or as many as show that a human must look.
async fn unseen_twice(ctx: &Ctx, run: &SyncRun, n_present: i64) -> Result<Vec<Uuid>> {
    let most = u64::try_from(limit(run.stream, n_present)).unwrap_or(u64::MAX).saturating_add(1);
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let unseen = match tx.runs().find_last_sweep(run.sync, Some(run.id)).await? {
        Some(earlier) => tx.sweeps().list_unseen_twice(run, &earlier, most).await?,
        None => Vec::new(),
    };
    tx.commit().await?;
    Ok(unseen.into_iter().map(|candidate| candidate.record).collect())
}

/// How many may go at once without a human.
pub(super) fn limit(stream: Stream, n_present: i64) -> usize {
    let share = usize::try_from(n_present / 20).unwrap_or(0);
    match stream {
        Stream::Employees => share.clamp(3, 10),
        Stream::Absences | Stream::Attendances => share.max(50),
    }
}

fn is_too_many(stream: Stream, n_gone: usize, n_present: i64) -> bool {
    // Three absences may be all there are in a small company's window; an account without employees is never plain.
    let spared = match stream {
        Stream::Employees => 0,
        Stream::Absences | Stream::Attendances => 3,
    };
    let empties = usize::try_from(n_present).is_ok_and(|present| n_gone == present);
    n_gone > limit(stream, n_present) || (empties && n_gone > spared)
}

#[cfg(test)]
mod tests {
    use super::*;

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
