//! Absences made and removed. There is no way to change one (developer.personio.de, read 2026-11-23).

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::change::Rejected;
use crate::request::Request;
use crate::state::State;

const REQUIRED: [&str; 6] =
    ["employee_id", "time_off_type_id", "start_date", "end_date", "half_day_start", "half_day_end"];

/// `POST /v1/company/time-offs`, as a form or as JSON.
pub(in crate::routes) fn create(state: &mut State, request: &Request, holder: usize, now: DateTime<Utc>) -> Answer {
    if state.quirks.forbid_writes {
        return Answer::missing_right();
    }
    let given = match serde_json::from_slice(&request.body) {
        Ok(Value::Object(given)) => given,
        _ => form(&request.body),
    };
    for field in REQUIRED {
        if given.get(field).is_none_or(Value::is_null) {
            return Answer::invalid(field, &format!("The {field} field is required."));
        }
    }
    let Some(kind) = given.get("time_off_type_id").and_then(Value::as_u64).and_then(|id| state.world.time_off_type(id))
    else {
        return Answer::error(404, 0, "Time-off type not found.");
    };
    let waits = kind.approval_required && given.get("skip_approval") == Some(&Value::Bool(false));
    let mut plain: Map<String, Value> =
        given.iter().filter(|(key, _)| REQUIRED.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
    plain.extend(given.get("comment").map(|comment| ("comment".to_owned(), comment.clone())));
    plain.insert("status".to_owned(), if waits { "pending" } else { "approved" }.into());
    if overlaps(state, &plain) {
        return Answer::error(400, 400, "Error when trying to insert absence period");
    }
    match state.add_absence(&Value::Object(plain), now) {
        Ok(id) => super::super::time_offs::get(state, holder, id),
        Err(Rejected::Invalid { field, problem }) => Answer::invalid(&field, &problem),
        Err(Rejected::NotFound { .. } | Rejected::NotKept(_)) => Answer::error(500, 500, "Server Error"),
    }
}

/// `DELETE /v1/company/time-offs/{id}`
pub(in crate::routes) fn delete(state: &mut State, id: u64) -> Answer {
    if state.quirks.forbid_writes {
        return Answer::missing_right();
    }
    match state.remove_absence(id) {
        Ok(()) => Answer::done("The absence period was deleted."),
        Err(_) => Answer::error(404, 404, "The absence period was not found."),
    }
}

/// The vendor takes nobody's second absence on a day.
fn overlaps(state: &State, plain: &Map<String, Value>) -> bool {
    let day = |name: &str| plain.get(name).and_then(Value::as_str)?.parse::<NaiveDate>().ok();
    let (Some(start), Some(end)) = (day("start_date"), day("end_date")) else { return false };
    let employee = plain.get("employee_id").and_then(Value::as_u64);
    let mut others = state.world.absences.values().filter(|absence| absence.status != "rejected");
    others.any(|other| Some(other.employee_id) == employee && other.start_date <= end && other.end_date >= start)
}

fn form(body: &[u8]) -> Map<String, Value> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let typed = |(key, value): (String, String)| {
        let is_text = key == "comment" || key.ends_with("_date");
        let flag = match value.as_str() {
            "1" if key.starts_with("half_day") || key == "skip_approval" => Some(json!(true)),
            "0" if key.starts_with("half_day") || key == "skip_approval" => Some(json!(false)),
            text if !is_text => serde_json::from_str(text).ok(),
            _ => None,
        };
        (key, flag.unwrap_or(Value::String(value)))
    };
    crate::server::query_pairs(text).into_iter().map(typed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, body};

    fn wanted(bench: &Bench) -> Value {
        let kind = bench.handle.absences()[0].time_off_type_id;
        json!({
            "employee_id": bench.handle.people()[0]["id"], "time_off_type_id": kind, "start_date": "2031-03-03",
            "end_date": "2031-03-04", "half_day_start": false, "half_day_end": true, "comment": "Räume",
        })
    }

    #[test]
    fn an_absence_is_made_and_shown_and_removed() {
        let bench = Bench::new();
        let answer = bench.post("/v1/company/time-offs", &wanted(&bench));
        let made = body(&answer)["data"]["attributes"].clone();
        assert_eq!((answer.status, &made["days_count"], &made["comment"]), (200, &json!(1.5), &json!("Räume")));
        let path = format!("/v1/company/time-offs/{}", made["id"]);
        assert_eq!(bench.get(&path).status, 200);
        assert_eq!(bench.send("DELETE", &path, &Value::Null).status, 200);
        assert_eq!(bench.send("DELETE", &path, &Value::Null).status, 404);
        assert_eq!(bench.get(&path).status, 404);
    }

    #[test]
    fn a_day_that_has_no_next_one_is_refused() {
        let bench = Bench::new();
        let mut wanted = wanted(&bench);
        (wanted["start_date"], wanted["end_date"]) = (json!("+262142-12-31"), json!("+262142-12-31"));
        assert_eq!(bench.post("/v1/company/time-offs", &wanted).status, 422);
        let row =
            json!({"employee": wanted["employee_id"], "date": "+262142-12-31", "start_time": "22:00", "break": 0});
        let rows = json!({"attendances": [row], "skip_approval": true});
        assert_eq!(bench.post("/v1/company/attendances", &rows).status, 400);
    }

    #[test]
    fn a_form_is_taken_like_json() {
        let bench = Bench::new();
        let mut request = Request::new("POST", "/v1/company/time-offs");
        request.authorization = Some(format!("Bearer {}", bench.token));
        let wanted = wanted(&bench);
        let (employee, kind) = (&wanted["employee_id"], &wanted["time_off_type_id"]);
        let form = format!(
            "employee_id={employee}&time_off_type_id={kind}&start_date=2031-03-03&end_date=2031-03-04&half_day_start=0&half_day_end=1"
        );
        request.body = form.into();
        let answer = bench.handle.answer(&request);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }

    #[test]
    fn what_cannot_be_made_is_refused_in_the_vendors_ways() {
        let bench = Bench::new();
        let n_before = bench.handle.absences().len();
        for (field, value, status) in [
            ("half_day_end", Value::Null, 422),
            ("employee_id", json!(1), 422),
            ("time_off_type_id", json!(1), 404),
            ("end_date", json!("2031-03-01"), 422),
        ] {
            let mut wanted = wanted(&bench);
            wanted[field] = value;
            assert_eq!(bench.post("/v1/company/time-offs", &wanted).status, status, "{field}");
        }
        assert_eq!(bench.handle.absences().len(), n_before);
        assert_eq!(bench.post("/v1/company/time-offs", &wanted(&bench)).status, 200);
        assert_eq!(bench.post("/v1/company/time-offs", &wanted(&bench)).status, 400, "it overlaps itself");
    }
}
