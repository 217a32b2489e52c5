//! Who has asked too often. Time is passed in, so that tests need no waiting.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::config::{HeaderFamily, LimiterKind, Limits, RateLimit};

const MINUTE_MS: i64 = 60_000;

/// All counters of one sandbox.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Option<Limits>,
    credentials: HashMap<usize, Meter>,
    lists: HashMap<usize, Log>,
    addresses: HashMap<IpAddr, Log>,
    logins: HashMap<Option<usize>, Login>,
}

/// The verdict on one request and what its answer says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_allowed: bool,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Verdict {
    fn bare(is_allowed: bool) -> Self {
        Self { is_allowed, headers: Vec::new() }
    }
}

/// Which counters a request meets besides its credential's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    EmployeeList,
    Other,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let limits = match limit {
            RateLimit::Off => None,
            RateLimit::On(limits) => Some(limits),
        };
        Self {
            limits,
            credentials: HashMap::new(),
            lists: HashMap::new(),
            addresses: HashMap::new(),
            logins: HashMap::new(),
        }
    }

    /// Counts a request from an address.
    pub(crate) fn address(&mut self, peer: IpAddr, now: DateTime<Utc>) -> Verdict {
        let Some(limits) = self.limits else { return Verdict::bare(true) };
        let log = self.addresses.entry(peer).or_default();
        let now = now.timestamp_millis();
        let is_allowed = log.count(now, MINUTE_MS) < limits.per_address_per_min as usize;
        if is_allowed {
            log.0.push_back(now);
            return Verdict::bare(true);
        }
        let free_at = log.0.front().map_or(now, |first| first + MINUTE_MS);
        Verdict { is_allowed, headers: headers(&limits, 0, now, free_at, false) }
    }

    /// Counts a login; one too many closes the door for a minute. Wrong credentials share a counter.
    pub(crate) fn login(&mut self, credential: Option<usize>, now: DateTime<Utc>) -> Verdict {
        let Some(limits) = self.limits else { return Verdict::bare(true) };
        let login = self.logins.entry(credential).or_default();
        let now = now.timestamp_millis();
        if now >= login.closed_until && login.log.count(now, MINUTE_MS) < limits.auth_per_min as usize {
            login.log.0.push_back(now);
            return Verdict::bare(true);
        }
        if now >= login.closed_until {
            login.closed_until = now + MINUTE_MS;
        }
        Verdict { is_allowed: false, headers: headers(&limits, 0, now, login.closed_until, false) }
    }

    /// Counts a request of a credential.
    pub(crate) fn request(&mut self, credential: usize, path: Path, now: DateTime<Utc>) -> Verdict {
        let Some(limits) = self.limits else { return Verdict::bare(true) };
        let now = now.timestamp_millis();
        let meter = self.credentials.entry(credential).or_insert_with(|| Meter::new(&limits, now));
        if let (Path::EmployeeList, Some(burst)) = (path, limits.employees_burst_per_s) {
            let list = self.lists.entry(credential).or_default();
            if list.count(now, 1_000) >= burst as usize {
                let free_at = list.0.front().map_or(now, |first| first + 1_000);
                return Verdict { is_allowed: false, headers: headers(&limits, 0, now, free_at, false) };
            }
        }
        let (is_allowed, remaining, free_at) = meter.take(&limits, now);
        if is_allowed && path == Path::EmployeeList {
            self.lists.entry(credential).or_default().0.push_back(now);
        }
        Verdict { is_allowed, headers: headers(&limits, remaining, now, free_at, is_allowed) }
    }
}

#[derive(Debug, Default)]
struct Login {
    log: Log,
    closed_until: i64,
}

/// The times of the requests that still count.
#[derive(Debug, Default)]
struct Log(VecDeque<i64>);

impl Log {
    fn count(&mut self, now: i64, window_ms: i64) -> usize {
        while self.0.front().is_some_and(|first| now - first >= window_ms) {
            self.0.pop_front();
        }
        self.0.len()
    }
}

