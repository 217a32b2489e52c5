//! Chains a tenant's audit log.

use gangway_domain::job::JobClass;
use serde::{Deserialize, Serialize};

use crate::jobs::Job;

/// Gives the audit entries of its tenant that have none their place in the chain; [`crate::audit::chain`] does the work.
///
/// Idempotent: an entry gets its place once, in a transaction that holds the end of the chain; a second run finds nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainAudit {}

impl Job for ChainAudit {
    const KIND: &'static str = "chain-audit";
    const QUEUE: &'static str = "platform";
    // The next minute enqueues it anew: only what lasts is worth a failed job.
    const MAX_ATTEMPTS: i32 = 10;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}
