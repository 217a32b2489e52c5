//! Settings of the worker. `server` fills them from file and environment.

use std::time::Duration;

use gangway_app::jobs::{PruneJobs, RotateKeys};

/// Settings of the worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Jobs at once, per queue.
    pub concurrency: usize,
    /// How long a job stays ours without a sign of life. A killed worker's job runs again after at most this and a third.
    pub lease: Duration,
    /// How often to look for jobs that nobody announced.
    pub poll: Duration,
    /// Longest run of a job; then it is cancelled and tried again.
    pub job_timeout: Duration,
    /// How long a shutdown waits for running jobs; what still runs then is left to its lease.
    pub shutdown_timeout: Duration,
    /// How long ended jobs are kept.
    pub prune: PruneJobs,
    /// When data keys are replaced.
    pub rotate: RotateKeys,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            concurrency: 8,
            lease: Duration::from_secs(6),
            poll: Duration::from_millis(500),
            job_timeout: Duration::from_mins(10),
            shutdown_timeout: Duration::from_secs(30),
            prune: PruneJobs::default(),
            rotate: RotateKeys::default(),
        }
    }
}
