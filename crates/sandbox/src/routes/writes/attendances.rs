//! Attendances made, changed and removed. Of several rows those that fit are kept though others are not, and the answer tells of each
//! (developer.personio.de, read 2026-11-23: its example names an id beside another row's failure).

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::change::Rejected;
use crate::people::Attendance;
use crate::request::Request;
use crate::state::State;

const OVERLAP: &str = "Existing overlapping attendances periods";
const MOST_EMPLOYEES: usize = 100;

/// `POST /v1/company/attendances`
pub(in crate::routes) fn create(state: &mut State, request: &Request, now: DateTime<Utc>) -> Answer {
    if state.quirks.forbid_writes {
        return Answer::missing_right();
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let rows = body.get("attendances").and_then(Value::as_array).filter(|rows| !rows.is_empty());
    let Some(rows) = rows else {
        return Answer::invalid("attendances", "The attendances field is required.");
    };
    let employees: std::collections::HashSet<String> =
        rows.iter().filter_map(|row| row.get("employee").map(Value::to_string)).collect();
    if employees.len() > MOST_EMPLOYEES {
        return Answer::invalid("attendances", "The attendances may not be of more than 100 employees.");
    }
    for (place, row) in rows.iter().enumerate() {
        if let Some(field) = misshapen(row) {
            let name = format!("attendances.{place}.{field}");
            return Answer::invalid(&name, &format!("The {name} field is required."));
        }
    }
    let waits = body.get("skip_approval") == Some(&Value::Bool(false));
    let outcomes: Vec<Result<u64, String>> = rows.iter().map(|row| add(state, row, waits, now)).collect();
    if let Ok(ids) = outcomes.iter().cloned().collect::<Result<Vec<u64>, _>>() {
        return Answer::json(200, &json!({"success": true, "data": {"id": ids, "message": "success"}}));
    }
    let told: Vec<Value> = rows.iter().zip(outcomes).map(|(row, outcome)| detail(row, outcome)).collect();
    let message = "Error when trying to insert Attendances periods rows";
    Answer::json(400, &json!({"success": false, "error": {"code": 400, "message": message, "detailed_message": told}}))
}

/// `PATCH /v1/company/attendances/{id}`
pub(in crate::routes) fn change(state: &mut State, request: &Request, id: u64, now: DateTime<Utc>) -> Answer {
    if state.quirks.forbid_writes {
        return Answer::missing_right();
    }
    let given = match serde_json::from_slice(&request.body) {
        Ok(Value::Object(given)) if !given.is_empty() => given,
        _ => return Answer::error(400, 400, "Bad Request"),
    };
    let waits = given.get("skip_approval") == Some(&Value::Bool(false));
    let plain = match plain(state, &Value::Object(given), waits) {
        Ok(plain) => plain,
        Err(problem) => return Answer::error(400, 400, &problem),
    };
    let Some(before) = state.world.attendances.get(&id).cloned() else { return unknown() };
    if let Err(rejected) = state.change_attendance(id, &Value::Object(plain), now) {
        return match rejected {
            Rejected::NotFound { .. } => unknown(),
            Rejected::Invalid { field, problem } => Answer::invalid(&field, &problem),
            Rejected::NotKept(_) => Answer::error(500, 500, "Server Error"),
        };
    }
    let overlaps = state.world.attendances.get(&id).is_some_and(|after| overlaps(state, after));
    if overlaps {
        state.keep_attendance(before);
        return Answer::error(400, 400, "Error when trying to insert Attendances periods rows.");
    }
    Answer::done("The attendance period was updated.")
}

/// `DELETE /v1/company/attendances/{id}`
pub(in crate::routes) fn delete(state: &mut State, id: u64) -> Answer {
    if state.quirks.forbid_writes {
        return Answer::missing_right();
    }
    match state.remove_attendance(id) {
        Ok(()) => Answer::done("The attendance period was deleted."),
        Err(_) => unknown(),
    }
}

fn unknown() -> Answer {
    Answer::error(404, 404, "The attendance period was not found.")
}

/// The first field of a row that is missing or of another shape.
fn misshapen(row: &Value) -> Option<&'static str> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_time = |text: &str| text.len() == 5 && NaiveTime::parse_from_str(text, "%H:%M").is_ok();
    let end = row.get("end_time").filter(|end| !end.is_null());
    [
        ("employee", row.get("employee").and_then(Value::as_u64).is_some()),
        ("date", text("date").parse::<NaiveDate>().is_ok()),
        ("start_time", is_time(text("start_time"))),
        ("end_time", end.is_none_or(|end| end.as_str().is_some_and(is_time))),
        ("break", row.get("break").and_then(Value::as_u64).is_some()),
    ]
    .into_iter()
    .find(|(_, fits)| !fits)
    .map(|(field, _)| field)
}

fn add(state: &mut State, row: &Value, waits: bool, now: DateTime<Utc>) -> Result<u64, String> {
    let mut plain = plain(state, row, waits)?;
    plain.extend(row.get("employee").map(|id| ("employee_id".to_owned(), id.clone())));
    let id = state.add_attendance(&Value::Object(plain), now).map_err(|rejected| rejected.to_string())?;
    if state.world.attendances.get(&id).is_some_and(|added| overlaps(state, added)) {
        state.forget_attendance(id);
        return Err(OVERLAP.to_owned());
    }
    Ok(id)
}

