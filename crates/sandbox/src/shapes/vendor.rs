//! The vendor's shapes: labelled envelopes, nested objects and the oddities that real answers show.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::people::{Absence, Attendance, Attribute, Kind, Person, Thing, TimeOffType, World};

use super::employee::Column;
use super::{Scene, put, put_typed, put_typed_list, tags_in_a_line, time};

/// The attributes of a person that stand in answers about others: their reports and absences.
pub(crate) const TOLD_OF_OTHERS: [&str; 3] = ["first_name", "last_name", "email"];

/// The envelope around an attribute's value.
pub(super) fn column<'a>(scene: &Scene<'_>, attribute: &'a Attribute) -> Column<'a> {
    let mut before = Vec::new();
    put(&mut before, &attribute.key);
    before.extend_from_slice(br#":{"label":"#);
    put(&mut before, &attribute.label(scene.quirks.label_language));
    before.extend_from_slice(br#","value":"#);
    let mut after = br#","type":"#.to_vec();
    put(&mut after, &attribute.kind.type_name());
    after.extend_from_slice(br#","universal_id":"#);
    put(&mut after, &attribute.universal_id);
    if attribute.kind == Kind::Money {
        after.extend_from_slice(br#","currency":"EUR""#);
    }
    after.push(b'}');
    Column { attribute, before, after }
}

/// What is told of an employee inside something else, beside the id.
pub(super) fn named<'a>(scene: &Scene<'a>) -> Vec<Column<'a>> {
    let is_told = |attribute: &&Attribute| TOLD_OF_OTHERS.contains(&attribute.key.as_str());
    scene.world.catalogue.iter().filter(is_told).map(|attribute| column(scene, attribute)).collect()
}

/// Appends the value inside the envelope; `named` is for the supervisor.
pub(super) fn put_value(
    out: &mut Vec<u8>,
    scene: &Scene<'_>,
    named: &[Column<'_>],
    attribute: &Attribute,
    person: &Person,
    plain: &Value,
) {
    match attribute.kind {
        Kind::Id => put(out, &person.id),
        Kind::Date => put(out, &plain.as_str().and_then(time::parse_date).map(time::midnight)),
        Kind::CreatedAt => put(out, &time::local(person.created_at)),
        Kind::ModifiedAt => put(out, &time::local(person.modified_at)),
        Kind::Hours if scene.quirks.string_hours && plain.is_number() => put(out, &plain.to_string()),
        Kind::Tags => put_tags(out, scene, person, plain),
        Kind::Unit(unit) if plain.is_object() => put_typed(out, unit.type_name(), plain),
        Kind::Supervisor if plain.is_u64() => put_supervisor(out, scene, named, person),
        Kind::Unit(_) | Kind::Supervisor => out.extend_from_slice(empty(scene, person)),
        Kind::CostCenters => put_typed_list(out, "CostCenter", plain),
        Kind::Entitlements => put_typed_list(out, "TimeOffType", plain),
        Kind::HolidayCalendar if plain.is_object() => put_typed(out, "HolidayCalendar", plain),
        Kind::WorkSchedule if plain.is_object() => put_typed(out, "WorkSchedule", plain),
        Kind::Picture => put(out, &format!("{}/v1/company/employees/{}/profile-picture", scene.base_url, person.id)),
        _ if attribute.key == "termination_reason" && plain.is_null() && scene.quirks.empty_shapes => put(out, &""),
        _ => put(out, plain),
    }
}

/// Empty objects come as null, as an empty text or as an empty list, seen at different people.
fn empty(scene: &Scene<'_>, person: &Person) -> &'static [u8] {
    match person.id % 3 {
        0 if scene.quirks.empty_shapes => b"[]",
        1 if scene.quirks.empty_shapes => br#""""#,
        _ => b"null",
    }
}

fn put_tags(out: &mut Vec<u8>, scene: &Scene<'_>, person: &Person, plain: &Value) {
    if !plain.is_array() {
        put(out, plain);
    } else if scene.quirks.tags_as_json && person.id.is_multiple_of(2) {
        put(out, &plain.to_string());
    } else {
        put(out, &tags_in_a_line(plain));
    }
}

/// The supervisor inside an employee: the id alone for some, with name and address for others.
fn put_supervisor(out: &mut Vec<u8>, scene: &Scene<'_>, named: &[Column<'_>], person: &Person) {
    let named = if person.id.is_multiple_of(3) { &[] } else { named };
    match person.supervisor_id().and_then(|id| scene.world.people.get(&id)) {
        Some(supervisor) => put_inner_employee(out, named, supervisor, "ID"),
        None => put(out, &Value::Null),
    }
}

fn put_inner_employee(out: &mut Vec<u8>, named: &[Column<'_>], person: &Person, id_label: &str) {
    out.extend_from_slice(br#"{"type":"Employee","attributes":{"id":{"label":"#);
    put(out, &id_label);
    out.extend_from_slice(br#","value":"#);
    put(out, &person.id);
    out.extend_from_slice(br#","type":"integer","universal_id":"id"}"#);
    for column in named {
        out.push(b',');
        out.extend_from_slice(&column.before);
        put(out, person.get(&column.attribute.key));
        out.extend_from_slice(&column.after);
    }
    out.extend_from_slice(b"}}");
}

/// The employee inside an absence.
fn inner_employee(scene: &Scene<'_>, person: &Person) -> Value {
    let mut text = Vec::new();
    put_inner_employee(&mut text, &named(scene), person, "id");
    serde_json::from_slice(&text).expect("what was just written is JSON")
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
        "id_v2": scene.world.uuids.of(Thing::AbsencePeriod, *id),
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
        "employee": employee.map(|person| inner_employee(scene, person)),
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

    pub(crate) fn covers(&self, employee: u64, day: NaiveDate) -> bool {
        self.0.get(&employee).is_some_and(|spans| spans.iter().any(|(start, end)| *start <= day && day <= *end))
    }
}

/// One type of absence.
pub(crate) fn time_off_type(world: &World, kind: &TimeOffType) -> Value {
    let TimeOffType { id, name, category, unit, approval_required } = kind;
    json!({"type": "TimeOffType", "attributes": {
        "id": id,
        "id_v2": world.uuids.of(Thing::AbsenceType, *id),
        "name": name,
        "category": category,
        "unit": unit,
        "approval_required": approval_required,
    }})
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
