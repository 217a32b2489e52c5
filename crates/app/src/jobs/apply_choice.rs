//! Applies a connection's choice of attributes to its stored records.

use gangway_domain::{id::ConnectionId, job::JobClass};
use serde::{Deserialize, Serialize};

use crate::jobs::Job;

/// Makes every stored record of a connection follow the choice of its attributes; [`crate::syncs::apply_choice`] does the work.
///
/// Idempotent: each record says which choice it is kept by, and one that is kept by the present one is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyChoice {
    /// The connection.
    pub connection: ConnectionId,
}

impl Job for ApplyChoice {
    const KIND: &'static str = "apply-choice";
    // As with mappings, vendors are not asked.
    const QUEUE: &'static str = "mappings";
    const MAX_ATTEMPTS: i32 = 20;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        Some(format!("choice:{}", self.connection))
    }
}
