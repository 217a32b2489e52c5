//! Puts the waiting jobs of a tenant that was resumed back where claims look.

use gangway_domain::{
    id::{JobId, TenantId},
    job::JobClass,
};
use gangway_storage::SystemReason;
use serde::{Deserialize, Serialize};

use crate::{App, Result, jobs::Job};

/// Rows put back per transaction.
const BATCH: i64 = 2_000;

/// Puts the waiting jobs of a tenant that was resumed back, some at a time. Belongs to the platform tenant, and is enqueued with
/// the change of the tenant's state.
///
/// Idempotent: a job that is back is not found again. A tenant that was suspended meanwhile keeps the rest aside; the next
/// resuming adds another of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeJobs {
    /// Whose.
    pub tenant: TenantId,
}

impl Job for ResumeJobs {
    const KIND: &'static str = "resume-jobs";
    const QUEUE: &'static str = "platform";
    const MAX_ATTEMPTS: i32 = 20;

    fn class(&self) -> JobClass {
        JobClass::Interactive
    }

    fn dedupe_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.tenant))
    }
}

/// Puts jobs back in short transactions until none is left or `should_stop` says so; answers how many.
pub async fn resume_jobs(app: &App, job: &ResumeJobs, should_stop: &(dyn Fn() -> bool + Send + Sync)) -> Result<u64> {
    let mut n_back = 0;
    let mut after: Option<JobId> = None;
    while !should_stop() {
        let tx = app.db.begin_system(SystemReason::Queue).await?;
        let (n, last) = tx.queue().put_back(job.tenant, after, BATCH).await?;
        tx.commit().await?;
        n_back += n;
        after = last;
        if after.is_none() {
            break;
        }
    }
    Ok(n_back)
}
