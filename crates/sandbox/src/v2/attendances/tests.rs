//! Attendance periods as a caller sees them, and what version 1 sees of them.

use serde_json::{Value, json};

use crate::people::Attendance;
use crate::testing::body;
use crate::v2::testing::{V2, refusal};

const PATH: &str = "/v2/attendance-periods";

fn period(v2: &V2, kind: &str, start: &str, end: &str) -> Value {
    let at = |time: &str| json!({"date_time": format!("2027-03-01T{time}:00")});
    json!({"person": {"id": v2.person_ids()[0]}, "type": kind, "start": at(start), "end": at(end)})
}

fn made(v2: &V2, given: &Value) -> (String, usize) {
    let answer = v2.send("POST", &format!("{PATH}?skip_approval=true"), given);
    assert_eq!(answer.status, 201, "{given} {:?}", answer.body);
    let body = body(&answer);
    (format!("{PATH}/{}", body["id"].as_str().unwrap()), body["affected_periods"].as_array().unwrap().len())
}

/// Types and times of the periods on the day that is written to.
fn day(v2: &V2) -> Vec<String> {
    let periods = v2.all(&format!("{PATH}?attribution_date=2027-03-01&limit=1"));
    let time = |edge: &Value| edge["date_time"].as_str().map_or("", |text| &text[11..16]).to_owned();
    periods.iter().map(|one| format!("{} {}-{}", one["type"], time(&one["start"]), time(&one["end"]))).collect()
}

fn last(v2: &V2) -> Attendance {
    v2.bench.handle.attendances().pop().unwrap()
}

#[test]
fn an_attendance_is_its_work_and_its_break() {
    let v2 = V2::new();
    let periods = v2.all(&format!("{PATH}?limit=7"));
    let mut periods = periods.iter();
    for attendance in v2.bench.handle.attendances() {
        let n = if attendance.break_minutes == 0 { 1 } else { 3 };
        let parts: Vec<&Value> = periods.by_ref().take(n).collect();
        let edge = |part: &Value, name: &str| part[name]["date_time"].as_str().unwrap().to_owned();
        assert_eq!(edge(parts[0], "start"), format!("{}T{}:00", attendance.date, attendance.start_time));
        assert_eq!(edge(parts[n - 1], "end"), format!("{}T{}:00", attendance.date, attendance.end_time.unwrap()));
        assert!(parts.windows(2).all(|two| edge(two[0], "end") == edge(two[1], "start")), "no gaps");
        assert!(parts.iter().all(|part| part["person"]["id"] == json!(attendance.employee_id.to_string())));
        if n == 3 {
            assert_eq!([0, 1, 2].map(|place| parts[place]["type"].as_str().unwrap()), ["WORK", "BREAK", "WORK"]);
            assert!(parts[1].get("project").is_none());
        }
        assert_eq!(v2.ok(&format!("{PATH}/{}", parts[n - 1]["id"].as_str().unwrap())), *parts[n - 1]);
    }
    assert_eq!(periods.next(), None);
}

#[test]
fn each_filter_narrows_the_list_and_none_takes_a_zone() {
    let v2 = V2::new();
    v2.bench.advance_s(60);
    let attendances = v2.bench.handle.attendances();
    let booked = attendances.iter().find(|one| one.project.is_some() && one.break_minutes > 0).unwrap();
    v2.bench.handle.change_attendance(booked.id, &json!({"status": "pending"})).unwrap();
    let found = |query: &str| v2.all(&format!("{PATH}?{query}"));
    assert_eq!(found("status=PENDING").len(), 3);
    assert_eq!(found("updated_at.gte=2026-06-15T10:01:00").len(), 3);
    let project = format!("status=PENDING&project.id={}", booked.project.as_ref().unwrap().id);
    assert_eq!(found(&project).len(), 2, "a break has no project");
    let person = format!("person.id={}", booked.employee_id);
    assert!(found(&person).iter().all(|one| one["person"]["id"] == json!(booked.employee_id.to_string())));
    let (start, end) = (&booked.start_time, booked.end_time.as_ref().unwrap());
    let whole = format!("{person}&start.date_time.gte={0}T{start}:00&end.date_time.lte={0}T{end}:00", booked.date);
    assert_eq!(found(&whole).len(), 3);
    for bad in ["start.date_time.gte=2026-06-01T00:00:00Z", "end.date_time.lte=2026-06-01T00:00:00%2B02:00"] {
        assert_eq!(refusal(&v2.get(&format!("{PATH}?{bad}"))), (400, "Invalid request content".to_owned()), "{bad}");
    }
    for bad in ["updated_at.gte=2026-06-01T00:00:00Z", "attribution_date=1", "status=confirmed", "limit=101"] {
        assert_eq!(v2.get(&format!("{PATH}?{bad}")).status, 400, "{bad}");
    }
}

