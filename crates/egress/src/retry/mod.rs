//! When to try again, by what a vendor's answer says. Pure functions: nothing here waits or sends.
//!
//! Order of evidence: `Retry-After`, then a reset time, then the replenish rate of a token bucket, then what is configured
//! for the path, then backoff with jitter. Bodies are no evidence: their texts are localised and undocumented.

mod parse;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use parse::remaining;

/// Nothing a vendor says makes us wait longer in one go.
pub const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// After a refusal nobody comes back sooner.
pub const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Backoff without any evidence ends here.
pub const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// What a wait is founded on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// `Retry-After`.
    RetryAfter,
    /// `X-RateLimit-Reset` or `RateLimit-Reset`.
    Reset,
    /// `x-ratelimit-replenish-rate` with what was asked and what is left.
    Replenish,
    /// The limit configured for the path.
    Configured,
    /// None: exponential backoff.
    Backoff,
}

/// When to try again, and why then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// From now.
    pub wait: Duration,
    /// What it is founded on.
    pub evidence: Evidence,
}

/// What an answer's headers (names in lower case) say about when to try again, at most [`LONGEST_WAIT`]. Values that make
/// no sense count as absent.
fn from_headers(headers: &[(String, String)], now: DateTime<Utc>) -> Option<Advice> {
    let advice = |evidence| move |wait: Duration| Advice { wait: wait.min(LONGEST_WAIT), evidence };
    parse::retry_after(headers, now)
        .map(advice(Evidence::RetryAfter))
        .or_else(|| parse::reset(headers, now).map(advice(Evidence::Reset)))
        .or_else(|| parse::replenish(headers).map(advice(Evidence::Replenish)))
}

/// When to try again after the `n_refusals`-th refusal in a row. `configured` is the window of the path's own limit, if it
/// has one; `jitter` is any number.
#[must_use]
pub fn advise(
    headers: &[(String, String)],
    now: DateTime<Utc>,
    configured: Option<Duration>,
    n_refusals: u32,
    jitter: u64,
) -> Advice {
    let advice = from_headers(headers, now).unwrap_or_else(|| {
        let backoff = backoff(n_refusals, jitter);
        match configured {
            // The configured window was waited out in vain when this is not the first refusal.
            Some(window) if n_refusals <= 1 || window > backoff => {
                Advice { wait: window.min(LONGEST_WAIT), evidence: Evidence::Configured }
            }
            _ => Advice { wait: backoff, evidence: Evidence::Backoff },
        }
    });
    Advice { wait: advice.wait.max(SHORTEST_WAIT), ..advice }
}

/// Exponential backoff from 1 s, capped at [`LONGEST_BACKOFF`]; the upper half is jitter.
#[must_use]
pub fn backoff(n_refusals: u32, jitter: u64) -> Duration {
    let exponent = n_refusals.saturating_sub(1).min(16);
    let full = Duration::from_secs(2 << exponent).min(LONGEST_BACKOFF);
    let half = full / 2;
    let span = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    half + Duration::from_millis(jitter % span)
}

#[cfg(test)]
mod tests;
