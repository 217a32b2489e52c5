//! What is sent to a webhook: the vendor's envelope and the guide's events, whoever sends them, and whatever a stranger sends.

use bytes::Bytes;
use gangway_domain::record::{ExternalId, Stream};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::super::Personio;
use crate::contract::{ErrorKind, Happened, Incoming, Notice, Notices as _, Paste, Result};

fn parse(body: &Value) -> Notice {
    let notices = read(&body.to_string()).unwrap();
    assert_eq!(notices.len(), 1, "{body}");
    notices.into_iter().next().unwrap()
}

fn read(body: &str) -> Result<Vec<Notice>> {
    Personio.parse(&Bytes::copy_from_slice(body.as_bytes()))
}

fn v1(number: &str) -> ExternalId {
    ExternalId { source: "personio.v1".to_owned(), id: number.to_owned() }
}

fn v2(uuid: &str) -> ExternalId {
    ExternalId { source: "personio.v2".to_owned(), id: uuid.to_owned() }
}

fn envelope(event: &str, payload: &Value) -> Value {
    json!({"company_id": "1234", "event_name": event, "occurred_at": "2026-06-01T08:15:30.250Z", "payload": payload})
}

#[test]
fn an_envelope_of_version_2_names_the_record() {
    let notice = parse(&envelope("person.updated", &json!({"id": "3003"})));
    assert_eq!((notice.event.as_str(), notice.happened), ("person.updated", Happened::Changed));
    assert_eq!((notice.stream, notice.record.clone()), (Some(Stream::Employees), Some(v1("3003"))));
    assert_eq!((notice.account.as_deref(), notice.event_id.as_deref()), (Some("1234"), None));
    assert_eq!(notice.occurred_at.unwrap().to_rfc3339(), "2026-06-01T08:15:30.250+00:00");
    let notice = parse(&envelope("absence-period.deleted", &json!({"id": "a-1", "person": {"id": "3003"}})));
    assert_eq!((notice.stream, notice.happened), (Some(Stream::Absences), Happened::Deleted));
    assert_eq!((notice.record, notice.employee), (Some(v2("a-1")), Some(v1("3003"))));
}

#[test]
fn every_event_of_version_2_is_known() {
    use Happened::{Changed, Created, Deleted, Tried};
    use Stream::{Absences, Attendances, Employees};

    for (event, stream, happened) in [
        ("person.created", Some(Employees), Created),
        ("person.updated", Some(Employees), Changed),
        ("person.deleted", Some(Employees), Deleted),
        ("employment.created", Some(Employees), Changed),
        ("employment.updated", Some(Employees), Changed),
        ("employment.updated.cost-centers", Some(Employees), Changed),
        ("employment.deleted", Some(Employees), Changed),
        ("employment.started", Some(Employees), Changed),
        ("employment.terminated", Some(Employees), Changed),
        ("absence-period.created", Some(Absences), Created),
        ("absence-period.updated.status", Some(Absences), Changed),
        ("absence-period.updated.timerange", Some(Absences), Changed),
        ("absence-period.deleted", Some(Absences), Deleted),
        ("attendance-period.created", Some(Attendances), Created),
        ("attendance-period.updated", Some(Attendances), Changed),
        ("attendance-period.deleted", Some(Attendances), Deleted),
        ("document.created", None, Created),
        ("document.updated", None, Changed),
        ("document.deleted", None, Deleted),
        ("document.signed", None, Changed),
        ("ping", None, Tried),
    ] {
        let notice = parse(&envelope(event, &json!({"id": "8", "person": {"id": "7"}})));
        assert_eq!((notice.stream, notice.happened), (stream, happened), "{event}");
    }
}

