//! Who gets the next slot, and when to look again.
//!
//! All budgets live behind one lock; a step takes microseconds, and a vendor is called a few dozen times a second. Nothing
//! here awaits: [`crate::Budgets`] sleeps until the first entry of the agenda and calls [`Scheduler::run_due`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{sync::Notify, time::Instant};

use crate::{
    Class,
    address::{Address, Rank},
    key::BudgetKey,
    left::Left,
    policy::Policy,
    state::{Budget, Lane, Route},
    view::BudgetView,
    window::Opening,
};

/// Whose next opening an entry of the agenda announces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Budget(BudgetKey),
    Address(Arc<str>),
}

/// A slot that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) key: BudgetKey,
    pub(crate) lane: Lane,
    pub(crate) taken_at: Instant,
    generation: u32,
    freed_at_take: u64,
}

/// Someone who wants a slot.
#[derive(Debug)]
struct Waiter {
    key: BudgetKey,
    lane: Lane,
    class: Class,
    notify: Arc<Notify>,
    granted: Option<Slot>,
}

/// How a slot comes back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Return {
    /// Nothing was sent.
    Unsent,
    /// The vendor can't count the request later than this.
    SettledBy(Instant),
}

/// What [`Scheduler::enqueue`] needs to know.
pub(crate) struct Entry<'a> {
    pub(crate) key: BudgetKey,
    pub(crate) policy: &'a Arc<Policy>,
    pub(crate) template: &'a str,
    pub(crate) host: &'a str,
    pub(crate) class: Class,
    pub(crate) is_authentication: bool,
}

/// All budgets and all hosts.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    budgets: HashMap<BudgetKey, Budget>,
    addresses: HashMap<Arc<str>, Address>,
    waiters: BTreeMap<u64, Waiter>,
    agenda: BTreeSet<(Instant, Target)>,
    next_sequence: u64,
    swept_at: Option<Instant>,
    /// What others may have taken, while the store that all share is away.
    left: Option<Left>,
    /// Until when the driver sleeps; none while there is no driver.
    pub(crate) driver_until: Option<Instant>,
}

impl Scheduler {
    /// Queues a request and hands out what can be handed out. The sequence names the waiter.
    pub(crate) fn enqueue(&mut self, entry: &Entry<'_>, notify: Arc<Notify>, now: Instant) -> u64 {
        let Entry { key, template, class, is_authentication, .. } = *entry;
        let host = self.open(entry, now);
        let Some(budget) = self.budgets.get_mut(&key) else { return self.next_sequence };
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let lane = Lane { route: budget.route(template, is_authentication), host };
        budget.enqueue(lane.clone(), class, sequence);
        self.waiters.insert(sequence, Waiter { key, lane, class, notify, granted: None });
        self.advance(key, now);
        sequence
    }

    /// Counts a slot that another store granted.
    pub(crate) fn take_over(&mut self, entry: &Entry<'_>, now: Instant) -> Slot {
        let Entry { key, template, class, is_authentication, .. } = *entry;
        let host = self.open(entry, now);
        let (mut generation, mut freed_at_take) = (0, 0);
        let mut lane = Lane { route: Route::Plain, host };
        if let Some(budget) = self.budgets.get_mut(&key) {
            lane.route = budget.route(template, is_authentication);
            generation = budget.generation;
            let paced = budget.is_paced(&lane.route, class);
            freed_at_take = budget.take(&lane.route, class, now);
            if let Some(address) = self.addresses.get_mut(&lane.host) {
                address.take(key, now, paced);
            }
        }
        Slot { key, lane, taken_at: now, generation, freed_at_take }
    }

    /// Sends nothing before `until`.
    pub(crate) fn keep_blocked(&mut self, key: BudgetKey, policy: &Arc<Policy>, until: Instant, now: Instant) {
        self.budgets.entry(key).or_insert_with(|| Budget::new(policy, now)).block(Route::Plain, until);
    }

    /// The store that all share went away, or is back.
    pub(crate) fn set_left(&mut self, left: Option<Left>) {
        self.left = left;
    }

    /// Makes the budget and the host of a request, or takes over its policy.
    fn open(&mut self, entry: &Entry<'_>, now: Instant) -> Arc<str> {
        let Entry { key, policy, host, .. } = *entry;
        let host = self.addresses.get_key_value(host).map_or_else(|| Arc::from(host), |(host, _)| Arc::clone(host));
        self.addresses
            .entry(Arc::clone(&host))
            .and_modify(|address| address.resize(policy.address))
            .or_insert_with(|| Address::new(policy.address));
        let budget = self.budgets.entry(key).or_insert_with(|| Budget::new(policy, now));
        budget.adopt(policy, now);
        budget.used_at = now;
        if let Some(left) = &mut self.left {
            if left.told.insert(key) {
                let used_up = left.budgets.remove(&key).unwrap_or_default();
                budget.leave_to_others(&used_up, left.since, now);
            }
            if let Some(address) = self.addresses.get_mut(&host)
                && left.told_hosts.insert(Arc::clone(&host))
            {
                address.leave_to_others(left.hosts.get(&host).copied().flatten(), left.since, now);
            }
        }
        host
    }

