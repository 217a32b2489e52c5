//! Everything that version 2 answers, and what receivers of webhooks are sent.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::{Config, Limits, RateLimit};
use crate::hooks::EVENTS;
use crate::quirks::Quirks;
use crate::testing::body;
use crate::v2::{Bucket, V2Bench, V2Limits};

use super::{is, switches};

pub(super) fn drive() {
    let mut v2 = V2Bench::new();
    hooks(&v2);
    read(&v2);
    write(&v2);
    refused(&v2);
    for turned in switches() {
        v2.switch(&turned);
        log_in(&mut v2);
        read(&v2);
        write(&v2);
        v2.bench.handle.set_quirks(Quirks::default()).unwrap();
        log_in(&mut v2);
    }
    let client = v2.bench.handle.0.config.client_id();
    v2.bench.handle.set_whitelist(&client, Some(vec!["last_name".to_owned()])).unwrap();
    read(&v2);
    v2.bench.handle.set_scopes(&client, Some(Vec::new())).unwrap();
    read(&v2);
    let none = Bucket { per_s: 1, burst: 1 };
    let limits = Limits { v2: V2Limits { persons: none, others: none, auth_per_min: 1 }, ..Limits::default() };
    let v2 = V2Bench::of(|config| Config { rate_limit: RateLimit::On(limits), ..config });
    v2.get("/v2/persons");
    is(&v2.get("/v2/persons"), 429);
}

fn log_in(v2: &mut V2Bench) {
    let answer = v2.log_in(&[]);
    if answer.status == 200 {
        v2.token = body(&answer)["access_token"].as_str().unwrap().to_owned();
    }
}

fn id(answer: &Answer) -> Option<String> {
    (answer.status == 201).then(|| body(answer)["id"].as_str().unwrap().to_owned())
}

/// Reads whatever there is; a switch may refuse it.
fn read(v2: &V2Bench) {
    let handle = &v2.bench.handle;
    let people = handle.people();
    let person = people[10].clone();
    let number = &person["id"];
    for path in
        ["/v2/persons", "/v2/absence-periods", "/v2/attendance-periods", "/v2/legal-entities", "/v2/absence-types"]
    {
        for query in ["", "?limit=2", "?limit=50", "?limit=1000"] {
            v2.get(&format!("{path}{query}"));
        }
    }
    for path in [
        "/v2/org-units?type=team",
        "/v2/org-units?type=department",
        "/v2/org-units",
        "/v2/cost-centers",
        "/v2/workplaces",
    ] {
        v2.beta(path);
        v2.get(path);
        v2.beta(&format!("{path}{}limit=1", if path.contains('?') { '&' } else { '?' }));
    }
    for one in &people {
        v2.get(&format!("/v2/persons/{}/employments", one["id"]));
        v2.get(&format!("/v2/document-management/documents?owner_id={}&limit=1", one["id"]));
    }
    let mut paths = vec![
        "/v2/persons/1".to_owned(),
        format!("/v2/persons/{number}"),
        format!("/v2/legal-entities/{}", person["subcompany"]["id"]),
        format!("/v2/org-units/{}?type=department", person["department"]["id"]),
        format!("/v2/org-units/{}?type=team", person["team"]["id"]),
        "/v2/document-management/documents".to_owned(),
        "/v2/nothing".to_owned(),
    ];
    let listed = v2.get(&format!("/v2/persons/{number}/employments"));
    if listed.status == 200 {
        paths.push(format!("/v2/persons/{number}/employments/{}", body(&listed)["_data"][0]["id"].as_str().unwrap()));
    }
    paths.extend(handle.absence_periods().iter().take(40).map(|one| format!("/v2/absence-periods/{}", one.id)));
    paths.extend(
        handle
            .absence_periods()
            .iter()
            .take(40)
            .map(|one| format!("/v2/absence-periods/{}/breakdowns?limit=1", one.id)),
    );
    paths.extend(handle.absence_periods().iter().take(20).map(|one| format!("/v2/absence-types/{}", one.absence_type)));
    paths.extend(handle.attendance_periods().iter().take(40).map(|one| format!("/v2/attendance-periods/{}", one.id)));
    paths.extend(handle.webhooks().iter().flat_map(|one| {
        let path = format!("/v2/webhooks/{}", one["id"].as_str().unwrap());
        [path.clone(), format!("{path}/events?limit=1"), format!("{path}/activity?limit=1")]
    }));
    paths.extend(["/v2/webhooks?limit=1".to_owned(), "/v2/webhooks".to_owned()]);
    for path in &paths {
        v2.get(path);
    }
}

