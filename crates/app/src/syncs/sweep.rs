//! Which records are gone, and whether to believe it.
//!
//! A full run's view is believed when it was complete: the vendor's total, where there is one, is what was seen, and the
//! credential did not change. Then each record not seen is asked for by itself where the vendor has such a call, else it must
//! have been missing from the full run before as well. Many at once are left to a human.

use gangway_connector::{ErrorKind, ReadOne};
use gangway_domain::{
    record::Stream,
    sync::{RunMode, SyncRun},
};
use gangway_storage::sweeps::Candidate;
use uuid::Uuid;

use super::start::Reading;
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
    /// Asked to stop while confirming.
    Interrupted,
}

const INCOMPLETE: Verdict = Verdict::Doubted("the records seen are not as many as the vendor's total says");

/// What was counted before anything is asked of the vendor.
struct Count {
    n_present: i64,
    candidates: Vec<Candidate>,
}

/// Judges a full run that has read everything.
pub(super) async fn judge(
    ctx: &Ctx,
    reading: &Reading,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Verdict> {
    let run = &reading.run;
    if run.mode != RunMode::Full {
        return Ok(Verdict::NoSweep);
    }
    if reading.opened.credential_version() != run.credential_version {
        return Ok(Verdict::Doubted("the credential was replaced while the account was read"));
    }
    if reading.place.drifted {
        return Ok(Verdict::Doubted("the vendor's total changed while the account was read"));
    }
    let confirms = reading.opened.manifest.stream(run.stream).is_some_and(|stream| stream.confirms_deletion);
    let Some(mut counted) = count(ctx, run, confirms).await? else { return Ok(INCOMPLETE) };
    let mut confirmed = None;
    if confirms {
        confirmed = match confirm(reading, &counted, should_stop).await? {
            Confirmation::Gone(gone) => Some(gone),
            Confirmation::Interrupted => return Ok(Verdict::Interrupted),
            Confirmation::NotOffered => {
                let Some(twice) = count(ctx, run, false).await? else { return Ok(INCOMPLETE) };
                counted = twice;
                None
            }
        };
    }
    let Count { n_present, candidates } = counted;
    let (records, confirmed_by) = match confirmed {
        Some(gone) => (gone, "single_read"),
        None => (candidates.into_iter().map(|candidate| candidate.record).collect(), "two_sweeps"),
    };
    if is_too_many(run.stream, records.len(), n_present) {
        return Ok(Verdict::Held { n_missing: records.len(), n_present });
    }
    Ok(Verdict::Gone { records, confirmed_by })
}

/// Counts; none when the view was not complete.
async fn count(ctx: &Ctx, run: &SyncRun, confirms: bool) -> Result<Option<Count>> {
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    if let Some(total) = run.total
        && tx.sweeps().count_seen(run).await? != total
    {
        return Ok(None);
    }
    let n_present = tx.sweeps().count_present(run).await?;
    let candidates = if confirms {
        tx.sweeps().list_unseen(run).await?
    } else {
        match tx.runs().find_last_sweep(run.sync, Some(run.id)).await? {
            Some(earlier) => tx.sweeps().list_unseen_twice(run, &earlier).await?,
            None => Vec::new(),
        }
    };
    tx.commit().await?;
    Ok(Some(Count { n_present, candidates }))
}

/// What single reads said.
enum Confirmation {
    /// These are gone.
    Gone(Vec<Uuid>),
    /// This account has no such call, whatever the manifest promises: a missing route and a missing record look alike.
    NotOffered,
    /// Asked to stop.
    Interrupted,
}

/// Asks for each candidate by itself, until it is clear that there are too many.
async fn confirm(
    reading: &Reading,
    counted: &Count,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Confirmation> {
    let source = reading.opened.source()?;
    let stream = reading.run.stream;
    let limit = limit(stream, counted.n_present);
    let mut gone = Vec::new();
    for Candidate { record, external } in &counted.candidates {
        if should_stop() {
            return Ok(Confirmation::Interrupted);
        }
        if gone.len() > limit {
            break;
        }
        match source.read_one(ReadOne::new(stream, external.id.clone(), reading.class)).await {
            Ok(Some(_)) => {}
            Ok(None) => gone.push(*record),
            Err(error) if error.kind == ErrorKind::Unsupported => return Ok(Confirmation::NotOffered),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Confirmation::Gone(gone))
}

/// How many may go at once without a human.
fn limit(stream: Stream, n_present: i64) -> usize {
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
