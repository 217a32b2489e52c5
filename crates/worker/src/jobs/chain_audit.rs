//! Chains a tenant's audit log.
//!
//! Idempotent: what has its place is not looked at again, and each transaction is fenced and holds the end of the chain.

use gangway_app::{Ctx, audit, jobs::ChainAudit};

use crate::{Finish, JobError, JobRun, Run};

impl Run for ChainAudit {
    async fn run(&self, ctx: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        let progress = audit::chain(ctx, &run.fence, &|| run.should_stop()).await?;
        Ok(if progress.is_done { Finish::Done } else { Finish::Again })
    }
}
