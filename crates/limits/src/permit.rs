//! A slot in a vendor's budget, from before sending until after the answer.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    budgets::Shared,
    redis::Store,
    scheduler::{Return, Slot},
    window::later,
};

/// A slot that was taken. Call [`Permit::finish`] when the answer is there; dropping it instead means that the request may
/// still reach the vendor, and holds the slot until send + time-out + window.
#[must_use = "dropping a permit holds its slot for the request's time-out and a window"]
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    slot: Slot,
    request_timeout: Duration,
    elsewhere: Option<Elsewhere>,
    settled: bool,
}

/// The same slot in a store that other processes see.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    pub(crate) store: Arc<Store>,
    pub(crate) number: u64,
}

impl Permit {
    pub(crate) fn new(
        shared: Arc<Shared>,
        slot: Slot,
        request_timeout: Duration,
        elsewhere: Option<Elsewhere>,
    ) -> Self {
        Self { shared, slot, request_timeout, elsewhere, settled: false }
    }

    /// The answer is there (or it is certain that none will come): the slot is free one window from now.
    pub fn finish(mut self) {
        self.settle(Return::SettledBy(Instant::now()));
    }

    /// Nothing was sent: the slot is free at once.
    pub fn put_back(mut self) {
        self.settle(Return::Unsent);
    }

    fn settle(&mut self, how: Return) {
        self.settled = true;
        self.shared.with(|scheduler, now| scheduler.settle(&self.slot, how, now));
        if let Some(Elsewhere { store, number }) = &self.elsewhere {
            let settled_by = match how {
                Return::Unsent => None,
                Return::SettledBy(at) => Some(at),
            };
            store.settle(*number, settled_by);
        }
    }

    /// The vendor's headers say that `remaining` of the ceiling is left. Adopted for one window when it is less than we
    /// think, down to a tenth of the ceiling. Call it before [`Permit::finish`].
    pub fn correct(&self, remaining: u32) {
        match &self.elsewhere {
            Some(Elsewhere { store, number }) if store.correct(*number, remaining) => {}
            _ => self.shared.with(|scheduler, now| scheduler.correct(&self.slot, remaining, now)),
        }
    }

    /// The vendor answered 429: nothing is sent for so long, to the limits of this request's path when it has some of its
    /// own, else with this credential at all.
    pub fn penalise_path(&self, retry_after: Duration) {
        let (until, wall) = self.shared.penalty(retry_after);
        self.shared.with(|scheduler, now| scheduler.block_route(&self.slot, until, wall, now));
        if let Some(Elsewhere { store, number }) = &self.elsewhere {
            store.penalise_kind(*number, until);
        }
    }

    /// The vendor answered 429: nothing is sent with this credential for so long.
    pub fn penalise(&self, retry_after: Duration) {
        let (until, wall) = self.shared.penalty(retry_after);
        self.shared.with(|scheduler, now| scheduler.block(self.slot.key, None, until, wall, now));
        if let Some(Elsewhere { store, .. }) = &self.elsewhere {
            store.penalise(self.slot.key, None, until);
        }
    }

    /// When the slot was taken.
    pub fn taken_at(&self) -> Instant {
        self.slot.taken_at
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            let settled_by = later(self.slot.taken_at, self.request_timeout).max(Instant::now());
            self.settle(Return::SettledBy(settled_by));
        }
    }
}
