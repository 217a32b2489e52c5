//! What a budget looks like from outside (`GET /v1/connections/{id}/budget`).

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{Class, policy::Policy};

/// A budget at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BudgetView {
    /// Requests per window.
    pub limit: u32,
    /// The window in seconds, rounded up.
    pub window_s: u64,
    /// Slots held: requests on their way, and those answered less than a window ago.
    pub held: u32,
    /// Requests on their way.
    pub in_flight: u32,
    /// Callers waiting for a slot.
    pub waiting: WaitingByClass,
    /// When the vendor last answered 429.
    pub last_429_at: Option<DateTime<Utc>>,
    /// Until when nothing is sent, because the vendor said so.
    pub blocked_until: Option<DateTime<Utc>>,
    /// Until when slots may be held that nobody knows of, so that all classes keep their distance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsure_until: Option<DateTime<Utc>>,
}

impl BudgetView {
    /// A budget that nobody has used lately.
    #[must_use]
    pub fn idle(policy: &Policy) -> Self {
        Self {
            limit: policy.ceiling.max(1),
            window_s: policy.window.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
            held: 0,
            in_flight: 0,
            waiting: WaitingByClass::default(),
            last_429_at: None,
            blocked_until: None,
            unsure_until: None,
        }
    }
}

/// How many callers of each class wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the classes")]
pub struct WaitingByClass {
    pub interactive: usize,
    pub flow: usize,
    pub webhook_follow_up: usize,
    pub incremental: usize,
    pub sweep: usize,
}

impl WaitingByClass {
    /// One more waits.
    pub(crate) fn count(&mut self, class: Class) {
        let n = match class {
            Class::Interactive => &mut self.interactive,
            Class::Flow => &mut self.flow,
            Class::WebhookFollowUp => &mut self.webhook_follow_up,
            Class::Incremental => &mut self.incremental,
            Class::Sweep => &mut self.sweep,
        };
        *n += 1;
    }

    /// How many wait in all.
    pub const fn total(&self) -> usize {
        self.interactive + self.flow + self.webhook_follow_up + self.incremental + self.sweep
    }
}
