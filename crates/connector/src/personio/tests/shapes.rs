//! One canonical record, whatever dress the vendor or the guide gives it.

use std::collections::HashSet;

use bytes::Bytes;
use gangway_domain::record::Stream;
use serde_json::{Value, json, value::RawValue};

use super::super::{absence, attendance, employee, item::Bad, value};
use crate::contract::SourceRecord;

fn read(stream: Stream, text: &str) -> Result<SourceRecord, Bad> {
    let raw: &RawValue = serde_json::from_str(text).unwrap();
    let bytes = Bytes::copy_from_slice(raw.get().as_bytes());
    match stream {
        Stream::Employees => employee::read(raw, bytes),
        Stream::Absences => absence::read(raw, bytes),
        Stream::Attendances => attendance::read(raw, bytes),
    }
}

fn field(stream: Stream, item: &Value, name: &str) -> Option<Value> {
    read(stream, &item.to_string()).unwrap().fields.get(name).cloned()
}

/// An employee with one attribute in the vendor's wrapper.
fn with(key: &str, value: &Value) -> Value {
    json!({"type": "Employee", "attributes": {
        "id": {"label": "ID", "value": 9, "type": "integer", "universal_id": "id"},
        key: {"label": key, "value": value, "type": "standard", "universal_id": key},
    }})
}

#[test]
fn one_employee_in_four_dresses() {
    let full = json!({"type": "Employee", "attributes": {
        "id": {"label": "ID", "value": 9, "type": "integer", "universal_id": "id"},
        "first_name": {"label": "Vorname", "value": "Jörg", "type": "standard", "universal_id": "first_name"},
        "weekly_working_hours": {"label": "Stunden", "value": "38.5", "type": "standard", "universal_id": null},
        "hire_date": {"label": "Eintritt", "value": "2020-02-01T00:00:00+0100", "type": "date"},
        "employment_type": {"label": "Art", "value": "internal", "type": "standard"},
        "department": {"label": "Abteilung", "value": {"type": "Department", "attributes": {"id": 4, "name": "Lager"}}},
        "supervisor": {"label": "Vorgesetzt", "value": {"type": "Employee", "attributes": {"id": {"value": 3}}}},
    }});
    let value_only = json!({"type": "Employee", "attributes": {
        "id": {"value": 9}, "first_name": {"value": "Jörg"}, "weekly_working_hours": {"value": 38.5},
        "hire_date": {"value": "2020-02-01"}, "employee_type": {"value": "internal"},
        "department": {"value": {"id": 4, "name": "Lager"}}, "supervisor": {"value": {"id": 3}},
    }});
    let bare = json!({"type": "Employee", "attributes": {
        "id": 9, "first_name": "Jörg", "weekly_working_hours": "38.50", "hire_date": "2020-02-01T00:00:00+01:00",
        "employment_type": "Internal", "department": {"type": "Department", "attributes": {"id": {"value": 4},
        "name": {"value": "Lager"}}}, "supervisor": 3,
    }});
    let flat = json!({"id": "9", "first_name": "Jörg", "weekly_working_hours": 38.50, "hire_date": "2020-02-01 00:00:00",
        "employee_type": "internal", "department": [{"id": "4", "name": "Lager"}], "supervisor": "3"});
    let expected = json!({
        "first_name": "Jörg", "weekly_hours": "38.5", "hire_date": "2020-02-01", "employment_type": "internal",
        "department": {"id": "4", "name": "Lager"}, "supervisor": {"id": "3", "name": null},
    });
    for item in [full, value_only, bare, flat] {
        let record = read(Stream::Employees, &item.to_string()).unwrap();
        assert_eq!((record.external.source.as_str(), record.external.id.as_str()), ("personio.v1", "9"));
        assert_eq!(json!(record.fields), expected, "{item}");
    }
}

