//! Applies a connection's mapping to its stored records.

use gangway_domain::{id::ConnectionId, job::JobClass};
use serde::{Deserialize, Serialize};

use crate::jobs::Job;

/// Makes every stored record of a connection follow its mapping; [`crate::syncs::remap`] does the work.
///
/// Idempotent: each record says which version it follows, and one that follows the newest is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemapRecords {
    /// The connection.
    pub connection: ConnectionId,
}

impl Job for RemapRecords {
    const KIND: &'static str = "remap-records";
    // Vendors are not asked, so it need not wait behind those who wait for them.
    const QUEUE: &'static str = "mappings";
    const MAX_ATTEMPTS: i32 = 20;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        Some(self.connection.to_string())
    }
}