    /// The slot of a waiter, if it was granted; the waiter is then forgotten.
    pub(crate) fn collect(&mut self, sequence: u64) -> Option<Slot> {
        let slot = self.waiters.get_mut(&sequence)?.granted.take()?;
        self.waiters.remove(&sequence);
        Some(slot)
    }

    pub(crate) fn is_granted(&self, sequence: u64) -> bool {
        self.waiters.get(&sequence).is_some_and(|waiter| waiter.granted.is_some())
    }

    /// Takes a waiter out; a slot granted to it but not collected is free again.
    pub(crate) fn leave(&mut self, sequence: u64, now: Instant) {
        let Some(waiter) = self.waiters.remove(&sequence) else { return };
        if let Some(slot) = waiter.granted {
            return self.settle(&slot, Return::Unsent, now);
        }
        if let Some(budget) = self.budgets.get_mut(&waiter.key) {
            budget.dequeue(&waiter.lane, waiter.class, sequence);
        }
        self.advance(waiter.key, now);
        self.advance_address(&waiter.lane.host, now);
    }

    /// A lower bound for when a waiter can go.
    pub(crate) fn earliest(&mut self, sequence: u64, now: Instant) -> Instant {
        let Some(waiter) = self.waiters.get(&sequence) else { return now };
        let Some(budget) = self.budgets.get_mut(&waiter.key) else { return now };
        let own = budget.earliest(&waiter.lane, waiter.class, sequence, now);
        let paced = budget.is_paced(&waiter.lane.route, waiter.class);
        let host = self.addresses.get(&waiter.lane.host);
        own.max(host.map_or(now, |address| address.earliest(now, paced)))
    }

    /// Takes a slot back.
    pub(crate) fn settle(&mut self, slot: &Slot, how: Return, now: Instant) {
        if let Some(address) = self.addresses.get_mut(&slot.lane.host) {
            match how {
                Return::Unsent => address.put_back(slot.key),
                Return::SettledBy(at) => address.give(slot.key, at),
            }
        }
        if let Some(budget) = self.budgets.get_mut(&slot.key) {
            match how {
                Return::Unsent => budget.put_back(&slot.lane.route, slot.generation),
                Return::SettledBy(at) => budget.give(&slot.lane.route, slot.generation, at, now),
            }
        }
        self.advance(slot.key, now);
        self.advance_address(&slot.lane.host, now);
    }

    /// The vendor refused: nothing is sent before `until`, on that template's limits or on the whole budget.
    pub(crate) fn block(
        &mut self,
        key: BudgetKey,
        template: Option<&str>,
        until: Instant,
        wall: DateTime<Utc>,
        now: Instant,
    ) {
        if let Some(budget) = self.budgets.get_mut(&key) {
            let route = template.map_or(Route::Plain, |template| budget.route(template, false));
            budget.block(route, until);
            budget.last_429_at = Some(wall);
            self.advance(key, now);
        }
    }

    /// As [`Scheduler::block`], for the route of a slot.
    pub(crate) fn block_route(&mut self, slot: &Slot, until: Instant, wall: DateTime<Utc>, now: Instant) {
        if let Some(budget) = self.budgets.get_mut(&slot.key) {
            budget.block(slot.lane.route.clone(), until);
            budget.last_429_at = Some(wall);
            self.advance(slot.key, now);
        }
    }

    /// The vendor's own count of what is left.
    pub(crate) fn correct(&mut self, slot: &Slot, remaining: u32, now: Instant) {
        if let Some(budget) = self.budgets.get_mut(&slot.key) {
            budget.correct(remaining, slot.freed_at_take, now);
            self.advance(slot.key, now);
        }
    }

    pub(crate) fn view(&mut self, key: BudgetKey, now: Instant, wall: DateTime<Utc>) -> Option<BudgetView> {
        self.budgets.get_mut(&key).map(|budget| budget.view(now, wall))
    }

    pub(crate) fn n_budgets(&self) -> usize {
        self.budgets.len()
    }

    pub(crate) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// When something may open next.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// Any waiter not yet served, to take over the driver's work.
    pub(crate) fn any_waiter(&self) -> Option<Arc<Notify>> {
        self.waiters.values().find(|waiter| waiter.granted.is_none()).map(|waiter| Arc::clone(&waiter.notify))
    }

    /// Hands out what opened by now.
    pub(crate) fn run_due(&mut self, now: Instant) {
        while let Some((_, target)) = self.agenda.first().filter(|(at, _)| *at <= now).cloned() {
            match target {
                Target::Budget(key) => {
                    self.plan_budget(key, None);
                    self.advance(key, now);
                }
                Target::Address(host) => {
                    self.plan_address(&host, None);
                    self.advance_address(&host, now);
                }
            }
        }
    }