#[test]
fn one_absence_nested_and_flat() {
    let nested = json!({"type": "TimeOffPeriod", "attributes": {
        "id": 12, "id_v2": "0191-aa", "status": "Approved", "start_date": "2026-12-28T00:00:00+0100",
        "end_date": "2026-12-31T00:00:00+01:00", "days_count": 3.5, "half_day_start": 0, "half_day_end": "1",
        "time_off_type": {"type": "TimeOffType", "attributes": {"id": 5, "name": "Vacation", "category": "paid_vacation"}},
        "employee": {"type": "Employee", "attributes": {"id": {"label": "id", "value": 7}, "email": {"value": "x@y"}}},
        "certificate": {"status": "not-required"}, "comment": "",
        "created_at": "2026-01-17T10:32:18+0100", "updated_at": "2026-01-17T10:32:18.250Z",
    }});
    let record = read(Stream::Absences, &nested.to_string()).unwrap();
    assert_eq!(
        json!(record.fields),
        json!({
            "status": "approved", "starts_on": "2026-12-28", "ends_on": "2026-12-31", "days": "3.5",
            "half_day_start": false, "half_day_end": true, "type": {"id": "5", "name": "Vacation"},
            "employee": {"id": "7", "name": null}, "certificate_status": "not-required", "comment": null,
            "created_at": "2026-01-17T09:32:18Z", "updated_at": "2026-01-17T10:32:18.250Z",
        })
    );
    assert_eq!(record.also[0].source, "personio.v2");
    assert_eq!(record.employee.unwrap().id, "7");

    let flat = json!({"id": 12, "employee_id": 7, "type": "Vacation", "start_date": "2026-12-28"});
    let record = read(Stream::Absences, &flat.to_string()).unwrap();
    assert_eq!(
        json!(record.fields),
        json!({"starts_on": "2026-12-28", "type": {"id": null, "name": "Vacation"}, "employee": {"id": "7", "name": null}})
    );
}

#[test]
fn one_attendance_nested_and_flat() {
    let nested = json!({"id": 99, "type": "AttendancePeriod", "attributes": {
        "employee": 7, "date": "2026-03-02", "start_time": "09:00", "end_time": null, "updated_at": "2026-03-02T16:41:08+01:00",
        "status": "confirmed", "break": 50, "comment": "", "is_holiday": false, "is_on_time_off": "false,",
        "project": {"id": 3, "type": "Project", "attributes": {"name": "Umzug", "active": true}},
    }});
    assert_eq!(
        json!(read(Stream::Attendances, &nested.to_string()).unwrap().fields),
        json!({
            "employee": {"id": "7", "name": null}, "date": "2026-03-02", "starts_at": "09:00", "ends_at": null,
            "updated_at": "2026-03-02T15:41:08Z", "status": "confirmed", "break_minutes": 50, "comment": null,
            "is_holiday": false, "is_time_off": false, "project": {"id": "3", "name": "Umzug"},
        })
    );
    let flat =
        json!({"id": 99, "employee": {"id": 7}, "date": "2026-03-02", "start_time": "09:00:00", "end_time": "17:00"});
    let record = read(Stream::Attendances, &flat.to_string()).unwrap();
    assert_eq!(
        json!(record.fields),
        json!({"employee": {"id": "7", "name": null}, "date": "2026-03-02", "starts_at": "09:00", "ends_at": "17:00"})
    );
    assert_eq!(record.employee.unwrap().id, "7");
}

#[test]
fn the_id_is_found_wherever_it_lies() {
    for text in [
        r#"{"id": 5, "type": "Employee", "attributes": {}}"#,
        r#"{"attributes": {"id": {"value": 5}}}"#,
        r#"{"attributes": {"id": {"value": "5", "type": "integer"}}}"#,
        r#"{"id": 6, "attributes": {"id": 5}}"#,
        r#"{"id": {"value": 5}}"#,
    ] {
        assert_eq!(read(Stream::Employees, text).unwrap().external.id, "5", "{text}");
    }
    for text in
        ["{}", "[]", "7", r#"{"id": null}"#, r#"{"id": ""}"#, r#"{"id": 1.5}"#, r#"{"id": [1]}"#, r#"{"id": true}"#]
    {
        assert!(read(Stream::Employees, text).is_err(), "{text}");
    }
}

#[test]
fn nothing_is_null_and_absent_stays_absent() {
    for nothing in [json!(null), json!(""), json!([]), json!({})] {
        for key in ["department", "supervisor", "hire_date", "position", "weekly_working_hours", "gender"] {
            let canonical = employee::canonical_field(key).unwrap();
            assert_eq!(field(Stream::Employees, &with(key, &nothing), canonical), Some(Value::Null), "{key} {nothing}");
        }
        assert_eq!(field(Stream::Employees, &with("cost_centers", &nothing), "cost_centers"), Some(json!([])));
    }
    assert_eq!(field(Stream::Employees, &json!({"id": 1}), "department"), None);
    let valueless = json!({"id": 1, "position": {"label": "Position", "type": "standard", "universal_id": "position"}});
    assert_eq!(field(Stream::Employees, &valueless, "position"), None);
}

#[test]
fn cost_centers_keep_exact_percentages() {
    let item = r#"{"id":1,"cost_centers":{"value":[{"type":"CostCenter","attributes":{"id":8,"name":"KST","percentage":33.30}},
        {"id":9,"name":"B","percentage":"66.70"},"Werk"]}}"#;
    assert_eq!(
        read(Stream::Employees, item).unwrap().fields["cost_centers"],
        json!([{"id": "8", "name": "KST", "percentage": "33.3"}, {"id": "9", "name": "B", "percentage": "66.7"},
               {"id": null, "name": "Werk", "percentage": null}])
    );
}

