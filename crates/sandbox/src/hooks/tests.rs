//! Which changes are told of, and the plan of deliveries.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{EVENTS, Outcome};
use crate::people::Thing;
use crate::testing::{body, start};
use crate::v2::V2Bench;

/// A sandbox with one webhook that is told of everything.
fn hooked() -> (V2Bench, String) {
    let v2 = V2Bench::new();
    let wanted = json!({
        "url": "http://127.0.0.1:9/hook", "description": "all", "status": "ENABLED", "token": "t", "enabled_events": EVENTS,
    });
    let answer = v2.send("POST", "/v2/webhooks", &wanted);
    assert_eq!(answer.status, 201);
    let id = body(&answer)["id"].as_str().unwrap().to_owned();
    (v2, id)
}

/// Names and payloads of what was told of, in order.
fn told(v2: &V2Bench, id: &str) -> Vec<(String, Value)> {
    let events = v2.all(&format!("/v2/webhooks/{id}/events"));
    events.iter().map(|event| (event["event_name"].as_str().unwrap().to_owned(), event["payload"].clone())).collect()
}

fn names(v2: &V2Bench, id: &str) -> Vec<String> {
    told(v2, id).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn people_are_told_of_as_persons_and_employments() {
    let (v2, hook) = hooked();
    let handle = &v2.bench.handle;
    let id = handle.add_person(&json!({"first_name": "A", "last_name": "B", "email": "a@b.example"})).unwrap();
    handle.change_person(id, &json!({"last_name": "C", "position": "Chefin"})).unwrap();
    handle.change_person(id, &json!({"cost_centers": [{"id": 1, "name": "x", "percentage": 100}]})).unwrap();
    handle.change_person(id, &json!({"fix_salary": 5})).unwrap();
    handle.change_person(id, &json!({"last_name": "C"})).unwrap();
    handle.remove_person(id).unwrap();
    assert_eq!(
        names(&v2, &hook),
        [
            "person.created",
            "employment.created",
            "person.updated",
            "employment.updated",
            "employment.updated.cost-centers",
            "employment.deleted",
            "person.deleted",
        ],
        "a salary is not told of, nor what did not change"
    );
    let employment = handle.0.lock().world.uuids.of(Thing::Employment, id);
    let told = told(&v2, &hook);
    assert_eq!(told[0].1, json!({"id": id.to_string()}));
    assert_eq!(told[1].1, json!({"id": employment, "person": {"id": id.to_string()}}));
}

#[test]
fn writes_through_either_version_are_told_of_once() {
    let (v2, hook) = hooked();
    let person = v2.bench.handle.people()[0]["id"].clone();
    let body = json!({"employee": {"first_name": "A", "last_name": "B", "email": "a@b.example"}});
    assert_eq!(v2.bench.post("/v1/company/employees", &body).status, 200);
    let period = json!({
        "person": {"id": person.to_string()}, "type": "WORK", "start": {"date_time": "2026-06-14T09:00:00"},
        "end": {"date_time": "2026-06-14T12:00:00"}, "comment": "kept after the first writing",
    });
    let made = v2.send("POST", "/v2/attendance-periods?skip_approval=true", &period);
    assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    assert_eq!(names(&v2, &hook), ["person.created", "employment.created", "attendance-period.created"]);
}

#[test]
fn absences_are_told_of_by_what_changed() {
    let (v2, hook) = hooked();
    let handle = &v2.bench.handle;
    let person = handle.people()[0]["id"].clone();
    let id = handle.add_absence(&json!({"employee_id": person, "start_date": "2026-07-01"})).unwrap();
    handle.change_absence(id, &json!({"comment": "x"})).unwrap();
    handle.change_absence(id, &json!({"status": "pending"})).unwrap();
    handle.change_absence(id, &json!({"end_date": "2026-07-03"})).unwrap();
    handle.remove_absence(id).unwrap();
    assert_eq!(
        names(&v2, &hook),
        [
            "absence-period.created",
            "absence-period.updated.status",
            "absence-period.updated.timerange",
            "absence-period.deleted",
        ],
        "a comment is not told of"
    );
    let uuid = handle.0.lock().world.uuids.of(Thing::AbsencePeriod, id);
    assert_eq!(told(&v2, &hook)[0].1, json!({"id": uuid, "person": {"id": person.to_string()}}));
}

#[test]
fn an_attendance_is_told_of_as_its_periods() {
    let (v2, hook) = hooked();
    let handle = &v2.bench.handle;
    let person = handle.people()[0]["id"].clone();
    let day = json!({"employee_id": person, "date": "2026-07-01", "start_time": "09:00", "end_time": "17:00"});
    let id = handle.add_attendance(&day).unwrap();
    handle.change_attendance(id, &json!({"break": 30})).unwrap();
    let expected = [
        "attendance-period.created",
        "attendance-period.updated",
        "attendance-period.created",
        "attendance-period.created",
    ];
    assert_eq!(names(&v2, &hook), expected, "a break parts the work in two");
    handle.remove_attendance(id).unwrap();
    assert_eq!(names(&v2, &hook)[4..], ["attendance-period.deleted"; 3]);
}

/// Lets everything that is due end so, and answers with how much that was.
fn settle(v2: &V2Bench, outcome: Outcome) -> usize {
    let now = v2.bench.handle.0.now();
    let mut state = v2.bench.handle.0.lock();
    let webhook = *state.changes.webhooks.keys().next().unwrap();
    let due = state.hooks.take_due(webhook, now, false, 1);
    for delivery in &due {
        let id = state.webhook_id(delivery.webhook);
        state.hooks.settle(delivery, id, outcome, now, 1);
    }
    due.len()
}

#[test]
fn a_silent_receiver_is_tried_fourteen_times_in_three_days() {
    for outcome in [Outcome::Silence, Outcome::Status(500), Outcome::Status(503)] {
        let (v2, hook) = hooked();
        assert_eq!(v2.send("POST", &format!("/v2/webhooks/{hook}/ping"), &Value::Null).status, 200);
        let mut n = 0;
        let mut waits = Vec::new();
        let next_due = || v2.bench.handle.0.lock().hooks.next_due();
        while let Some(due) = next_due() {
            let wait = due - v2.bench.handle.0.now();
            waits.extend((wait > TimeDelta::zero()).then_some(wait));
            v2.bench.clock.advance(wait.max(TimeDelta::zero()));
            n += settle(&v2, outcome);
        }
        assert_eq!((n, waits.len()), (14, 6), "{outcome:?}");
        assert!(waits.is_sorted() && v2.bench.handle.0.now() - start() < TimeDelta::days(3), "{waits:?}");
        let sent = v2.bench.handle.webhook_deliveries();
        assert!(sent.len() == 14 && sent.iter().all(|one| !one.is_delivered && one.webhook_id == hook), "{sent:?}");
    }
}

#[test]
fn an_answer_that_is_no_failure_of_the_receiver_ends_it() {
    for status in [200, 204, 301, 400, 404, 410, 429, 501] {
        let (v2, hook) = hooked();
        v2.send("POST", &format!("/v2/webhooks/{hook}/ping"), &Value::Null);
        assert_eq!(settle(&v2, Outcome::Status(status)), 1);
        assert_eq!(v2.bench.handle.0.lock().hooks.next_due(), None, "{status}");
        let delivered = v2.all(&format!("/v2/webhooks/{hook}/activity?is_delivered=true"));
        assert_eq!(delivered.len(), usize::from(status < 300), "{status}");
    }
}

#[test]
fn deliveries_can_come_twice_and_the_wrong_way_round() {
    let (v2, _) = hooked();
    let handle = &v2.bench.handle;
    let person = handle.people()[0]["id"].as_u64().unwrap();
    for name in ["A", "B"] {
        handle.change_person(person, &json!({"last_name": name})).unwrap();
    }
    let now = handle.0.now();
    let webhook = *handle.0.lock().changes.webhooks.keys().next().unwrap();
    let due = handle.0.lock().hooks.take_due(webhook, now, true, 2);
    let numbers: Vec<u64> = due.iter().map(|delivery| delivery.event.number).collect();
    assert_eq!(numbers, [2, 2, 1, 1]);
}

#[test]
fn what_is_removed_or_disabled_is_told_of_nothing_more() {
    for change in [("DELETE", Value::Null), ("PATCH", json!({"status": "DISABLED"}))] {
        let (v2, hook) = hooked();
        v2.send("POST", &format!("/v2/webhooks/{hook}/ping"), &Value::Null);
        v2.send(change.0, &format!("/v2/webhooks/{hook}"), &change.1);
        assert_eq!(v2.bench.handle.0.lock().hooks.n_waiting(), 0, "{}", change.0);
    }
}
