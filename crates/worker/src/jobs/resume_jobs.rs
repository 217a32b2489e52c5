//! Puts the waiting jobs of a tenant that was resumed back where claims look.
//!
//! Idempotent: a job that is back is not found again.

use gangway_app::{
    Ctx,
    jobs::resume_jobs::{ResumeJobs, resume_jobs},
};

use crate::{Finish, JobError, JobRun, Run};

impl Run for ResumeJobs {
    async fn run(&self, ctx: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        let n_back = resume_jobs(ctx.app(), self, &|| run.should_stop()).await?;
        tracing::info!(tenant.id = %self.tenant, n_back, "jobs of a resumed tenant were put back");
        Ok(if run.should_stop() { Finish::Again } else { Finish::Done })
    }
}