#[test]
fn unknown_words_are_kept_in_lower_case() {
    assert_eq!(
        field(Stream::Employees, &with("status", &json!(" Garden-Leave ")), "status"),
        Some(json!("garden-leave"))
    );
}

#[test]
fn dates_are_calendar_dates() {
    for (text, date) in [
        ("2020-02-01", json!("2020-02-01")),
        ("2020-02-01T00:00:00+02:00", json!("2020-02-01")),
        ("2020-02-01T00:00:00+0200", json!("2020-02-01")),
        ("2020-02-01T00:00:00-11:00", json!("2020-02-01")),
        ("2020-02-01T23:00:00Z", json!("2020-02-01")),
        ("0000-00-00", Value::Null),
        ("   ", Value::Null),
    ] {
        assert_eq!(field(Stream::Employees, &with("hire_date", &json!(text)), "hire_date"), Some(date), "{text}");
    }
    for text in ["01.02.2020", "2020-02-30", "2020-02-01x", "soon", "ä020-02-01"] {
        let bad = read(Stream::Employees, &with("hire_date", &json!(text)).to_string()).unwrap_err();
        assert_eq!((bad.external_id.as_deref(), bad.reason.as_str()), (Some("9"), "hire_date is not a date"));
    }
}

fn value_of(read: fn(&RawValue) -> Result<Value, &'static str>, text: &str) -> Option<Value> {
    read(serde_json::from_str(text).unwrap()).ok()
}

#[test]
fn booleans_times_and_decimals_in_every_dress() {
    for (text, expected) in [
        ("true", Some(json!(true))),
        ("0", Some(json!(false))),
        ("1", Some(json!(true))),
        ("\"1\"", Some(json!(true))),
        ("\"false,\"", Some(json!(false))),
        ("null", Some(Value::Null)),
        ("\"maybe\"", None),
        ("2", None),
    ] {
        assert_eq!(value_of(value::boolean, text), expected, "{text}");
    }
    for (text, expected) in [
        ("\"09:00\"", Some(json!("09:00"))),
        ("\"09:00:30\"", Some(json!("09:00:30"))),
        ("\"2026-03-02T09:00:00+01:00\"", Some(json!("09:00"))),
        ("\"2026-03-02 09:00\"", Some(json!("09:00"))),
        ("\"24:00\"", Some(json!("24:00"))),
        ("\"25:00\"", None),
        ("\"nine\"", None),
    ] {
        assert_eq!(value_of(value::time, text), expected, "{text}");
    }
    for (text, expected) in [
        ("40", Some(json!("40"))),
        ("40.00", Some(json!("40"))),
        ("\"38,5\"", Some(json!("38.5"))),
        ("0.1", Some(json!("0.1"))),
        ("1e400", Some(json!("1e400"))),
        ("123456789012345678901234567890.123456789", Some(json!("123456789012345678901234567890.123456789"))),
        ("\"\"", Some(Value::Null)),
        ("\"1.2.3\"", None),
        ("\"forty\"", None),
        ("\"-\"", None),
    ] {
        assert_eq!(value_of(value::decimal, text), expected, "{text}");
    }
}

