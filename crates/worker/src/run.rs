//! What a runner is, and what it is told.

use gangway_app::{Ctx, jobs::Job, queue::JobFence};
use tokio_util::sync::CancellationToken;

use crate::JobError;

/// The runner of a payload. A job may run more than once: its file says why that does no harm.
pub trait Run: Job {
    /// Does the work. Every transaction that writes must be fenced with `run.fence` first.
    fn run(&self, ctx: &Ctx, run: &JobRun) -> impl Future<Output = Result<Finish, JobError>> + Send;
}

/// How a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// All done.
    Done,
    /// Moved on, and wants another turn after the others; counts no try.
    Again,
}

/// This run of a job.
#[derive(Debug, Clone)]
pub struct JobRun {
    /// Proof of the lease.
    pub fence: JobFence,
    /// Which try, from 1.
    pub attempt: i32,
    /// Tries allowed.
    pub max_attempts: i32,
    pub(crate) stop: CancellationToken,
}

impl JobRun {
    /// Whether the process wants to end: a long job returns [`Finish::Again`] at its next safe point.
    pub fn should_stop(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Whether an error now would be the last.
    pub const fn is_last_try(&self) -> bool {
        self.attempt >= self.max_attempts
    }

    /// Ends when the process wants to.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }
}
