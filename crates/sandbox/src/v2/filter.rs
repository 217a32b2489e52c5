//! Filters by time, written `name`, `name.gt`, `name.gte`, `name.lt` and `name.lte`.

use chrono::{DateTime, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Europe::Berlin;

use super::list::Listing;

/// From when to when.
pub(super) struct Range<T> {
    equal: Option<T>,
    above: Option<T>,
    from: Option<T>,
    below: Option<T>,
    to: Option<T>,
}

impl<T: PartialOrd + Copy> Range<T> {
    /// Nothing when a bound cannot be read.
    pub(super) fn read(listing: &Listing, name: &str, parse: fn(&str) -> Option<T>) -> Option<Self> {
        let bound = |suffix: &str| match listing.filter(&format!("{name}{suffix}")) {
            None => Some(None),
            Some(text) => parse(text).map(Some),
        };
        Some(Self {
            equal: bound("")?,
            above: bound(".gt")?,
            from: bound(".gte")?,
            below: bound(".lt")?,
            to: bound(".lte")?,
        })
    }

    pub(super) fn takes(&self, value: T) -> bool {
        self.equal.is_none_or(|bound| value == bound)
            && self.above.is_none_or(|bound| value > bound)
            && self.from.is_none_or(|bound| value >= bound)
            && self.below.is_none_or(|bound| value < bound)
            && self.to.is_none_or(|bound| value <= bound)
    }

    /// Whether it takes something without a value: only when nothing is asked.
    pub(super) fn takes_nothing(&self) -> bool {
        let Self { equal, above, from, below, to } = self;
        [equal, above, from, below, to].into_iter().all(Option::is_none)
    }
}

/// RFC 3339 with a zone.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    // A plus sign that was not escaped arrives as a space.
    let text = text.trim().replace(' ', "+");
    DateTime::parse_from_rfc3339(&text).ok().map(|at| at.with_timezone(&Utc))
}

/// A time without a zone, and nothing else, of a year with four digits: others have no next day.
pub(super) fn wall_clock(text: &str) -> Option<NaiveDateTime> {
    let at = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%dT%H:%M:%S%.f").ok();
    at.filter(|at| (1..=9998).contains(&chrono::Datelike::year(at)))
}

/// A time without a zone, or one with a zone at the company's clock: one client sends this, another that.
pub(super) fn any_clock(text: &str) -> Option<NaiveDateTime> {
    wall_clock(text).or_else(|| moment(text).map(local))
}

/// The company's clock. The vendor does not say which one its times without a zone are told by.
pub(super) fn local(at: DateTime<Utc>) -> NaiveDateTime {
    Berlin.from_utc_datetime(&at.naive_utc()).naive_local()
}

/// `2026-06-15T08:00:00`
pub(super) fn written(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}
