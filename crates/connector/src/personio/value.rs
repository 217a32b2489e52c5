//! Single values in all the dresses the vendor gives them, read into the canonical shapes of `gangway_domain::record`.
//!
//! Every reader takes the bare value (the wrapper `{label, value, type, universal_id}` is already off) and answers a JSON
//! value or a reason without the value in it.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use serde_json::{Value, json, value::RawValue};

use super::{
    json::{self, Refusal, Shape, elements, is_empty, member, members, shape, text},
    limits::{MAX_ELEMENTS, has_too_many_values},
};

/// Takes the wrapper off, if there is one. The guide's wrapper has only `value`, the vendor's up to five members.
pub(super) struct Unwrapped<'a> {
    pub(super) value: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
    label: Option<&'a RawValue>,
    universal_id: Option<&'a RawValue>,
    currency: Option<&'a RawValue>,
}

/// Read only where they are wanted: every value of every record comes in a wrapper.
impl Unwrapped<'_> {
    pub(super) fn kind(&self) -> Option<String> {
        self.kind.and_then(words)
    }

    pub(super) fn label(&self) -> Option<String> {
        self.label.and_then(words)
    }

    pub(super) fn universal_id(&self) -> Option<String> {
        self.universal_id.and_then(words).filter(|name| !name.is_empty())
    }

    pub(super) fn currency(&self) -> Option<String> {
        self.currency.and_then(words)
    }
}

fn words(raw: &RawValue) -> Option<String> {
    Some(raw).filter(|raw| shape(raw) == Shape::Text).and_then(|raw| text(raw).ok())
}

const WRAPPER_KEYS: &[&str] = &["label", "value", "type", "universal_id", "currency"];

pub(super) fn unwrapped(raw: &RawValue) -> Result<Unwrapped<'_>, Refusal> {
    let bare = Unwrapped { value: Some(raw), kind: None, label: None, universal_id: None, currency: None };
    if shape(raw) != Shape::Object {
        return Ok(bare);
    }
    let members = members(raw)?;
    let value = member(&members, "value");
    let is_wrapper = value.is_some() && member(&members, "attributes").is_none();
    let is_valueless = !members.is_empty()
        && (member(&members, "label").is_some() || member(&members, "universal_id").is_some())
        && members.iter().all(|member| WRAPPER_KEYS.contains(&&*member.key));
    if !is_wrapper && !is_valueless {
        return Ok(bare);
    }
    Ok(Unwrapped {
        value,
        kind: member(&members, "type"),
        label: member(&members, "label"),
        universal_id: member(&members, "universal_id"),
        currency: member(&members, "currency"),
    })
}

/// Text; numbers and booleans become their text, nothing becomes null.
pub(super) fn plain_text(raw: &RawValue) -> Result<Value, Refusal> {
    if is_empty(raw) {
        return Ok(Value::Null);
    }
    match shape(raw) {
        Shape::Text => text(raw).map(Value::String),
        Shape::Number | Shape::Bool => Ok(Value::String(raw.get().to_owned())),
        _ => Err("is not text"),
    }
}

/// One of the vendor's words in lower case; unknown ones are kept.
pub(super) fn word(raw: &RawValue) -> Result<Value, Refusal> {
    Ok(match plain_text(raw)? {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => Value::String(text.trim().to_lowercase()),
        other => other,
    })
}

/// A calendar date. The vendor writes one as local midnight with an offset: the date part counts, a conversion to UTC would
/// make it the day before.
pub(super) fn date(raw: &RawValue) -> Result<Value, Refusal> {
    let Value::String(text) = plain_text(raw)? else { return Ok(Value::Null) };
    let text = text.trim();
    if text.is_empty() || text.starts_with("0000-00-00") {
        return Ok(Value::Null);
    }
    date_part(text).map(|date| Value::String(date.to_string())).ok_or("is not a date")
}

/// The date at the start of a date or date-time text.
pub(super) fn date_part(text: &str) -> Option<NaiveDate> {
    let rest = text.get(10..)?;
    if !(rest.is_empty() || rest.starts_with(['T', ' '])) {
        return None;
    }
    NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()
}

/// A moment as RFC 3339 in UTC. Texts without an offset stay as they are: their zone is not ours to guess.
pub(super) fn moment(raw: &RawValue) -> Result<Value, Refusal> {
    Ok(match plain_text(raw)? {
        Value::String(text) => match parse_moment(text.trim()) {
            Some(at) => Value::String(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => Value::String(text),
        },
        other => other,
    })
}

fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%z"))
        .ok()
        .map(|at| at.with_timezone(&Utc))
}

