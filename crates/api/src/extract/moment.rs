//! Moments and days as texts: RFC 3339 and nothing beside it, within the years that have four digits.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize as _, Deserializer, de};

/// What a moment must be.
pub(crate) const MOMENT: &str = "must be a moment such as 2026-11-24T08:00:00Z";
/// What a day must be.
pub(crate) const DAY: &str = "must be a day such as 2026-11-24";

/// Reads a moment. Leap seconds are refused: nothing that we compare with knows them.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let has_leap_second = at.timestamp_subsec_nanos() >= 1_000_000_000;
    // The parser reads longer years too, and an offset can lead out of those that have four digits.
    (begins_with_a_day(text) && !has_leap_second && (0..=9999).contains(&at.year())).then_some(at)
}

/// Reads a day. Days are compared as texts, so each has one spelling.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    if text.len() == 10 && begins_with_a_day(text) { text.parse().ok() } else { None }
}

/// Reads a member that holds a moment or null.
pub(crate) fn moment_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| moment(&text).ok_or_else(|| de::Error::custom(MOMENT))).transpose()
}

fn begins_with_a_day(text: &str) -> bool {
    let fits = |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() >= 10 && text.bytes().take(10).enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339() {
        for text in
            ["2026-11-24T08:00:00Z", "2026-11-24T08:00:00.123+05:30", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        {
            assert!(moment(text).is_some(), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "2026-11-24",
            "2026-11-24T08:00:00",
            "+262142-12-31T23:59:59Z",
            "-0001-01-01T00:00:00Z",
            "2026-11-24T08:00:60Z",
            "2026-12-31T23:59:60Z",
            "9999-12-31T23:59:59-01:00",
            "0000-01-01T00:00:00+01:00",
            "2026-1-1T00:00:00Z",
            "02026-11-24T08:00:00Z",
            " 2026-11-24T08:00:00Z",
            "２026-11-24T08:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn days_have_one_spelling() {
        assert_eq!(day("2026-02-28").map(|day| day.to_string()).as_deref(), Some("2026-02-28"));
        for text in [
            "+99999-01-01",
            "2026-1-1",
            "2026-02-30",
            "-001-01-01",
            "2026-01-01 ",
            "20260-1-01",
            "2026/01/01",
            "٢٠٢٦-01",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
