//! The header dialects.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

/// Numbers from here on are a time since 1970 in seconds, not a span.
const EPOCH_FROM: f64 = 1e9;
/// Numbers from here on are a time since 1970 in milliseconds.
const EPOCH_MILLIS_FROM: f64 = 1e11;

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim())
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

fn span(seconds: f64) -> Option<Duration> {
    // Far more than anyone waits for, and a span that fits.
    Duration::try_from_secs_f64(seconds.min(1e15)).ok()
}

/// A span in seconds, or a time since 1970.
fn span_or_epoch(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let number = number(text)?;
    if number < EPOCH_FROM {
        return span(number);
    }
    let epoch = span(if number < EPOCH_MILLIS_FROM { number } else { number / 1000.0 })?;
    let now = span(number_of_seconds(now))?;
    Some(epoch.saturating_sub(now))
}

fn number_of_seconds(time: DateTime<Utc>) -> f64 {
    let seconds = u32::try_from(time.timestamp()).unwrap_or(if time.timestamp() < 0 { 0 } else { u32::MAX });
    f64::from(seconds)
}

/// The three date formats of RFC 9110, 5.6.7.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|time| time.and_utc())
}

/// `Retry-After`: seconds or a date; one in the past means at once.
pub(super) fn retry_after(headers: &[(String, String)], now: DateTime<Utc>) -> Option<Duration> {
    let text = find(headers, "retry-after")?;
    span_or_epoch(text, now).or_else(|| http_date(text).map(|date| (date - now).to_std().unwrap_or_default()))
}

/// `X-RateLimit-Reset` and its relatives: seconds from now or since 1970.
pub(super) fn reset(headers: &[(String, String)], now: DateTime<Utc>) -> Option<Duration> {
    ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"]
        .iter()
        .find_map(|name| span_or_epoch(find(headers, name)?, now))
}

/// A token bucket's headers: how long until it holds what the request costs.
pub(super) fn replenish(headers: &[(String, String)]) -> Option<Duration> {
    let rate = number(find(headers, "x-ratelimit-replenish-rate")?).filter(|rate| *rate > 0.0)?;
    let cost = find(headers, "x-ratelimit-requested-tokens").and_then(number).unwrap_or(1.0).max(1.0);
    let left = find(headers, "x-ratelimit-remaining").and_then(number).unwrap_or(0.0);
    span((cost - left).max(0.0) / rate)
}

/// What the vendor says is left of a limit of `ceiling` requests. A token bucket counts something else, and so does a header
/// family that names another limit: neither says anything about our ceiling.
#[must_use]
pub fn remaining(headers: &[(String, String)], ceiling: u32) -> Option<u32> {
    if find(headers, "x-ratelimit-replenish-rate").is_some() || find(headers, "x-ratelimit-burst-capacity").is_some() {
        return None;
    }
    let limit = find(headers, "x-ratelimit-limit");
    if limit.is_some_and(|limit| limit.parse::<u32>().ok() != Some(ceiling)) {
        return None;
    }
    find(headers, "x-ratelimit-remaining")?.parse().ok()
}
