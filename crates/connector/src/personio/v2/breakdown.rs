//! How long an absence is: what each of its days counts, in days or in hours. It takes a request for each absence, since lists do
//! not tell (developer.personio.de, v2.0 reference, read 2026-11-23).

use gangway_domain::record::Stream;
use gangway_egress::{Class, Method, Request};
use serde_json::{Map, Value, value::RawValue};

use super::{client::Client, paging::Position, scopes::Area};
use crate::{
    contract::{Error, ErrorKind},
    personio::{
        client::Failure,
        item::Item,
        json::{Refusal, member, members},
        limits::MAX_ELEMENTS,
        value,
    },
};

const TEMPLATE: &str = "/v2/absence-periods/{id}/breakdowns";
const OPERATION: &str = "read the days of an absence";
/// More than the longest absence has.
const MOST_PAGES: u32 = 1_000;
/// A sum is counted in billionths, so that halves and quarters add up without floating.
const DIGITS: usize = 9;
/// Longest number: a double has 17 digits.
const LONGEST: usize = 24;

/// The sum of what an absence's days count.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Length {
    n_days: usize,
    days: Option<i128>,
    hours: Option<i128>,
}

/// Asks for the days of an absence. None when the vendor does not tell them of this one; a refusal when they cannot be read.
pub(super) async fn read(client: &Client, id: &str, class: Class) -> Result<Option<Result<Length, Refusal>>, Failure> {
    let path = TEMPLATE.replace("{id}", id);
    let mut position = Position::start(Stream::Absences, &path);
    let mut length = Length::default();
    for _ in 0..MOST_PAGES {
        let mut get = Request::new(Method::Get, TEMPLATE, path.clone(), class);
        get.query = position.query().unwrap_or_default().to_vec();
        let document = match client.get(OPERATION, Area::Absences, get).await {
            Ok(document) => document,
            Err(failure) if failure.error.kind == ErrorKind::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let items = document.items(MAX_ELEMENTS).map_err(|unlisted| unlisted.into_error(OPERATION))?;
        for item in items {
            if let Err(refusal) = length.add(item) {
                return Ok(Some(Err(refusal)));
            }
        }
        match client.next(OPERATION, &position, &document)? {
            Some(next) => position = next,
            None => return Ok(Some(Ok(length))),
        }
    }
    Err(Error::new(ErrorKind::Protocol, OPERATION, "the days of an absence do not come to an end").into())
}

impl Length {
    /// Adds `{date, effective_duration: {unit, value}}`.
    fn add(&mut self, raw: &RawValue) -> Result<(), Refusal> {
        self.n_days += 1;
        if self.n_days > MAX_ELEMENTS {
            return Err("has more than 5000 days");
        }
        let item = Item::open(raw).map_err(|_| "has a day that cannot be read")?;
        let duration = member(&item.members, "effective_duration").ok_or("has a day without a duration")?;
        let duration = members(duration)?;
        let unit = member(&duration, "unit").map_or(Ok(Value::Null), value::word)?;
        let number = member(&duration, "value").map_or(Ok(Value::Null), value::decimal)?;
        let number = number.as_str().and_then(billionths).ok_or("has a day whose duration is not a number")?;
        let sum = match unit.as_str() {
            Some("day") => &mut self.days,
            Some("hour") => &mut self.hours,
            _ => return Err("is counted in an unknown unit"),
        };
        *sum = Some(sum.unwrap_or(0).checked_add(number).ok_or("is longer than can be counted")?);
        Ok(())
    }

    /// The canonical fields. Where no day counts, as on a weekend, it is of no days.
    pub(super) fn put(&self, fields: &mut Map<String, Value>) {
        let Self { n_days: _, days, hours } = *self;
        let days = days.or(if hours.is_none() { Some(0) } else { None });
        let text = |sum: Option<i128>| sum.map_or(Value::Null, |sum| decimal(sum).into());
        fields.insert("days".to_owned(), text(days));
        fields.insert("hours".to_owned(), text(hours));
    }
}

/// A decimal in billionths; what is smaller is left out.
fn billionths(text: &str) -> Option<i128> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(DIGITS).collect();
    format!("{whole}{fraction}").parse().ok()
}

fn decimal(billionths: i128) -> String {
    let digits = format!("{:0>width$}", billionths.unsigned_abs(), width = DIGITS + 1);
    let (whole, fraction) = digits.split_at(digits.len() - DIGITS);
    let sign = if billionths < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up_without_floating() {
        for (texts, sum) in [
            (&["1", "0.5", "1"][..], "2.5"),
            (&["0.1", "0.2"], "0.3"),
            (&["7.7", "7.7", "3.85"], "19.25"),
            (&["0.30000000000000004"], "0.3"),
            (&["40", "60"], "100"),
            (&["-0.5", "0.25"], "-0.25"),
            (&["0"], "0"),
        ] {
            let total = texts.iter().map(|text| billionths(text).unwrap()).sum();
            assert_eq!(decimal(total), sum, "{texts:?}");
        }
        for text in ["", "1e3", "one", "1.x", "9999999999999999999999999"] {
            assert_eq!(billionths(text), None, "{text}");
        }
    }
}
