//! Persons created and changed. Unlike in version 1, the e-mail address may be left out and may change.

use serde_json::{Map, Number, Value};

use crate::answer::Answer;
use crate::people::{Attribute, Kind};
use crate::state::State;

use super::super::employments;
use super::super::problem::Problem;
use super::super::{Call, Outcome, no_content};
use super::{find, shape};

const LANGUAGES: [&str; 8] = ["en", "de", "es", "fr", "nl", "it", "sv", "fi"];

/// `POST /v2/persons`. The vendor publishes no body of the answer; it is the new person.
pub(in super::super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let body = call.object()?;
    for name in ["first_name", "last_name"] {
        if body.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Problem::parameter(name));
        }
    }
    let mut plain = read(state, &body)?;
    match body.get("employments") {
        None | Some(Value::Null) => {}
        Some(Value::Array(given)) if given.len() <= 1 => {
            for one in given {
                plain.extend(employments::read(state, one.as_object().ok_or_else(Problem::content)?)?);
            }
        }
        Some(_) => return Err(Problem::parameter("employments")),
    }
    let is_to_come =
        plain.get("hire_date").and_then(Value::as_str).is_some_and(|hired| hired > state.today.to_string().as_str());
    if is_to_come {
        plain.insert("status".to_owned(), "onboarding".into());
    }
    let id = state.create_person(&Value::Object(plain), call.now)?;
    let person = find(state, &id.to_string())?;
    Ok(Answer::json(201, &shape(&state.scene(Some(call.holder)), &call.origin, person)))
}

/// `PATCH /v2/persons/{id}`
pub(in super::super) fn change(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let id = find(state, id)?.id;
    let plain = read(state, &call.object()?)?;
    state.change_person(id, &Value::Object(plain), call.now)?;
    Ok(no_content())
}

/// What a body sets, under version 1's keys. Members that are not known are ignored.
fn read(state: &State, body: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let mut plain = Map::new();
    for (name, given) in body {
        match name.as_str() {
            "email" | "first_name" | "last_name" | "preferred_name" => {
                plain.insert(name.clone(), given.clone());
            }
            "gender" => drop(plain.insert(name.clone(), gender(given)?)),
            "language_code" => {
                // Checked, but no attribute of the company holds it.
                let is_known = given.as_str().is_some_and(|code| LANGUAGES.contains(&code));
                if !is_known && !given.is_null() {
                    return Err(Problem::parameter("language_code"));
                }
            }
            "custom_attributes" => {
                for one in given.as_array().ok_or_else(Problem::content)? {
                    let attribute = one.get("id").and_then(Value::as_str).and_then(|id| state.world.catalogue.find(id));
                    let attribute = attribute.filter(|attribute| attribute.is_custom());
                    let attribute = attribute.ok_or_else(|| Problem::parameter("custom_attributes"))?;
                    plain.insert(attribute.key.clone(), custom(attribute, one.get("value").unwrap_or(&Value::Null)));
                }
            }
            _ => {}
        }
    }
    Ok(plain)
}

fn gender(given: &Value) -> Result<Value, Problem> {
    match given.as_str() {
        Some("UNSPECIFIED" | "UNKNOWN" | "UNDEFINED") => Ok(Value::Null),
        Some(text @ ("MALE" | "FEMALE" | "DIVERSE")) => Ok(text.to_lowercase().into()),
        None if given.is_null() => Ok(Value::Null),
        _ => Err(Problem::parameter("gender")),
    }
}

/// A custom attribute's plain value: texts are taken for every type, as they are sent for every type.
fn custom(attribute: &Attribute, given: &Value) -> Value {
    match (attribute.kind, given.as_str()) {
        (_, Some("")) => Value::Null,
        (Kind::Integer | Kind::Decimal | Kind::Money, Some(text)) => {
            serde_json::from_str::<Number>(text).map_or_else(|_| given.clone(), Value::Number)
        }
        (Kind::Tags, Some(text)) => text.split(',').map(str::trim).collect(),
        _ => given.clone(),
    }
}
