//! Whether an employee has what was written, as the connector reads it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::contract::{Outcome, SourceRecord, Values};

/// The names of all values, as in [`crate::contract::Written::outcomes`].
pub(super) fn names(values: &Values) -> impl Iterator<Item = String> {
    let attributes = values.attributes.keys().map(|key| format!("attributes.{key}"));
    values.fields.keys().cloned().chain(attributes)
}

/// What became of each value.
pub(super) fn outcomes(values: &Values, record: &SourceRecord) -> BTreeMap<String, Outcome> {
    let fields = values.fields.iter().map(|(field, wanted)| (field.clone(), wanted, record.fields.get(field)));
    let attributes = values.attributes.iter().map(|(key, wanted)| {
        let found = record.attributes.iter().find(|attribute| attribute.key == *key);
        (format!("attributes.{key}"), wanted, found.map(|attribute| &attribute.value))
    });
    fields.chain(attributes).map(|(name, wanted, found)| (name, outcome(wanted, found))).collect()
}

fn outcome(wanted: &Value, found: Option<&Value>) -> Outcome {
    match found {
        // What may not be read is missing from every answer.
        None => Outcome::Unseen,
        Some(found) if is_same(wanted, found) => Outcome::Kept,
        Some(_) => Outcome::Ignored,
    }
}

fn is_same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        // A unit goes by the name that was written, the supervisor by the id.
        (Value::Object(wanted), Value::Object(_)) => {
            ["id", "name"].iter().any(|key| wanted.contains_key(*key))
                && ["id", "name"].iter().all(|key| {
                    wanted.get(*key).is_none_or(|wanted| found.get(*key).is_some_and(|found| is_same(wanted, found)))
                })
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| is_same(wanted, found))
        }
        // Empty comes back as nothing.
        (Value::Null, Value::String(text)) | (Value::String(text), Value::Null) => text.trim().is_empty(),
        (Value::Null, Value::Array(list)) | (Value::Array(list), Value::Null) => list.is_empty(),
        (Value::Null, Value::Null) => true,
        _ => {
            number(wanted).zip(number(found)).is_some_and(|(wanted, found)| (wanted - found).abs() < 1e-9)
                || text(wanted).zip(text(found)).is_some_and(|(wanted, found)| wanted.eq_ignore_ascii_case(&found))
        }
    }
}

/// Numbers are written as numbers and come back as texts.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
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
        for (wanted, found) in [
            (json!("Ida"), json!(" Ida ")),
            (json!("ida@example.org"), json!("Ida@Example.org")),
            (json!(38.5), json!("38.5")),
            (json!("7"), json!(7)),
            (json!({"name": "Sales"}), json!({"id": "4", "name": "Sales"})),
            (json!({"id": "12"}), json!({"id": "12", "name": "Bo"})),
            (json!(null), json!("")),
            (json!(["a"]), json!(["a"])),
        ] {
            assert!(is_same(&wanted, &found), "{wanted} and {found}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for (wanted, found) in [
            (json!("Ida"), json!("Ada")),
            (json!("Ida"), json!(null)),
            (json!(null), json!("Ida")),
            (json!({"name": "Sales"}), json!({"id": "4", "name": "Support"})),
            (json!({"name": "Sales"}), json!(null)),
            (json!({}), json!({"name": "Sales"})),
            (json!(["a"]), json!(["a", "b"])),
        ] {
            assert!(!is_same(&wanted, &found), "{wanted} and {found}");
        }
    }
}
