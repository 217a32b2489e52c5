//! Which requests a fault hits, and what it does to them.

use serde_json::{Value, json};

use crate::testing::{Bench, body, header};

const LIST: &str = "/v1/company/employees?limit=1";

fn order(bench: &Bench, path: &str, effect: &Value) -> u64 {
    let fault = json!({"path": path, "times": null, "effect": effect});
    let answer = bench.post("/_sandbox/faults", &fault);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    body(&answer)["id"].as_u64().unwrap()
}

fn on_list(effect: &Value) -> Bench {
    let bench = Bench::new();
    order(&bench, "/v1/company/employees", effect);
    bench
}

fn statuses(bench: &Bench, targets: &[&str]) -> Vec<u16> {
    targets.iter().map(|target| bench.get(target).status).collect()
}

#[test]
fn the_nth_request_of_a_pattern_fails_as_told() {
    let bench = Bench::new();
    let effect = json!({"kind": "answer", "status": 503, "body": "<p>busy", "headers": [["retry-after", "7"]]});
    let fault = json!({"method": "get", "path": "/v1/company/employees", "after": 1, "times": 2, "effect": effect});
    assert_eq!(bench.post("/_sandbox/faults", &fault).status, 201);
    assert_eq!(statuses(&bench, &["/v1/company/time-off-types", LIST]), [200, 200]);
    for _ in 0..2 {
        let answer = bench.get(LIST);
        assert_eq!((answer.status, answer.content_type, answer.body.as_ref()), (503, "text/html", &b"<p>busy"[..]));
        assert_eq!(*answer.ordered_headers, [("retry-after".to_owned(), "7".to_owned())]);
    }
    assert_eq!(bench.get(LIST).status, 200);
    let standing = &bench.ok("/_sandbox/faults")["faults"][0];
    assert_eq!((&standing["n_concerned"], &standing["n_hit"]), (&json!(3), &json!(2)));
    assert_eq!(bench.handle.ledger(0).count("/v1/company/employees"), 4);
}

#[test]
fn a_page_can_be_meant() {
    let bench = Bench::new();
    let busy = json!({"kind": "answer", "status": 500});
    let page = json!({"path": "/v1/company/employees", "page": 2, "times": null, "effect": busy});
    bench.post("/_sandbox/faults", &page);
    let offset = json!({"path": "/v1/company/employees", "offset": 40, "times": null, "effect": busy});
    bench.post("/_sandbox/faults", &offset);
    let at = |offset: u32| bench.get(&format!("/v1/company/employees?limit=20&offset={offset}")).status;
    assert_eq!([at(0), at(20), at(40), at(41)], [200, 500, 500, 200]);
}

#[test]
fn failures_come_in_the_order_they_were_told_and_go_when_removed() {
    let bench = Bench::new();
    for status in [500, 429] {
        let fault = json!({"path": "/v1/company/**", "effect": {"kind": "answer", "status": status}});
        bench.post("/_sandbox/faults", &fault);
    }
    assert_eq!(statuses(&bench, &[LIST, LIST, LIST]), [500, 429, 200]);
    let id = order(&bench, "/v1/company/employees", &json!({"kind": "forbidden"}));
    assert_eq!(bench.get(LIST).status, 403);
    assert_eq!(bench.send("DELETE", &format!("/_sandbox/faults/{id}"), &Value::Null).status, 200);
    assert_eq!(bench.send("DELETE", &format!("/_sandbox/faults/{id}"), &Value::Null).status, 404);
    assert_eq!(bench.get(LIST).status, 200);
    order(&bench, "/v1/auth", &json!({"kind": "wrong_credential"}));
    assert_eq!((bench.login().status, body(&bench.login())["error"]["code"].as_u64()), (403, Some(0)));
    assert_eq!(bench.send("DELETE", "/_sandbox/faults", &Value::Null).status, 200);
    assert_eq!(bench.login().status, 200);
    assert_eq!(bench.ok("/_sandbox/faults")["faults"], json!([]));
}

#[test]
fn an_impossible_fault_is_refused_with_its_reason() {
    let bench = Bench::new();
    for (fault, reason) in [
        (json!({"path": "/v1/auth", "effect": {"kind": "answer", "status": 100}}), "200 and 599"),
        (json!({"path": "/", "effect": {"kind": "forbidden"}}), "/v1/"),
        (json!({"path": "/v1/auth", "effect": {"kind": "explode"}}), "unknown variant"),
        (json!({"path": "/v1/auth", "effect": {"kind": "answer", "status": 500, "x": 1}}), "unknown field"),
        (json!({"path": "/v1/auth", "x": 1, "effect": {"kind": "forbidden"}}), "unknown field"),
        (json!({"path": "/v1/auth", "effect": {"kind": "drip", "bytes": 0, "pause_ms": 1}}), "1 at least"),
        (json!({"path": "/v1/auth", "effect": {"kind": "cut", "after_percent": 100}}), "below 100"),
        (json!(5), "invalid type"),
    ] {
        let answer = bench.post("/_sandbox/faults", &fault);
        assert_eq!(answer.status, 422, "{fault}");
        assert!(body(&answer)["error"].as_str().unwrap().contains(reason), "{fault}: {:?}", answer.body);
    }
    assert_eq!(bench.ok("/_sandbox/faults")["faults"], json!([]));
}

