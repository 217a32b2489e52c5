//! What the connector must read, made from the sandbox's plain values and the vendor's published facts alone: nothing here
//! comes from the connector.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use gangway_domain::{
    record::{Fields, Stream},
    schema::{AttributeType, DiscoveredAttribute},
};
use gangway_sandbox::{Absence, AbsencePeriod, Attendance, AttendancePeriod, Dialect, Handle};
use gangway_testkit::behaviour::Expected;
use serde_json::{Value, json};

/// Our field for each attribute of the vendor's that has one.
const CANONICAL: [(&str, &str); 22] = [
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("preferred_name", "preferred_name"),
    ("email", "email"),
    ("gender", "gender"),
    ("status", "status"),
    ("position", "position"),
    ("department", "department"),
    ("office", "office"),
    ("team", "team"),
    ("subcompany", "legal_entity"),
    ("supervisor", "supervisor"),
    ("cost_centers", "cost_centers"),
    ("hire_date", "hire_date"),
    ("contract_end_date", "contract_end_date"),
    ("termination_date", "termination_date"),
    ("last_working_day", "last_working_day"),
    ("weekly_working_hours", "weekly_hours"),
    ("employment_type", "employment_type"),
    ("profile_picture", "picture_url"),
    ("created_at", "created_at"),
    ("last_modified_at", "updated_at"),
];

/// The attributes that the guide names, beside custom ones; it calls the employment type `employee_type`.
const IN_GUIDE: [&str; 18] = [
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

/// What version 2 tells of a person and their employment, under the names of version 1.
const IN_V2: [&str; 25] = [
    "id",
    "first_name",
    "last_name",
    "preferred_name",
    "email",
    "gender",
    "status",
    "position",
    "department",
    "office",
    "team",
    "subcompany",
    "supervisor",
    "cost_centers",
    "hire_date",
    "contract_end_date",
    "probation_period_end",
    "termination_date",
    "termination_type",
    "termination_reason",
    "last_working_day",
    "weekly_working_hours",
    "profile_picture",
    "created_at",
    "last_modified_at",
];

/// Everything of a stream, as the first credential may read it.
pub(super) fn records(handle: &Handle, dialect: Dialect, base_url: &str, stream: Stream) -> Vec<Expected> {
    match stream {
        Stream::Employees => employees(handle, dialect, base_url),
        Stream::Absences => absences(handle, dialect),
        Stream::Attendances => attendances(handle, dialect),
    }
}

/// What discovery must find.
pub(super) fn attributes(handle: &Handle, dialect: Dialect) -> Vec<DiscoveredAttribute> {
    let all = handle.attributes();
    let sent = all.iter().filter(|attribute| is_sent(text(attribute, "key"), dialect));
    sent.map(|attribute| {
        let key = text(attribute, "key");
        let options = attribute["options"].as_array().into_iter().flatten();
        DiscoveredAttribute {
            key: name(key, dialect).to_owned(),
            label: text(attribute, "label").to_owned(),
            kind: kind(text(attribute, "type")),
            universal_id: attribute["universal_id"].as_str().map(str::to_owned),
            options: options.filter_map(Value::as_str).map(str::to_owned).collect(),
            is_custom: key.starts_with("dynamic_"),
            canonical_field: canonical(key).map(str::to_owned),
        }
    })
    .collect()
}

fn is_in_v2(key: &str) -> bool {
    key.starts_with("dynamic_") || IN_V2.contains(&key)
}

/// What discovery must find in version 2; it tells neither labels nor choices.
pub(super) fn attributes_of_v2(handle: &Handle) -> Vec<DiscoveredAttribute> {
    attributes(handle, Dialect::Vendor).into_iter().filter(|attribute| is_in_v2(&attribute.key)).collect()
}

/// The people of version 2: those of version 1 without what it does not tell, their supervisors without names.
pub(super) fn employees_of_v2(handle: &Handle, base_url: &str) -> Vec<Expected> {
    let mut people = employees(handle, Dialect::Vendor, base_url);
    for person in &mut people {
        person.attributes.retain(|key, _| is_in_v2(key));
        person.fields.remove("employment_type");
        let supervisor = person.fields.get_mut("supervisor").and_then(Value::as_object_mut);
        supervisor.map(|supervisor| supervisor.insert("name".to_owned(), Value::Null));
        let fields = &person.fields;
        if let Some(named) = person.attributes.get_mut("supervisor") {
            *named = fields["supervisor"].clone();
        }
        // Its words for how an employment ends are others.
        if let Some(kind) = person.attributes.get_mut("termination_type") {
            *kind = match (fields.get("termination_date"), kind.as_str()) {
                (Some(Value::Null), _) => Value::Null,
                (_, Some("employee")) => "employee".into(),
                (_, Some("employer")) => "fired".into(),
                _ => "unspecified".into(),
            };
        }
    }
    people
}

/// How many kinds of units somebody belongs to.
pub(super) fn n_kinds_of_units(handle: &Handle) -> usize {
    let people = handle.people();
    let is_used = |key: &&&str| {
        people.iter().any(|person| match &person[**key] {
            Value::Array(list) => !list.is_empty(),
            other => !other.is_null(),
        })
    };
    ["department", "team", "subcompany", "office", "cost_centers"].iter().filter(is_used).count()
}

fn kind(vendors: &str) -> AttributeType {
    match vendors {
        "standard" => AttributeType::Text,
        "multiline" => AttributeType::Multiline,
        "date" => AttributeType::Date,
        "integer" => AttributeType::Integer,
        "decimal" => AttributeType::Decimal,
        "list" => AttributeType::List,
        "tags" => AttributeType::Tags,
        "link" => AttributeType::Link,
        other => panic!("the vendor has no type {other}"),
    }
}

fn is_sent(key: &str, dialect: Dialect) -> bool {
    dialect == Dialect::Vendor || key.starts_with("dynamic_") || IN_GUIDE.contains(&key)
}

fn name(key: &str, dialect: Dialect) -> &str {
    if dialect == Dialect::Guide && key == "employment_type" { "employee_type" } else { key }
}

fn canonical(key: &str) -> Option<&'static str> {
    CANONICAL.iter().find(|(vendors, _)| *vendors == key).map(|(_, field)| *field)
}

