//! Carries a sync run on: page after page, each in a transaction of its own that is fenced with this job's lease.
//!
//! Idempotent: the run's row holds the checkpoint, committed together with each page, and a run that is over is left alone.

use std::time::{Duration, Instant};

use gangway_app::{Ctx, Error, jobs::RunSync, queue::Tries, syncs};

use crate::{Finish, JobError, JobRun, Run};

/// After so long a run makes room for others: a first load of hours must not hold a slot for hours.
const TURN: Duration = Duration::from_secs(20);

impl Run for RunSync {
    async fn run(&self, ctx: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        let started = Instant::now();
        let should_stop = || run.should_stop() || started.elapsed() >= TURN;
        let syncs::Interrupted { error, moved_on } = match syncs::execute(ctx, self.run, &run.fence, &should_stop).await
        {
            Ok(syncs::Progress::Yield) => return Ok(Finish::Again),
            Ok(syncs::Progress::Done) => return Ok(Finish::Done),
            Err(interrupted) => interrupted,
        };
        let tries = tries(&error, moved_on);
        let is_last_try = tries.is_none() && run.is_last_try();
        if is_last_try || !JobError::is_worth_a_retry(&error) {
            // Not recorded means not over: the job comes back for that while it has tries left.
            syncs::fail(ctx, self.run, &run.fence, &error)
                .await
                .map_err(|failed| JobError::retry(failed.to_string()))?;
        }
        Err(JobError::from(error).with_tries(tries))
    }
}

/// A long run meets as much trouble as twenty short ones: what counts is trouble without a page in between. And waiting for our
/// own budget, behind calls that go first, is no trouble at all.
fn tries(error: &Error, moved_on: bool) -> Option<Tries> {
    if moved_on {
        return Some(Tries::Forgotten);
    }
    error.is_of_own_budget().then_some(Tries::Uncounted)
}