#[test]
fn a_429_says_when_to_come_again_in_four_dialects_or_not_at_all() {
    for (says, name, value) in [
        ("retry_after", "retry-after", "30"),
        ("retry_after_date", "retry-after", "Mon, 15 Jun 2026 08:00:30 GMT"),
        ("reset", "x-ratelimit-reset", "1781510430"),
        ("replenish", "x-ratelimit-requested-tokens", "30"),
    ] {
        let bench = on_list(&json!({"kind": "too_many", "says": says, "wait_s": 30}));
        let answer = bench.get(LIST);
        assert_eq!((answer.status, header(&answer, name)), (429, Some(value)), "{says}");
    }
    let answer = on_list(&json!({"kind": "too_many", "says": "nothing", "wait_s": 30})).get(LIST);
    assert_eq!((answer.status, answer.headers.len()), (429, 0));
}

#[test]
fn tokens_end_and_people_change_before_a_request_is_looked_at() {
    let bench = Bench::new();
    let gone = bench.handle.people()[0]["id"].clone();
    let new = json!({"first_name": "Neu", "last_name": "Hier", "email": "neu@acme.example"});
    let fault = json!({
        "path": "/v1/company/employees", "effect": {"kind": "change_people", "add": [new, new], "remove": [gone]},
    });
    bench.post("/_sandbox/faults", &fault);
    let shown = bench.ok("/v1/company/employees?limit=100");
    let ids: Vec<&Value> =
        shown["data"].as_array().unwrap().iter().map(|item| &item["attributes"]["id"]["value"]).collect();
    // The second of two with the same address is not added.
    assert_eq!((ids.len(), ids.contains(&&gone)), (60, false));
    order(&bench, "/v1/company/employees", &json!({"kind": "expire_tokens"}));
    assert_eq!(body(&bench.get(LIST))["error"]["code"], 403);
}

#[test]
fn lists_are_spoilt_as_told() {
    let list = "/v1/company/employees?limit=20&offset=20";
    let clean = Bench::new().ok(list);
    let spoilt = |effect: Value| on_list(&effect).ok(list);
    assert_eq!(
        spoilt(json!({"kind": "same_page", "offset": 0}))["data"],
        Bench::new().ok("/v1/company/employees?limit=20")["data"]
    );
    let empty = spoilt(json!({"kind": "empty"}));
    assert_eq!((&empty["data"], &empty["metadata"]["total_elements"]), (&json!([]), &json!(0)));
    assert!(spoilt(json!({"kind": "without_metadata"})).get("metadata").is_none());
    assert_eq!(
        spoilt(json!({"kind": "ids_as_text"}))["data"][0]["attributes"]["id"]["value"],
        clean["data"][0]["attributes"]["id"]["value"].to_string()
    );
    let first = Bench::new().handle.people()[0]["id"].clone();
    assert_eq!(spoilt(json!({"kind": "repeat", "id": first}))["data"][0]["attributes"]["id"]["value"], first);
    let hidden = spoilt(json!({"kind": "without_attributes", "keys": ["position"]}));
    assert!(hidden["data"][0]["attributes"].get("position").is_none());
    let bench = on_list(&json!({"kind": "total", "add": 5}));
    let totals: Vec<_> = (0..2).map(|_| bench.ok(list)["metadata"]["total_elements"].clone()).collect();
    assert_eq!(totals, [65, 70]);
    let more =
        json!({"kind": "more_attributes", "n": 3, "key_bytes": 100, "label": "'; DROP TABLE record; --", "value": "x"});
    let attributes = &spoilt(more.clone())["data"][0]["attributes"];
    let key = attributes.as_object().unwrap().keys().find(|key| key.starts_with("dynamic_9000002k")).unwrap();
    assert_eq!((key.len(), &attributes[key]["label"]), (100, &json!("'; DROP TABLE record; --2")));
    let bench = Bench::new();
    order(&bench, "/v1/company/employees/attributes", &more);
    let n = |bench: &Bench| bench.ok("/v1/company/employees/attributes")["data"].as_array().unwrap().len();
    assert_eq!(n(&bench), n(&Bench::new()) + 3);
}

