//! Absences through version 2: how they are read, what is asked for each, and answers that lead astray.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use gangway_domain::record::{ExternalId, Stream};
use gangway_egress::{Class, Response};
use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};

use super::{
    super::{ApiVersion, Personio, v2},
    first_page,
    v2::{page, token},
    v2_attendances::{connection, paths, problem},
    vendor::{self, Script, answer, list, refusal},
};
use crate::contract::{
    Connector as _, ErrorKind, Page, ReadAbsenceTypes, ReadMode, ReadOne, Result, Retry, SourceRecord,
};

const ID: &str = "0b5c2a9e-0001-4a7e-9f00-000000000001";
const KIND: &str = "7d1f2a9e-0001-4a7e-9f00-00000000000a";
const BREAKDOWNS: &str = "/v2/absence-periods/0b5c2a9e-0001-4a7e-9f00-000000000001/breakdowns";

fn absence() -> Value {
    json!({
        "id": ID, "person": {"id": "7"}, "absence_type": {"id": KIND},
        "starts_from": {"date_time": "2026-03-02T00:00:00", "type": "SECOND_HALF"},
        "ends_at": {"date_time": "2026-03-05T00:00:00", "type": "SECOND_HALF"},
        "timezone_id": "Europe/Berlin", "comment": "", "approval": {"status": "APPROVED"},
        "created_at": "2026-02-01T08:00:00", "updated_at": "2026-02-02T08:00:00",
    })
}

fn with(changes: &Value) -> Value {
    let mut absence = absence();
    for (key, value) in changes.as_object().unwrap() {
        absence[key] = value.clone();
    }
    absence
}

fn read(absence: &Value) -> Result<SourceRecord, String> {
    let raw = RawValue::from_string(absence.to_string()).unwrap();
    let bytes = Bytes::copy_from_slice(raw.get().as_bytes());
    v2::absence::read(&raw, bytes.clone()).map_err(|bad| bad.into_record(bytes).reason)
}

fn types() -> Response {
    page(&json!([{"id": KIND, "name": "Paid vacation", "unit": "DAILY"}]))
}

fn days(durations: &[(&str, &str)]) -> Response {
    let day = |(unit, value): &(&str, &str)| {
        let value: Value = serde_json::from_str(value).unwrap();
        json!({"date": "2026-03-02", "effective_duration": {"unit": unit, "value": value}})
    };
    page(&durations.iter().map(day).collect())
}

/// The first page of absences through version 2, the login apart.
async fn first(answers: impl IntoIterator<Item = Response>) -> (Result<Page>, Arc<Script>) {
    let script = Arc::new(Script::new(std::iter::once(token("a")).chain(answers)));
    let connection = connection(ApiVersion::V2, &script).await;
    (connection.source().unwrap().read_page(first_page(Stream::Absences)).await, script)
}

/// One absence, and what is said of its days.
async fn one(absence: &Value, breakdown: Response) -> Page {
    first([page(&json!([absence])), types(), breakdown]).await.0.unwrap()
}

#[tokio::test]
async fn an_absence_is_read_with_the_name_of_its_type_and_its_length() {
    let breakdown = days(&[("DAY", "0.5"), ("DAY", "1"), ("DAY", "1.0")]);
    let (read, script) = first([page(&json!([absence()])), types(), breakdown]).await;
    let record = read.unwrap().records.remove(0);
    assert_eq!(paths(&script), ["/v2/auth/token", "/v2/absence-periods", "/v2/absence-types", BREAKDOWNS]);
    let external = |source: &str, id: &str| ExternalId { source: source.to_owned(), id: id.to_owned() };
    assert_eq!(
        (&record.external, &record.employee),
        (&external("personio.v2", ID), &Some(external("personio.v1", "7")))
    );
    let expected = json!({
        "employee": {"id": "7", "name": null}, "type": {"id": KIND, "name": "Paid vacation"}, "status": "approved",
        "starts_on": "2026-03-02", "ends_on": "2026-03-04", "half_day_start": true, "half_day_end": false,
        "days": "2.5", "hours": null, "comment": null, "created_at": "2026-02-01T08:00:00", "updated_at": "2026-02-02T08:00:00",
    });
    assert_eq!(serde_json::to_value(&record.fields).unwrap(), expected);
    // A record keeps the name that it was first known by.
    for name in [record.external.clone(), external("personio.v1", "4711")] {
        let again = Personio.read_stored(Stream::Absences, &name, record.raw.clone()).unwrap();
        assert_eq!((again.fields, again.employee), (record.fields.clone(), record.employee.clone()));
    }
}

