//! Removes ended jobs and old idempotent answers.
//!
//! Idempotent: it deletes by age, and a second run finds less or nothing.

use gangway_app::{
    Ctx,
    jobs::prune::{PruneJobs, prune},
};

use crate::{Finish, JobError, JobRun, Run};

impl Run for PruneJobs {
    async fn run(&self, ctx: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        let n_removed = prune(ctx.app(), self, &|| run.should_stop()).await?;
        if n_removed > 0 {
            tracing::info!(n_removed, "removed ended jobs and old idempotent answers");
        }
        Ok(if run.should_stop() { Finish::Again } else { Finish::Done })
    }
}