/// A time of day, `"09:00"`; seconds only when they are not zero.
pub(super) fn time(raw: &RawValue) -> Result<Value, Refusal> {
    let Value::String(text) = plain_text(raw)? else { return Ok(Value::Null) };
    let text = text.trim();
    let part = match date_part(text) {
        Some(_) => text.get(11..).unwrap_or_default().get(..8).or_else(|| text.get(11..16)).unwrap_or_default(),
        None => text,
    };
    if matches!(part, "24:00" | "24:00:00") {
        return Ok(Value::String("24:00".to_owned()));
    }
    let time = NaiveTime::parse_from_str(part, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(part, "%H:%M:%S"))
        .map_err(|_| "is not a time")?;
    let pattern = if chrono::Timelike::second(&time) == 0 { "%H:%M" } else { "%H:%M:%S" };
    Ok(Value::String(time.format(pattern).to_string()))
}

/// A decimal as text: the vendor's digits, without zeros that say nothing, so that `"40"` and `40.0` are the same hours.
pub(super) fn decimal(raw: &RawValue) -> Result<Value, Refusal> {
    let Value::String(text) = plain_text(raw)? else { return Ok(Value::Null) };
    let text = text.trim().replace(',', ".");
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if !is_decimal(&text) {
        return Err("is not a number");
    }
    if text.contains('.') && !text.contains(['e', 'E']) {
        return Ok(Value::String(text.trim_end_matches('0').trim_end_matches('.').to_owned()));
    }
    Ok(Value::String(text))
}

/// Whether it is written like a JSON number (leading zeros forgiven). No float is made of it.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let mantissa_is_number = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    mantissa_is_number && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// A whole number; text of digits counts.
pub(super) fn integer(raw: &RawValue) -> Result<Value, Refusal> {
    let Value::String(text) = decimal(raw)? else { return Ok(Value::Null) };
    text.parse::<i64>().map(Value::from).map_err(|_| "is not a whole number")
}

/// A boolean: `true`, `0`, `"1"`, and texts such as `"false,"`, which the vendor's own example has.
pub(super) fn boolean(raw: &RawValue) -> Result<Value, Refusal> {
    let Value::String(text) = plain_text(raw)? else { return Ok(Value::Null) };
    match text.trim().trim_end_matches(',').trim_end().to_ascii_lowercase().as_str() {
        "" => Ok(Value::Null),
        "true" | "1" | "1.0" | "yes" => Ok(Value::Bool(true)),
        "false" | "0" | "0.0" | "no" => Ok(Value::Bool(false)),
        _ => Err("is not true or false"),
    }
}

/// An id as text: a number, a text, a wrapped one, or an object that has one.
pub(super) fn id(raw: &RawValue) -> Result<Option<String>, Refusal> {
    id_within(raw, 4)
}

fn id_within(raw: &RawValue, depth: u8) -> Result<Option<String>, Refusal> {
    if is_empty(raw) {
        return Ok(None);
    }
    match shape(raw) {
        Shape::Number if raw.get().bytes().all(|byte| byte.is_ascii_digit()) && raw.get().len() <= 64 => {
            Ok(Some(raw.get().to_owned()))
        }
        Shape::Text => match text(raw)?.trim() {
            "" => Ok(None),
            text if text.len() <= 64 && !text.contains(char::is_control) => Ok(Some(text.to_owned())),
            _ => Err("is not an id"),
        },
        Shape::Object => {
            let depth = depth.checked_sub(1).ok_or("is nested too deeply")?;
            let members = members(raw)?;
            for key in ["id", "value", "attributes"] {
                if let Some(inner) = member(&members, key)
                    && let Some(id) = id_within(inner, depth)?
                {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        }
        _ => Err("is not an id"),
    }
}

/// A reference `{"id", "name"}`: from `{type, attributes: {id, name}}` with bare or wrapped members, from `{id, name}`, from
/// a bare id or a bare name.
pub(super) fn reference(raw: &RawValue) -> Result<Value, Refusal> {
    if is_empty(raw) {
        return Ok(Value::Null);
    }
    match shape(raw) {
        Shape::Number => Ok(json!({"id": id(raw)?, "name": null})),
        Shape::Text => {
            let text = text(raw)?;
            Ok(if text.trim().is_empty() { Value::Null } else { json!({"id": null, "name": text}) })
        }
        Shape::Array => match elements(raw)?.as_slice() {
            [only] if shape(only) != Shape::Array => reference(only),
            _ => Err("is a list, not one object"),
        },
        Shape::Object => {
            let outer = members(raw)?;
            let inner = match member(&outer, "attributes") {
                Some(attributes) if !is_empty(attributes) => members(attributes)?,
                _ => Vec::new(),
            };
            let find = |key: &str| member(&inner, key).or_else(|| member(&outer, key));
            let id = find("id").map(id).transpose()?.flatten();
            let name = reference_name(find)?;
            Ok(if id.is_none() && name.is_null() { Value::Null } else { json!({"id": id, "name": name}) })
        }
        Shape::Bool | Shape::Null => Err("is not an object"),
    }
}

fn reference_name<'a>(find: impl Fn(&str) -> Option<&'a RawValue>) -> Result<Value, Refusal> {
    let words = |key: &str| -> Result<Option<String>, Refusal> {
        let Some(raw) = find(key) else { return Ok(None) };
        let Some(value) = unwrapped(raw)?.value else { return Ok(None) };
        Ok(match plain_text(value)? {
            Value::String(text) => Some(text),
            _ => None,
        })
    };
    if let Some(name) = words("name")? {
        return Ok(Value::String(name));
    }
    let parts: Vec<String> = [words("first_name")?, words("last_name")?].into_iter().flatten().collect();
    Ok(if parts.is_empty() { Value::Null } else { Value::String(parts.join(" ")) })
}

/// A reference to a person: a bare text of digits is an id, not a name.
pub(super) fn person(raw: &RawValue) -> Result<Value, Refusal> {
    if shape(raw) == Shape::Text {
        let text = text(raw)?;
        let text = text.trim();
        if !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(json!({"id": text, "name": null}));
        }
    }
    reference(raw)
}