    /// Forgets budgets and hosts that were idle for long.
    pub(crate) fn sweep(&mut self, now: Instant, idle_after: Duration) {
        if self.swept_at.is_some_and(|at| now.duration_since(at) < idle_after) {
            return;
        }
        self.swept_at = Some(now);
        self.budgets.retain(|_, budget| now.duration_since(budget.used_at) < idle_after || !budget.is_idle(now));
        self.addresses.retain(|_, address| !address.is_idle(now));
    }

    /// Looks at one budget again: grants what can go, and notes when to look next.
    fn advance(&mut self, key: BudgetKey, now: Instant) {
        for host in self.refresh(key, now) {
            self.advance_address(&host, now);
        }
    }

    /// Notes which hosts could serve this budget now, and when its next waiter opens.
    fn refresh(&mut self, key: BudgetKey, now: Instant) -> Vec<Arc<str>> {
        let Some(budget) = self.budgets.get_mut(&key) else { return Vec::new() };
        let mut hosts = Vec::new();
        let mut wake: Option<Instant> = None;
        for (class, _, lane) in budget.heads() {
            match budget.opening(&lane.route, class, now) {
                Opening::Now => hosts.push(lane.host),
                Opening::At(at) => wake = Some(wake.map_or(at, |wake| wake.min(at))),
                Opening::WhenReturned => {}
            }
        }
        for host in &hosts {
            if let Some(address) = self.addresses.get_mut(host) {
                address.ready.insert(key);
            }
        }
        self.plan_budget(key, wake);
        hosts
    }

    /// Serves the budgets that only the host's limit held back.
    fn advance_address(&mut self, host: &Arc<str>, now: Instant) {
        loop {
            let Some(address) = self.addresses.get_mut(host) else { return };
            let fair_share = address.fair_share();
            let ready: Vec<BudgetKey> = address.ready.iter().copied().collect();
            let mut best: Option<(Rank, BudgetKey, Lane)> = None;
            let mut wake: Option<Instant> = None;
            for key in ready {
                let candidate = self.budgets.get_mut(&key).and_then(|budget| candidate(budget, host, now));
                let Some((class, sequence, lane, paced)) = candidate else {
                    address.ready.remove(&key);
                    continue;
                };
                match address.opening(now, paced) {
                    Opening::Now => {
                        let rank = address.rank(fair_share, key, class, sequence);
                        if best.as_ref().is_none_or(|(other, ..)| rank < *other) {
                            best = Some((rank, key, lane));
                        }
                    }
                    Opening::At(at) => wake = Some(wake.map_or(at, |wake| wake.min(at))),
                    Opening::WhenReturned => {}
                }
            }
            let Some(((_, class, _, sequence), key, lane)) = best else {
                self.plan_address(host, wake);
                return;
            };
            self.grant(key, lane, class, sequence, now);
            self.refresh(key, now);
        }
    }

    fn grant(&mut self, key: BudgetKey, lane: Lane, class: Class, sequence: u64, now: Instant) {
        let (Some(budget), Some(address)) = (self.budgets.get_mut(&key), self.addresses.get_mut(&lane.host)) else {
            return;
        };
        budget.dequeue(&lane, class, sequence);
        address.take(key, now, budget.is_paced(&lane.route, class));
        let freed_at_take = budget.take(&lane.route, class, now);
        if let Some(waiter) = self.waiters.get_mut(&sequence) {
            waiter.granted = Some(Slot { key, lane, taken_at: now, generation: budget.generation, freed_at_take });
            waiter.notify.notify_one();
        }
    }

    fn plan_budget(&mut self, key: BudgetKey, wake: Option<Instant>) {
        if let Some(budget) = self.budgets.get_mut(&key) {
            let old = std::mem::replace(&mut budget.wake, wake);
            self.replan(Target::Budget(key), old, wake);
        }
    }

    fn plan_address(&mut self, host: &Arc<str>, wake: Option<Instant>) {
        if let Some(address) = self.addresses.get_mut(host) {
            let old = std::mem::replace(&mut address.wake, wake);
            self.replan(Target::Address(Arc::clone(host)), old, wake);
        }
    }

    fn replan(&mut self, target: Target, old: Option<Instant>, wake: Option<Instant>) {
        if old == wake {
            return;
        }
        if let Some(old) = old {
            self.agenda.remove(&(old, target.clone()));
        }
        if let Some(wake) = wake {
            self.agenda.insert((wake, target));
        }
    }
}

/// A budget's best waiter for a host, if its own limits let it go now.
fn candidate(budget: &mut Budget, host: &Arc<str>, now: Instant) -> Option<(Class, u64, Lane, bool)> {
    let mut heads = budget.heads();
    heads.retain(|(_, _, lane)| lane.host == *host);
    heads.sort_unstable_by_key(|(class, sequence, _)| (*class, *sequence));
    let (class, sequence, lane) =
        heads.into_iter().find(|(class, _, lane)| budget.opening(&lane.route, *class, now) == Opening::Now)?;
    let paced = budget.is_paced(&lane.route, class);
    Some((class, sequence, lane, paced))
}