#[derive(Debug)]
enum Meter {
    Sliding(Log),
    Fixed { window: i64, used: u32 },
    Bucket { burst: u32, millitokens: i64, filled_at: i64 },
}

impl Meter {
    fn new(limits: &Limits, now: i64) -> Self {
        match limits.kind {
            LimiterKind::Sliding => Self::Sliding(Log::default()),
            LimiterKind::Fixed => Self::Fixed { window: now.div_euclid(window_ms(limits)), used: 0 },
            LimiterKind::Bucket { burst } => {
                Self::Bucket { burst, millitokens: i64::from(burst) * 1_000, filled_at: now }
            }
        }
    }

    /// Whether one more is allowed, how many then remain, and when the next one is free or the count starts anew.
    fn take(&mut self, limits: &Limits, now: i64) -> (bool, u32, i64) {
        let length = window_ms(limits);
        match self {
            Self::Sliding(log) => {
                let used = u32::try_from(log.count(now, length)).unwrap_or(u32::MAX);
                let is_allowed = used < limits.limit;
                if is_allowed {
                    log.0.push_back(now);
                }
                let free_at = log.0.front().map_or(now, |first| first + length);
                (is_allowed, limits.limit.saturating_sub(used + u32::from(is_allowed)), free_at)
            }
            Self::Fixed { window, used } => {
                let current = now.div_euclid(length);
                if current != *window {
                    (*window, *used) = (current, 0);
                }
                let is_allowed = *used < limits.limit;
                *used += u32::from(is_allowed);
                (is_allowed, limits.limit.saturating_sub(*used), (current + 1) * length)
            }
            Self::Bucket { burst, millitokens, filled_at } => {
                let rate = i64::from(limits.limit.max(1)) * 1_000;
                let gained = (now - *filled_at).max(0) * rate / length;
                // What is gained below a thousandth stays on the clock, or a fast caller would never gain anything.
                *filled_at += gained * length / rate;
                *millitokens = (*millitokens + gained).min(i64::from(*burst) * 1_000);
                if *millitokens == i64::from(*burst) * 1_000 {
                    *filled_at = now;
                }
                let is_allowed = *millitokens >= 1_000;
                if is_allowed {
                    *millitokens -= 1_000;
                }
                let missing = (1_000 - *millitokens).max(0);
                let free_at = now + (missing * length + rate - 1) / rate;
                (is_allowed, u32::try_from(*millitokens / 1_000).unwrap_or_default(), free_at)
            }
        }
    }
}

fn window_ms(limits: &Limits) -> i64 {
    i64::from(limits.window_s.max(1)) * 1_000
}

fn headers(limits: &Limits, remaining: u32, now: i64, free_at: i64, is_allowed: bool) -> Vec<(&'static str, String)> {
    match limits.headers {
        HeaderFamily::None => Vec::new(),
        HeaderFamily::Replenish => {
            let capacity = match limits.kind {
                LimiterKind::Bucket { burst } => burst,
                LimiterKind::Sliding | LimiterKind::Fixed => limits.limit,
            };
            vec![
                ("x-ratelimit-replenish-rate", (limits.limit / limits.window_s.max(1)).max(1).to_string()),
                ("x-ratelimit-burst-capacity", capacity.to_string()),
                ("x-ratelimit-requested-tokens", "1".to_owned()),
                ("x-ratelimit-remaining", remaining.to_string()),
            ]
        }
        HeaderFamily::Guide => vec![
            ("x-ratelimit-limit", limits.limit.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset", (free_at + 999).div_euclid(1_000).to_string()),
        ],
        HeaderFamily::RetryAfter if is_allowed => Vec::new(),
        HeaderFamily::RetryAfter => {
            vec![("retry-after", ((free_at - now).max(0) + 999).div_euclid(1_000).max(1).to_string())]
        }
    }
}

#[cfg(test)]
mod tests;
