//! Carries out deletions that a human released, some at a time, each time in a transaction fenced with this job's lease.
//!
//! Idempotent: what is settled has left the batch.

use gangway_app::{Ctx, jobs::ReleaseHeld, syncs};

use crate::{Finish, JobError, JobRun, Run};

impl Run for ReleaseHeld {
    async fn run(&self, ctx: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        match syncs::release(ctx, self.run, &run.fence, &|| run.should_stop()).await? {
            syncs::Progress::Done => Ok(Finish::Done),
            syncs::Progress::Yield => Ok(Finish::Again),
        }
    }
}
