//! Dates and times as the vendor writes them: a calendar date is local midnight in Berlin, with that day's offset.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Europe::Berlin;

/// The date in Berlin.
pub(crate) fn local_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Berlin).date_naive()
}

/// `2026-07-01T00:00:00+02:00`
pub(crate) fn midnight(day: NaiveDate) -> String {
    local_midnight(day).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `2026-07-01T00:00:00+0200`
pub(crate) fn midnight_without_colon(day: NaiveDate) -> String {
    local_midnight(day).format("%Y-%m-%dT%H:%M:%S%z").to_string()
}

/// `2026-07-01T14:03:00+02:00`
pub(crate) fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Berlin).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `2026-07-01T14:03:00+0200`
pub(crate) fn local_without_colon(at: DateTime<Utc>) -> String {
    at.with_timezone(&Berlin).format("%Y-%m-%dT%H:%M:%S%z").to_string()
}

/// Reads the filters' formats: a date, a date and time (taken as UTC), or RFC 3339.
pub(crate) fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    // A plus sign that was not escaped arrives as a space.
    let text = text.trim().replace(' ', "+");
    if let Ok(at) = DateTime::parse_from_rfc3339(&text) {
        return Some(at.with_timezone(&Utc));
    }
    if let Ok(at) = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f") {
        return Some(at.and_utc());
    }
    parse_date(&text).map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

/// Reads `2026-07-01`.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

fn local_midnight(day: NaiveDate) -> DateTime<chrono_tz::Tz> {
    let midnight = day.and_time(NaiveTime::MIN);
    Berlin.from_local_datetime(&midnight).earliest().unwrap_or_else(|| Berlin.from_utc_datetime(&midnight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_has_the_offset_of_its_day() {
        let day = |text| parse_date(text).unwrap();
        assert_eq!(midnight(day("2026-01-31")), "2026-01-31T00:00:00+01:00");
        assert_eq!(midnight_without_colon(day("2026-07-31")), "2026-07-31T00:00:00+0200");
        assert_eq!(midnight(day("2026-03-29")), "2026-03-29T00:00:00+01:00");
        assert_eq!(midnight(day("2026-03-30")), "2026-03-30T00:00:00+02:00");
    }

    #[test]
    fn filters_take_every_usual_format() {
        let at = parse_moment("2026-01-02T00:00:00Z").unwrap();
        for text in ["2026-01-02", "2026-01-02T00:00:00", "2026-01-02T01:00:00+01:00", "2026-01-02T01:00:00 01:00"] {
            assert_eq!(parse_moment(text), Some(at), "{text}");
        }
        assert_eq!(parse_moment("yesterday"), None);
        assert_eq!(parse_date("2026-02-30"), None);
    }
}
