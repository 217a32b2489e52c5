//! The admin endpoints, their checks, and what survives a restart.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::config::{Config, Dialect};
use crate::testing::{Bench, body};

fn first_id(bench: &Bench) -> u64 {
    bench.handle.people()[0]["id"].as_u64().unwrap()
}

#[test]
fn an_added_person_appears_and_a_removed_one_is_gone() {
    let bench = Bench::new();
    bench.advance_s(10);
    let new = json!({"first_name": "Neu", "last_name": "Hier", "email": "neu@acme.example", "office": "Berlin"});
    let answer = bench.post("/_sandbox/people", &new);
    assert_eq!(answer.status, 201);
    let id = body(&answer)["id"].as_u64().unwrap();
    let shown = bench.ok(&format!("/v1/company/employees/{id}"));
    assert_eq!(shown["data"]["attributes"]["office"]["value"]["attributes"]["name"], "Berlin");
    assert_eq!(bench.ok("/_sandbox/people")["people"].as_array().unwrap().len(), 61);
    assert_eq!(bench.send("DELETE", &format!("/_sandbox/people/{id}"), &Value::Null).status, 200);
    assert_eq!(bench.get(&format!("/v1/company/employees/{id}")).status, 404);
    let again = bench.handle.add_person(&new).unwrap();
    assert_ne!(again, id, "ids are never used twice");
}

#[test]
fn a_change_is_visible_at_once_in_every_answer_it_stands_in() {
    let bench = Bench::new();
    let boss = first_id(&bench);
    let list = "/v1/company/employees?limit=100";
    let before = bench.ok(list);
    bench.advance_s(10);
    let answer = bench.send("PATCH", &format!("/_sandbox/people/{boss}"), &json!({"last_name": "Anders"}));
    assert_eq!(answer.status, 200);
    let after = bench.ok(list);
    assert_ne!(before, after);
    let named_in_reports = after["data"]
        .as_array()
        .unwrap()
        .iter()
        .any(|item| item["attributes"]["supervisor"]["value"]["attributes"]["last_name"]["value"] == "Anders");
    assert!(named_in_reports);
    assert_eq!(bench.handle.person(boss).unwrap()["last_modified_at"], "2026-06-15T08:00:10Z");
}

#[test]
fn removing_a_supervisor_leaves_no_dangling_ids() {
    let bench = Bench::new();
    let boss = first_id(&bench);
    bench.handle.remove_person(boss).unwrap();
    assert!(bench.handle.people().iter().all(|person| person["supervisor"] != boss));
    assert!(bench.handle.absences().iter().all(|absence| absence.employee_id != boss));
    assert!(bench.handle.attendances().iter().all(|attendance| attendance.employee_id != boss));
}

#[test]
fn values_that_do_not_fit_are_refused_with_a_reason() {
    let bench = Bench::new();
    let people = bench.handle.people();
    let (boss, report) = (&people[0]["id"], &people[1]["id"]);
    let rows = [
        (json!({"shoe_size": 44}), "is no attribute"),
        (json!({"status": "retired"}), "one of onboarding, active, leave, inactive"),
        (json!({"hire_date": "31.01.2026"}), "YYYY-MM-DD"),
        (json!({"weekly_working_hours": "40"}), "number"),
        (json!({"department": "Nirgends"}), "is not one of Engineering"),
        (json!({"email": people[1]["email"]}), "belongs to the person"),
        (json!({"supervisor": report}), "below"),
        (json!({"supervisor": 1}), "a person's id"),
        (json!({"first_name": null}), "must not be empty"),
        (json!({"id": 5}), "set by the sandbox"),
        (json!([]), "JSON object"),
    ];
    for (patch, reason) in rows {
        let answer = bench.send("PATCH", &format!("/_sandbox/people/{boss}"), &patch);
        let text = body(&answer)["error"].as_str().unwrap().to_owned();
        assert!(answer.status == 422 && text.contains(reason), "{patch}: {text}");
    }
    assert_eq!(bench.handle.people(), people, "a refused change changes nothing");
    assert_eq!(bench.send("PATCH", "/_sandbox/people/1", &json!({})).status, 404);
    assert_eq!(bench.post("/_sandbox/people", &json!({"first_name": "X"})).status, 422);
    assert_eq!(bench.post("/_sandbox/quirks", &json!({"metadta": true})).status, 422);
    assert!(body(&bench.get("/_sandbox/nothing"))["endpoints"].is_string());
}

