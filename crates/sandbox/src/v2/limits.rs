//! Version 2's limits: a token bucket for each credential and path with ids replaced, and the login's own limit.
//!
//! Seen in the field were 30 a second with a burst of 100 on persons and 10 a second on absence periods; the vendor publishes
//! neither them nor those of other paths, nor the burst of the latter, which is taken to be one second's worth.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, Utc};

use crate::config::RateLimit;
use crate::limiter::Verdict;

const MINUTE_MS: i64 = 60_000;

/// The limits of version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V2Limits {
    /// Of each path under `/v2/persons`.
    pub persons: Bucket,
    /// Of each other path.
    pub others: Bucket,
    /// Logins with one credential in a minute; then one a second for 60 s.
    pub auth_per_min: u32,
}

/// The size of a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How many tokens come back each second.
    pub per_s: u32,
    /// How many it holds.
    pub burst: u32,
}

impl Default for V2Limits {
    fn default() -> Self {
        let others = Bucket { per_s: 10, burst: 10 };
        Self { persons: Bucket { per_s: 30, burst: 100 }, others, auth_per_min: 150 }
    }
}

/// All buckets of one sandbox.
#[derive(Debug)]
pub(crate) struct Buckets {
    limits: Option<V2Limits>,
    levels: HashMap<(usize, &'static str), Level>,
    doors: HashMap<Option<usize>, Door>,
}

impl Buckets {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let limits = match limit {
            RateLimit::Off => None,
            RateLimit::On(limits) => Some(limits.v2),
        };
        Self { limits, levels: HashMap::new(), doors: HashMap::new() }
    }

    /// Counts a request of a credential for a path, given as its template.
    pub(crate) fn request(&mut self, credential: usize, path: &'static str, now: DateTime<Utc>) -> Verdict {
        let Some(limits) = self.limits else { return Verdict { is_allowed: true, headers: Vec::new() } };
        let Bucket { per_s, burst } = if path.starts_with("/v2/persons") { limits.persons } else { limits.others };
        let now = now.timestamp_millis();
        let full = i64::from(burst) * 1_000;
        let level = self.levels.entry((credential, path)).or_insert(Level { millitokens: full, filled_at: now });
        // So many tokens a second are as many thousandths a millisecond.
        let gained = (now - level.filled_at).max(0).saturating_mul(per_s.into());
        level.millitokens = level.millitokens.saturating_add(gained).min(full);
        level.filled_at = now;
        let is_allowed = level.millitokens >= 1_000;
        if is_allowed {
            level.millitokens -= 1_000;
        }
        let headers = vec![
            ("x-ratelimit-replenish-rate", per_s.to_string()),
            ("x-ratelimit-burst-capacity", burst.to_string()),
            ("x-ratelimit-requested-tokens", "1".to_owned()),
            ("x-ratelimit-remaining", (level.millitokens / 1_000).to_string()),
        ];
        Verdict { is_allowed, headers }
    }

    /// Counts a login. Wrong credentials share a counter.
    pub(crate) fn login(&mut self, credential: Option<usize>, now: DateTime<Utc>) -> bool {
        let Some(limits) = self.limits else { return true };
        self.doors.entry(credential).or_default().opens(limits.auth_per_min, now.timestamp_millis())
    }
}

#[derive(Debug)]
struct Level {
    millitokens: i64,
    filled_at: i64,
}

#[derive(Debug, Default)]
struct Door {
    opened_at: VecDeque<i64>,
    slow_until: i64,
}

impl Door {
    fn opens(&mut self, per_min: u32, now: i64) -> bool {
        if now < self.slow_until {
            let is_due = self.opened_at.back().is_none_or(|last| now - last >= 1_000);
            if is_due {
                self.opened_at.push_back(now);
            }
            return is_due;
        }
        while self.opened_at.front().is_some_and(|first| now - first >= MINUTE_MS || *first < self.slow_until) {
            self.opened_at.pop_front();
        }
        if self.opened_at.len() >= per_min as usize {
            self.slow_until = now + MINUTE_MS;
            return false;
        }
        self.opened_at.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::config::Limits;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::milliseconds(ms)
    }

    fn buckets(per_s: u32, burst: u32) -> Buckets {
        let bucket = Bucket { per_s, burst };
        let v2 = V2Limits { persons: bucket, others: bucket, auth_per_min: 2 };
        Buckets::new(RateLimit::On(Limits { v2, ..Limits::default() }))
    }

    #[test]
    fn a_bucket_refills_each_millisecond_and_is_counted_by_credential_and_path() {
        let mut buckets = buckets(2, 3);
        let mut ask = |credential, path, ms| buckets.request(credential, path, at(ms)).is_allowed;
        assert_eq!([0; 4].map(|ms| ask(0, "/v2/persons", ms)), [true, true, true, false]);
        assert!(ask(1, "/v2/persons", 0) && ask(0, "/v2/persons/{id}", 0));
        assert_eq!([499, 500, 501, 999, 1_000].map(|ms| ask(0, "/v2/persons", ms)), [false, true, false, false, true]);
    }

    #[test]
    fn the_headers_tell_the_bucket() {
        let mut buckets = buckets(2, 3);
        let headers = buckets.request(0, "/v2/persons", at(0)).headers;
        let values: Vec<&str> = headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["2", "3", "1", "2"]);
        assert!(Buckets::new(RateLimit::Off).request(0, "/v2/persons", at(0)).headers.is_empty());
    }

    #[test]
    fn too_many_logins_leave_one_a_second_for_a_minute() {
        let mut buckets = buckets(1, 1);
        let mut login = |ms| buckets.login(Some(0), at(ms));
        assert_eq!([0, 10, 20].map(&mut login), [true, true, false]);
        assert_eq!([500, 1_010, 1_500, 2_010].map(&mut login), [false, true, false, true]);
        assert_eq!([60_020, 60_021, 60_022].map(&mut login), [true, true, false]);
    }
}
