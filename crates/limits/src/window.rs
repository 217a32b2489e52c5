//! The counting rule: a slot is held from before sending until one window after the answer.
//!
//! A vendor counts a request somewhere between sending and answering, so whatever it counts in any window of this length,
//! sliding or fixed at any phase, is never more than the slots held here.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::policy::Limit;

/// Far enough to mean "never" and near enough to add to.
pub(crate) const FAR: Duration = Duration::from_hours(24);

/// Returns looked at when a distance is chosen: enough to see a hole, however long the queue.
const LOOKED_AT: usize = 64;

/// So few free slots are not shared with the highest class.
const USED_WHOLE: u32 = 4;

/// So many paced calls may follow each other closely, when they were late.
const MADE_UP_FOR: u32 = 3;

/// When a slot can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// At once.
    Now,
    /// Not before then.
    At(Instant),
    /// Not before a request in flight comes back.
    WhenReturned,
}

impl Opening {
    /// Both conditions must hold.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Now, opening) | (opening, Self::Now) => opening,
            (Self::At(one), Self::At(two)) => Self::At(one.max(two)),
            (Self::WhenReturned, _) | (_, Self::WhenReturned) => Self::WhenReturned,
        }
    }

    /// Open from `at` on.
    pub(crate) fn from(at: Option<Instant>, now: Instant) -> Self {
        match at {
            Some(at) if at > now => Self::At(at),
            _ => Self::Now,
        }
    }
}

/// Adds without overflow: nothing waits longer than a day.
pub(crate) fn later(from: Instant, by: Duration) -> Instant {
    from.checked_add(by.min(FAR)).unwrap_or(from)
}

/// Inserts into a queue sorted by time. Times come nearly in order, so the search ends at the back.
pub(crate) fn insert_sorted<T>(queue: &mut VecDeque<T>, item: T, time: impl Fn(&T) -> Instant) {
    let at = time(&item);
    let mut index = queue.len();
    while index > 0 && queue.get(index - 1).is_some_and(|before| time(before) > at) {
        index -= 1;
    }
    queue.insert(index, item);
}

/// The slots of one limit.
#[derive(Debug)]
pub(crate) struct Window {
    limit: u32,
    span: Duration,
    in_flight: u32,
    returned: VecDeque<Instant>,
    paced_from: Option<Instant>,
    leaves_room: bool,
    freed: u64,
}

impl Window {
    pub(crate) fn new(limit: Limit) -> Self {
        let mut window = Self {
            limit: 1,
            span: Duration::ZERO,
            in_flight: 0,
            returned: VecDeque::new(),
            paced_from: None,
            leaves_room: false,
            freed: 0,
        };
        window.resize(limit);
        window
    }

    /// Paced callers leave room for those that are not.
    pub(crate) fn leaving_room(mut self) -> Self {
        self.leaves_room = true;
        self
    }

    /// Takes over another limit; slots already held stay held.
    pub(crate) fn resize(&mut self, limit: Limit) {
        self.limit = limit.limit.max(1);
        self.span = limit.window.min(FAR);
    }

    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    fn pace(&self) -> Duration {
        self.span / self.limit
    }

    /// The distance at which what is free now, and what comes back, lasts until the next slots come back. Evenly, that is
    /// [`Window::pace`]; after a burst the slots come back in a clump one window later, and whoever took the free ones at the even
    /// pace would find none in the time before, nor would the highest class, for whose calls half of what is free is left; where that is
    /// little, all of it is used, since it comes back one by one.
    fn stretched_pace(&self, now: Instant) -> Duration {
        let free = self.limit.saturating_sub(self.held());
        let free = usize::try_from(free.div_ceil(2).max(free.min(USED_WHOLE))).unwrap_or(usize::MAX);
        let step = self.returned.len() / LOOKED_AT + 1;
        let returns = self.returned.iter().enumerate().step_by(step);
        let lasting = returns.filter_map(|(before, at)| {
            let usable = u32::try_from(free + before).unwrap_or(u32::MAX);
            at.saturating_duration_since(now).checked_div(usable)
        });
        lasting.fold(self.pace(), Duration::max)
    }

    /// Counts what others took before `since`, beyond their shares: until `used_up` slots of this share are held, or all where nobody knows.
    pub(crate) fn leave_to_others(&mut self, used_up: Option<u32>, since: Instant, now: Instant) {
        self.expire(now);
        let until = later(since, self.span);
        if until > now {
            let used_up = used_up.map_or(self.limit, |n| n.min(self.limit));
            (self.held()..used_up).for_each(|_| self.hold(until));
        }
    }