/// Cost centres with their percentages; none is an empty list.
pub(super) fn cost_centers(raw: &RawValue) -> Result<Value, Refusal> {
    if is_empty(raw) {
        return Ok(json!([]));
    }
    let items = if shape(raw) == Shape::Array { elements(raw)? } else { vec![raw] };
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        let mut entry = reference(item)?;
        let Some(object) = entry.as_object_mut() else { continue };
        let percentage = if shape(item) == Shape::Object { percentage(item)? } else { Value::Null };
        object.insert("percentage".to_owned(), percentage);
        list.push(entry);
    }
    Ok(Value::Array(list))
}

fn percentage(item: &RawValue) -> Result<Value, Refusal> {
    let outer = members(item)?;
    let inner = match member(&outer, "attributes") {
        Some(attributes) if !is_empty(attributes) => members(attributes)?,
        _ => Vec::new(),
    };
    let Some(raw) = member(&inner, "percentage").or_else(|| member(&outer, "percentage")) else {
        return Ok(Value::Null);
    };
    unwrapped(raw)?.value.map_or(Ok(Value::Null), decimal)
}

/// Tags: a list, a list written as JSON inside a text, or a text with commas.
pub(super) fn tags(raw: &RawValue) -> Result<Value, Refusal> {
    if is_empty(raw) {
        return Ok(json!([]));
    }
    if shape(raw) == Shape::Array {
        return elements(raw)?.into_iter().map(tag).collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    let Value::String(text) = plain_text(raw)? else { return Ok(json!([])) };
    if text.trim_start().starts_with('[')
        && let Ok(inner) = serde_json::from_str::<&RawValue>(&text)
    {
        if has_too_many_values(&text) {
            return Err("holds too many values");
        }
        return elements(inner)?.into_iter().map(tag).collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    let tags: Vec<Value> = tags.take(MAX_ELEMENTS + 1).map(Value::from).collect();
    if tags.len() > MAX_ELEMENTS { Err("has more than 5000 tags") } else { Ok(Value::Array(tags)) }
}

fn tag(raw: &RawValue) -> Result<Value, Refusal> {
    match shape(raw) {
        Shape::Text => text(raw).map(Value::String),
        Shape::Number | Shape::Bool => Ok(Value::String(raw.get().to_owned())),
        _ => json::tree(raw),
    }
}

/// An attribute that feeds no canonical field, by the type the vendor gives it.
pub(super) fn by_type(raw: &RawValue, kind: Option<&str>) -> Result<Value, Refusal> {
    if kind == Some("tags") {
        return tags(raw);
    }
    if is_empty(raw) {
        return Ok(Value::Null);
    }
    match (kind, shape(raw)) {
        (Some("decimal"), Shape::Number) => Ok(Value::String(raw.get().to_owned())),
        (Some("date"), Shape::Text) => {
            let text = text(raw)?;
            let is_midnight = text.get(10..).is_some_and(|rest| rest.is_empty() || rest.starts_with("T00:00:00"));
            Ok(match date_part(&text) {
                Some(date) if is_midnight => Value::String(date.to_string()),
                _ => Value::String(text),
            })
        }
        (Some("integer"), Shape::Text) => {
            let text = text(raw)?;
            // As it comes on other days: the same number in quotes is no other value.
            let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
            Ok(number.map_or(Value::String(text), Value::from))
        }
        _ => json::tree(raw),
    }
}
