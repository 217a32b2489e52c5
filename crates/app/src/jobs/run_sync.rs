//! Carries out one run of a sync.

use gangway_domain::{id::SyncRunId, job::JobClass};
use serde::{Deserialize, Serialize};

use crate::jobs::Job;

/// Carries out one run of a sync, page by page; [`crate::syncs::execute`] does the work.
///
/// Idempotent: each page commits with its place in the run and only from the place before, so a page read twice is committed
/// once, and a run that has ended is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSync {
    /// The run.
    pub run: SyncRunId,
    /// Priority: first loads and full runs are bulk.
    pub class: JobClass,
}

impl Job for RunSync {
    const KIND: &'static str = "run-sync";
    const QUEUE: &'static str = "syncs";
    // A vendor that is away or limits us is asked again for hours; then the run fails and the schedule starts the next.
    const MAX_ATTEMPTS: i32 = 20;

    fn class(&self) -> JobClass {
        self.class
    }

    fn dedupe_key(&self) -> Option<String> {
        Some(self.run.to_string())
    }
}
