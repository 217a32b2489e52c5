//! The slots of this process that are not free yet. Whatever becomes of messages or of the store, this is the truth about
//! them, and it is entered again before the next take.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::wire::{Enter, Unknown, WireSlot, micros_from};
use crate::{key::BudgetKey, policy::Policy, window::later};

/// Slots entered in one call.
const ENTERED_AT_ONCE: usize = 100;

/// A slot of ours.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) key: BudgetKey,
    pub(super) policy: Arc<Policy>,
    pub(super) kind: Arc<str>,
    pub(super) host: Arc<str>,
    pub(super) freed_at_take: u64,
}

impl Sent {
    /// Its slot, as one that nothing was sent with.
    pub(super) fn unsent(&self, process: &str, number: u64) -> WireSlot {
        let (kind, host) = (self.kind.to_string(), self.host.to_string());
        WireSlot { id: format!("{process}:{number}"), kind, host, settled: None }
    }
}

/// A slot that is not free yet.
#[derive(Debug)]
struct Held {
    sent: Sent,
    settled_by: Instant,
    in_flight: bool,
}

/// All of them, by number.
#[derive(Debug)]
pub(super) struct Ledger {
    process: String,
    held: BTreeMap<u64, Held>,
}

impl Ledger {
    pub(super) fn new(process: String) -> Self {
        Self { process, held: BTreeMap::new() }
    }

    /// Writes down a slot that was taken. When its caller dies, nobody counts it after `settled_by`.
    pub(super) fn take(&mut self, number: u64, sent: Sent, settled_by: Instant) {
        self.held.insert(number, Held { sent, settled_by, in_flight: true });
    }

    /// A slot comes back: nobody counts it after `settled_by`, or nothing was sent. Answers what Redis is to be told.
    pub(super) fn settle(&mut self, number: u64, settled_by: Option<Instant>) -> Option<(BudgetKey, WireSlot)> {
        let mut slot = self.describe(number, settled_by.unwrap_or_else(Instant::now))?;
        let held = self.held.get_mut(&number)?;
        let key = held.sent.key;
        if let Some(at) = settled_by {
            (held.settled_by, held.in_flight) = (at, false);
        } else {
            slot.settled = None;
            self.held.remove(&number);
        }
        Some((key, slot))
    }

    /// A slot as the scripts name it.
    pub(super) fn describe(&self, number: u64, settled_by: Instant) -> Option<WireSlot> {
        self.held.get(&number).map(|held| WireSlot {
            id: format!("{}:{number}", self.process),
            kind: held.sent.kind.to_string(),
            host: held.sent.host.to_string(),
            settled: Some(micros_from(Instant::now(), settled_by)),
        })
    }

    /// Whose slot it is, and how many were freed when it was taken.
    pub(super) fn freed_at_take(&self, number: u64) -> Option<(BudgetKey, u64)> {
        self.held.get(&number).map(|held| (held.sent.key, held.sent.freed_at_take))
    }

    /// Whose slot it is, and which limits it counts in.
    pub(super) fn kind(&self, number: u64) -> Option<(BudgetKey, Arc<str>)> {
        self.held.get(&number).map(|held| (held.sent.key, Arc::clone(&held.sent.kind)))
    }

    /// All of it, for a store that does not know it.
    pub(super) fn entries(&self, store: &str) -> Vec<String> {
        let unknown = |number: u64| {
            let held = self.held.get(&number)?;
            Some(Unknown {
                key: held.sent.key.to_hex(),
                policy: held.sent.policy.as_ref().into(),
                in_flight: held.in_flight,
                slot: self.describe(number, held.settled_by)?,
            })
        };
        let numbers: Vec<u64> = self.held.keys().copied().collect();
        let mut requests = Vec::new();
        for chunk in numbers.chunks(ENTERED_AT_ONCE) {
            let slots = chunk.iter().filter_map(|number| unknown(*number)).collect();
            requests.extend(serde_json::to_string(&Enter { store, slots }));
        }
        requests
    }

    /// Forgets slots that are free.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.held.retain(|_, held| later(held.settled_by, held.sent.policy.longest_window()) > now);
    }
}