fn employees(handle: &Handle, dialect: Dialect, base_url: &str) -> Vec<Expected> {
    let people = handle.people();
    let readable: Vec<(String, String)> = readable_attributes(handle, dialect);
    let by_id: BTreeMap<u64, &Value> = people.iter().filter_map(|one| Some((one["id"].as_u64()?, one))).collect();
    people
        .iter()
        .map(|person| {
            let (mut fields, mut attributes) = (Fields::new(), BTreeMap::new());
            for (key, kind) in &readable {
                let value = value(person, key, kind, dialect, base_url, &by_id);
                if let Some(field) = canonical(key) {
                    fields.insert(field.to_owned(), value.clone());
                }
                attributes.insert(name(key, dialect).to_owned(), value);
            }
            Expected {
                id: person["id"].to_string(),
                fields,
                attributes,
                maybe_nameless: &["supervisor"],
                employee: None,
                days: None,
                changed_at: moment(person, "last_modified_at"),
                // The guide: offboarded employees are not in such answers.
                tells_changes: dialect == Dialect::Vendor || person["status"] != "inactive",
            }
        })
        .collect()
}

/// Keys and types of what the first credential may read: what is hidden from it is not sent.
fn readable_attributes(handle: &Handle, dialect: Dialect) -> Vec<(String, String)> {
    let hidden = handle.whitelist(0);
    let shows = |key: &str| {
        let listed = |keys: &BTreeSet<String>| keys.contains(key) || keys.contains(name(key, dialect));
        key == "id" || hidden.as_ref().is_none_or(listed)
    };
    let all = handle.attributes();
    let sent = all.iter().map(|attribute| (text(attribute, "key"), text(attribute, "type")));
    sent.filter(|(key, _)| is_sent(key, dialect) && shows(key))
        .map(|(key, kind)| (key.to_owned(), kind.to_owned()))
        .collect()
}

