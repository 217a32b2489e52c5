//! Employments changed.

use serde_json::{Map, Value};

use crate::people::{Unit, UnitKind};
use crate::state::State;

use super::super::problem::Problem;
use super::super::{Call, Outcome, no_content};
use super::find_of;

/// `PATCH /v2/persons/{person_id}/employments/{id}`
pub(in super::super) fn change(state: &mut State, call: &Call<'_>, person: &str, id: &str) -> Outcome {
    let person = find_of(state, person, id)?.id;
    let plain = read(state, &call.object()?)?;
    state.change_person(person, &Value::Object(plain), call.now)?;
    Ok(no_content())
}

/// What a body sets, under version 1's keys. Members that are not known are ignored, and so is the termination, which users
/// report cannot be set.
pub(in super::super) fn read(state: &State, body: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let organisation = &state.world.organisation;
    let mut plain = Map::new();
    for (name, given) in body {
        let mut put = |key: &str, value: Value| drop(plain.insert(key.to_owned(), value));
        match name.as_str() {
            "weekly_working_hours" | "contract_end_date" => put(name, given.clone()),
            "probation_end_date" => put("probation_period_end", given.clone()),
            "employment_start_date" => put("hire_date", given.clone()),
            "type" => put("employment_type", given.as_str().map_or(Value::Null, |text| text.to_lowercase().into())),
            "position" => put("position", given.get("title").cloned().unwrap_or_default()),
            "supervisor" => put("supervisor", number(given)?.map_or(Value::Null, Value::from)),
            "office" => put("office", unit(&organisation.offices, given)?),
            "legal_entity" | "sub_company" => put("subcompany", unit(&organisation.subcompanies, given)?),
            "org_units" => {
                put("department", Value::Null);
                put("team", Value::Null);
                for one in given.as_array().ok_or_else(Problem::content)? {
                    let kind = org_unit_kind(one.get("type").and_then(Value::as_str).unwrap_or_default())?;
                    let key = if kind == UnitKind::Team { "team" } else { "department" };
                    put(key, unit(organisation.units(kind), one)?);
                }
            }
            "cost_centers" => {
                let shares = given.as_array().ok_or_else(Problem::content)?.iter();
                let shares: Result<Vec<Value>, Problem> = shares
                    .map(|one| {
                        let mut share = unit(&organisation.cost_centers, one)?;
                        let weight = one.get("weight").filter(|weight| weight.is_number());
                        let weight = weight.cloned().ok_or_else(|| Problem::parameter("weight"))?;
                        share.as_object_mut().map(|share| share.insert("percentage".to_owned(), weight));
                        Ok(share)
                    })
                    .collect();
                put("cost_centers", shares?.into());
            }
            _ => {}
        }
    }
    Ok(plain)
}

/// Which list an org unit of this type is in.
pub(in super::super) fn org_unit_kind(text: &str) -> Result<UnitKind, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "team" => Ok(UnitKind::Team),
        "department" => Ok(UnitKind::Department),
        _ => Err(Problem::parameter("type")),
    }
}

/// The number in `{id: "…"}`; nothing for null.
fn number(given: &Value) -> Result<Option<u64>, Problem> {
    let id = match given {
        Value::Object(_) => given.get("id").unwrap_or(&Value::Null),
        _ => given,
    };
    match id {
        Value::Null => Ok(None),
        Value::String(text) => text.parse().map(Some).map_err(|_| Problem::parameter("id")),
        _ => Err(Problem::parameter("id")),
    }
}

fn unit(units: &[Unit], given: &Value) -> Result<Value, Problem> {
    let Some(id) = number(given)? else { return Ok(Value::Null) };
    units.iter().find(|unit| unit.id == id).map(Unit::value).ok_or_else(|| Problem::parameter("id"))
}