#[test]
fn absences_and_attendances_are_added_changed_and_removed() {
    let bench = Bench::new();
    let id = first_id(&bench);
    let absence = json!({"employee_id": id, "type": "Sick days", "start_date": "2026-06-12", "end_date": "2026-06-15"});
    let added = body(&bench.post("/_sandbox/absences", &absence))["id"].as_u64().unwrap();
    assert_eq!(bench.ok(&format!("/v1/company/time-offs/{added}"))["data"]["attributes"]["days_count"], 2);
    let endless = bench.send("PATCH", &format!("/_sandbox/absences/{added}"), &json!({"end_date": "9999-12-31"}));
    assert_eq!(endless.status, 422);
    let wrong = bench.send("PATCH", &format!("/_sandbox/absences/{added}"), &json!({"end_date": "2026-06-01"}));
    assert!(body(&wrong)["error"].as_str().unwrap().contains("before start_date"));
    assert_eq!(bench.send("DELETE", &format!("/_sandbox/absences/{added}"), &Value::Null).status, 200);
    assert_eq!(bench.get(&format!("/v1/company/time-offs/{added}")).status, 404);

    let attendance = json!({"employee_id": id, "date": "2026-06-15", "start_time": "08:00", "end_time": "12:00"});
    let added = body(&bench.post("/_sandbox/attendances", &attendance))["id"].as_u64().unwrap();
    let path = format!("/_sandbox/attendances/{added}");
    assert_eq!(bench.send("PATCH", &path, &json!({"end_time": "25:00"})).status, 422);
    assert_eq!(bench.send("PATCH", &path, &json!({"end_time": "13:00"})).status, 200);
    assert_eq!(bench.send("DELETE", &path, &Value::Null).status, 200);
    assert_eq!(bench.send("DELETE", &path, &Value::Null).status, 404);
    assert_eq!(bench.post("/_sandbox/absences", &json!({"employee_id": 1, "start_date": "2026-06-12"})).status, 422);
}

#[test]
fn a_token_is_still_good_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let open = |path: PathBuf| Bench::of(|config| Config { state_file: Some(path), ..config.without_rate_limit() });
    let token = open(path.clone()).token;
    let again = open(path);
    assert_eq!(again.token, token);
    again.ok("/v1/company/employees?limit=1");
}

#[test]
fn what_was_changed_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let open = |path: PathBuf| Bench::of(|config| Config { state_file: Some(path), ..config.without_rate_limit() });
    let bench = open(path.clone());
    let ids: Vec<u64> = bench.handle.people().iter().map(|person| person["id"].as_u64().unwrap()).collect();
    bench.handle.change_person(ids[2], &json!({"position": "Befördert"})).unwrap();
    bench.handle.remove_person(ids[3]).unwrap();
    let new =
        bench.handle.add_person(&json!({"first_name": "A", "last_name": "B", "email": "ab@acme.example"})).unwrap();
    bench.handle.add_absence(&json!({"employee_id": new, "start_date": "2026-06-15"})).unwrap();
    bench.handle.remove_attendance(bench.handle.attendances()[0].id).unwrap();
    bench.handle.change_switches(&json!({"metadata": false, "credentials": [{"whitelist": ["email"]}]})).unwrap();

    let again = open(path.clone());
    assert_eq!(again.handle.people(), bench.handle.people());
    assert_eq!(again.handle.absences(), bench.handle.absences());
    assert_eq!(again.handle.attendances(), bench.handle.attendances());
    assert!(!again.handle.quirks().metadata);
    assert!(again.ok("/v1/company/employees?limit=1")["data"][0]["attributes"].get("first_name").is_none());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_kept_world_stays_around_the_day_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let shared = |days: i64| {
        let config = Config::new(30, 3);
        let today = chrono::NaiveDate::from_ymd_opt(2026, 6, 1).unwrap() + chrono::TimeDelta::days(days);
        let config = Config { state_file: Some(path.clone()), today, ..config };
        crate::handle::Handle(crate::state::Shared::new(config, String::new()).unwrap().into())
    };
    assert_eq!(shared(0).people(), shared(40).people());
}

#[test]
fn another_company_on_the_same_file_is_an_error_that_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let config = || Config { state_file: Some(path.clone()), ..Config::new(5, 1) };
    let open = |config: Config| crate::state::Shared::new(config, String::new()).map(drop);
    open(config()).unwrap();
    open(config()).unwrap();
    let cases = [
        (Config { seed: 2, ..config() }, ["seed", "\"1\"", "\"2\""]),
        (Config { people: 6, ..config() }, ["people", "\"5\"", "\"6\""]),
        (config().with_dialect(Dialect::Guide), ["dialect", "vendor", "guide"]),
        (Config { company: "Other".into(), ..config() }, ["company", "Acme", "Other"]),
    ];
    for (config, words) in cases {
        let text = open(config).unwrap_err().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    std::fs::write(&path, b"{").unwrap();
    assert!(open(config()).unwrap_err().to_string().contains("damaged"));
}
