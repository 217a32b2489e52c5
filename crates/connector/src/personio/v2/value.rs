//! Values of version 2 that version 1 does not have: times by the company's clock, words one object deeper.

use serde_json::{Value, value::RawValue};

use crate::personio::{
    json::{Refusal, Shape, is_empty, member, members, shape, text},
    value,
};

/// `{date_time}`, or the bare time; none where it is empty. One that is told in UTC cannot be put on the company's clock without
/// knowing where the company is.
pub(super) fn local_time(raw: &RawValue) -> Result<Option<&RawValue>, Refusal> {
    let found = if shape(raw) == Shape::Object { member(&members(raw)?, "date_time") } else { Some(raw) };
    let Some(found) = found.filter(|raw| !is_empty(raw)) else { return Ok(None) };
    if shape(found) == Shape::Text && text(found)?.trim_end().ends_with(['Z', 'z']) {
        return Err("is told in UTC instead of by the company's clock");
    }
    Ok(Some(found))
}

/// The time of day on the company's clock.
pub(super) fn clock(raw: &RawValue) -> Result<Value, Refusal> {
    local_time(raw)?.map_or(Ok(Value::Null), value::time)
}

/// The day on the company's calendar.
pub(super) fn day(raw: &RawValue) -> Result<Value, Refusal> {
    local_time(raw)?.map_or(Ok(Value::Null), value::date)
}

/// The last day that something has a part of which ends then: a midnight is no part of the day that it begins.
pub(super) fn last_day(raw: &RawValue) -> Result<Value, Refusal> {
    let Some(raw) = local_time(raw)? else { return Ok(Value::Null) };
    let day = value::date(raw)?;
    let ends_at_midnight = matches!(value::time(raw), Ok(Value::String(time)) if time == "00:00");
    let before = day.as_str().filter(|_| ends_at_midnight).and_then(value::date_part).and_then(|day| day.pred_opt());
    Ok(before.map_or(day, |before| Value::String(before.to_string())))
}

/// `{status}`, or the bare word.
pub(super) fn status(raw: &RawValue) -> Result<Value, Refusal> {
    if shape(raw) != Shape::Object {
        return value::word(raw);
    }
    member(&members(raw)?, "status").map_or(Ok(Value::Null), value::word)
}
