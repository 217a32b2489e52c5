//! The vendor's shapes: labelled envelopes, nested objects and the oddities that real answers show.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};

use crate::people::{Absence, Attendance, Attribute, Kind, Person, TimeOffType, World};

use super::{Scene, put, time};

#[derive(Serialize)]
struct Envelope<'a> {
    label: &'a str,
    value: Value,
    #[serde(rename = "type")]
    kind: &'a str,
    universal_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
}

/// One employee with the attributes asked for.
pub(crate) fn employee(scene: &Scene<'_>, person: &Person, asked: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(6_144);
    out.extend_from_slice(br#"{"type":"Employee","attributes":{"#);
    let mut first = true;
    for attribute in scene.world.catalogue.iter().filter(|attribute| scene.shows(attribute)) {
        if !asked.is_empty() && attribute.key != "id" && !asked.contains(&attribute.key.as_str()) {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        put(&mut out, &attribute.key);
        out.push(b':');
        put(&mut out, &envelope(scene, attribute, value(scene, attribute, person)));
    }
    out.extend_from_slice(b"}}");
    out
}

fn envelope<'a>(scene: &Scene<'_>, attribute: &'a Attribute, value: Value) -> Envelope<'a> {
    Envelope {
        label: attribute.label(scene.quirks.label_language),
        value,
        kind: attribute.kind.type_name(),
        universal_id: attribute.universal_id.as_deref(),
        currency: (attribute.kind == Kind::Money).then_some("EUR"),
    }
}

fn value(scene: &Scene<'_>, attribute: &Attribute, person: &Person) -> Value {
    let plain = person.get(&attribute.key);
    let day = || plain.as_str().and_then(time::parse_date);
    match attribute.kind {
        Kind::Id => person.id.into(),
        Kind::Date => day().map_or(Value::Null, |day| time::midnight(day).into()),
        Kind::CreatedAt => time::local(person.created_at).into(),
        Kind::ModifiedAt => time::local(person.modified_at).into(),
        Kind::Hours if scene.quirks.string_hours && plain.is_number() => plain.to_string().into(),
        Kind::Tags => tags(scene, person, plain),
        Kind::Unit(unit) if plain.is_object() => json!({"type": unit.type_name(), "attributes": plain}),
        Kind::Supervisor if plain.is_u64() => supervisor(scene, person),
        Kind::Unit(_) | Kind::Supervisor => empty(scene, person),
        Kind::CostCenters => typed_list("CostCenter", plain),
        Kind::Entitlements => typed_list("TimeOffType", plain),
        Kind::HolidayCalendar if plain.is_object() => json!({"type": "HolidayCalendar", "attributes": plain}),
        Kind::WorkSchedule if plain.is_object() => json!({"type": "WorkSchedule", "attributes": plain}),
        Kind::Picture => format!("{}/v1/company/employees/{}/profile-picture", scene.base_url, person.id).into(),
        _ if attribute.key == "termination_reason" && plain.is_null() && scene.quirks.empty_shapes => "".into(),
        _ => plain.clone(),
    }
}

/// Empty objects come as null, as an empty text or as an empty list, seen at different people.
fn empty(scene: &Scene<'_>, person: &Person) -> Value {
    match person.id % 3 {
        0 if scene.quirks.empty_shapes => json!([]),
        1 if scene.quirks.empty_shapes => json!(""),
        _ => Value::Null,
    }
}

fn tags(scene: &Scene<'_>, person: &Person, plain: &Value) -> Value {
    let Some(tags) = plain.as_array() else { return plain.clone() };
    if scene.quirks.tags_as_json && person.id.is_multiple_of(2) {
        return plain.to_string().into();
    }
    tags.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",").into()
}

fn typed_list(type_name: &str, plain: &Value) -> Value {
    match plain.as_array() {
        Some(items) => items.iter().map(|item| json!({"type": type_name, "attributes": item})).collect(),
        None => plain.clone(),
    }
}

/// The supervisor inside an employee: the id alone for some, with name and address for others.
fn supervisor(scene: &Scene<'_>, person: &Person) -> Value {
    let found = person.supervisor_id().and_then(|id| scene.world.people.get(&id));
    found.map_or(Value::Null, |supervisor| inner_employee(scene, supervisor, "ID", person.id.is_multiple_of(3)))
}

fn inner_employee(scene: &Scene<'_>, person: &Person, id_label: &str, id_only: bool) -> Value {
    let mut attributes = serde_json::Map::new();
    attributes
        .insert("id".into(), json!({"label": id_label, "value": person.id, "type": "integer", "universal_id": "id"}));
    let named = scene.world.catalogue.iter().filter(|a| ["first_name", "last_name", "email"].contains(&a.key.as_str()));
    for attribute in named.filter(|_| !id_only) {
        let wrapped = envelope(scene, attribute, person.get(&attribute.key).clone());
        attributes.insert(attribute.key.clone(), serde_json::to_value(wrapped).unwrap_or_default());
    }
    json!({"type": "Employee", "attributes": attributes})
}

/// One absence with its nested type and employee.
pub(crate) fn absence(scene: &Scene<'_>, absence: &Absence) -> Vec<u8> {
    let Absence {
        id,
        employee_id,
        time_off_type_id,
        start_date,
        end_date,
        half_day_start,
        half_day_end,
        days_count,
        status,
        comment,
        certificate,
        created_at,
        updated_at,
    } = absence;
    let colonless = scene.quirks.mixed_offsets && id.is_multiple_of(2);
    let midnight = if colonless { time::midnight_without_colon } else { time::midnight };
    let local = if colonless { time::local_without_colon } else { time::local };
    let half = |is: bool| if scene.quirks.numeric_half_days { json!(u8::from(is)) } else { json!(is) };
    let kind = scene.world.time_off_type(*time_off_type_id);
    let employee = scene.world.people.get(employee_id);
    let value = json!({"type": "TimeOffPeriod", "attributes": {
        "id": id,
        "status": status,
        "comment": comment,
        "start_date": midnight(*start_date),
        "end_date": midnight(*end_date),
        "days_count": crate::people::number(*days_count),
        "half_day_start": half(*half_day_start),
        "half_day_end": half(*half_day_end),
        "time_off_type": kind.map(|TimeOffType { id, name, category, .. }| json!({
            "type": "TimeOffType", "attributes": {"id": id, "name": name, "category": category},
        })),
        "employee": employee.map(|person| inner_employee(scene, person, "id", false)),
        "created_by": "API",
        "certificate": {"status": certificate},
        "created_at": local(*created_at),
        "updated_at": local(*updated_at),
    }});
    value.to_string().into_bytes()
}

/// One attendance: the id outside the attributes, the employee a bare number.
pub(crate) fn attendance(absent: &AbsentDays, attendance: &Attendance) -> Vec<u8> {
    let Attendance { id, employee_id, date, start_time, end_time, break_minutes, comment, status, project, updated_at } =
        attendance;
    let value = json!({"id": id, "type": "AttendancePeriod", "attributes": {
        "employee": employee_id,
        "date": date.to_string(),
        "start_time": start_time,
        "end_time": end_time,
        "updated_at": time::local(*updated_at),
        "status": status,
        "break": break_minutes,
        "comment": comment.as_deref().unwrap_or_default(),
        "is_holiday": false,
        "is_on_time_off": absent.covers(*employee_id, *date),
        "project": project.as_ref().map(|project| json!({
            "id": project.id, "type": "Project", "attributes": {"name": project.name, "active": true},
        })),
    }});
    value.to_string().into_bytes()
}

/// The absences of the people on one page, so that a page costs one pass over all absences.
pub(crate) struct AbsentDays(HashMap<u64, Vec<(NaiveDate, NaiveDate)>>);

impl AbsentDays {
    pub(crate) fn of(world: &World, employees: impl Iterator<Item = u64>) -> Self {
        let mut spans: HashMap<u64, Vec<_>> = employees.map(|id| (id, Vec::new())).collect();
        for absence in world.absences.values() {
            if let Some(spans) = spans.get_mut(&absence.employee_id) {
                spans.push((absence.start_date, absence.end_date));
            }
        }
        Self(spans)
    }

    fn covers(&self, employee: u64, day: NaiveDate) -> bool {
        self.0.get(&employee).is_some_and(|spans| spans.iter().any(|(start, end)| *start <= day && day <= *end))
    }
}

/// One type of absence.
pub(crate) fn time_off_type(kind: &TimeOffType) -> Value {
    json!({"type": "TimeOffType", "attributes": kind})
}

/// One line of the discovery.
pub(crate) fn attribute(scene: &Scene<'_>, attribute: &Attribute) -> Value {
    json!({
        "key": attribute.key,
        "label": attribute.label(scene.quirks.label_language),
        "type": attribute.kind.type_name(),
        "universal_id": attribute.universal_id,
        "options": attribute.options,
    })
}
