//! What a caller who writes sees, without HTTP between.

use serde_json::{Value, json};

use crate::config::Dialect;
use crate::testing::{Bench, body};

fn guide() -> Bench {
    Bench::of(|config| config.with_dialect(Dialect::Guide).without_rate_limit())
}

fn someone(bench: &Bench) -> Value {
    bench.handle.people()[0]["id"].clone()
}

#[test]
fn an_employee_is_created_in_the_vendors_wrapper() {
    let bench = Bench::new();
    let unit = bench.handle.people()[0]["department"]["name"].clone();
    let employee = json!({
        "first_name": "Ida", "last_name": "Blom", "email": "ida.blom@example.org", "department": unit, "office": "Atlantis",
        "hire_date": "2026-12-01", "supervisor_id": someone(&bench), "team": "ignored", "unheard_of": 1,
    });
    let answer = bench.post("/v1/company/employees", &json!({ "employee": employee }));
    assert_eq!((answer.status, &body(&answer)["data"]["message"]), (200, &json!("success")));
    assert_eq!(body(&answer)["meta"].as_array().unwrap().len(), 1, "the office is not known");
    let id = body(&answer)["data"]["id"].as_u64().unwrap();
    let person = bench.handle.person(id).unwrap();
    assert_eq!((&person["status"], &person["department"]["name"]), (&json!("onboarding"), &unit));
    assert!(person["team"].is_null() && person["office"].is_null());
    assert_eq!(person["supervisor"], someone(&bench));
    assert_eq!(bench.handle.ledger(0).count("/v1/company/employees"), 1);
}

#[test]
fn a_form_is_taken_like_json() {
    let bench = Bench::new();
    let mut request = crate::request::Request::new("POST", "/v1/company/employees");
    request.authorization = Some(format!("Bearer {}", bench.token));
    request.body = "employee%5Bfirst_name%5D=Ida&employee[last_name]=Blom&employee[email]=ida%40example.org".into();
    let answer = bench.handle.answer(&request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

#[test]
fn what_cannot_be_created_changes_nothing() {
    let bench = Bench::new();
    let taken = bench.handle.people()[0]["email"].clone();
    let full = |change: Value| {
        let mut employee = json!({"first_name": "Ida", "last_name": "Blom", "email": "ida.blom@example.org"});
        employee.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "employee": employee })
    };
    let before = bench.handle.people();
    for (given, status) in [
        (json!({"first_name": "Ida", "last_name": "Blom", "email": "ida.blom@example.org"}), 422),
        (full(json!({"last_name": null})), 422),
        (full(json!({ "email": taken })), 422),
        (full(json!({"supervisor_id": 1})), 422),
        (full(json!({"status": "asleep"})), 422),
        (json!([]), 422),
    ] {
        assert_eq!(bench.post("/v1/company/employees", &given).status, status, "{given}");
    }
    bench.handle.change_switches(&json!({"forbid_writes": true})).unwrap();
    assert_eq!(bench.post("/v1/company/employees", &full(json!({}))).status, 403);
    assert_eq!(bench.handle.people(), before);
}

#[test]
fn a_change_leaves_the_email_and_what_it_does_not_name() {
    let bench = Bench::new();
    let before = bench.handle.people()[5].clone();
    let path = format!("/v1/company/employees/{}", before["id"]);
    let change = json!({"employee": {"email": "new@example.org", "position": "Lead", "supervisor_id": null, "office": "Atlantis"}});
    let answer = bench.send("PATCH", &path, &change);
    assert_eq!((answer.status, body(&answer)["meta"].as_array().unwrap().len()), (200, 1));
    let after = bench.handle.person(before["id"].as_u64().unwrap()).unwrap();
    assert_eq!((&after["email"], &after["position"]), (&before["email"], &json!("Lead")));
    assert!(after["supervisor"].is_null() && after["office"] == before["office"]);
    assert_eq!(bench.send("PATCH", "/v1/company/employees/1", &change).status, 404);
    let guide = guide();
    let answer =
        guide.send("PATCH", &path, &json!({"email": "new@example.org", "supervisor": {"id": someone(&guide)}}));
    assert_eq!((answer.status, &body(&answer)["data"]), (200, &json!({"message": "Employee updated."})));
    let after = guide.handle.person(before["id"].as_u64().unwrap()).unwrap();
    assert_eq!((&after["email"], &after["supervisor"]), (&json!("new@example.org"), &someone(&guide)));
    let incomplete = json!({"first_name": "Ida", "last_name": "Blom", "email": "ida.blom@example.org"});
    assert_eq!(guide.post("/v1/company/employees", &incomplete).status, 422, "the guide wants a hire date");
}