#[test]
fn tags_come_in_four_dresses() {
    for text in [r#"["a","b"]"#, r#""[\"a\",\"b\"]""#, r#""a, b""#, r#""a,b,""#] {
        assert_eq!(value_of(value::tags, text), Some(json!(["a", "b"])), "{text}");
    }
    assert_eq!(value_of(value::tags, r#""[draft] a""#), Some(json!(["[draft] a"])));
    assert_eq!(value_of(value::tags, "null"), Some(json!([])));
}

#[test]
fn attributes_carry_every_key_with_its_value() {
    let item = r#"{"type":"Employee","attributes":{
        "id":{"value":9},
        "email":{"label":"Email","value":"a@example.org","type":"standard","universal_id":"email"},
        "fix_salary":{"label":"Gehalt","value":3000.10,"type":"decimal","universal_id":"fix_salary","currency":"EUR"},
        "dynamic_1":{"label":"Jahrestag","value":"2021-01-01T00:00:00+01:00","type":"date","universal_id":null},
        "dynamic_2":{"label":"Sprachen","value":"[\"de\",\"en\"]","type":"tags","universal_id":null},
        "dynamic_3":{"label":"Notiz","value":"a\u0000b","type":"multiline","universal_id":null},
        "shoe_size":{"value":42}
    }}"#;
    let record = read(Stream::Employees, item).unwrap();
    let values: Vec<_> = record
        .attributes
        .iter()
        .map(|found| (found.key.as_str(), found.value.clone(), found.canonical_field.as_deref()))
        .collect();
    assert_eq!(
        values,
        [
            ("id", json!(9), None),
            ("email", json!("a@example.org"), Some("email")),
            ("fix_salary", json!("3000.10"), None),
            ("dynamic_1", json!("2021-01-01"), None),
            ("dynamic_2", json!(["de", "en"]), None),
            ("dynamic_3", json!("a\0b"), None),
            ("shoe_size", json!(42), None),
        ]
    );
    assert_eq!(record.attributes[2].currency.as_deref(), Some("EUR"));
}

#[test]
fn cutting_an_attribute_out_leaves_the_rest_valid() {
    let text = r#"{"type":"Employee","attributes":{"id":{"value":9},"fix_salary" : {"value":3000},"email":{"value":"a@b"},
        "dynamic_1":{"value":"canary"} },"note":"x"}"#;
    let record = read(Stream::Employees, text).unwrap();
    let all: Vec<String> = record.spans.iter().map(|span| span.key.clone()).collect();
    assert_eq!(all, ["note", "id", "fix_salary", "email", "dynamic_1"]);
    for mask in 0..32_usize {
        let cut: HashSet<&str> =
            all.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, key)| key.as_str()).collect();
        let kept: Value = serde_json::from_slice(&record.raw_without(&cut)).unwrap();
        for key in &all {
            let place = if key == "note" { &kept[key] } else { &kept["attributes"][key] };
            assert_eq!(place.is_null(), cut.contains(key.as_str()), "{key} {cut:?}");
        }
    }
}

#[test]
fn every_occurrence_of_a_duplicate_key_is_cut_out() {
    let text =
        r#"{"attributes":{"id":1,"pay":{"value":"canary"},"pay":{"value":"canary"}},"attributes":{"pay":"canary"}}"#;
    let record = read(Stream::Employees, text).unwrap();
    let kept = record.raw_without(&HashSet::from(["pay"]));
    assert!(!String::from_utf8(kept.clone()).unwrap().contains("canary"));
    serde_json::from_slice::<Value>(&kept).unwrap();
    assert_eq!(record.attributes.iter().filter(|found| found.key == "pay").count(), 1);
}

#[test]
fn reasons_hold_no_values() {
    for item in [
        with("hire_date", &json!("canary")),
        with("weekly_working_hours", &json!("canary")),
        with("department", &json!(true)),
        with("canary email@example.org", &json!(nested(40))),
    ] {
        let bad = read(Stream::Employees, &item.to_string()).unwrap_err();
        assert!(!bad.reason.contains("canary"), "{}", bad.reason);
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!("canary"), |inner, _| json!([inner]))
}
