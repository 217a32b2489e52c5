//! Values of absences and attendances, and their place in a body.

use serde_json::{Map, Value};

use crate::contract::{Approval, FieldProblem, Values, WritableField};

/// Why a field of theirs is not written.
pub(in crate::personio) const DECIDED: &str = "Personio decides it by the company's rules";

/// How a canonical field is written.
pub(in crate::personio) struct Rule {
    pub(in crate::personio) field: &'static str,
    /// The vendor's name in a body.
    pub(in crate::personio) key: &'static str,
    pub(in crate::personio) read: fn(&Value) -> Result<Value, &'static str>,
    /// Whether `null` empties it.
    pub(in crate::personio) may_be_empty: bool,
}

/// Shorthand for the tables of rules.
pub(in crate::personio) const fn rule(
    field: &'static str,
    key: &'static str,
    read: fn(&Value) -> Result<Value, &'static str>,
) -> Rule {
    Rule { field, key, read, may_be_empty: false }
}

/// A rule for a field that may be emptied.
pub(in crate::personio) const fn optional(
    field: &'static str,
    key: &'static str,
    read: fn(&Value) -> Result<Value, &'static str>,
) -> Rule {
    Rule { field, key, read, may_be_empty: true }
}

/// The members of a body; or everything that is wrong with the values, which are not quoted.
///
/// `writable` says which fields can be written, and `can_be` which of its two ways is meant.
pub(in crate::personio) fn members(
    values: &Values,
    rules: &[Rule],
    writable: &[WritableField],
    can_be: fn(&WritableField) -> bool,
) -> (Map<String, Value>, Vec<FieldProblem>) {
    let mut problems = Vec::new();
    let mut body = Map::new();
    for (field, value) in &values.fields {
        let mut wrong = |message: &str| problems.push(FieldProblem::new(pointer_to(field), message));
        let Some(known) = writable.iter().find(|known| known.field == *field) else {
            wrong("is no field of such a record");
            continue;
        };
        let Some(rule) = rules.iter().find(|rule| rule.field == *field).filter(|_| can_be(known)) else {
            wrong(known.reason);
            continue;
        };
        match (value, rule.may_be_empty) {
            (Value::Null, true) => drop(body.insert(rule.key.to_owned(), Value::Null)),
            (Value::Null, false) => wrong("must not be empty"),
            _ => match (rule.read)(value) {
                Ok(value) => drop(body.insert(rule.key.to_owned(), value)),
                Err(message) => wrong(message),
            },
        }
    }
    for key in values.attributes.keys() {
        let key = key.replace('~', "~0").replace('/', "~1");
        let message = "absences and attendances have no attributes of the company's own";
        problems.push(FieldProblem::new(format!("/attributes/{key}"), message));
    }
    (body, problems)
}

/// The required fields that are not given.
pub(in crate::personio) fn missing<'a>(
    values: &'a Values,
    required: &'a [&'static str],
) -> impl Iterator<Item = FieldProblem> + 'a {
    let missing = required.iter().filter(|field| !values.fields.contains_key(**field));
    missing.map(|field| FieldProblem::new(pointer_to(field), "is missing"))
}

/// Where a value of the vendor's name lies in [`Values`].
pub(in crate::personio) fn pointer(rules: &[Rule], name: &str) -> String {
    let rule = rules.iter().find(|rule| rule.key == name);
    pointer_to(rule.map_or(name, |rule| rule.field))
}

fn pointer_to(field: &str) -> String {
    format!("/fields/{}", field.replace('~', "~0").replace('/', "~1"))
}

pub(in crate::personio) const fn skips(approval: Approval) -> bool {
    matches!(approval, Approval::Skip)
}

/// `{"id": "7"}`, as the number that the vendor takes.
pub(in crate::personio) fn id(value: &Value) -> Result<Value, &'static str> {
    let id = value.get("id").and_then(Value::as_str);
    let number = id.and_then(|id| id.parse::<u64>().ok().filter(|number| number.to_string() == id));
    number.map(Value::from).ok_or("must be an object with an `id` of Personio's, a number in a text")
}

pub(in crate::personio) fn day(value: &Value) -> Result<Value, &'static str> {
    let day = value.as_str().filter(|text| text.len() == "YYYY-MM-DD".len());
    let day = day.filter(|text| text.parse::<chrono::NaiveDate>().is_ok_and(|day| day.to_string() == **text));
    day.map(Value::from).ok_or("must be a day, written YYYY-MM-DD")
}

pub(in crate::personio) fn time(value: &Value) -> Result<Value, &'static str> {
    let is_time = |text: &str| {
        chrono::NaiveTime::parse_from_str(text, "%H:%M").is_ok_and(|time| time.format("%H:%M").to_string() == text)
    };
    let time = value.as_str().filter(|text| is_time(text));
    time.map(Value::from).ok_or("must be a time of day, written HH:MM")
}

pub(in crate::personio) fn boolean(value: &Value) -> Result<Value, &'static str> {
    value.as_bool().map(Value::from).ok_or("must be true or false")
}

pub(in crate::personio) fn minutes(value: &Value) -> Result<Value, &'static str> {
    let minutes = value.as_u64().filter(|minutes| *minutes <= 24 * 60);
    minutes.map(Value::from).ok_or("must be a whole number of minutes, 0 to 1440")
}

pub(in crate::personio) fn text(value: &Value) -> Result<Value, &'static str> {
    value.as_str().map(Value::from).ok_or("must be a text or null")
}
