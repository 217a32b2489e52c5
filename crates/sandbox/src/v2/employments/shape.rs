//! An employment as version 2 writes it.

use serde_json::{Value, json};

use crate::people::{Person, Thing};
use crate::shapes::Scene;

use super::super::persons::is_shown;
use super::super::problem::stamp;

/// The members with the attributes that they show, for credentials that may not read all.
const SHOWS: [(&str, &str); 13] = [
    ("status", "status"),
    ("weekly_working_hours", "weekly_working_hours"),
    ("probation_end_date", "probation_period_end"),
    ("employment_start_date", "hire_date"),
    ("employment_end_date", "termination_date"),
    ("contract_end_date", "contract_end_date"),
    ("position", "position"),
    ("supervisor", "supervisor"),
    ("office", "office"),
    ("legal_entity", "subcompany"),
    ("sub_company", "subcompany"),
    ("cost_centers", "cost_centers"),
    ("termination", "termination_date"),
];

/// One employment; what may not be read is left out.
pub(super) fn shape(scene: &Scene<'_>, origin: &str, person: &Person) -> Value {
    let by_id = |key: &str| id_of(person.get(key)).map_or(Value::Null, |id| json!({"id": id}));
    let org_unit = |key: &str| {
        let id = id_of(person.get(key)).filter(|_| is_shown(scene, key))?;
        Some(json!({"type": key, "id": id}))
    };
    let org_units: Value = ["team", "department"].into_iter().filter_map(org_unit).collect();
    let shares = person.get("cost_centers").as_array().into_iter().flatten();
    let shares: Value = shares.map(|share| json!({"id": id_of(share), "weight": share.get("percentage")})).collect();
    let supervisor = person.supervisor_id().filter(|_| is_shown(scene, "supervisor"));
    let mut links = json!({"person": {"href": format!("{origin}/v2/persons/{}", person.id)}});
    if let (Some(id), Some(links)) = (supervisor, links.as_object_mut()) {
        links.insert("supervisor".to_owned(), json!({"href": format!("{origin}/v2/persons/{id}")}));
    }
    let mut employment = json!({
        "id": scene.world.uuids.of(Thing::Employment, person.id),
        "status": person.text("status").to_uppercase(),
        "weekly_working_hours": person.get("weekly_working_hours"),
        // The company's full week; no attribute holds another.
        "full_time_weekly_working_hours": 40,
        "probation_end_date": person.get("probation_period_end"),
        "employment_start_date": person.get("hire_date"),
        "employment_end_date": person.get("termination_date"),
        "contract_end_date": person.get("contract_end_date"),
        // Not set in the answers that were seen, though it can be written.
        "type": null,
        "created_at": stamp(person.created_at),
        "updated_at": stamp(person.modified_at),
        "position": person.get("position").as_str().map(|title| json!({"title": title})),
        "supervisor": supervisor.map(|id| json!({"id": id.to_string()})),
        "office": by_id("office"),
        "legal_entity": by_id("subcompany"),
        "sub_company": by_id("subcompany"),
        "job": null,
        "org_units": org_units,
        "cost_centers": shares,
        "person": {"id": person.id.to_string()},
        "termination": termination(person),
        "_meta": {"links": links},
    });
    if let Some(members) = employment.as_object_mut() {
        members
            .retain(|name, _| SHOWS.iter().filter(|(member, _)| member == name).all(|(_, key)| is_shown(scene, key)));
    }
    employment
}

/// The id in a unit's value, as text.
fn id_of(unit: &Value) -> Option<String> {
    unit.get("id").map(ToString::to_string)
}

fn termination(person: &Person) -> Value {
    if person.get("termination_date").is_null() {
        return Value::Null;
    }
    let kind = match person.text("termination_type") {
        "employee" => "EMPLOYEE",
        "employer" => "FIRED",
        _ => "UNSPECIFIED",
    };
    json!({
        "termination_date": person.get("termination_date"),
        "last_working_day": person.get("last_working_day"),
        "terminated_at": null,
        "type": kind,
        "reason": person.get("termination_reason"),
    })
}