fn value(
    person: &Value,
    key: &str,
    kind: &str,
    dialect: Dialect,
    base_url: &str,
    people: &BTreeMap<u64, &Value>,
) -> Value {
    let plain = &person[key];
    match (key, kind) {
        // No status of the guide's fits somebody who is still to come.
        ("status", _) if dialect == Dialect::Guide && plain == "onboarding" => "active".into(),
        ("department" | "office" | "team" | "subcompany", _) => reference(plain),
        ("created_at" | "last_modified_at", _) => json!(moment(person, key)),
        ("supervisor", _) => plain.as_u64().and_then(|id| people.get(&id)).map_or(Value::Null, |supervisor| {
            // The guide's supervisor is an id alone.
            let full = format!("{} {}", text(supervisor, "first_name"), text(supervisor, "last_name"));
            json!({"id": plain.to_string(), "name": (dialect == Dialect::Vendor).then_some(full)})
        }),
        ("cost_centers", _) => plain.as_array().into_iter().flatten().map(cost_center).collect(),
        ("profile_picture", _) => {
            let width = if dialect == Dialect::Guide { "/600" } else { "" };
            format!("{base_url}/v1/company/employees/{}/profile-picture{width}", person["id"]).into()
        }
        ("holiday_calendar", _) => typed("HolidayCalendar", plain),
        ("work_schedule", _) => typed("WorkSchedule", plain),
        // An empty list stands for nothing here, as the vendor writes it for nothing elsewhere.
        ("absence_entitlement", _) => plain
            .as_array()
            .filter(|list| !list.is_empty())
            .map_or(Value::Null, |list| list.iter().map(|one| typed("TimeOffType", one)).collect()),
        ("weekly_working_hours", _) | (_, "decimal") => number_text(plain),
        (_, "tags") => plain.as_array().cloned().unwrap_or_default().into(),
        _ => plain.clone(),
    }
}

fn reference(plain: &Value) -> Value {
    if plain.is_null() { Value::Null } else { json!({"id": plain["id"].to_string(), "name": plain["name"]}) }
}

fn cost_center(plain: &Value) -> Value {
    json!({"id": plain["id"].to_string(), "name": plain["name"], "percentage": plain["percentage"].to_string()})
}

/// Objects that feed no field of ours stay as the vendor dresses them.
fn typed(kind: &str, plain: &Value) -> Value {
    if plain.is_null() { Value::Null } else { json!({"type": kind, "attributes": plain}) }
}

fn number_text(plain: &Value) -> Value {
    if plain.is_null() { Value::Null } else { plain.to_string().into() }
}

fn absences(handle: &Handle, dialect: Dialect) -> Vec<Expected> {
    let types: BTreeMap<u64, Value> =
        handle.time_off_types().into_iter().filter_map(|kind| Some((kind["id"].as_u64()?, kind))).collect();
    let one = |absence: Absence| {
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
        let kind = types.get(&time_off_type_id).expect("the kind of absence is known");
        let mut fields = json!({
            "employee": {"id": employee_id.to_string(), "name": null},
            "starts_on": start_date,
            "ends_on": end_date,
        });
        if dialect == Dialect::Vendor {
            fields["type"] = json!({"id": time_off_type_id.to_string(), "name": kind["name"]});
            fields["status"] = status.into();
            fields["half_day_start"] = half_day_start.into();
            fields["half_day_end"] = half_day_end.into();
            fields["days"] = days_count.to_string().into();
            fields["comment"] = json!(comment);
            fields["certificate_status"] = certificate.into();
            fields["created_at"] = json!(created_at);
            fields["updated_at"] = json!(updated_at);
        } else {
            fields["type"] = json!({"id": null, "name": kind["name"]});
        }
        of_somebody(id, employee_id, fields, (start_date, end_date), updated_at)
    };
    handle.absences().into_iter().map(one).collect()
}

/// Hours of a working day that is absent as a whole.
const DAY_HOURS: usize = 8;

/// The absences of version 2: those of version 1 under other ids, some of them in hours.
pub(super) fn absences_of_v2(handle: &Handle) -> Vec<Expected> {
    let types: BTreeMap<u64, Value> =
        handle.time_off_types().into_iter().filter_map(|kind| Some((kind["id"].as_u64()?, kind))).collect();
    let absences: BTreeMap<u64, Absence> = handle.absences().into_iter().map(|absence| (absence.id, absence)).collect();
    let one = |period: AbsencePeriod| {
        let AbsencePeriod { id, absence, absence_type, is_in_hours, start, end, created_at, updated_at } = period;
        let whole = &absences[&absence];
        let half = |is: bool| if is_in_hours { Value::Null } else { is.into() };
        let mut fields = json!({
            "employee": {"id": whole.employee_id.to_string(), "name": null},
            "type": {"id": absence_type, "name": types[&whole.time_off_type_id]["name"]},
            "status": whole.status,
            "starts_on": start.date(),
            "ends_on": end.map(|_| whole.end_date),
            "half_day_start": half(whole.half_day_start),
            "half_day_end": if end.is_some() { half(whole.half_day_end) } else { Value::Null },
            "comment": json!(whole.comment),
            "created_at": created_at.format("%Y-%m-%dT%H:%M:%S").to_string(),
            "updated_at": updated_at.format("%Y-%m-%dT%H:%M:%S").to_string(),
        });
        if let Some(end) = end {
            let days = whole.start_date.iter_days().take_while(|day| *day <= whole.end_date);
            let n_working = days.filter(|day| day.weekday().num_days_from_monday() < 5).count();
            assert_eq!(
                (start.time(), end.time()),
                <_>::default(),
                "nobody here is absent for a part of a day in hours"
            );
            let counts_hours = is_in_hours && n_working > 0;
            let hours = (n_working * DAY_HOURS).to_string();
            fields["hours"] = if counts_hours { hours.into() } else { Value::Null };
            fields["days"] = if counts_hours { Value::Null } else { whole.days_count.to_string().into() };
        }
        let days = (whole.start_date, whole.end_date);
        let expected = of_somebody(whole.id, whole.employee_id, fields, days, whole.updated_at);
        Expected { id, ..expected }
    };
    handle.absence_periods().into_iter().map(one).collect()
}

