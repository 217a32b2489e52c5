//! Replaces data keys that are old or have sealed much.

use gangway_domain::job::JobClass;
use serde::{Deserialize, Serialize};

use crate::jobs::Job;

/// Replaces the data keys of all tenants that are due; [`crate::seal::rotate_due`] does the work. Belongs to the platform
/// tenant.
///
/// Idempotent: a data key is taken out of use once, in the transaction that makes the next; a second run finds none due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateKeys {
    /// Days that a data key seals; 0 for no end by age.
    pub max_age_days: u32,
}

impl Default for RotateKeys {
    fn default() -> Self {
        Self { max_age_days: 90 }
    }
}

impl Job for RotateKeys {
    const KIND: &'static str = "rotate-keys";
    const QUEUE: &'static str = "platform";
    const MAX_ATTEMPTS: i32 = 5;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}