#[test]
fn ids_are_found_under_every_name_that_the_vendors_answers_use() {
    for payload in [
        json!({"id": "7"}),
        json!({"id": 7}),
        json!({"person": {"id": "7"}, "id": "e-1"}),
        json!({"person_id": "7"}),
        json!({"person": "7"}),
        json!({"employee": {"type": "Employee", "attributes": {"id": {"label": "ID", "value": 7}}}}),
        json!({"employee_id": 7}),
        json!({"entity_id": "7"}),
        json!({"type": "Employee", "attributes": {"id": {"value": 7}}}),
    ] {
        assert_eq!(parse(&envelope("person.created", &payload)).record, Some(v1("7")), "{payload}");
    }
    for (payload, record) in [
        (json!({"id": "e-1", "person": {"id": "7"}}), Some(v1("7"))),
        (json!({"employment": {"id": "e-1"}, "person_id": 7}), Some(v1("7"))),
        // The id of an employment is nobody's.
        (json!({"id": "e-1"}), None),
    ] {
        assert_eq!(parse(&envelope("employment.updated", &payload)).record, record, "{payload}");
    }
    for payload in
        [json!({"id": "p-1"}), json!({"attendance_period": {"id": "p-1"}}), json!({"attendance_period_id": "p-1"})]
    {
        assert_eq!(parse(&envelope("attendance-period.created", &payload)).record, Some(v2("p-1")), "{payload}");
    }
}

#[test]
fn the_nine_events_of_the_guide_are_known_in_every_dress() {
    for (noun, stream) in
        [("employee", Stream::Employees), ("absence", Stream::Absences), ("attendance", Stream::Attendances)]
    {
        for (verb, happened) in
            [("created", Happened::Created), ("updated", Happened::Changed), ("deleted", Happened::Deleted)]
        {
            let event = format!("{noun}.{verb}");
            for body in [
                json!({"event": event, "data": {"id": 12, "employee_id": 12}}),
                json!({"event_name": event, "payload": {"id": "12", "employee_id": "12"}}),
                json!({"event_type": event, "id": "evt-1", "entity_id": "12", "employee_id": 12, "data": {}}),
                json!({"type": event, "id": 12, "employee_id": 12, "created_at": "2026-06-01T10:00:00+02:00"}),
            ] {
                let notice = parse(&body);
                assert_eq!((notice.stream, notice.happened), (Some(stream), happened), "{body}");
                assert_eq!(notice.record, Some(v1("12")), "{body}");
                let has_own_id = body.get("data").is_some_and(|data| data == &json!({}));
                assert_eq!(notice.event_id.as_deref(), has_own_id.then_some("evt-1"), "{body}");
            }
        }
    }
}

#[test]
fn an_event_that_nobody_has_heard_of_is_kept_as_such() {
    for (body, event, stream) in [
        (envelope("salary.raised", &json!({"id": "1"})), "salary.raised", None),
        (envelope("person.merged", &json!({"id": "1"})), "person.merged", Some(Stream::Employees)),
        (envelope("a\u{0}b\n\u{202e}", &json!({})), "ab\u{202e}", None),
        (json!({"payload": {"id": "1"}}), "", None),
        (json!({}), "", None),
        (json!({"event_name": 7, "payload": [1]}), "", None),
    ] {
        let notice = parse(&body);
        assert_eq!(
            (notice.event.as_str(), notice.happened, notice.stream),
            (event, Happened::Unknown, stream),
            "{body}"
        );
    }
    let long = parse(&envelope(&"x".repeat(5_000), &json!({})));
    assert_eq!(long.event.len(), 100);
}

#[test]
fn several_notices_may_come_together() {
    let body = json!([envelope("person.created", &json!({"id": "1"})), 7, envelope("ping", &json!({}))]);
    let happened: Vec<Happened> = read(&body.to_string()).unwrap().iter().map(|notice| notice.happened).collect();
    assert_eq!(happened, [Happened::Created, Happened::Unknown, Happened::Tried]);
    assert!(read("[]").unwrap().is_empty());
}