    /// Frees what is due.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.returned.front().is_some_and(|free_at| *free_at <= now) {
            self.returned.pop_front();
            self.freed += 1;
        }
    }

    pub(crate) fn held(&self) -> u32 {
        self.in_flight.saturating_add(u32::try_from(self.returned.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.held() == 0 && self.paced_from.is_none_or(|at| at <= now)
    }

    /// How many slots were freed so far: tells an answer which of them the vendor may still have counted.
    pub(crate) fn freed(&self) -> u64 {
        self.freed
    }

    /// When the next slot can be taken. `paced` callers also keep their distance from each other.
    pub(crate) fn opening(&mut self, now: Instant, paced: bool) -> Opening {
        self.expire(now);
        let slot = if self.held() < self.limit {
            Opening::Now
        } else {
            self.returned.front().map_or(Opening::WhenReturned, |at| Opening::At(*at))
        };
        if paced { slot.and(Opening::from(self.paced_from, now)) } else { slot }
    }

    /// The earliest time at which a caller with `ahead` others before it can get a slot (a lower bound).
    pub(crate) fn earliest(&self, now: Instant, ahead: usize, ahead_paced: Option<usize>) -> Instant {
        let free = usize::try_from(self.limit.saturating_sub(self.held())).unwrap_or(usize::MAX);
        let slot = match ahead.checked_sub(free) {
            None => now,
            Some(index) => self.returned.get(index).or(self.returned.back()).copied().unwrap_or(now),
        };
        let paced = ahead_paced.map_or(now, |ahead| {
            let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
            later(self.paced_from.unwrap_or(now), self.pace().saturating_mul(ahead))
        });
        slot.max(paced).max(now)
    }

    pub(crate) fn take(&mut self, now: Instant, paced: bool) {
        self.in_flight += 1;
        if paced {
            // Calls that were late for want of a slot are made up for, but not a pause: else each such wait would cost a share.
            let pace = if self.leaves_room { self.stretched_pace(now) } else { self.pace() };
            let next = self.paced_from.map_or(now, |at| later(at, pace));
            let is_late = later(next, self.pace().saturating_mul(MADE_UP_FOR)) > now && self.paced_from.is_some();
            self.paced_from = Some(if is_late { next } else { later(now, pace) });
        }
    }

    /// Frees a slot at once: nothing was sent.
    pub(crate) fn put_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Holds a slot in flight for one window more, from `from`.
    pub(crate) fn give(&mut self, from: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.hold(later(from, self.span));
    }

    /// Holds a slot that none of ours took.
    pub(crate) fn hold(&mut self, until: Instant) {
        insert_sorted(&mut self.returned, until, |at| *at);
    }

    /// Forgets who holds the slots in flight and holds them until `until`.
    pub(crate) fn disown(&mut self, until: Instant) {
        for _ in 0..std::mem::take(&mut self.in_flight) {
            self.hold(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn holds_a_slot_until_one_window_after_the_answer() {
        let start = Instant::now();
        let mut window = Window::new(Limit::new(1, SECOND));
        window.take(start, false);
        assert_eq!(window.opening(start, false), Opening::WhenReturned);
        window.give(start + SECOND * 3);
        assert_eq!(window.opening(start + SECOND * 3, false), Opening::At(start + SECOND * 4));
        assert_eq!(window.opening(start + SECOND * 4, false), Opening::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn pacing_makes_up_for_a_late_call_but_not_for_a_pause() {
        let start = Instant::now();
        let mut window = Window::new(Limit::new(10, SECOND));
        window.take(start, true);
        assert_eq!(window.opening(start, true), Opening::At(start + SECOND / 10));
        window.take(start + SECOND / 10 + SECOND / 50, true);
        assert_eq!(window.opening(start + SECOND / 10, true), Opening::At(start + SECOND / 5));
        // Two that waited for a slot until 0.45 follow each other at once.
        window.take(start + SECOND * 9 / 20, true);
        assert_eq!(window.opening(start + SECOND * 9 / 20, true), Opening::Now);
        window.take(start + SECOND * 9 / 20, true);
        assert_eq!(window.opening(start + SECOND * 9 / 20, true), Opening::Now);
        window.take(start + SECOND * 9 / 20, true);
        assert_eq!(window.opening(start + SECOND * 9 / 20, true), Opening::At(start + SECOND / 2));
        window.take(start + SECOND, true);
        assert_eq!(window.opening(start + SECOND, true), Opening::At(start + SECOND + SECOND / 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_nonsensical_limit_is_read_as_one() {
        let start = Instant::now();
        let mut window = Window::new(Limit::new(0, Duration::MAX));
        window.take(start, true);
        window.give(start);
        assert!(matches!(window.opening(start, false), Opening::At(_)));
    }
}
