//! The guide's shapes: `{value, type}` and flat absences and attendances, and only the fields the guide names.

use serde_json::{Value, json};

use crate::people::{Absence, Attendance, Attribute, Kind, Person};

use super::employee::Column;
use super::{Scene, put, put_typed, put_typed_list, tags_in_a_line};

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

/// Whether the guide names an attribute of an employee, or would for this company.
pub(super) fn knows(attribute: &Attribute) -> bool {
    attribute.is_custom() || FIELDS.contains(&attribute.key.as_str())
}

/// The envelope around an attribute's value.
pub(super) fn column(attribute: &Attribute) -> Column<'_> {
    let mut before = Vec::new();
    put(&mut before, &key(&attribute.key));
    before.extend_from_slice(br#":{"value":"#);
    let mut after = br#","type":"#.to_vec();
    put(&mut after, &attribute.kind.type_name());
    after.push(b'}');
    Column { attribute, before, after }
}

/// Appends the value inside the envelope.
pub(super) fn put_value(out: &mut Vec<u8>, scene: &Scene<'_>, attribute: &Attribute, person: &Person, plain: &Value) {
    match attribute.kind {
        Kind::Id => put(out, &person.id),
        // The guide knows no status for people who are still to come.
        Kind::Choice(_) if attribute.key == "status" && plain == "onboarding" => put(out, &"active"),
        Kind::Unit(unit) if plain.is_object() => put_typed(out, unit.type_name(), plain),
        Kind::Supervisor if plain.is_u64() => {
            put(out, &json!({"type": "Employee", "attributes": {"id": {"value": plain, "type": "integer"}}}));
        }
        Kind::CostCenters => put_typed_list(out, "CostCenter", plain),
        Kind::Tags if plain.is_array() => put(out, &tags_in_a_line(plain)),
        Kind::Picture => {
            put(out, &format!("{}/v1/company/employees/{}/profile-picture/600", scene.base_url, person.id));
        }
        _ => put(out, plain),
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