#[test]
fn a_value_is_taken_letter_for_letter() {
    let bench = Bench::new();
    let id = bench.handle.people()[1]["id"].clone();
    order(
        &bench,
        "/v1/company/employees",
        &json!({"kind": "value", "key": "position", "json": r#""a\ud800b""#, "id": id}),
    );
    let answer = bench.get("/v1/company/employees?limit=3");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(text.matches(r#""value":"a\ud800b""#).count(), 1);
    assert_eq!(bench.ok("/v1/company/employees?limit=1")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn errors_are_not_spoilt() {
    let bench = on_list(&json!({"kind": "empty"}));
    order(&bench, "/v1/company/employees", &json!({"kind": "unsuccessful", "code": 12}));
    let answer = bench.get(LIST);
    assert_eq!(
        (answer.status, body(&answer)["success"].clone(), body(&answer)["error"]["code"].clone()),
        (200, json!(false), json!(12))
    );
}

#[test]
fn what_is_carried_out_can_be_answered_with_a_failure() {
    let bench = Bench::new();
    let fault = json!({"method": "POST", "path": "/v1/company/employees", "effect": {"kind": "answer_after", "status": 504, "body": "<p>busy"}});
    assert_eq!(bench.post("/_sandbox/faults", &fault).status, 201);
    let n_before = bench.handle.people().len();
    let employee = json!({"employee": {"first_name": "Ida", "last_name": "Blom", "email": "ida@example.org"}});
    let answer = bench.post("/v1/company/employees", &employee);
    assert_eq!((answer.status, answer.content_type, answer.body.as_ref()), (504, "text/html", &b"<p>busy"[..]));
    assert_eq!(bench.handle.people().len(), n_before + 1);
}

#[test]
fn an_effect_that_a_version_does_not_know_is_refused_with_the_reason() {
    let bench = Bench::new();
    for (path, effect, is_taken) in [
        ("/v2/persons", json!({"kind": "same_page", "offset": 0}), false),
        ("/v2/persons", json!({"kind": "total", "add": 1}), false),
        ("/v2/persons", json!({"kind": "without_metadata"}), false),
        ("/v2/persons", json!({"kind": "repeat", "id": 1}), false),
        ("/v2/persons", json!({"kind": "ids_as_text"}), false),
        ("/v2/persons", json!({"kind": "unsuccessful", "code": 1}), false),
        ("/v2/persons", json!({"kind": "without_attributes", "keys": ["email"]}), false),
        ("/v2/persons", json!({"kind": "more_attributes", "n": 1}), false),
        ("/v2/persons", json!({"kind": "value", "key": "email", "json": "1"}), false),
        ("/v1/company/employees", json!({"kind": "next_again"}), false),
        ("/v1/company/employees", json!({"kind": "next_elsewhere", "origin": "https://evil.example"}), false),
        ("/v2/persons", json!({"kind": "next_again"}), true),
        ("/v2/persons", json!({"kind": "answer", "status": 500}), true),
        ("/v2/persons", json!({"kind": "answer_after", "status": 500}), true),
        ("/v2/persons", json!({"kind": "answer_after", "status": 100}), false),
        ("/v2/persons", json!({"kind": "too_many", "says": "nothing", "wait_s": 1}), true),
        ("/v2/persons", json!({"kind": "late", "pause_ms": 1}), true),
        ("/v2/persons", json!({"kind": "cut", "after_percent": 0}), true),
        ("/v2/persons", json!({"kind": "drip", "bytes": 1, "pause_ms": 1}), true),
        ("/v2/persons", json!({"kind": "empty"}), true),
        ("/v2/persons", json!({"kind": "forbidden"}), true),
        ("/v2/persons", json!({"kind": "expire_tokens"}), true),
        ("/v2/persons", json!({"kind": "change_people", "remove": []}), true),
    ] {
        let answer = bench.post("/_sandbox/faults", &json!({"path": path, "effect": effect}));
        assert_eq!(answer.status == 201, is_taken, "{path} {effect}: {}", String::from_utf8_lossy(&answer.body));
        assert!(is_taken || String::from_utf8_lossy(&answer.body).contains("effect"), "{effect}");
    }
    for paged in [json!({"page": 2}), json!({"offset": 10})] {
        let mut fault = json!({"path": "/v2/persons", "effect": {"kind": "answer", "status": 500}});
        fault.as_object_mut().unwrap().extend(paged.as_object().unwrap().clone());
        assert_ne!(bench.post("/_sandbox/faults", &fault).status, 201, "{fault}");
    }
}