#[test]
fn what_no_vendor_sends_is_refused_without_its_words() {
    let many = format!("[{}{{}}]", "{},".repeat(1_000));
    let huge = format!("{{\"event_name\":\"{}\"}}", "canary".repeat(2_000_000));
    for body in ["", "canary", "7", "null", "\"canary\"", "{\"canary\":", "{\"a\":1}{\"a\":2}", &many, &huge] {
        let error = read(body).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn hostile_bodies_panic_nobody() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let nested = deep("[", "]");
    let objects = deep("{\"payload\":", "}");
    for body in [
        format!("{{\"event_name\":\"person.updated\",\"payload\":{{\"id\":{nested}}}}}"),
        format!("{{\"event_name\":\"person.updated\",\"payload\":{objects}}}"),
        nested,
        objects,
        r#"{"event_name":"person.updated","payload":{"id":"\u0000"}}"#.to_owned(),
        r#"{"event_name":"\ud800","payload":{"id":1e400}}"#.to_owned(),
        r#"{"event_name":{"a":1},"occurred_at":7,"payload":"x","meta":[],"company_id":{}}"#.to_owned(),
        r#"{"event_name":"person.updated","payload":{"person":{"person":{"id":7}}}}"#.to_owned(),
    ] {
        if let Ok(notices) = read(&body) {
            assert!(notices.iter().all(|notice| notice.record.is_none()), "{notices:?}");
        }
    }
    let damaged =
        Bytes::from_static(b"{\"event_name\":\"person.updated\",\"payload\":{\"id\":\"7\",\"x\":\"\xff\xfe\"}}");
    assert_eq!(Personio.parse(&damaged).unwrap()[0].record, Some(v1("7")));
    let twice = r#"{"event_name":"ping","event_name":"person.deleted","payload":{"id":"1","id":"2"}}"#;
    let notices = read(twice).unwrap();
    assert_eq!(
        (notices[0].happened, notices[0].record.clone()),
        (Happened::Deleted, Some(v1("2"))),
        "the last one counts"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Personio.parse(&Bytes::from(bytes)));
    }

    #[test]
    fn any_payload_is_read(text in "\\PC{0,40}", number in any::<i64>(), key in "(id|person|employee_id|data|\\PC{0,5})") {
        let notice = parse(&envelope("person.updated", &json!({key: {"id": text, "value": number}, "id": number})));
        prop_assert_eq!(notice.stream, Some(Stream::Employees));
    }
}

fn verified(headers: &[(&str, &str)], tokens: &[&str]) -> bool {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let tokens: Vec<SecretString> = tokens.iter().map(|token| SecretString::from(*token)).collect();
    Personio.verify(&Incoming::new(&headers, &Bytes::new()), &tokens)
}

#[test]
fn the_token_comes_as_it_was_given_and_the_old_one_counts_as_long_as_it_is_named() {
    let with =
        |value: &str| verified(&[("content-type", "application/json"), ("authorization", value)], &["new", "old"]);
    for (value, is_authentic) in [
        ("new", true),
        ("old", true),
        ("Bearer new", true),
        ("new ", false),
        ("New", false),
        ("ne", false),
        ("newold", false),
        ("", false),
        ("Basic new", false),
    ] {
        assert_eq!(with(value), is_authentic, "{value:?}");
    }
    assert!(!verified(&[("authorization", "new"), ("authorization", "new")], &["new"]), "two of them");
    assert!(!verified(&[("x-authorization", "new")], &["new"]));
    assert!(!verified(&[("authorization", "")], &[""]), "an empty token is none");
    assert!(!verified(&[("authorization", "Bearer ")], &[""]));
    assert!(!verified(&[("authorization", "new")], &[]));
    assert!(!verified(&[], &["new"]));
}

#[test]
fn the_steps_by_hand_say_where_address_and_token_go() {
    let pasted: Vec<Paste> = Personio.manual().iter().filter_map(|step| step.paste).collect();
    assert_eq!(pasted, [Paste::Url, Paste::Token]);
}
