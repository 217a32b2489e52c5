//! The management of webhooks by the rules of the vendor's reference.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::MOST;
use crate::answer::Answer;
use crate::testing::{body, start};
use crate::v2::testing::{V2, refusal};

const PATH: &str = "/v2/webhooks";

fn wanted(n: usize) -> Value {
    json!({
        "url": format!("https://hooks.example.org/{n}"), "description": "Acme", "status": "ENABLED", "token": "t-1",
        "enabled_events": ["person.created", "person.updated", "absence-period.deleted"],
    })
}

fn with(changes: &Value) -> Value {
    let mut wanted = wanted(1);
    wanted.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    wanted
}

fn create(v2: &V2, wanted: &Value) -> Answer {
    v2.send("POST", PATH, wanted)
}

fn created(v2: &V2, wanted: &Value) -> String {
    let answer = create(v2, wanted);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    body(&answer)["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_webhook_is_registered_listed_changed_and_removed() {
    let v2 = V2::new();
    let id = created(&v2, &wanted(1));
    let one = v2.ok(&format!("{PATH}/{id}"));
    assert_eq!((&one["status"], &one["auth_type"], &one["token"]), (&json!("ENABLED"), &json!("TOKEN"), &json!("t-1")));
    assert_eq!(one["enabled_events"].as_array().unwrap().len(), 3);
    let changed = v2.send("PATCH", &format!("{PATH}/{id}"), &json!({"status": "DISABLED", "token": "t-2"}));
    assert_eq!(changed.status, 200);
    let changed = body(&changed);
    assert_eq!(
        (&changed["status"], &changed["token"], &changed["url"]),
        (&json!("DISABLED"), &json!("t-2"), &one["url"])
    );
    assert!(v2.all(&format!("{PATH}?status=ENABLED")).is_empty());
    assert_eq!(v2.all(&format!("{PATH}?enabled_events=person.created")).len(), 1);
    assert!(v2.all(&format!("{PATH}?enabled_events=person.deleted")).is_empty());
    assert_eq!(v2.send("DELETE", &format!("{PATH}/{id}"), &Value::Null).status, 204);
    assert_eq!(v2.send("DELETE", &format!("{PATH}/{id}"), &Value::Null).status, 404);
    assert_eq!((v2.all(PATH).len(), v2.get(&format!("{PATH}/{id}")).status), (0, 404));
}

#[test]
fn a_webhook_without_a_status_is_silent() {
    let v2 = V2::new();
    let mut silent = wanted(1);
    silent.as_object_mut().unwrap().remove("status");
    let id = created(&v2, &silent);
    assert_eq!(v2.ok(&format!("{PATH}/{id}"))["status"], "DISABLED");
    let person = v2.person_ids().remove(0).parse().unwrap();
    v2.bench.handle.change_person(person, &json!({"last_name": "Neu"})).unwrap();
    assert!(v2.all(&format!("{PATH}/{id}/events")).is_empty());
}

#[test]
fn what_the_reference_does_not_allow_is_refused_with_400() {
    let v2 = V2::new();
    for (changes, name) in [
        (json!({"url": null}), "url"),
        (json!({"url": "http://hooks.example.org/1"}), "url"),
        (json!({"url": "ftp://127.0.0.1/1"}), "url"),
        (json!({"url": "hooks"}), "url"),
        (json!({"description": 7}), "description"),
        (json!({"status": "enabled"}), "status"),
        (json!({"enabled_events": []}), "enabled_events"),
        (json!({"enabled_events": ["employee.created"]}), "enabled_events"),
        (json!({"enabled_events": ["ping"]}), "enabled_events"),
        (json!({"auth_type": "HMAC"}), "auth_type"),
        (json!({"token": "a\nb"}), "token"),
        (json!({"custom_headers": {"x-a": "1"}}), "custom_headers"),
        (json!({"auth_type": "CUSTOM"}), "custom_headers"),
        (json!({"auth_type": "CUSTOM", "custom_headers": {"Content-Type-2": "1"}}), "custom_headers"),
        (json!({"auth_type": "CUSTOM", "custom_headers": {"a": "1", "b": "2", "c": "3", "d": "4"}}), "custom_headers"),
    ] {
        let answer = create(&v2, &with(&changes));
        assert_eq!(refusal(&answer), (400, format!("Provided value for {name} is not valid")), "{changes}");
    }
    assert!(v2.all(PATH).is_empty());
    let custom = json!({"url": "http://127.0.0.1:9/1", "auth_type": "CUSTOM", "custom_headers": {"X-Key": "k"}});
    let id = created(&v2, &with(&custom));
    assert_eq!(v2.ok(&format!("{PATH}/{id}"))["custom_headers"], json!({"x-key": "k"}));
}

#[test]
fn an_address_is_registered_once_and_there_is_a_last_webhook() {
    let v2 = V2::new();
    created(&v2, &wanted(1));
    assert_eq!(refusal(&create(&v2, &wanted(1))).0, 409);
    for n in 2..=MOST {
        created(&v2, &wanted(n));
    }
    assert_eq!(refusal(&create(&v2, &wanted(0))).0, 422);
    let page = v2.ok(&format!("{PATH}?limit=3"));
    assert_eq!(page["_data"].as_array().unwrap().len(), 3);
    assert_eq!(v2.all(&format!("{PATH}?limit=3")).len(), MOST);
    assert_eq!(refusal(&v2.get(&format!("{PATH}?limit=201"))).0, 400);
}

#[test]
fn reading_and_writing_are_two_rights() {
    let v2 = V2::new();
    let id = created(&v2, &wanted(1));
    v2.switch(&json!({"credentials": [{"scopes": ["personio:webhooks:read"]}]}));
    assert_eq!(v2.get(PATH).status, 200);
    for (method, path) in [
        ("POST", PATH.to_owned()),
        ("PATCH", format!("{PATH}/{id}")),
        ("DELETE", format!("{PATH}/{id}")),
        ("POST", format!("{PATH}/{id}/ping")),
        ("POST", format!("{PATH}/{id}/redelivery")),
    ] {
        assert_eq!(refusal(&v2.send(method, &path, &wanted(2))).0, 403, "{method} {path}");
    }
    v2.switch(&json!({"credentials": [{"scopes": ["personio:webhooks:write"]}]}));
    assert_eq!(refusal(&v2.get(&format!("{PATH}/{id}/events"))).0, 403);
}

#[test]
fn events_are_listed_for_30_days_and_sent_again_within_the_vendors_limits() {
    let mut v2 = V2::new();
    let id = created(&v2, &wanted(1));
    let events = format!("{PATH}/{id}/events");
    let person: u64 = v2.person_ids().remove(0).parse().unwrap();
    for n in 0..120 {
        v2.bench.advance_s(1);
        v2.bench.handle.change_person(person, &json!({"last_name": format!("N{n}")})).unwrap();
    }
    let all = v2.all(&format!("{events}?limit=50"));
    assert_eq!(all.len(), 120);
    assert_eq!(all[0]["payload"], json!({"id": person.to_string()}));
    assert!(all[0]["company_id"].is_string() && all[0]["event_name"] == "person.updated");
    let at = |seconds: i64| (start() + TimeDelta::seconds(seconds)).to_rfc3339().replace("+00:00", "Z");
    assert_eq!(v2.all(&format!("{events}?occurred_at.gte={}&occurred_at.lte={}", at(11), at(20))).len(), 10);
    assert!(v2.all(&format!("{events}?event_name=person.created")).is_empty());
    assert_eq!(refusal(&v2.get(&format!("{events}?occurred_at.gte=yesterday"))).0, 400);

    let again = |content: Value| v2.send("POST", &format!("{PATH}/{id}/redelivery"), &content);
    assert_eq!(refusal(&again(json!({"event_name": "person.updated"}))).0, 400, "a span is needed");
    assert_eq!(body(&again(json!({"occurred_at.gte": at(0)})))["redelivered_events"], 100);
    assert_eq!(body(&again(json!({"occurred_at.lte": at(5)})))["redelivered_events"], 5);
    let from = json!({"occurred_at.gte": at(0)});
    for _ in 0..3 {
        assert_eq!(again(from.clone()).status, 200);
    }
    assert_eq!(again(from.clone()).status, 429, "405 of 500 in this hour");
    v2.bench.advance_s(3_600);
    assert_eq!(again(from).status, 200);
    v2.bench.advance_s(30 * 24 * 3_600);
    v2.token = body(&v2.log_in(&[]))["access_token"].as_str().unwrap().to_owned();
    assert!(v2.all(&events).is_empty());
}

#[test]
fn a_ping_and_a_test_event_reach_the_webhook_they_name() {
    let v2 = V2::new();
    let ids = [created(&v2, &wanted(1)), created(&v2, &wanted(2))];
    assert_eq!(v2.send("POST", &format!("{PATH}/{}/ping", ids[0]), &Value::Null).status, 200);
    let test = |event: &str, payload: Value| {
        let content = json!({"event_name": event, "payload": payload});
        v2.send("POST", &format!("{PATH}/{}/test-event", ids[0]), &content)
    };
    assert_eq!(test("person.updated", json!({"id": "7"})).status, 200);
    assert_eq!(refusal(&test("person.deleted", json!({}))).0, 400, "it is not enabled");
    assert_eq!(refusal(&test("person.updated", json!(7))).0, 400);
    let told = |id: &str| v2.all(&format!("{PATH}/{id}/events"));
    let names: Vec<Value> = told(&ids[0]).iter().map(|event| event["event_name"].clone()).collect();
    assert_eq!((names, told(&ids[1]).len()), (vec![json!("ping"), json!("person.updated")], 0));
    assert_eq!(v2.send("POST", &format!("{PATH}/nobody/ping"), &Value::Null).status, 404);
}
