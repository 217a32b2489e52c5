//! The limit a vendor puts on our own address, shared fairly by all budgets that call the same host.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::time::Instant;

use crate::{
    Class,
    key::BudgetKey,
    policy::Limit,
    window::{Opening, Window, insert_sorted, later},
};

/// Who goes next when several budgets could: those below their fair share first, then the higher class, then who holds
/// less, then who came first.
pub(crate) type Rank = (bool, Class, u32, u64);

/// The state of one host.
#[derive(Debug)]
pub(crate) struct Address {
    /// None when the vendor has no such limit.
    window: Option<Window>,
    shares: HashMap<BudgetKey, u32>,
    returned: VecDeque<(Instant, BudgetKey)>,
    /// Budgets with a waiter that only this limit holds back.
    pub(crate) ready: BTreeSet<BudgetKey>,
    /// Its entry in the agenda.
    pub(crate) wake: Option<Instant>,
}

impl Address {
    pub(crate) fn new(limit: Option<Limit>) -> Self {
        Self {
            window: limit.map(Window::new),
            shares: HashMap::new(),
            returned: VecDeque::new(),
            ready: BTreeSet::new(),
            wake: None,
        }
    }

    pub(crate) fn resize(&mut self, limit: Option<Limit>) {
        match (&mut self.window, limit) {
            (Some(window), Some(limit)) => window.resize(limit),
            (window, limit) => *window = limit.map(Window::new),
        }
    }

    /// Counts what others took before `since`.
    pub(crate) fn leave_to_others(&mut self, used_up: Option<u32>, since: Instant, now: Instant) {
        if let Some(window) = &mut self.window {
            window.leave_to_others(used_up, since, now);
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some((free_at, key)) = self.returned.front().copied()
            && free_at <= now
        {
            self.returned.pop_front();
            self.reduce(key);
        }
    }

    fn reduce(&mut self, key: BudgetKey) {
        if let Some(share) = self.shares.get_mut(&key) {
            *share = share.saturating_sub(1);
            if *share == 0 {
                self.shares.remove(&key);
            }
        }
    }

    pub(crate) fn opening(&mut self, now: Instant, paced: bool) -> Opening {
        self.expire(now);
        self.window.as_mut().map_or(Opening::Now, |window| window.opening(now, paced))
    }

    pub(crate) fn earliest(&self, now: Instant, paced: bool) -> Instant {
        self.window.as_ref().map_or(now, |window| window.earliest(now, 0, paced.then_some(0)))
    }

    /// What each budget may hold while all that are active want more.
    pub(crate) fn fair_share(&self) -> u32 {
        let idle_but_ready = self.ready.iter().filter(|ready| !self.shares.contains_key(ready)).count();
        let n_active = u32::try_from(self.shares.len() + idle_but_ready).unwrap_or(u32::MAX).max(1);
        self.window.as_ref().map_or(u32::MAX, |window| (window.limit() / n_active).max(1))
    }

    pub(crate) fn rank(&self, fair_share: u32, key: BudgetKey, class: Class, sequence: u64) -> Rank {
        let held = self.shares.get(&key).copied().unwrap_or(0);
        (held >= fair_share, class, held, sequence)
    }

    pub(crate) fn take(&mut self, key: BudgetKey, now: Instant, paced: bool) {
        if let Some(window) = &mut self.window {
            window.take(now, paced);
        }
        *self.shares.entry(key).or_default() += 1;
    }

    pub(crate) fn put_back(&mut self, key: BudgetKey) {
        if let Some(window) = &mut self.window {
            window.put_back();
        }
        self.reduce(key);
    }

    pub(crate) fn give(&mut self, key: BudgetKey, from: Instant) {
        match &mut self.window {
            Some(window) => {
                window.give(from);
                let until = later(from, window.span());
                insert_sorted(&mut self.returned, (until, key), |(at, _)| *at);
            }
            None => self.reduce(key),
        }
    }

    pub(crate) fn is_idle(&mut self, now: Instant) -> bool {
        self.expire(now);
        if let Some(window) = &mut self.window {
            window.expire(now);
        }
        self.ready.is_empty() && self.shares.is_empty() && self.window.as_ref().is_none_or(|window| window.is_idle(now))
    }
}
