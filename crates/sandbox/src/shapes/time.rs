//! Dates and times as the vendor writes them: a calendar date is local midnight in Berlin, with that day's offset.

use chrono::{
    DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Europe::Berlin;

/// The date in Berlin.
pub(crate) fn local_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Berlin).date_naive()
}

/// `2026-07-01T00:00:00+02:00`
pub(crate) fn midnight(day: NaiveDate) -> String {
    written(local_midnight(day), ":")
}

/// `2026-07-01T00:00:00+0200`
pub(crate) fn midnight_without_colon(day: NaiveDate) -> String {
    written(local_midnight(day), "")
}

/// `2026-07-01T14:03:00+02:00`
pub(crate) fn local(at: DateTime<Utc>) -> String {
    written(at.with_timezone(&Berlin), ":")
}

/// `2026-07-01T14:03:00+0200`
pub(crate) fn local_without_colon(at: DateTime<Utc>) -> String {
    written(at.with_timezone(&Berlin), "")
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
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    };
    NaiveDate::from_ymd_opt(number(&[y1, y2, y3, y4])?.try_into().ok()?, number(&[m1, m2])?, number(&[d1, d2])?)
}

/// Digit by digit: a list of employees holds ten dates each, which a format read anew each time would dominate.
fn written(at: DateTime<chrono_tz::Tz>, colon: &str) -> String {
    let mut text = String::with_capacity(25);
    let mut put = |before: &str, number: u32| {
        text.push_str(before);
        text.extend([number / 10 % 10, number % 10].map(|digit| char::from_digit(digit, 10).unwrap_or('0')));
    };
    let year = at.year().unsigned_abs();
    put("", year / 100);
    put("", year % 100);
    put("-", at.month());
    put("-", at.day());
    put("T", at.hour());
    put(":", at.minute());
    put(":", at.second());
    let offset = at.offset().fix().local_minus_utc();
    let minutes = offset.unsigned_abs() / 60;
    put(if offset < 0 { "-" } else { "+" }, minutes / 60);
    put(colon, minutes % 60);
    text
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
    fn moments_have_the_offset_of_their_season() {
        let (winter, summer) = ("2026-01-09T23:59:58Z".parse().unwrap(), "2026-07-01T12:03:00Z".parse().unwrap());
        assert_eq!(local(winter), "2026-01-10T00:59:58+01:00");
        assert_eq!(local_without_colon(summer), "2026-07-01T14:03:00+0200");
    }

    #[test]
    fn filters_take_every_usual_format() {
        let at = parse_moment("2026-01-02T00:00:00Z").unwrap();
        for text in ["2026-01-02", "2026-01-02T00:00:00", "2026-01-02T01:00:00+01:00", "2026-01-02T01:00:00 01:00"] {
            assert_eq!(parse_moment(text), Some(at), "{text}");
        }
        assert_eq!(parse_moment("yesterday"), None);
        for text in ["2026-02-30", "+026-01-02", "2026-1-022", "2026/01/02", "2026-01-0²"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