fn attendances(handle: &Handle, dialect: Dialect) -> Vec<Expected> {
    let absences = handle.absences();
    let one = |attendance: Attendance| {
        let Attendance {
            id,
            employee_id,
            date,
            start_time,
            end_time,
            break_minutes,
            comment,
            status,
            project,
            updated_at,
        } = attendance;
        let is_absent = |absence: &Absence| {
            absence.employee_id == employee_id && (absence.start_date..=absence.end_date).contains(&date)
        };
        let mut fields = json!({
            "employee": {"id": employee_id.to_string(), "name": null},
            "date": date,
            "starts_at": start_time,
            "ends_at": end_time,
        });
        if dialect == Dialect::Vendor {
            fields["break_minutes"] = break_minutes.into();
            fields["status"] = status.into();
            fields["comment"] = json!(comment);
            fields["project"] =
                json!(project.map(|project| json!({"id": project.id.to_string(), "name": project.name})));
            fields["is_holiday"] = false.into();
            fields["is_time_off"] = absences.iter().any(is_absent).into();
            fields["updated_at"] = json!(updated_at);
        }
        of_somebody(id, employee_id, fields, (date, date), updated_at)
    };
    handle.attendances().into_iter().map(one).collect()
}

/// The periods of version 2: of each attendance the work and the break apart.
pub(super) fn periods(handle: &Handle) -> Vec<Expected> {
    let absences = handle.absences();
    let attendances: BTreeMap<u64, Attendance> =
        handle.attendances().into_iter().map(|attendance| (attendance.id, attendance)).collect();
    let one = |period: AttendancePeriod| {
        let AttendancePeriod { id, attendance, is_break, start, end, updated_at } = period;
        let whole = &attendances[&attendance];
        let is_absent = |absence: &Absence| {
            absence.employee_id == whole.employee_id && (absence.start_date..=absence.end_date).contains(&whole.date)
        };
        let mut fields = json!({
            "kind": if is_break { "break" } else { "work" },
            "employee": {"id": whole.employee_id.to_string(), "name": null},
            "date": whole.date,
            "starts_at": start.format("%H:%M").to_string(),
            "ends_at": end.map(|end| end.format("%H:%M").to_string()),
            "status": whole.status,
            "is_holiday": false,
            "is_time_off": absences.iter().any(is_absent),
            "updated_at": updated_at.format("%Y-%m-%dT%H:%M:%S").to_string(),
        });
        if !is_break {
            fields["comment"] = json!(whole.comment);
            let project = whole.project.as_ref();
            fields["project"] = json!(project.map(|project| json!({"id": project.id.to_string(), "name": null})));
        }
        let expected = of_somebody(whole.id, whole.employee_id, fields, (whole.date, whole.date), whole.updated_at);
        Expected { id, ..expected }
    };
    handle.attendance_periods().into_iter().map(one).collect()
}

fn of_somebody(
    id: u64,
    employee: u64,
    fields: Value,
    days: (NaiveDate, NaiveDate),
    changed_at: DateTime<Utc>,
) -> Expected {
    Expected {
        id: id.to_string(),
        fields: serde_json::from_value(fields).expect("it is an object"),
        attributes: BTreeMap::new(),
        maybe_nameless: &[],
        employee: Some(employee.to_string()),
        days: Some(days),
        changed_at,
        tells_changes: true,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn moment(value: &Value, key: &str) -> DateTime<Utc> {
    text(value, key).parse().expect("the sandbox writes moments")
}