/// Writes whatever can be written, and some of what cannot.
fn write(v2: &V2Bench) {
    let handle = &v2.bench.handle;
    let n = handle.people().len();
    let given = json!({"first_name": "A", "last_name": "B", "email": format!("neu{n}@acme.example")});
    let made = id(&v2.send("POST", "/v2/persons", &given));
    v2.send("POST", "/v2/persons", &json!({}));
    if let Some(id) = id(&v2.send("POST", "/v2/persons", &json!({"first_name": "A", "last_name": "B"}))) {
        v2.get(&format!("/v2/persons/{id}"));
        v2.bench.get(&format!("/v1/company/employees/{id}"));
    }
    if let Some(id) = made {
        let path = format!("/v2/persons/{id}");
        v2.send("PATCH", &path, &json!({"last_name": "C"}));
        let employment = body(&v2.get(&format!("{path}/employments")))["_data"][0]["id"].clone();
        let employment = format!("{path}/employments/{}", employment.as_str().unwrap());
        v2.get(&employment);
        v2.send("PATCH", &employment, &json!({"weekly_working_hours": 20}));
        v2.send("PATCH", &employment, &json!({"weekly_working_hours": "x"}));
        for _ in 0..2 {
            v2.send("DELETE", &path, &Value::Null);
        }
    }
    let person = json!({"id": handle.people()[0]["id"].to_string()});
    let kind = json!({"id": handle.absence_periods()[0].absence_type});
    let edge = |at: &str| json!({"date_time": format!("2031-03-{at}:00")});
    let absence =
        json!({"person": person, "absence_type": kind, "starts_from": edge("03T00:00"), "ends_at": edge("05T00:00")});
    let open = json!({"person": person, "absence_type": kind, "starts_from": edge("10T00:00")});
    for given in [absence, open] {
        let made = id(&v2.send("POST", "/v2/absence-periods", &given));
        v2.send("POST", "/v2/absence-periods", &given);
        let Some(id) = made else { continue };
        let path = format!("/v2/absence-periods/{id}");
        v2.get(&path);
        v2.send("PATCH", &path, &json!({"comment": "x"}));
        v2.send("DELETE", &path, &Value::Null);
    }
    let period = |kind: &str, start: &str, end: &str| json!({"person": person, "type": kind, "start": edge(start), "end": edge(end), "comment": "x"});
    let made = id(&v2.send("POST", "/v2/attendance-periods", &period("WORK", "06T08:00", "06T16:00")));
    v2.send("POST", "/v2/attendance-periods", &period("BREAK", "06T12:00", "06T12:30"));
    v2.send("POST", "/v2/attendance-periods", &period("WORK", "06T16:00", "06T08:00"));
    let running = json!({"person": person, "type": "WORK", "start": edge("07T08:00")});
    if let Some(id) = id(&v2.send("POST", "/v2/attendance-periods", &running)) {
        v2.get(&format!("/v2/attendance-periods/{id}"));
        v2.send("DELETE", &format!("/v2/attendance-periods/{id}"), &Value::Null);
    }
    if let Some(id) = made {
        let path = format!("/v2/attendance-periods/{id}");
        v2.send("PATCH", &path, &json!({"start": edge("06T07:00")}));
        let left =
            handle.attendance_periods().into_iter().filter(|one| one.start.to_string().starts_with("2031-03-06"));
        for one in left {
            v2.send("DELETE", &format!("/v2/attendance-periods/{}", one.id), &Value::Null);
        }
    }
}

/// Webhooks of each kind, told of something.
fn hooks(v2: &V2Bench) {
    let wanted = |more: Value| {
        let mut wanted = json!({"url": "https://hooks.example.org/1", "description": "x", "status": "ENABLED", "enabled_events": EVENTS});
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wanted
    };
    let path = |more: Value| format!("/v2/webhooks/{}", id(&v2.send("POST", "/v2/webhooks", &wanted(more))).unwrap());
    let (first, gone) =
        (path(json!({"token": "t"})), path(json!({"url": "https://hooks.example.org/2", "auth_type": "NONE"})));
    path(
        json!({"url": "https://hooks.example.org/3", "auth_type": "CUSTOM", "custom_headers": {"x-key": "k"}, "status": "DISABLED"}),
    );
    is(&v2.send("POST", "/v2/webhooks", &wanted(json!({}))), 409);
    is(&v2.send("PATCH", &first, &json!({"description": "y"})), 200);
    is(&v2.send("DELETE", &gone, &Value::Null), 204);
    let person = v2.bench.handle.people()[0]["id"].as_u64().unwrap();
    v2.bench.handle.change_person(person, &json!({"last_name": "Neu", "position": "Neu"})).unwrap();
    write(v2);
    is(&v2.send("POST", &format!("{first}/ping"), &Value::Null), 200);
    is(
        &v2.send(
            "POST",
            &format!("{first}/test-event"),
            &json!({"event_name": "person.created", "payload": {"id": "1"}}),
        ),
        200,
    );
    is(&v2.send("POST", &format!("{first}/test-event"), &json!({})), 400);
    let now = v2.bench.handle.0.now();
    let engaged = v2.bench.handle.0.lock().hooks.engage(now);
    let due: Vec<_> = engaged.into_iter().flat_map(|one| v2.bench.handle.0.lock().webhook_due(one, now)).collect();
    for one in due {
        let outcome = crate::hooks::Outcome::Status(204);
        v2.bench.handle.0.lock().hooks.settle(&one.delivery, one.webhook_id, outcome, now, 1);
    }
    is(&v2.send("POST", &format!("{first}/redelivery"), &json!({"occurred_at.gte": "2020-01-01T00:00:00Z"})), 200);
}

fn refused(v2: &V2Bench) {
    for (name, value) in [("grant_type", "password"), ("client_id", ""), ("client_id", "x"), ("scope", "x")] {
        is(&v2.log_in(&[(name, value)]), 400);
    }
    is(&v2.log_in(&[("scope", "personio:persons:read")]), 200);
    is(&v2.send("POST", "/v2/auth/token", &json!({})), 400);
    is(&v2.send("DELETE", "/v2/auth/token", &Value::Null), 405);
    is(&v2.send_form("/v2/auth/revoke", "token=x"), 200);
}
