//! Which fields can be written, and their place in a body.

use serde_json::{Map, Value, json};

use super::BodyStyle;
use crate::contract::{FieldProblem, Values, WritableField};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::personio) enum Verb {
    Create,
    Update,
}

const BY_HAND: &str = "version 1 of Personio's API does not take it; set it in Personio";
const OURS: &str = "Personio sets it itself";
const EMAIL: &str = "version 1 of Personio's API does not change an email address; set `api` to `auto` in the connection's config, so \
                     that version 2 is asked to, or change it in Personio";

const WRAPPED: &[WritableField] = &with_email(WritableField::fixed("email", EMAIL));
/// Where version 2 may be asked to change the email address.
const ROUTED: &[WritableField] = &with_email(WritableField::open("email"));

const fn with_email(email: WritableField) -> [WritableField; 22] {
    [
        email,
        WritableField::open("first_name"),
        WritableField::open("last_name"),
        WritableField::open("preferred_name"),
        WritableField::open("gender"),
        WritableField::open("status"),
        WritableField::open("position"),
        WritableField::open("department"),
        WritableField::open("office"),
        WritableField::open("legal_entity"),
        WritableField::open("supervisor"),
        WritableField::open("hire_date"),
        WritableField::open("weekly_hours"),
        WritableField::closed("team", BY_HAND),
        WritableField::closed("cost_centers", BY_HAND),
        WritableField::closed("contract_end_date", BY_HAND),
        WritableField::closed("termination_date", BY_HAND),
        WritableField::closed("last_working_day", BY_HAND),
        WritableField::closed("employment_type", BY_HAND),
        WritableField::closed("picture_url", BY_HAND),
        WritableField::closed("created_at", OURS),
        WritableField::closed("updated_at", OURS),
    ]
}

const FLAT: &[WritableField] = &[
    WritableField::open("first_name"),
    WritableField::open("last_name"),
    WritableField::open("preferred_name"),
    WritableField::open("email"),
    WritableField::open("gender"),
    WritableField::open("status"),
    WritableField::open("position"),
    WritableField::open("department"),
    WritableField::open("office"),
    WritableField::open("team"),
    WritableField::open("legal_entity"),
    WritableField::open("supervisor"),
    WritableField::open("hire_date"),
    WritableField::open("contract_end_date"),
    WritableField::open("weekly_hours"),
    WritableField::open("employment_type"),
    WritableField::closed("cost_centers", BY_HAND),
    WritableField::closed("termination_date", BY_HAND),
    WritableField::closed("last_working_day", BY_HAND),
    WritableField::closed("picture_url", BY_HAND),
    WritableField::closed("created_at", OURS),
    WritableField::closed("updated_at", OURS),
];

/// Fields that hold a unit of the company's.
const UNITS: [&str; 4] = ["department", "office", "team", "legal_entity"];
/// Names in a body that hold others.
const WRAPPERS: &[&str] = &["employee", "custom_attributes"];

/// Every canonical field where the email address goes to version 2.
pub(super) const fn writable_with_email() -> &'static [WritableField] {
    ROUTED
}

/// Every canonical field, in a style.
pub(super) const fn writable(style: BodyStyle) -> &'static [WritableField] {
    match style {
        BodyStyle::Wrapped => WRAPPED,
        BodyStyle::Flat => FLAT,
    }
}

/// The vendor's name of a canonical field in a body.
fn vendor_key(style: BodyStyle, field: &str) -> &str {
    match (style, field) {
        (BodyStyle::Wrapped, "supervisor") => "supervisor_id",
        (BodyStyle::Flat, "employment_type") => "employee_type",
        (_, "legal_entity") => "subcompany",
        (_, "weekly_hours") => "weekly_working_hours",
        (_, field) => field,
    }
}

/// The canonical field of a vendor's name in a body, of either style.
fn canonical(name: &str) -> Option<&'static str> {
    let styles = [BodyStyle::Wrapped, BodyStyle::Flat];
    let named = styles.iter().flat_map(|style| writable(*style).iter().map(|known| (*style, known.field)));
    named.into_iter().find(|(style, field)| vendor_key(*style, field) == name).map(|(_, field)| field)
}

/// Where a value of the vendor's name lies in [`Values`].
pub(super) fn pointer(name: &str) -> String {
    let name = name.strip_prefix("custom_attributes.").unwrap_or(name);
    canonical(name).map_or_else(|| format!("/attributes/{}", escaped(name)), |field| format!("/fields/{field}"))
}

