//! Deletions that a sweep found and that wait for a human's yes or no.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{SyncId, SyncRunId};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldState {
    /// It waits.
    Open,
    /// Somebody said yes; a job carries it out.
    Releasing,
    /// Carried out.
    Released,
    /// Somebody said no: the records stay, and are not asked about again for a while.
    Refused,
    /// A later sweep saw the records again, or held another batch.
    Superseded,
}

impl HeldState {
    const ALL: [Self; 5] = [Self::Open, Self::Releasing, Self::Released, Self::Refused, Self::Superseded];

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Releasing => "releasing",
            Self::Released => "released",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What is known of a record in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Not in the listing; not asked for by itself, since it was clear by then that a human must look.
    Unseen,
    /// Not in two listings, and no single read is to be had.
    UnseenTwice,
    /// Asked for by itself, the vendor says that there is no such record.
    Gone,
    /// Asked for by itself, the vendor refuses to show it.
    Hidden,
}

impl Finding {
    const ALL: [Self; 4] = [Self::Unseen, Self::UnseenTwice, Self::Gone, Self::Hidden];

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::UnseenTwice => "unseen_twice",
            Self::Gone => "gone",
            Self::Hidden => "hidden",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.as_str() == text)
    }
}

/// Deletions that one full run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBatch {
    /// The run that found them, which names the batch.
    pub run: SyncRunId,
    /// Its sync.
    pub sync: SyncId,
    /// What became of it.
    pub state: HeldState,
    /// How many records it names.
    pub n_missing: i64,
    /// How many records were there.
    pub n_present: i64,
    /// How many might have gone without a human.
    pub n_allowed: i64,
    /// How many of them have been carried out, or had come back by then.
    pub n_settled: i64,
    /// Who decided (`key_…`, `usr_…`).
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Refused: until then sweeps do not ask about these records again, unless they are seen in between.
    pub refused_until: Option<DateTime<Utc>>,
    /// When the run held them.
    pub created_at: DateTime<Utc>,
}
