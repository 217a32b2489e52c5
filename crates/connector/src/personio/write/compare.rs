//! Whether a record has what was written, as the connector reads it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::contract::{Outcome, SourceRecord, Values};

/// The names of all values, as in [`crate::contract::Written::outcomes`].
pub(in crate::personio) fn names(values: &Values) -> impl Iterator<Item = String> {
    let attributes = values.attributes.keys().map(|key| format!("attributes.{key}"));
    values.fields.keys().cloned().chain(attributes)
}

/// What became of each value.
pub(in crate::personio) fn outcomes(values: &Values, record: &SourceRecord) -> BTreeMap<String, Outcome> {
    let fields = values.fields.iter().map(|(field, wanted)| {
        let found = record.fields.get(field);
        (field.clone(), outcome(found, |found| is_field(field, wanted, found)))
    });
    let attributes = values.attributes.iter().map(|(key, wanted)| {
        let found = record.attributes.iter().find(|attribute| attribute.key == *key).map(|attribute| &attribute.value);
        (format!("attributes.{key}"), outcome(found, |found| is_attribute(wanted, found)))
    });
    fields.chain(attributes).collect()
}

fn outcome(found: Option<&Value>, is_same: impl Fn(&Value) -> bool) -> Outcome {
    match found {
        // What may not be read is missing from every answer.
        None => Outcome::Unseen,
        Some(found) if is_same(found) => Outcome::Kept,
        Some(_) => Outcome::Ignored,
    }
}

/// Whether a field has what was sent of the value: of a unit its name, or its id where no name was given; of the supervisor the id.
fn is_field(field: &str, wanted: &Value, found: &Value) -> bool {
    let part = |name: &str| match (wanted.get(name), found.get(name)) {
        (Some(wanted), Some(found)) => is_text(wanted, found),
        (wanted, found) => is_empty(wanted.unwrap_or(&Value::Null)) && is_empty(found.unwrap_or(&Value::Null)),
    };
    match field {
        _ if is_empty(wanted) => is_empty(found),
        "department" | "office" | "team" | "legal_entity" => part(called_by(wanted)),
        "supervisor" | "employee" | "type" | "project" => part("id"),
        "weekly_hours" => is_number(wanted, found),
        "cost_centers" => is_same_shares(wanted, found),
        // The vendor keeps addresses in lower case.
        "email" => plain(wanted).zip(plain(found)).is_some_and(|(wanted, found)| wanted.eq_ignore_ascii_case(&found)),
        _ => is_text(wanted, found),
    }
}

/// Whether an attribute has the value, in whatever dress: its type is the company's to choose and is not known here.
fn is_attribute(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        _ if is_empty(wanted) => is_empty(found),
        (Value::Number(_), _) => is_number(wanted, found),
        (Value::Array(wanted), Value::Array(found)) => is_list(wanted, found),
        // A list without a type comes as one text, and an option may hold a comma itself.
        (Value::Array(list), Value::String(text)) | (Value::String(text), Value::Array(list)) => {
            let parts: Vec<Value> = text.split(',').map(Value::from).collect();
            is_list(list, &parts) || is_list(list, &[Value::from(text.as_str())])
        }
        _ => is_text(wanted, found),
    }
}

/// What a unit is called by.
fn called_by(wanted: &Value) -> &'static str {
    if wanted.get("name").is_none_or(is_empty) { "id" } else { "name" }
}

/// The same cost centres, each with the same share, in any order.
fn is_same_shares(wanted: &Value, found: &Value) -> bool {
    let (Value::Array(wanted), Value::Array(found)) = (wanted, found) else { return false };
    let is_share = |wanted: &Value, found: &Value| {
        let of = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
        let key = called_by(wanted);
        is_text(&of(wanted, key), &of(found, key)) && is_number(&of(wanted, "percentage"), &of(found, "percentage"))
    };
    matches_each(wanted, found, is_share)
}

/// The same members, in any order.
fn is_list(wanted: &[Value], found: &[Value]) -> bool {
    matches_each(wanted, found, is_attribute)
}

fn matches_each(wanted: &[Value], found: &[Value], is_same: impl Fn(&Value, &Value) -> bool) -> bool {
    let mut left: Vec<&Value> = found.iter().collect();
    let all = wanted.iter().all(|wanted| {
        let place = left.iter().position(|found| is_same(wanted, found));
        place.map(|place| left.swap_remove(place)).is_some()
    });
    all && left.is_empty()
}

fn is_text(wanted: &Value, found: &Value) -> bool {
    let Some((wanted, found)) = plain(wanted).zip(plain(found)) else { return false };
    // A day without a type comes as its midnight.
    let is_midnight = wanted.parse::<chrono::NaiveDate>().is_ok()
        && found.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with("T00:00:00"));
    wanted == found || is_midnight
}

