//! Jobs as the queue keeps them; payload types live in `app::jobs`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{JobId, TenantId};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Due later.
    Scheduled,
    /// Due.
    Pending,
    /// Leased by a worker.
    Running,
    /// Succeeded.
    Done,
    /// Gave up; visible until retried or pruned.
    Failed,
    /// Went back while its key was taken: the waiting job stands for it.
    Superseded,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Superseded];

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Priority of a job, highest first; lower classes age into higher ones, so none starves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobClass {
    /// Somebody waits.
    Interactive,
    /// Ordinary work.
    Normal,
    /// Sweeps, first loads, pruning.
    Bulk,
}

impl JobClass {
    /// Every class, highest first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Normal, Self::Bulk];

    /// Number as stored: lower is sooner.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Interactive => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    /// Reads the stored number.
    pub fn from_rank(rank: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.rank() == rank)
    }

    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

/// A job as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Identity.
    pub id: JobId,
    /// Its tenant; the platform tenant for work without one.
    pub tenant: TenantId,
    /// Queue.
    pub queue: String,
    /// Payload kind (`read-stream-page`).
    pub kind: String,
    /// Priority.
    pub class: JobClass,
    /// Where it stands.
    pub state: JobState,
    /// Tries so far.
    pub attempts: i32,
    /// Tries allowed.
    pub max_attempts: i32,
    /// When it is due.
    pub run_at: DateTime<Utc>,
    /// Why the last try failed; no secrets, no personal data.
    pub last_error: Option<String>,
    /// The job this one repeats by hand.
    pub retry_of: Option<JobId>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}
