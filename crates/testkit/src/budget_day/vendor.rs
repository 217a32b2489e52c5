//! A vendor that counts requests in its own way, and a ledger of what it answered.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What it allows.
pub(super) const CEILING: u32 = 200;
/// In so long.
pub(super) const WINDOW: Duration = Duration::from_mins(1);
/// The small limit beside it.
pub(super) const BURST: u32 = 15;

/// How a vendor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// The last window before each request.
    Sliding,
    /// Windows that follow each other, of a phase that nobody knows.
    Fixed,
    /// Tokens that come back evenly.
    Bucket,
    /// As [`Counts::Sliding`], and fifteen a second beside.
    SlidingAndBurst,
}

impl Counts {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sliding, Self::Fixed, Self::Bucket, Self::SlidingAndBurst];
}

/// A request as it was counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) at: Instant,
    pub(super) is_refused: bool,
}

#[derive(Debug)]
enum Counter {
    Sliding { limit: usize, window: Duration, counted: VecDeque<Instant> },
    Fixed { begun: Instant, number: u128, n_counted: u32 },
    Bucket { tokens: f64, at: Instant },
}

impl Counter {
    fn sliding(limit: u32, window: Duration) -> Self {
        Self::Sliding { limit: usize::try_from(limit).unwrap_or(usize::MAX), window, counted: VecDeque::new() }
    }

    /// Whether one more would be accepted.
    fn has_room(&mut self, now: Instant) -> bool {
        match self {
            Self::Sliding { limit, window, counted } => {
                while counted.front().is_some_and(|at| now.duration_since(*at) >= *window) {
                    counted.pop_front();
                }
                counted.len() < *limit
            }
            Self::Fixed { begun, number, n_counted } => {
                let current = now.duration_since(*begun).as_micros() / WINDOW.as_micros();
                if current != *number {
                    (*number, *n_counted) = (current, 0);
                }
                *n_counted < CEILING
            }
            Self::Bucket { tokens, at } => {
                let back = now.duration_since(*at).as_secs_f64() * f64::from(CEILING) / WINDOW.as_secs_f64();
                (*tokens, *at) = ((*tokens + back).min(f64::from(CEILING)), now);
                *tokens >= 1.0
            }
        }
    }

    fn count(&mut self, now: Instant) {
        match self {
            Self::Sliding { counted, .. } => counted.push_back(now),
            Self::Fixed { n_counted, .. } => *n_counted += 1,
            Self::Bucket { tokens, .. } => *tokens -= 1.0,
        }
    }
}

/// The vendor.
#[derive(Debug)]
pub(super) struct Vendor(Mutex<(Vec<Counter>, Vec<Hit>)>);

impl Vendor {
    /// `phase` is how long ago its first window began.
    pub(super) fn new(counts: Counts, phase: Duration) -> Self {
        let now = Instant::now();
        let counters = match counts {
            Counts::Sliding => vec![Counter::sliding(CEILING, WINDOW)],
            Counts::Fixed => {
                vec![Counter::Fixed { begun: now.checked_sub(phase).unwrap_or(now), number: 0, n_counted: 0 }]
            }
            Counts::Bucket => vec![Counter::Bucket { tokens: f64::from(CEILING), at: now }],
            Counts::SlidingAndBurst => {
                vec![Counter::sliding(CEILING, WINDOW), Counter::sliding(BURST, Duration::from_secs(1))]
            }
        };
        Self(Mutex::new((counters, Vec::new())))
    }

    /// Takes a request; answers whether it was accepted.
    pub(super) fn hit(&self) -> bool {
        let at = Instant::now();
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (counters, ledger) = &mut *inner;
        let has_room = counters.iter_mut().all(|counter| counter.has_room(at));
        if has_room {
            for counter in counters {
                counter.count(at);
            }
        }
        ledger.push(Hit { at, is_refused: !has_room });
        has_room
    }

    pub(super) fn ledger(&self) -> Vec<Hit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}