/// Numbers are written as numbers and come back as texts, with other zeros.
fn is_number(wanted: &Value, found: &Value) -> bool {
    plain(wanted).zip(plain(found)).is_some_and(|(wanted, found)| decimal(&wanted) == decimal(&found))
}

/// A decimal without the zeros that say nothing; any other text as it is.
fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = !whole.is_empty() && whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_plain {
        return text.to_owned();
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    match (whole, part) {
        ("", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    }
}

/// Empty comes back as nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().replace("\r\n", "\n")),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_back_in_another_dress_is_kept() {
        for (field, wanted, found) in [
            ("first_name", json!("Ida"), json!(" Ida ")),
            ("email", json!("ida@example.org"), json!("Ida@Example.org")),
            ("weekly_hours", json!(38.5), json!("38.50")),
            ("weekly_hours", json!(40), json!("40.00")),
            ("department", json!({"name": "Sales"}), json!({"id": "4", "name": "Sales"})),
            ("department", json!({"id": "4", "name": "Sales"}), json!({"id": "77", "name": "Sales"})),
            ("department", json!({"id": null, "name": "Sales"}), json!({"id": "77", "name": "Sales"})),
            ("department", json!({"id": "77"}), json!({"id": "77", "name": "Sales"})),
            ("team", json!({"id": "77", "name": null}), json!({"id": "77", "name": null})),
            ("supervisor", json!({"id": "12", "name": "Bo"}), json!({"id": "12"})),
            ("supervisor", json!(null), json!(null)),
            ("preferred_name", json!(null), json!("")),
            ("position", json!("Two\nlines"), json!("Two\r\nlines")),
            (
                "cost_centers",
                json!([{"name": "A", "percentage": 60}, {"name": "B", "percentage": "40"}]),
                json!([{"id": "2", "name": "B", "percentage": "40.0"}, {"id": "1", "name": "A", "percentage": "60"}]),
            ),
        ] {
            assert!(is_field(field, &wanted, &found), "{field}: {wanted} and {found}");
        }
        for (wanted, found) in [
            (json!(7), json!("7.0")),
            (json!(-0.5), json!("-0.50")),
            (json!("7"), json!(7)),
            (json!(true), json!("true")),
            (json!("2026-09-01"), json!("2026-09-01T00:00:00+02:00")),
            (json!(["a", "b"]), json!(["b", "a"])),
            (json!(["a", "b"]), json!("b, a")),
            (json!(["a, b"]), json!("a, b")),
            (json!("a"), json!(["a"])),
            (json!([]), json!(null)),
        ] {
            assert!(is_attribute(&wanted, &found), "{wanted} and {found}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for (field, wanted, found) in [
            ("first_name", json!("Ida"), json!("Ada")),
            ("first_name", json!("Anna"), json!("anna")),
            ("position", json!("Lead"), json!("lead")),
            ("position", json!("1e3"), json!("1000")),
            ("first_name", json!("Ida"), json!(null)),
            ("preferred_name", json!(null), json!("Ida")),
            ("weekly_hours", json!(38.5), json!("38")),
            ("department", json!({"name": "Sales"}), json!({"id": "4", "name": "Support"})),
            ("department", json!({"name": "Sales"}), json!(null)),
            ("department", json!({"id": "4"}), json!({"id": "77", "name": "4"})),
            (
                "cost_centers",
                json!([{"id": "2", "percentage": 100}]),
                json!([{"id": "1", "name": "2", "percentage": "100"}]),
            ),
            ("department", json!(null), json!({"id": "4", "name": "Support"})),
            ("supervisor", json!({"id": "12"}), json!({"id": "13", "name": "Bo"})),
            (
                "cost_centers",
                json!([{"name": "A", "percentage": 60}]),
                json!([{"id": "1", "name": "A", "percentage": "100"}]),
            ),
        ] {
            assert!(!is_field(field, &wanted, &found), "{field}: {wanted} and {found}");
        }
        for (wanted, found) in [
            (json!("01067"), json!("1067")),
            (json!("+4930123"), json!("4930123")),
            (json!("12345678901234567"), json!("12345678901234568")),
            (json!(12_345_678_901_234_567_u64), json!("12345678901234568")),
            (json!(["a"]), json!(["a", "b"])),
            (json!(["a", "a"]), json!(["a", "b"])),
            (json!("x"), json!(null)),
        ] {
            assert!(!is_attribute(&wanted, &found), "{wanted} and {found}");
        }
    }
}