/// The fields of a body in the sandbox's own words, but for the person.
fn plain(state: &State, row: &Value, waits: bool) -> Result<Map<String, Value>, String> {
    let mut plain = Map::new();
    for key in ["date", "start_time", "end_time", "break", "comment"] {
        plain.extend(row.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    match row.get("project_id") {
        None => {}
        Some(Value::Null) => drop(plain.insert("project".to_owned(), Value::Null)),
        Some(id) => {
            let mut projects = state.world.attendances.values().filter_map(|other| other.project.as_ref());
            let project = projects.find(|project| id.as_u64() == Some(project.id));
            let project = project.ok_or_else(|| format!("Project {id} not found"))?;
            plain.insert("project".to_owned(), json!({"id": project.id, "name": project.name}));
        }
    }
    plain.insert("status".to_owned(), if waits { "pending" } else { "confirmed" }.into());
    Ok(plain)
}

/// Whether somebody would work twice at a time.
fn overlaps(state: &State, one: &Attendance) -> bool {
    let end = |attendance: &Attendance| attendance.end_time.clone().unwrap_or_else(|| "24:00".to_owned());
    let mut others = state.world.attendances.values().filter(|other| other.id != one.id && other.status != "rejected");
    others.any(|other| {
        other.employee_id == one.employee_id
            && other.date == one.date
            && other.start_time < end(one)
            && one.start_time < end(other)
    })
}

fn detail(row: &Value, outcome: Result<u64, String>) -> Value {
    let mut told = row.as_object().cloned().unwrap_or_default();
    told.insert("success".to_owned(), outcome.is_ok().into());
    told.insert("id".to_owned(), outcome.as_ref().map_or(Value::Null, |id| json!(id)));
    told.insert("error_msg".to_owned(), outcome.err().map_or(Value::Null, Value::from));
    Value::Object(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, body};

    fn row(bench: &Bench, start: &str, end: &str) -> Value {
        let employee = bench.handle.people()[0]["id"].clone();
        json!({"employee": employee, "date": "2031-03-03", "start_time": start, "end_time": end, "break": 15})
    }

    fn create(bench: &Bench, rows: &[Value]) -> Answer {
        bench.post("/v1/company/attendances", &json!({"attendances": rows, "skip_approval": true}))
    }

    #[test]
    fn rows_that_fit_are_kept_and_named_in_their_order() {
        let bench = Bench::new();
        let rows = [row(&bench, "08:00", "12:00"), row(&bench, "13:00", "17:00")];
        let answer = create(&bench, &rows);
        let ids = body(&answer)["data"]["id"].as_array().unwrap().clone();
        assert_eq!((answer.status, ids.len()), (200, 2));
        let made = bench.handle.attendances();
        let first = made.iter().find(|one| json!(one.id) == ids[0]).unwrap();
        assert_eq!((first.start_time.as_str(), first.break_minutes), ("08:00", 15));
    }

    #[test]
    fn a_row_that_overlaps_is_told_beside_those_that_fit() {
        let bench = Bench::new();
        let stranger = json!({"employee": 1, "date": "2031-03-03", "start_time": "08:00", "break": 0});
        let rows = [row(&bench, "08:00", "12:00"), row(&bench, "11:00", "13:00"), stranger];
        let n_before = bench.handle.attendances().len();
        let answer = create(&bench, &rows);
        let told = body(&answer)["error"]["detailed_message"].clone();
        assert_eq!((answer.status, &told[0]["success"], &told[1]["error_msg"]), (400, &json!(true), &json!(OVERLAP)));
        assert!(told[0]["id"].is_u64() && told[1]["id"].is_null() && told[2]["success"] == json!(false));
        assert_eq!(bench.handle.attendances().len(), n_before + 1);
    }

    #[test]
    fn a_row_of_another_shape_is_named() {
        let bench = Bench::new();
        for (field, value) in [("date", json!("03.03.2031")), ("start_time", json!("8")), ("break", Value::Null)] {
            let mut wrong = row(&bench, "08:00", "12:00");
            wrong[field] = value;
            let answer = create(&bench, &[row(&bench, "13:00", "14:00"), wrong]);
            let name = format!("attendances.1.{field}");
            assert_eq!((answer.status, body(&answer)["error"]["error_data"][&name].is_array()), (422, true), "{field}");
        }
        assert_eq!(create(&bench, &[]).status, 422);
    }

    #[test]
    fn a_change_sets_and_empties_and_never_overlaps() {
        let bench = Bench::new();
        let made = create(&bench, &[row(&bench, "08:00", "12:00"), row(&bench, "13:00", "17:00")]);
        let path = format!("/v1/company/attendances/{}", body(&made)["data"]["id"][0]);
        let shown = || {
            let id = body(&made)["data"]["id"][0].as_u64().unwrap();
            bench.handle.attendances().into_iter().find(|one| one.id == id).unwrap()
        };
        assert_eq!(bench.send("PATCH", &path, &json!({"end_time": "11:00", "comment": "früher"})).status, 200);
        let after = shown();
        assert_eq!((after.end_time.as_deref(), after.comment.as_deref()), (Some("11:00"), Some("früher")));
        assert_eq!(bench.send("PATCH", &path, &json!({"end_time": "14:00"})).status, 400);
        assert_eq!(shown().end_time.as_deref(), Some("11:00"), "nothing changed");
        assert_eq!(bench.send("PATCH", &path, &json!({"comment": null})).status, 200);
        assert_eq!(shown().comment, None);
        assert_eq!(bench.send("DELETE", &path, &Value::Null).status, 200);
        assert_eq!(bench.send("PATCH", &path, &json!({"comment": "x"})).status, 404);
    }
}