#[tokio::test]
async fn an_absence_in_hours_has_hours_and_no_halves() {
    let hours = with(&json!({
        "starts_from": {"date_time": "2026-03-02T09:00:00"}, "ends_at": {"date_time": "2026-03-02T11:30:00"},
    }));
    let read = one(&hours, days(&[("HOUR", "2.5")])).await;
    let fields = &read.records[0].fields;
    assert_eq!((&fields["hours"], &fields["days"]), (&json!("2.5"), &Value::Null));
    assert_eq!((&fields["half_day_start"], &fields["half_day_end"]), (&Value::Null, &Value::Null));
    assert_eq!((&fields["starts_on"], &fields["ends_on"]), (&json!("2026-03-02"), &json!("2026-03-02")));
}

#[tokio::test]
async fn an_absence_on_a_weekend_is_of_no_days() {
    assert_eq!(one(&absence(), days(&[])).await.records[0].fields["days"], "0");
}

#[tokio::test]
async fn what_has_no_end_has_no_length_and_is_not_asked_for_it() {
    for end in [json!(null), json!({}), json!({"date_time": null})] {
        let open = with(&json!({"ends_at": end}));
        let (read, script) = first([page(&json!([open])), types()]).await;
        let fields = &read.unwrap().records[0].fields;
        assert_eq!((&fields["ends_on"], &fields["half_day_end"]), (&Value::Null, &Value::Null));
        assert!(!fields.contains_key("days") && !fields.contains_key("hours"));
        assert_eq!(paths(&script).len(), 3);
    }
}

#[test]
fn a_midnight_ends_the_day_before_it() {
    for (end, last) in [
        ("2026-03-05T00:00:00", "2026-03-04"),
        ("2026-03-05T00:00", "2026-03-04"),
        ("2026-03-05T00:00:00+01:00", "2026-03-04"),
        ("2026-03-01T00:00:00", "2026-03-02"),
        ("2026-03-02T00:00:00", "2026-03-02"),
        ("2026-03-05T00:00:01", "2026-03-05"),
        ("2026-03-04T23:59:59", "2026-03-04"),
        ("2026-03-04", "2026-03-04"),
    ] {
        let record = read(&with(&json!({"ends_at": {"date_time": end, "type": "SECOND_HALF"}}))).unwrap();
        assert_eq!(record.fields["ends_on"], last, "{end}");
    }
    let utc = json!({"ends_at": {"date_time": "2026-03-04T23:00:00Z"}});
    assert_eq!(read(&with(&utc)).unwrap_err(), "ends_on is told in UTC instead of by the company's clock");
}

#[test]
fn halves_are_those_of_the_first_and_the_last_day() {
    for (start, end, halves) in [
        ("FIRST_HALF", "SECOND_HALF", [false, false]),
        ("SECOND_HALF", "SECOND_HALF", [true, false]),
        ("first_half", "FIRST_HALF", [false, true]),
        ("SECOND_HALF", "first_half", [true, true]),
    ] {
        let edges = json!({
            "starts_from": {"date_time": "2026-03-02T00:00:00", "type": start},
            "ends_at": {"date_time": "2026-03-05T00:00:00", "type": end},
        });
        let fields = read(&with(&edges)).unwrap().fields;
        assert_eq!([&fields["half_day_start"], &fields["half_day_end"]], [&json!(halves[0]), &json!(halves[1])]);
    }
}

#[test]
fn unknown_words_are_kept_and_a_certificate_is_read_where_it_is_told() {
    let fields = |more: Value| read(&with(&more)).unwrap().fields;
    for (status, read) in [(json!({"status": "DELETION_PENDING"}), "deletion_pending"), (json!("PENDING"), "pending")] {
        assert_eq!(fields(json!({"approval": status}))["status"], read);
    }
    assert!(!fields(json!({})).contains_key("certificate_status"));
    assert_eq!(fields(json!({"certificate": {"status": "required"}}))["certificate_status"], "required");
}