/// The body of a write; or everything that is wrong with the values, which are not quoted.
pub(super) fn body(style: BodyStyle, verb: Verb, values: &Values) -> Result<Value, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let mut body = Map::new();
    for (field, value) in &values.fields {
        let mut wrong =
            |message: &str| problems.push(FieldProblem::new(format!("/fields/{}", escaped(field)), message));
        let Some(known) = writable(style).iter().find(|known| known.field == *field) else {
            wrong("is no field of an employee");
            continue;
        };
        if !(if verb == Verb::Create { known.on_create } else { known.on_update }) {
            wrong(known.reason);
            continue;
        }
        match written(style, field, value) {
            Ok(value) => drop(body.insert(vendor_key(style, field).to_owned(), value)),
            Err(message) => wrong(message),
        }
    }
    if verb == Verb::Create {
        let required: &[&str] = match style {
            BodyStyle::Wrapped => &["email", "first_name", "last_name"],
            BodyStyle::Flat => &["email", "first_name", "last_name", "hire_date"],
        };
        let is_missing = |field: &str| match values.fields.get(field) {
            None => true,
            // The others are said to be empty.
            Some(value) => field == "hire_date" && value.is_null(),
        };
        let missing = required.iter().filter(|field| is_missing(field));
        problems.extend(missing.map(|field| FieldProblem::new(format!("/fields/{field}"), "is missing")));
    }
    let mut own = Map::new();
    for (key, value) in &values.attributes {
        let is_own = is_own(key);
        // Systems after the guide have keys of any kind; none may stand for a field.
        let is_free = style == BodyStyle::Flat
            && super::super::employee::is_custom(key)
            && canonical(key).is_none()
            && !WRAPPERS.contains(&key.as_str())
            && (1..=200).contains(&key.len());
        if is_own || is_free {
            own.insert(key.clone(), value.clone());
        } else {
            let pointer = format!("/attributes/{}", escaped(key));
            problems.push(FieldProblem::new(pointer, "is not one of the company's own attributes"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(match style {
        BodyStyle::Wrapped => {
            if !own.is_empty() {
                body.insert("custom_attributes".to_owned(), Value::Object(own));
            }
            json!({ "employee": body })
        }
        BodyStyle::Flat => {
            body.extend(own);
            Value::Object(body)
        }
    })
}

/// The units that are called by their ids alone, with those. This version takes names: [`super::names`] finds them.
pub(super) fn by_id_alone(style: BodyStyle, verb: Verb, values: &Values) -> Vec<(&'static str, String)> {
    let is_unit = |known: &&WritableField| UNITS.contains(&known.field);
    let may_be = |known: &&WritableField| if verb == Verb::Create { known.on_create } else { known.on_update };
    let units = writable(style).iter().filter(is_unit).filter(may_be);
    let by_id = units.filter_map(|known| {
        let value = values.fields.get(known.field)?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let is_nameless = value.get("name").is_none_or(Value::is_null);
        Some((known.field, text("id").filter(|_| is_nameless)?.to_owned()))
    });
    by_id.collect()
}

/// Whether a key is one that the vendor gives to a company's own attributes.
pub(in crate::personio) fn is_own(key: &str) -> bool {
    key.strip_prefix("dynamic_").is_some_and(|number| {
        !number.is_empty() && number.len() <= 32 && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// A value as the vendor takes it.
pub(in crate::personio) fn written(style: BodyStyle, field: &str, value: &Value) -> Result<Value, &'static str> {
    let is_required = ["first_name", "last_name", "email", "status"].contains(&field);
    if value.is_null() {
        return if is_required { Err("must not be empty") } else { Ok(Value::Null) };
    }
    match field {
        _ if UNITS.contains(&field) => {
            let name = value.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
            name.map(Value::from).ok_or("must be an object with the `name` or the `id` that it has in Personio")
        }
        "supervisor" => {
            let id = value
                .get("id")
                .and_then(Value::as_str)
                .and_then(|id| id.parse::<u64>().ok().filter(|number| number.to_string() == id));
            let id = id.ok_or("must be an object with the `id` of an employee, a number in a text")?;
            Ok(if style == BodyStyle::Wrapped { json!(id) } else { json!({ "id": id }) })
        }
        "hire_date" | "contract_end_date" => {
            let day = value.as_str().filter(|text| text.len() == "YYYY-MM-DD".len());
            let day = day.and_then(|text| text.parse::<chrono::NaiveDate>().ok());
            day.map(|day| day.to_string().into()).ok_or("must be a day, written YYYY-MM-DD")
        }
        "weekly_hours" => {
            let hours = value.as_f64().filter(|hours| (0.0..=168.0).contains(hours));
            hours.map(|_| value.clone()).ok_or("must be a number of hours, 0 to 168")
        }
        "status" => one_of(
            value,
            &["onboarding", "active", "leave", "inactive"],
            "must be onboarding, active, leave or inactive",
        ),
        "gender" => one_of(value, &["male", "female", "diverse"], "must be male, female, diverse or null"),
        "employment_type" => one_of(value, &["internal", "external"], "must be internal, external or null"),
        "email" => {
            let email = value.as_str().filter(|text| text.contains('@') && !text.chars().any(char::is_whitespace));
            email.map(Value::from).ok_or("must be an email address")
        }
        _ => {
            let text = value.as_str().filter(|text| !is_required || !text.trim().is_empty());
            text.map(Value::from).ok_or("must be a text that is not empty")
        }
    }
}

fn one_of(value: &Value, known: &[&str], message: &'static str) -> Result<Value, &'static str> {
    if value.as_str().is_some_and(|text| known.contains(&text)) { Ok(value.clone()) } else { Err(message) }
}

/// A key within a JSON pointer.
pub(in crate::personio) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