#[test]
fn work_is_written_and_seen_by_version_1() {
    let v2 = V2::new();
    let project = v2.bench.handle.attendances().into_iter().find_map(|one| one.project).unwrap();
    let mut given = period(&v2, "WORK", "08:00", "12:00");
    given["project"] = json!({"id": project.id.to_string()});
    given["comment"] = "Umzug".into();
    let (path, n_affected) = made(&v2, &given);
    let attendance = last(&v2);
    assert_eq!(
        (n_affected, attendance.start_time.as_str(), attendance.end_time.as_deref()),
        (0, "08:00", Some("12:00"))
    );
    assert_eq!((attendance.project, attendance.comment.as_deref()), (Some(project), Some("Umzug")));
    let v1 = v2.bench.ok("/v1/company/attendances?start_date=2027-03-01&end_date=2027-03-01");
    assert_eq!(v1["data"][0]["attributes"]["end_time"], "12:00");
    assert_eq!(v2.ok(&path)["approval"]["status"], "CONFIRMED");
    let waiting = v2.send("POST", PATH, &period(&v2, "WORK", "13:00", "14:00"));
    assert_eq!(v2.ok(&format!("{PATH}/{}", body(&waiting)["id"].as_str().unwrap()))["approval"]["status"], "PENDING");
    let mut running = period(&v2, "WORK", "15:00", "15:00");
    running["end"] = Value::Null;
    assert_eq!(v2.ok(&made(&v2, &running).0)["end"], Value::Null);
}