#[tokio::test]
async fn what_has_a_part_of_the_days_is_asked_for_and_kept() {
    let of = |id: u32, first: &str, end: &str| {
        with(&json!({
            "id": format!("0b5c2a9e-0001-4a7e-9f00-{id:012}"), "starts_from": {"date_time": format!("{first}T00:00:00")},
            "ends_at": {"date_time": format!("{end}T00:00:00")},
        }))
    };
    let items = json!([
        of(1, "2025-12-01", "2026-01-01"),
        of(2, "2025-12-01", "2026-01-02"),
        of(3, "2026-12-31", "2027-02-01"),
        of(4, "2027-01-01", "2027-01-02"),
    ]);
    let script = Arc::new(Script::new([token("a"), page(&items), types(), days(&[]), days(&[])]));
    let connection = connection(ApiVersion::V2, &script).await;
    let mut request = first_page(Stream::Absences);
    request.mode = ReadMode::Since("2026-02-28T23:30:00Z".parse::<DateTime<Utc>>().unwrap());
    let read = connection.source().unwrap().read_page(request).await.unwrap();
    let ids: Vec<_> = read.records.iter().map(|record| &record.external.id[35..]).collect();
    assert_eq!(ids, ["2", "3"]);
    assert_eq!(paths(&script).len(), 5, "nothing is asked about the others");
    let expected = [
        ("limit", "25"),
        ("starts_from.date_time.lte", "2026-12-31T23:59:59"),
        ("ends_at.date_time.gte", "2026-01-01T00:00:00"),
        ("updated_at.gte", "2026-02-28T23:30:00"),
    ];
    let sent = script.sent.lock().unwrap();
    assert_eq!(sent[1].query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(sent[3].template, "/v2/absence-periods/{id}/breakdowns");
}

#[tokio::test]
async fn types_that_are_not_known_are_looked_for_once_a_page() {
    let ids = [ID.replace('9', "8"), ID.replace('9', "7"), ID.to_owned()];
    let items: Vec<_> = ids.iter().map(|id| with(&json!({"id": id, "absence_type": {"id": id}}))).collect();
    let answers = [page(&json!(items)), types(), days(&[]), days(&[]), days(&[])];
    let (read, script) = first(answers).await;
    assert!(read.unwrap().records.iter().all(|record| record.fields["type"]["name"].is_null()));
    assert_eq!(paths(&script).iter().filter(|path| *path == "/v2/absence-types").count(), 1);
}

#[tokio::test]
async fn a_long_absence_has_its_days_on_several_pages() {
    let next = |cursor: &str, n: usize| {
        let day = json!({"date": "2026-03-02", "effective_duration": {"unit": "DAY", "value": 1}});
        let link = format!("https://api.personio.de{BREAKDOWNS}?cursor={cursor}");
        let body = json!({"_data": vec![day; n], "_meta": {"links": {"next": {"href": link}}}});
        answer(200, body.to_string())
    };
    let (read, script) =
        first([page(&json!([absence()])), types(), next("a", 40), next("b", 40), days(&[("DAY", "0.5")])]).await;
    assert_eq!(read.unwrap().records[0].fields["days"], "80.5");
    assert_eq!(script.sent.lock().unwrap()[4].query, [("cursor".to_owned(), "a".to_owned())]);
    for link in ["https://evil.example/x?cursor=a", "/v2/absence-periods/other/breakdowns?cursor=a", "?cursor=c"] {
        let body = json!({"_data": [], "_meta": {"links": {"next": {"href": link}}}}).to_string();
        let answers = [page(&json!([absence()])), types(), next("c", 1), answer(200, body)];
        let error = first(answers).await.0.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{link}");
        assert!(!error.message.contains("evil"), "{error}");
    }
}

#[tokio::test]
async fn days_that_cannot_be_counted_set_their_absence_aside() {
    for (breakdown, words) in [
        (days(&[("DAY", "\"many\"")]), "not a number"),
        (days(&[("DAY", "1e300")]), "not a number"),
        (days(&[("DAY", "null")]), "not a number"),
        (days(&[("WEEK", "1")]), "unknown unit"),
        (page(&json!([{"date": "2026-03-02"}])), "without a duration"),
        (page(&json!([7])), "cannot be read"),
        (page(&json!([{"effective_duration": 1}])), "is not an object"),
        (page(&json!([{"effective_duration": {"unit": 7, "value": "canary"}}])), "not a number"),
    ] {
        let read = one(&absence(), breakdown).await;
        assert!(read.records.is_empty());
        let bad = &read.bad[0];
        assert_eq!(bad.external_id.as_deref(), Some(ID));
        assert!(bad.reason.contains(words), "{}", bad.reason);
        assert!(!bad.reason.contains("canary"), "{}", bad.reason);
    }
}

#[tokio::test]
async fn an_absence_whose_days_are_not_told_is_kept_without_them() {
    let read = one(&absence(), problem(404)).await;
    assert!(!read.records[0].fields.contains_key("days"), "what was known before stays");
    for (breakdown, kind) in [
        (problem(403), ErrorKind::Forbidden),
        (answer(404, "<html>"), ErrorKind::Protocol),
        (answer(502, ""), ErrorKind::Unavailable),
        (answer(429, ""), ErrorKind::RateLimited),
        (answer(200, "<html>"), ErrorKind::Protocol),
    ] {
        let (read, _) = first([page(&json!([absence()])), types(), breakdown]).await;
        assert_eq!(read.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_never_put_into_an_address() {
    let strange = with(&json!({"id": "../persons?x=1"}));
    let (read, script) = first([page(&json!([strange])), types()]).await;
    assert_eq!(read.unwrap().bad[0].reason, "id is none that Personio gives out");
    assert_eq!(paths(&script).len(), 3);
}

#[tokio::test]
async fn what_a_vendor_writes_in_our_place_does_not_count() {
    let ours = json!({"_gangway": {"days": "99", "type": "canary", "employee": {"id": "8"}}});
    for forged in [with(&ours), with(&json!({"attributes": ours}))] {
        let read = one(&forged, days(&[("DAY", "1")])).await;
        let fields = &read.records[0].fields;
        assert_eq!((&fields["days"], &fields["type"]["name"]), (&json!("1"), &json!("Paid vacation")));
        assert_eq!(fields["employee"]["id"], "7");
    }
}

async fn single(api: ApiVersion, id: &str, answers: Vec<Response>) -> (Result<Option<SourceRecord>>, Vec<String>) {
    let script = Arc::new(Script::new(answers));
    let connection = connection(api, &script).await;
    let read = connection.source().unwrap().read_one(ReadOne::new(Stream::Absences, id, Class::Sweep)).await;
    (read, paths(&script))
}

fn bare(body: &Value) -> Response {
    answer(200, body.to_string())
}

#[tokio::test]
async fn a_single_absence_is_as_complete_as_a_listed_one() {
    let listed = one(&absence(), days(&[("DAY", "2.5")])).await.records.remove(0);
    for body in [absence(), json!({"_data": absence(), "_meta": {}})] {
        let answers = vec![token("a"), bare(&body), types(), days(&[("DAY", "2.5")])];
        let read = single(ApiVersion::V2, ID, answers).await.0.unwrap().unwrap();
        assert_eq!((&read.fields, &read.raw), (&listed.fields, &listed.raw));
    }
    for body in
        [json!([]), json!({}), json!({"_data": []}), with(&json!({"id": KIND})), with(&json!({"starts_from": 7}))]
    {
        let (read, _) = single(ApiVersion::V2, ID, vec![token("a"), bare(&body)]).await;
        let error = read.unwrap_err();
        assert_eq!((error.kind, error.retry), (ErrorKind::Protocol, Retry::Backoff), "{body}");
    }
}

#[tokio::test]
async fn an_absence_that_the_other_version_gave_is_never_gone() {
    for (api, id) in [(ApiVersion::V2, "4711"), (ApiVersion::V1, ID)] {
        let (read, asked) = single(api, id, Vec::new()).await;
        assert_eq!((read.unwrap_err().kind, asked.len()), (ErrorKind::Unsupported, 0), "{id}");
    }
    let (read, _) = single(ApiVersion::Auto, ID, vec![token("a"), problem(404), page(&json!([]))]).await;
    assert!(read.unwrap().is_none());
    let answers = vec![vendor::token("a"), refusal(404, 404), list(&json!([]))];
    assert!(single(ApiVersion::Auto, "4711", answers).await.0.unwrap().is_none());
    // Version 1 has ended, and with it every absence that it gave would be "not found".
    let answers = vec![vendor::token("a"), refusal(404, 404), refusal(404, 404)];
    assert_eq!(single(ApiVersion::Auto, "4711", answers).await.0.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn not_found_is_believed_where_another_absence_is_found() {
    let other = "0b5c2a9e-0002-4a7e-9f00-000000000002";
    let shown = page(&json!([with(&json!({"id": other}))]));
    let found = bare(&with(&json!({"id": other})));
    let answers = vec![token("a"), problem(404), shown.clone(), found, types(), days(&[])];
    assert!(single(ApiVersion::V2, ID, answers).await.0.unwrap().is_none());
    let nothing = vec![token("a"), problem(404), shown, problem(404)];
    assert_eq!(single(ApiVersion::V2, ID, nothing).await.0.unwrap_err().kind, ErrorKind::Unsupported);
    let same = vec![token("a"), problem(404), page(&json!([absence()]))];
    assert_eq!(single(ApiVersion::V2, ID, same).await.0.unwrap_err().kind, ErrorKind::Unsupported);
}

/// What the first page of absences is read through when `auto` decides, and what was asked.
async fn auto(answers: Vec<Response>) -> (Result<Vec<String>, ErrorKind>, Vec<String>) {
    let script = Arc::new(Script::new(answers));
    let connection = connection(ApiVersion::Auto, &script).await;
    let read = connection.source().unwrap().read_page(first_page(Stream::Absences)).await;
    let sources = |page: Page| page.records.into_iter().map(|record| record.external.source).collect();
    (read.map(sources).map_err(|error| error.kind), paths(&script))
}

#[tokio::test]
async fn auto_takes_version_1_until_it_says_that_it_has_ended() {
    let item = json!({"type": "TimeOffPeriod", "attributes": {"id": 4711}});
    let (read, asked) = auto(vec![vendor::token("a"), list(&json!([item]))]).await;
    assert_eq!((read.unwrap(), asked.len()), (vec!["personio.v1".to_owned()], 2));
    for ended in [refusal(404, 404), answer(410, ""), answer(405, ""), answer(501, "")] {
        let of_2 = [token("b"), page(&json!([absence()])), types(), days(&[])];
        let answers = [vendor::token("a"), ended].into_iter().chain(of_2).collect();
        assert_eq!(auto(answers).await.0.unwrap(), ["personio.v2"]);
    }
    for (stays, kind) in [
        (refusal(403, 0), ErrorKind::Forbidden),
        (answer(404, "<html>"), ErrorKind::Protocol),
        (answer(503, ""), ErrorKind::Unavailable),
        (answer(429, ""), ErrorKind::RateLimited),
        (answer(200, "<html>"), ErrorKind::Protocol),
    ] {
        let (read, asked) = auto(vec![vendor::token("a"), stays]).await;
        assert_eq!((read, asked.len()), (Err(kind), 2), "version 2 is not asked");
    }
    let neither = vec![vendor::token("a"), refusal(404, 404), problem(404)];
    assert_eq!(auto(neither).await.0, Err(ErrorKind::Unsupported));
}

#[tokio::test]
async fn kinds_of_absence_are_told_in_the_words_of_version_1() {
    let items = json!([
        {"id": KIND, "name": "Paid vacation", "unit": "DAILY"}, {"id": ID, "name": "Kind krank", "unit": "HOURLY"}, {"name": "no id"},
    ]);
    let script = Arc::new(Script::new([token("a"), page(&items)]));
    let connection = connection(ApiVersion::V2, &script).await;
    let read =
        connection.source().unwrap().read_absence_types(ReadAbsenceTypes::new(Class::Interactive)).await.unwrap();
    let told: Vec<_> = read.types.iter().map(|kind| (kind.name.as_deref(), kind.unit.as_deref())).collect();
    assert_eq!(told, [(Some("Paid vacation"), Some("day")), (Some("Kind krank"), Some("hour"))]);
    assert_eq!((read.types[0].external.source.as_str(), read.bad.len()), ("personio.v2", 1));
}

#[tokio::test]
async fn a_missing_right_is_told_by_its_name() {
    let (read, _) = first([problem(403)]).await;
    let error = read.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(
        error.message.contains("personio:absences:read") && error.message.contains("tick Read for Absences"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn arbitrary_answers_never_panic_and_nothing_is_lost(
        body in prop::collection::vec(any::<u8>(), 0..200),
        text in r#"[\{\}\[\]",:\\a-c0-9eu\. -]{0,60}"#,
        key in prop::sample::select(vec!["starts_from", "ends_at", "absence_type", "person", "approval", "_gangway", "id"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let any = || Response::new(200, Vec::new(), body.clone());
        for place in 0..3 {
            let mut answers = vec![page(&json!([absence()])), types(), days(&[])];
            answers[place] = any();
            if let (Ok(page), _) = runtime.block_on(first(answers)) {
                prop_assert!(page.records.len() + page.bad.len() <= 1 || place == 0);
            }
        }
        let item = format!(r#"{{"id":"1","ends_at":"2026-03-02","{key}":"{text}"}}"#);
        let listed = answer(200, format!(r#"{{"_data":[{item}]}}"#));
        if let (Ok(page), _) = runtime.block_on(first([listed, types(), any()])) {
            prop_assert!(page.records.len() + page.bad.len() <= 1);
        }
    }
}
