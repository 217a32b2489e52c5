//! Everything that version 1 answers.

use serde_json::{Value, json};

use crate::config::{Config, Limits, RateLimit};
use crate::quirks::Quirks;
use crate::testing::{Bench, body};

use super::{is, switches};

pub(super) fn drive() {
    let mut bench = Bench::new();
    read(&bench);
    write(&bench);
    refused(&bench);
    for turned in switches() {
        bench.handle.change_switches(&turned).unwrap();
        bench.log_in();
        read(&bench);
        bench.log_in();
        write(&bench);
        bench.handle.set_quirks(Quirks::default()).unwrap();
        bench.log_in();
    }
    narrowed(&bench);
    let limits = Limits { limit: 1, auth_per_min: 1, ..Limits::default() };
    let bench = Bench::of(|config| Config { rate_limit: RateLimit::On(limits), ..config });
    for _ in 0..3 {
        bench.get("/v1/company/employees");
    }
    is(&bench.get("/v1/company/employees"), 429);
    is(&bench.login(), 429);
}

/// Reads whatever there is; a switch may refuse it.
fn read(bench: &Bench) {
    let people = bench.handle.people();
    let (first, absences) = (people[0]["id"].clone(), bench.handle.absences());
    for target in [
        "/v1/company/employees".to_owned(),
        "/v1/company/employees?limit=100".to_owned(),
        "/v1/company/employees?limit=7&offset=7".to_owned(),
        "/v1/company/employees?limit=3&attributes[]=email".to_owned(),
        "/v1/company/employees?updated_since=2020-01-01T00:00:00&attributes[]=email".to_owned(),
        "/v1/company/employees?updated_since=gestern".to_owned(),
        format!("/v1/company/employees?email={}", people[3]["email"].as_str().unwrap()),
        format!("/v1/company/employees/{first}"),
        "/v1/company/employees/1".to_owned(),
        "/v1/company/employees/attributes".to_owned(),
        "/v1/company/employees/custom-attributes".to_owned(),
        format!("/v1/company/employees/{first}/absences/balance"),
        "/v1/company/employees/1/absences/balance".to_owned(),
        "/v1/company/time-offs".to_owned(),
        "/v1/company/time-offs?limit=5&offset=2".to_owned(),
        "/v1/company/time-offs?start_date=gestern".to_owned(),
        format!("/v1/company/time-offs/{}", absences[0].id),
        "/v1/company/time-offs/1".to_owned(),
        "/v1/company/time-off-types?limit=200".to_owned(),
        "/v1/company/attendances?start_date=2020-01-01&end_date=2032-01-01&includePending=true".to_owned(),
        "/v1/company/attendances?start_date=2020-01-01&end_date=2030-01-01&limit=3&offset=3".to_owned(),
        "/v1/company/attendances?start_date=2031-01-01&end_date=2032-01-01".to_owned(),
        "/v1/company/attendances".to_owned(),
        "/v1/nothing".to_owned(),
    ] {
        bench.get(&target);
    }
    for person in &people {
        let path = format!("/v1/company/employees/{}/profile-picture", person["id"]);
        bench.get(&path);
        bench.get(&format!("{path}/64"));
    }
}

/// Writes whatever can be written, and some of what cannot.
fn write(bench: &Bench) {
    let people = bench.handle.people();
    let employee = people[0]["id"].clone();
    let n = people.len();
    let person = json!({
        "email": format!("neu{n}@acme.example"), "first_name": "A", "last_name": "B", "department": "Nirgends",
    });
    bench.post("/v1/company/employees", &json!({"employee": person}));
    bench.post("/v1/company/employees", &json!({"employee": {}}));
    let path = format!("/v1/company/employees/{employee}");
    bench.send("PATCH", &path, &json!({"employee": {"position": "Chef", "office": "Nirgends"}}));
    bench.send("PATCH", &path, &json!({"employee": {"supervisor_id": 1}}));
    bench.send("PATCH", "/v1/company/employees/1", &json!({"employee": {}}));

    let time_off = json!({
        "employee_id": employee, "time_off_type_id": bench.handle.absences()[0].time_off_type_id, "start_date": "2031-03-03",
        "end_date": "2031-03-04", "half_day_start": true, "half_day_end": false, "comment": "x",
    });
    let made = bench.post("/v1/company/time-offs", &time_off);
    bench.post("/v1/company/time-offs", &time_off);
    bench.post("/v1/company/time-offs", &json!({}));
    let mut other = time_off;
    other["time_off_type_id"] = json!(1);
    bench.post("/v1/company/time-offs", &other);
    if made.status == 200 {
        let path = format!("/v1/company/time-offs/{}", body(&made)["data"]["attributes"]["id"]);
        for _ in 0..2 {
            bench.send("DELETE", &path, &Value::Null);
        }
    }

    let row = |day: &str, start: &str| json!({"employee": employee, "date": day, "start_time": start, "end_time": "12:00", "break": 0});
    let stranger = json!({"employee": 1, "date": "2031-03-05", "start_time": "08:00", "break": 0});
    let mut running = row("2031-03-06", "09:00");
    running["comment"] = json!("x");
    running["end_time"] = Value::Null;
    let made = bench.post("/v1/company/attendances", &json!({"attendances": [row("2031-03-05", "08:00")]}));
    bench.post("/v1/company/attendances", &json!({"attendances": [running, stranger, row("2031-03-06", "10:00")]}));
    bench.post("/v1/company/attendances", &json!({}));
    if made.status == 200 {
        let path = format!("/v1/company/attendances/{}", body(&made)["data"]["id"][0]);
        bench.send("PATCH", &path, &json!({"comment": "y"}));
        bench.send("PATCH", &path, &Value::Null);
        for _ in 0..2 {
            bench.send("DELETE", &path, &Value::Null);
        }
        bench.send("PATCH", &path, &json!({"comment": "y"}));
    }
}

fn refused(bench: &Bench) {
    is(&bench.send("DELETE", "/v1/auth", &Value::Null), 405);
    is(&bench.post("/v1/auth", &json!({"client_id": "x", "client_secret": "y"})), 403);
    is(&bench.post("/v1/auth?client_id=x", &Value::Null), 403);
    let mut stranger = Bench::new();
    stranger.token = String::new();
    is(&stranger.get("/v1/company/employees"), 401);
    stranger.token = "papi-nobody".to_owned();
    is(&stranger.get("/v1/company/employees"), 403);
    stranger.log_in();
    stranger.handle.change_switches(&json!({"token_mode": "rotating"})).unwrap();
    stranger.get("/v1/company/employees");
    is(&stranger.get("/v1/company/employees"), 401);
}

/// What a credential sees that may not see all.
fn narrowed(bench: &Bench) {
    let client = bench.handle.0.config.client_id();
    bench.handle.set_whitelist(&client, Some(vec!["email".to_owned()])).unwrap();
    read(bench);
}
