//! The guide's shapes: `{value, type}` and flat absences and attendances, and only the fields the guide names.

use serde_json::{Map, Value, json};

use crate::people::{Absence, Attendance, Attribute, Kind, Person};

use super::{Scene, put};

/// The fields of an employee that the guide names, under the vendor's keys.
const FIELDS: [&str; 18] = [
    "id",
    "first_name",
    "last_name",
    "email",
    "gender",
    "status",
    "position",
    "department",
    "office",
    "hire_date",
    "contract_end_date",
    "weekly_working_hours",
    "supervisor",
    "cost_centers",
    "team",
    "subcompany",
    "employment_type",
    "profile_picture",
];

/// The guide's name of an attribute.
pub(crate) fn key(vendor: &str) -> &str {
    if vendor == "employment_type" { "employee_type" } else { vendor }
}

/// The vendor's name of an attribute that a caller of the guide named.
pub(crate) fn vendor_key(guide: &str) -> &str {
    if guide == "employee_type" { "employment_type" } else { guide }
}

/// One employee with the attributes asked for.
pub(crate) fn employee(scene: &Scene<'_>, person: &Person, asked: &[&str]) -> Vec<u8> {
    let mut attributes = Map::new();
    for attribute in scene.world.catalogue.iter().filter(|attribute| scene.shows(attribute)) {
        let name = key(&attribute.key);
        let known = attribute.is_custom() || FIELDS.contains(&attribute.key.as_str());
        if known && (asked.is_empty() || name == "id" || asked.contains(&name)) {
            let value = value(scene, attribute, person);
            attributes.insert(name.to_owned(), json!({"value": value, "type": attribute.kind.type_name()}));
        }
    }
    let mut out = Vec::with_capacity(2_048);
    put(&mut out, &json!({"type": "Employee", "attributes": attributes}));
    out
}

fn value(scene: &Scene<'_>, attribute: &Attribute, person: &Person) -> Value {
    let plain = person.get(&attribute.key);
    match attribute.kind {
        Kind::Id => person.id.into(),
        // The guide knows no status for people who are still to come.
        Kind::Choice(_) if attribute.key == "status" && plain == "onboarding" => "active".into(),
        Kind::Unit(unit) if plain.is_object() => json!({"type": unit.type_name(), "attributes": plain}),
        Kind::Supervisor if plain.is_u64() => {
            json!({"type": "Employee", "attributes": {"id": {"value": plain, "type": "integer"}}})
        }
        Kind::CostCenters => plain.as_array().map_or(Value::Null, |items| {
            items.iter().map(|item| json!({"type": "CostCenter", "attributes": item})).collect()
        }),
        Kind::Tags => plain
            .as_array()
            .map_or(Value::Null, |tags| tags.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",").into()),
        Kind::Picture => format!("{}/v1/company/employees/{}/profile-picture/600", scene.base_url, person.id).into(),
        _ => plain.clone(),
    }
}

/// One absence.
pub(crate) fn absence(scene: &Scene<'_>, absence: &Absence) -> Vec<u8> {
    let kind = scene.world.time_off_type(absence.time_off_type_id).map(|kind| kind.name);
    let value = json!({
        "id": absence.id,
        "employee_id": absence.employee_id,
        "type": kind,
        "start_date": absence.start_date.to_string(),
        "end_date": absence.end_date.to_string(),
    });
    value.to_string().into_bytes()
}

/// One attendance.
pub(crate) fn attendance(attendance: &Attendance) -> Vec<u8> {
    let value = json!({
        "id": attendance.id,
        "employee": {"id": attendance.employee_id},
        "date": attendance.date.to_string(),
        "start_time": attendance.start_time,
        "end_time": attendance.end_time,
    });
    value.to_string().into_bytes()
}