#[test]
fn a_break_joins_the_work_it_lies_in_or_adjoins() {
    let v2 = V2::new();
    made(&v2, &period(&v2, "WORK", "08:00", "16:00"));
    assert_eq!(made(&v2, &period(&v2, "BREAK", "11:00", "11:30")).1, 2);
    assert_eq!(day(&v2), [r#""WORK" 08:00-11:00"#, r#""BREAK" 11:00-11:30"#, r#""WORK" 11:30-16:00"#]);
    assert_eq!(last(&v2).break_minutes, 30);
    assert_eq!(v2.send("POST", PATH, &period(&v2, "BREAK", "14:00", "14:10")).status, 422, "one break for each");

    let v2 = V2::new();
    made(&v2, &period(&v2, "WORK", "08:00", "12:00"));
    assert_eq!(made(&v2, &period(&v2, "BREAK", "12:00", "12:30")).1, 1);
    made(&v2, &period(&v2, "WORK", "12:30", "16:00"));
    assert_eq!(day(&v2), [r#""WORK" 08:00-12:00"#, r#""BREAK" 12:00-12:30"#, r#""WORK" 12:30-16:00"#]);

    let joined = v2.bench.handle.attendances().into_iter().rev().nth(1).unwrap();
    assert_eq!((joined.end_time.as_deref(), joined.break_minutes), (Some("12:30"), 30));
    v2.bench.handle.change_attendance(joined.id, &json!({"end_time": "11:30"})).unwrap();
    assert_eq!(day(&v2)[1], r#""BREAK" 09:30-10:00"#, "in the middle, as its place no longer fits");
}

#[test]
fn what_cannot_be_written_is_refused() {
    let v2 = V2::new();
    made(&v2, &period(&v2, "WORK", "08:00", "12:00"));
    let before = v2.bench.handle.attendances();
    let base = || period(&v2, "WORK", "13:00", "14:00");
    let with = |name: &str, value: Value| {
        let mut given = base();
        given[name] = value;
        given
    };
    let mut booked_break = period(&v2, "BREAK", "09:00", "09:30");
    booked_break["project"] = json!({"id": before.iter().find_map(|one| one.project.clone()).unwrap().id.to_string()});
    for (given, status) in [
        (json!([]), 400),
        (with("type", "SLEEP".into()), 400),
        (with("person", Value::Null), 400),
        (with("start", json!({"date_time": "2027-03-01T13:00:00Z"})), 400),
        (with("person", json!({"id": "1"})), 422),
        (with("project", json!({"id": "1"})), 422),
        (period(&v2, "WORK", "14:00", "13:00"), 422),
        (with("end", json!({"date_time": "2027-03-02T13:00:00"})), 422),
        (period(&v2, "WORK", "11:59", "13:00"), 422),
        (period(&v2, "BREAK", "08:00", "12:00"), 422),
        (booked_break, 422),
    ] {
        assert_eq!(refusal(&v2.send("POST", PATH, &given)).0, status, "{given}");
    }
    assert_eq!(v2.bench.handle.attendances(), before);
}

#[test]
fn a_moved_period_takes_its_neighbours_along() {
    let v2 = V2::new();
    let (work, _) = made(&v2, &period(&v2, "WORK", "08:00", "16:00"));
    let (pause, _) = made(&v2, &period(&v2, "BREAK", "12:00", "13:00"));
    let at = |time: &str| json!({"date_time": format!("2027-03-01T{time}:00")});
    assert_eq!(v2.send("PATCH", &pause, &json!({"start": at("11:30")})).status, 204);
    assert_eq!(v2.send("PATCH", &work, &json!({"start": at("07:00"), "comment": "früh"})).status, 204);
    assert_eq!(day(&v2), [r#""WORK" 07:00-11:30"#, r#""BREAK" 11:30-13:00"#, r#""WORK" 13:00-16:00"#]);
    assert_eq!((last(&v2).break_minutes, last(&v2).comment.as_deref()), (90, Some("früh")));
    let rest = v2.all(&format!("{PATH}?attribution_date=2027-03-01"))[2]["id"].as_str().unwrap().to_owned();
    let rest = format!("{PATH}/{rest}");
    assert_eq!(v2.send("PATCH", &rest, &json!({"end": null})).status, 204);
    assert_eq!(day(&v2), [r#""WORK" 07:00-11:30"#, r#""BREAK" 11:30-13:00"#, r#""WORK" 13:00-"#]);
    assert_eq!(v2.send("PATCH", &rest, &json!({"end": at("16:00")})).status, 204);
    for bad in [json!({"end": at("13:00")}), json!({"end": null}), json!({"start": at("12:00")})] {
        assert_eq!(v2.send("PATCH", &work, &bad).status, 422, "{bad}");
    }
    assert_eq!(v2.send("PATCH", &work, &json!({"type": "BREAK"})).status, 400);
    assert_eq!(v2.send("PATCH", &format!("{PATH}/x"), &json!({})).status, 404);
}

#[test]
fn a_removed_period_leaves_the_others() {
    let v2 = V2::new();
    let (work, _) = made(&v2, &period(&v2, "WORK", "08:00", "16:00"));
    let (pause, _) = made(&v2, &period(&v2, "BREAK", "12:00", "13:00"));
    let n = v2.bench.handle.attendances().len();
    assert_eq!(v2.send("DELETE", &work, &Value::Null).status, 204);
    assert_eq!(day(&v2), [r#""BREAK" 12:00-13:00"#, r#""WORK" 13:00-16:00"#]);
    assert_eq!((v2.get(&work).status, v2.get(&pause).status), (404, 200));
    assert_eq!(v2.send("DELETE", &pause, &Value::Null).status, 204);
    assert_eq!(day(&v2), [r#""WORK" 13:00-16:00"#]);
    assert_eq!(v2.send("DELETE", &work, &Value::Null).status, 204);
    assert_eq!((day(&v2).len(), v2.bench.handle.attendances().len()), (0, n - 1));
    assert_eq!(v2.send("DELETE", &work, &Value::Null).status, 404);

    made(&v2, &period(&v2, "WORK", "08:00", "16:00"));
    let (pause, _) = made(&v2, &period(&v2, "BREAK", "12:00", "13:00"));
    assert_eq!(v2.send("DELETE", &pause, &Value::Null).status, 204);
    assert_eq!(day(&v2), [r#""WORK" 08:00-16:00"#]);
}
