//! How an attribute's value becomes a canonical one: text, words, dates, decimals, references to things and to people.
//!
//! Pure. A value either fits a field whole or not at all: nothing is guessed, cut or rounded. Nothing stays nothing.

use chrono::NaiveDate;
use gangway_domain::{mapping::FieldKind, schema::AttributeType};
use serde_json::{Map, Value, json};

/// How well attributes of a type suit a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// No value fits.
    Never,
    /// Values fit that can be read so.
    Converts,
    /// Values fit as they are.
    Exact,
}

impl Fit {
    /// Stable name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Converts => "converts",
            Self::Exact => "exact",
        }
    }
}

/// A value that no field of this kind holds. Says why, and never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit(pub(crate) &'static str);

/// How well attributes of a type suit a field of a kind.
pub(super) const fn compatibility(from: AttributeType, to: FieldKind) -> Fit {
    use AttributeType as A;
    match (to, from) {
        (FieldKind::Text | FieldKind::Word, A::Text | A::List)
        | (FieldKind::Date, A::Date)
        | (FieldKind::Decimal, A::Decimal | A::Integer)
        | (FieldKind::Reference | FieldKind::Person, A::Object)
        | (FieldKind::CostCenters, A::Object | A::Tags) => Fit::Exact,
        (FieldKind::Text | FieldKind::Word, _)
        | (FieldKind::Email, A::Text | A::Link | A::Unknown)
        | (FieldKind::Date | FieldKind::Decimal, A::Text | A::List | A::Unknown)
        | (
            FieldKind::Reference | FieldKind::Person | FieldKind::CostCenters,
            A::Text | A::List | A::Tags | A::Integer | A::Unknown,
        ) => Fit::Converts,
        _ => Fit::Never,
    }
}

/// The value as a field of this kind holds it.
pub(crate) fn fit(kind: FieldKind, value: &Value) -> Result<Value, Misfit> {
    if kind == FieldKind::CostCenters {
        return cost_centers(value);
    }
    let value = only(value)?;
    if is_nothing(value) {
        return Ok(Value::Null);
    }
    match kind {
        FieldKind::Text => text(value).map(Value::String),
        FieldKind::Word => Ok(Value::String(text(value)?.trim().to_lowercase())),
        FieldKind::Email => email(&text(value)?).map(Value::String),
        FieldKind::Date => date(&text(value)?).map(|date| Value::String(date.to_string())),
        FieldKind::Decimal => decimal(&text(value)?).map(Value::String),
        FieldKind::Reference => reference(value, Bare::Name),
        FieldKind::Person => reference(value, Bare::IdIfDigits),
        FieldKind::CostCenters => cost_centers(value),
    }
}

/// The one element of a list of one; anything but a list is itself. Of many nobody can say which one is meant.
fn only(value: &Value) -> Result<&Value, Misfit> {
    match value {
        Value::Array(items) => match items.as_slice() {
            [] => Ok(&Value::Null),
            [one] if !one.is_array() => Ok(one),
            _ => Err(Misfit("holds several values")),
        },
        one => Ok(one),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text(value: &Value) -> Result<String, Misfit> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Object(members) => named(members).ok_or(Misfit("has no name")),
        Value::Null | Value::Array(_) => Err(Misfit("is not text")),
    }
}

/// What an object is called.
fn named(members: &Map<String, Value>) -> Option<String> {
    ["name", "label", "value"].iter().find_map(|key| match members.get(*key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn email(text: &str) -> Result<String, Misfit> {
    let text = text.trim();
    let is_address = text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(char::is_whitespace)
    });
    if is_address { Ok(text.to_owned()) } else { Err(Misfit("is not an email address")) }
}

/// `2026-11-24`, with or without a time behind it, or `24.11.2026`. With slashes nobody can tell day and month apart.
fn date(text: &str) -> Result<NaiveDate, Misfit> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    let day =
        text.get(..10).filter(|_| text.get(10..).is_some_and(|rest| rest.is_empty() || rest.starts_with(['T', ' '])));
    let year_first =
        day.and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().filter(|date| date.to_string() == day));
    let day_first = || is_plain.then(|| NaiveDate::parse_from_str(text, "%d.%m.%Y").ok()).flatten();
    let found = year_first.or_else(day_first).filter(|date| (1..=9_999).contains(&chrono::Datelike::year(date)));
    found.ok_or(Misfit("is not a date"))
}

/// Digits with at most one point or comma, without zeros that say nothing: `"40"` and `"40,0"` are the same hours.
fn decimal(text: &str) -> Result<String, Misfit> {
    let wrong = Misfit("is not a decimal");
    let text = text.trim().replace(',', ".");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.len() <= 30 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Err(wrong);
    }
    let whole = Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
    let fraction = fraction.trim_end_matches('0');
    let sign = if whole == "0" && fraction.is_empty() { "" } else { sign };
    Ok(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// What bare text says about a thing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    Name,
    IdIfDigits,
}

fn reference(value: &Value, bare: Bare) -> Result<Value, Misfit> {
    match value {
        Value::Object(members) => {
            let id = members.get("id").and_then(id);
            let name = named(members);
            if id.is_none() && name.is_none() {
                return Err(Misfit("has neither id nor name"));
            }
            Ok(json!({ "id": id, "name": name }))
        }
        Value::Number(_) => Ok(json!({ "id": id(value), "name": null })),
        Value::String(text) => {
            let is_id = bare == Bare::IdIfDigits && text.trim().bytes().all(|byte| byte.is_ascii_digit());
            Ok(if is_id { json!({ "id": text.trim(), "name": null }) } else { json!({ "id": null, "name": text }) })
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => Err(Misfit("is not a reference")),
    }
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn cost_centers(value: &Value) -> Result<Value, Misfit> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut list = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !is_nothing(item)) {
        let mut entry = reference(item, Bare::Name)?;
        let share = match item.get("percentage") {
            Some(share) if !is_nothing(share) => Value::String(decimal(&text(share)?)?),
            _ => Value::Null,
        };
        if let Some(members) = entry.as_object_mut() {
            members.insert("percentage".to_owned(), share);
        }
        list.push(entry);
    }
    Ok(Value::Array(list))
}

#[cfg(test)]
mod tests;
