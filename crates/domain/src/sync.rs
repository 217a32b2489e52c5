//! Syncs and their runs.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{ConnectionId, SyncId, SyncRunId},
    record::Stream,
};

/// What a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// What changed since the cursor.
    Incremental,
    /// Everything, and what is no longer there.
    Full,
}

impl RunMode {
    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incremental => "incremental",
            Self::Full => "full",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Incremental, Self::Full].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Queued or reading.
    Running,
    /// Everything was read.
    Completed,
    /// Ended without reading everything; `error` says why.
    Failed,
    /// Read everything, but deletions wait for a human.
    Held,
}

impl RunState {
    const ALL: [Self; 4] = [Self::Running, Self::Completed, Self::Failed, Self::Held];

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Inclusive range of days that a windowed stream reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// The standing order to keep a stream fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Identity.
    pub id: SyncId,
    /// Whose account.
    pub connection: ConnectionId,
    /// What is read.
    pub stream: Stream,
    /// `"every 15m"`, a five-field cron expression, or none (by hand).
    pub schedule: Option<String>,
    /// Where the next incremental run starts.
    pub cursor: Option<DateTime<Utc>>,
    /// When the first complete run ended; until then records come without events.
    pub first_completed_at: Option<DateTime<Utc>>,
    /// When the schedule next starts a run.
    pub next_run_at: Option<DateTime<Utc>>,
    /// The newest run.
    pub last_run: Option<SyncRunId>,
    /// The version of the vendor's API that its records were read through, in the connector's words; [`MIXED`] while it goes
    /// over to another one; none before the first page, and where the vendor has but one.
    pub api_version: Option<String>,
    /// Raised at every change; the strong `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// In place of a version of the vendor's API: some records were read through one and some through another.
pub const MIXED: &str = "mixed";

/// What a run did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCounts {
    /// Pages committed.
    pub pages: i64,
    /// Records read.
    pub seen: i64,
    /// Records new to us.
    pub created: i64,
    /// Records whose hash changed.
    pub updated: i64,
    /// Records whose hash did not change.
    pub unchanged: i64,
    /// Records found gone.
    pub deleted: i64,
    /// Records set aside because they could not be read.
    pub quarantined: i64,
}

/// One execution of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRun {
    /// Identity.
    pub id: SyncRunId,
    /// The sync.
    pub sync: SyncId,
    /// The connection, kept here so that a run explains itself.
    pub connection: ConnectionId,
    /// The stream.
    pub stream: Stream,
    /// What is read.
    pub mode: RunMode,
    /// Where it stands.
    pub state: RunState,
    /// What it did so far.
    pub counts: RunCounts,
    /// The vendor's total, when it gives one.
    pub total: Option<i64>,
    /// Incremental: changes since this moment (overlap taken off).
    pub since: Option<DateTime<Utc>>,
    /// Windowed streams: the days read.
    pub window: Option<Window>,
    /// Where the next page starts; opaque to all but the connector.
    pub checkpoint: Option<String>,
    /// Stable code of the failure.
    pub error_code: Option<String>,
    /// What happened and what to do; no secrets, no personal data.
    pub error_message: Option<String>,
    /// Version of the credential it began with.
    pub credential_version: i32,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When its first page was asked for.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl SyncRun {
    /// Whether it saw everything that it was to see. A completed full run with a message is one whose view was doubted.
    pub fn is_believed(&self) -> bool {
        match self.state {
            RunState::Held => true,
            RunState::Completed => self.error_message.is_none(),
            RunState::Running | RunState::Failed => false,
        }
    }
}
