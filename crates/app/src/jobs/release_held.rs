//! Carries out deletions that a human released.

use gangway_domain::{id::SyncRunId, job::JobClass};
use serde::{Deserialize, Serialize};

use crate::jobs::Job;

/// Carries out a batch of held deletions; [`crate::syncs::release`] does the work.
///
/// Idempotent: records that are settled leave the batch in the transaction that settles them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHeld {
    /// The run that names the batch.
    pub run: SyncRunId,
}

impl Job for ReleaseHeld {
    const KIND: &'static str = "release-held";
    const QUEUE: &'static str = "syncs";
    const MAX_ATTEMPTS: i32 = 20;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        // A run's own job goes by the run's id.
        Some(format!("release:{}", self.run))
    }
}
