//! Removes ended jobs and old idempotent answers.

use chrono::Duration;
use gangway_domain::job::JobClass;
use gangway_storage::{SystemReason, queue::Retention};
use serde::{Deserialize, Serialize};

use crate::{App, Result, jobs::Job};

/// Rows removed per transaction.
const BATCH: i64 = 1_000;

/// Removes ended jobs older than their retention, and idempotent answers older than a day. Belongs to the platform tenant.
///
/// Idempotent: what is gone is gone; a second run finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneJobs {
    /// Days that done and superseded jobs are kept.
    pub keep_done_days: u32,
    /// Days that failed jobs are kept.
    pub keep_failed_days: u32,
}

impl Default for PruneJobs {
    fn default() -> Self {
        Self { keep_done_days: 7, keep_failed_days: 30 }
    }
}

impl Job for PruneJobs {
    const KIND: &'static str = "prune-jobs";
    const QUEUE: &'static str = "platform";
    const MAX_ATTEMPTS: i32 = 5;

    fn class(&self) -> JobClass {
        JobClass::Bulk
    }

    fn dedupe_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

/// Removes what is too old, in short transactions, until nothing is left or `should_stop` says so.
pub async fn prune(app: &App, job: &PruneJobs, should_stop: &(dyn Fn() -> bool + Send + Sync)) -> Result<u64> {
    let now = app.now();
    let retention = Retention {
        done_before: now - Duration::days(job.keep_done_days.into()),
        failed_before: now - Duration::days(job.keep_failed_days.into()),
        answers_before: now - Duration::hours(24),
        limit: BATCH,
    };
    let mut n_removed = 0;
    while !should_stop() {
        let tx = app.db.begin_system(SystemReason::Queue).await?;
        let removed = tx.queue().prune(&retention).await?;
        tx.commit().await?;
        n_removed += removed;
        if removed == 0 {
            break;
        }
    }
    Ok(n_removed)
}
