//! Priority classes of vendor calls.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who is asking for a vendor call, highest first. The next free slot always goes to the highest class waiting; all but
/// [`Class::Interactive`] are paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A person waits for the answer.
    Interactive,
    /// A step of a flow.
    Flow,
    /// Reading an entity again after a webhook named it.
    WebhookFollowUp,
    /// An incremental sync.
    Incremental,
    /// A sweep, a first load or a backfill.
    Sweep,
}

impl Class {
    /// All classes, highest first.
    pub const ALL: [Self; 5] = [Self::Interactive, Self::Flow, Self::WebhookFollowUp, Self::Incremental, Self::Sweep];

    /// Stable name, as in JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Flow => "flow",
            Self::WebhookFollowUp => "webhook-follow-up",
            Self::Incremental => "incremental",
            Self::Sweep => "sweep",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
