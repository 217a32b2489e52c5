//! Attendances through version 2: how periods are read, what is asked, and which version `auto` takes.

use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use gangway_domain::{
    ManualClock,
    record::{ExternalId, Stream},
};
use gangway_egress::{Class, Response};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json, value::RawValue};

use super::{
    super::{ApiVersion, BodyStyle, Config, Credential, Personio, v2},
    first_page, start,
    v2::{granted, page, token},
    vendor::{self, Script, answer, list, refusal},
};
use crate::contract::{
    CheckReport, CheckRequest, Checkpoint, Connection, Connector as _, ErrorKind, Finding, FindingLevel,
    MemoryTokenStore, Page, ReadMode, Result, Runtime, SourceRecord,
};

pub(super) async fn connection(api: ApiVersion, script: &Arc<Script>) -> Arc<dyn Connection> {
    let clock = Arc::new(ManualClock::new(start()));
    let base_url = "https://api.personio.de".to_owned();
    let config = Config { base_url, page_size: None, body_style: BodyStyle::Wrapped, api };
    let credential = Credential { client_id: "id-1".to_owned(), client_secret: SecretString::from("canary-secret") };
    let tokens = Arc::new(MemoryTokenStore::new(clock.clone()));
    Personio.connect(config, credential, Runtime::new(script.clone(), tokens, clock)).await.unwrap()
}

async fn first(api: ApiVersion, answers: impl IntoIterator<Item = Response>) -> (Result<Page>, Arc<Script>) {
    let script = Arc::new(Script::new(answers));
    let connection = connection(api, &script).await;
    (connection.source().unwrap().read_page(first_page(Stream::Attendances)).await, script)
}

pub(super) fn paths(script: &Script) -> Vec<String> {
    script.ledger().into_iter().map(|(path, _)| path).collect()
}

fn work() -> Value {
    json!({
        "id": "0b5c2a9e-0001-4a7e-9f00-000000000001", "type": "WORK", "person": {"id": "7"},
        "approval": {"status": "CONFIRMED"}, "start": {"date_time": "2026-03-02T08:30:00"},
        "end": {"date_time": "2026-03-02T12:00:00"}, "attribution_date": "2026-03-02", "comment": "",
        "project": {"id": "31"}, "is_auto_generated": false, "is_holiday": false, "is_on_time_off": true,
        "created_at": "2026-03-02T12:00:01", "updated_at": "2026-03-03T12:00:01",
    })
}

fn with(changes: &Value) -> Value {
    let mut period = work();
    for (key, value) in changes.as_object().unwrap() {
        period[key] = value.clone();
    }
    period
}

fn read(period: &Value) -> Result<SourceRecord, String> {
    let raw = RawValue::from_string(period.to_string()).unwrap();
    let bytes = Bytes::copy_from_slice(raw.get().as_bytes());
    v2::attendance::read(&raw, bytes.clone()).map_err(|bad| bad.into_record(bytes).reason)
}

#[test]
fn a_period_of_work_is_an_attendance_of_version_2() {
    let record = read(&work()).unwrap();
    let external = |source: &str, id: &str| ExternalId { source: source.to_owned(), id: id.to_owned() };
    assert_eq!(record.external, external("personio.v2", "0b5c2a9e-0001-4a7e-9f00-000000000001"));
    assert_eq!(record.employee, Some(external("personio.v1", "7")), "employees are read through version 1");
    assert_eq!(
        serde_json::to_value(&record.fields).unwrap(),
        json!({
            "kind": "work", "employee": {"id": "7", "name": null}, "date": "2026-03-02", "starts_at": "08:30",
            "ends_at": "12:00", "status": "confirmed", "comment": null, "project": {"id": "31", "name": null},
            "is_holiday": false, "is_time_off": true, "updated_at": "2026-03-03T12:00:01",
        })
    );
    let again = Personio.read_stored(Stream::Attendances, &record.external, record.raw.clone()).unwrap();
    assert_eq!((again.external, again.employee, again.fields), (record.external, record.employee, record.fields));
}

#[test]
fn a_break_is_a_record_of_its_own_and_what_still_runs_has_no_end() {
    let pause = with(&json!({"type": "BREAK", "project": null}));
    assert_eq!(read(&pause).unwrap().fields["kind"], "break");
    for end in [json!(null), json!({}), json!({"date_time": null})] {
        assert_eq!(read(&with(&json!({"end": end}))).unwrap().fields["ends_at"], Value::Null);
    }
}

#[test]
fn times_are_those_of_the_companys_clock() {
    for (text, time) in [
        ("2026-03-02T08:30:00", "08:30"),
        ("2026-03-02T08:30", "08:30"),
        ("2026-03-02T08:30:15.250", "08:30:15"),
        ("2026-03-02T08:30:00+01:00", "08:30"),
        ("2026-03-02T08:30:00-0500", "08:30"),
    ] {
        let record = read(&with(&json!({"start": {"date_time": text}}))).unwrap();
        assert_eq!(
            (&record.fields["starts_at"], &record.fields["date"]),
            (&json!(time), &json!("2026-03-02")),
            "{text}"
        );
    }
    let reason = read(&with(&json!({"start": {"date_time": "2026-03-02T08:30:00Z"}}))).unwrap_err();
    assert_eq!(reason, "starts_at is told in UTC instead of by the company's clock");
}

#[test]
fn a_period_counts_on_the_day_it_is_attributed_to_else_on_that_of_its_start() {
    let night = json!({"start": {"date_time": "2026-03-03T01:00:00"}, "attribution_date": "2026-03-02"});
    assert_eq!(read(&with(&night)).unwrap().fields["date"], "2026-03-02");
    let night = json!({"start": {"date_time": "2026-03-03T01:00:00"}, "attribution_date": null});
    assert_eq!(read(&with(&night)).unwrap().fields["date"], "2026-03-03");
}

#[tokio::test]
async fn the_window_is_asked_for_a_day_wider_and_cut_by_the_day_of_attribution() {
    let day = |id: u32, day: &str| with(&json!({"id": id.to_string(), "attribution_date": day}));
    let items =
        json!([day(1, "2025-12-31"), day(2, "2026-01-01"), day(3, "2026-12-31"), day(4, "2027-01-01"), {"id": "5"}]);
    let script = Arc::new(Script::new([token("a"), page(&items)]));
    let connection = connection(ApiVersion::V2, &script).await;
    let mut request = first_page(Stream::Attendances);
    request.mode = ReadMode::Since("2026-02-28T23:30:00Z".parse::<chrono::DateTime<Utc>>().unwrap());
    let read = connection.source().unwrap().read_page(request).await.unwrap();
    let ids: Vec<_> = read.records.iter().map(|record| record.external.id.as_str()).collect();
    assert_eq!(ids, ["2", "3", "5"], "what has no day may be of any");
    let query = script.sent.lock().unwrap()[1].query.clone();
    let expected = [
        ("limit", "100"),
        ("start.date_time.gte", "2025-12-31T00:00:00"),
        ("start.date_time.lte", "2027-01-01T23:59:59"),
        ("updated_at.gte", "2026-02-28T23:30:00"),
    ];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn the_next_page_is_asked_for_by_its_link_alone() {
    let link = "https://api.personio.de/v2/attendance-periods?cursor=abc";
    let body = json!({"_data": [work()], "_meta": {"links": {"next": {"href": link}}}});
    let script = Arc::new(Script::new([token("a"), answer(200, body.to_string()), page(&json!([]))]));
    let connection = connection(ApiVersion::V2, &script).await;
    let read = connection.source().unwrap().read_page(first_page(Stream::Attendances)).await.unwrap();
    assert!(!read.done && read.total.is_none());
    let next = Checkpoint::from_stored(read.next.unwrap().into_string());
    let request = first_page(Stream::Attendances).with_checkpoint(Some(next));
    let last = connection.source().unwrap().read_page(request).await.unwrap();
    assert!(last.done && last.next.is_none());
    assert_eq!(script.sent.lock().unwrap()[2].query, [("cursor".to_owned(), "abc".to_owned())]);
}

#[tokio::test]
async fn a_page_with_far_more_than_was_asked_for_is_refused() {
    let items: Vec<Value> = (0..401).map(|id| with(&json!({"id": id.to_string()}))).collect();
    let (read, _) = first(ApiVersion::V2, [token("a"), page(&json!(items))]).await;
    assert_eq!(read.unwrap_err().kind, ErrorKind::Protocol);
    let (read, _) = first(ApiVersion::V2, [token("a"), answer(200, r#"{"data":[]}"#)]).await;
    assert_eq!(read.unwrap_err().kind, ErrorKind::Protocol, "a list of version 1 is none of version 2");
}

pub(super) fn problem(status: u16) -> Response {
    answer(status, json!({"errors": [{"title": "canary", "type": "about:blank"}]}).to_string())
}

/// What version 2 answers when it does not give attendances to a credential.
fn not_served() -> Vec<Vec<Response>> {
    let no_grant = answer(400, json!({"error": "invalid_client"}).to_string());
    vec![
        vec![problem(404)],
        vec![no_grant],
        vec![token("a"), problem(403)],
        vec![token("a"), problem(404)],
        vec![token("a"), answer(410, "")],
        vec![granted("a", "personio:documents:read"), answer(401, "")],
    ]
}

#[tokio::test]
async fn version_1_is_read_unless_the_config_says_otherwise() {
    let (read, script) = first(ApiVersion::V1, [vendor::token("a"), list(&json!([]))]).await;
    assert!(read.unwrap().records.is_empty());
    assert_eq!(paths(&script), ["/v1/auth", "/v1/company/attendances"]);
}

#[tokio::test]
async fn auto_takes_version_2_where_it_answers_and_version_1_where_it_says_no() {
    let (read, script) = first(ApiVersion::Auto, [token("a"), page(&json!([work()]))]).await;
    assert_eq!(read.unwrap().records[0].external.source, "personio.v2");
    assert_eq!(paths(&script), ["/v2/auth/token", "/v2/attendance-periods"]);
    for mut answers in not_served() {
        let n = answers.len();
        answers.extend([
            vendor::token("a"),
            list(&json!([{"id": 3, "attributes": {"employee": 7, "date": "2026-03-02"}}])),
        ]);
        let (read, script) = first(ApiVersion::Auto, answers).await;
        assert_eq!(read.unwrap().records[0].external.source, "personio.v1");
        assert_eq!(paths(&script)[n..], ["/v1/auth", "/v1/company/attendances"]);
    }
}

#[tokio::test]
async fn what_passes_by_itself_never_makes_auto_change() {
    for answers in [
        vec![answer(503, "")],
        vec![token("a"), answer(502, "")],
        vec![token("a"), answer(429, "")],
        vec![token("a"), answer(403, "<html>firewall</html>")],
        vec![token("a"), answer(200, "<html>maintenance</html>")],
    ] {
        let n = answers.len();
        let (read, script) = first(ApiVersion::Auto, answers).await;
        read.unwrap_err();
        assert_eq!(paths(&script).len(), n, "version 1 is not asked");
    }
}

#[tokio::test]
async fn version_2_alone_says_why_it_does_not_give_attendances() {
    for answers in not_served() {
        let (read, _) = first(ApiVersion::V2, answers).await;
        let error = read.unwrap_err();
        let expected = [ErrorKind::Unsupported, ErrorKind::Unauthenticated, ErrorKind::Forbidden];
        assert!(
            expected.contains(&error.kind) && error.message.contains("version 2") || error.message.contains("410"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_run_stays_with_the_version_that_it_began_with() {
    let link = "?cursor=abc";
    let body = json!({"_data": [], "_meta": {"links": {"next": {"href": link}}}}).to_string();
    let (read, _) = first(ApiVersion::V2, [token("a"), answer(200, body)]).await;
    let of_v2 = read.unwrap().next.unwrap();
    let item = json!({"id": 3, "attributes": {"employee": 7, "date": "2026-03-02"}});
    let (read, _) = first(ApiVersion::V1, [vendor::token("a"), list(&json!([item]))]).await;
    let of_v1 = read.unwrap().next.unwrap();

    let again = async |api, checkpoint: &Checkpoint, answers: Vec<Response>| {
        let script = Arc::new(Script::new(answers));
        let request = first_page(Stream::Attendances).with_checkpoint(Some(checkpoint.clone()));
        let read = connection(api, &script).await.source().unwrap().read_page(request).await;
        (read.map(|page| page.records.len()).map_err(|error| error.kind), paths(&script))
    };
    let (read, asked) = again(ApiVersion::Auto, &of_v1, vec![vendor::token("a"), list(&json!([]))]).await;
    assert_eq!((read, asked[1].as_str()), (Ok(0), "/v1/company/attendances"));
    let (read, asked) = again(ApiVersion::Auto, &of_v2, vec![token("a"), problem(403)]).await;
    assert_eq!((read, asked.len()), (Err(ErrorKind::Forbidden), 2), "not through version 1");
    for (api, checkpoint) in [(ApiVersion::V1, &of_v2), (ApiVersion::V2, &of_v1)] {
        assert_eq!(again(api, checkpoint, Vec::new()).await, (Err(ErrorKind::Refused), Vec::new()));
    }
}

/// What version 1 answers about employees.
fn employees_of_v1() -> [Response; 2] {
    let keys = ["first_name", "last_name", "email", "status", "hire_date", "termination_date", "last_modified_at"];
    let mut attributes = json!({"id": {"value": 1}});
    for key in keys {
        attributes[key] = json!({"value": null});
    }
    [vendor::token("a"), list(&json!([{"type": "Employee", "attributes": attributes}]))]
}

async fn check(api: ApiVersion, answers: Vec<Response>) -> CheckReport {
    let script = Arc::new(Script::new(answers));
    connection(api, &script).await.check(CheckRequest::new(Class::Interactive)).await.unwrap()
}

fn about<'a>(report: &'a CheckReport, stream: &str) -> &'a Finding {
    let found = report.findings.iter().find(|finding| finding.message.starts_with(stream));
    found.unwrap_or_else(|| panic!("nothing is said of {stream}: {report:?}"))
}

#[tokio::test]
async fn a_check_says_which_version_each_stream_is_read_through_and_why() {
    let (of_1, of_2) = (list(&json!([])), page(&json!([])));
    for (api, answers, absences, attendances) in [
        (
            ApiVersion::Auto,
            employees_of_v1().into_iter().chain([of_1, token("b"), of_2.clone()]).collect(),
            "through version 1 of Personio's API, since it answers",
            "through version 2 of Personio's API, since it answers",
        ),
        (
            ApiVersion::V2,
            vec![token("b"), of_2.clone(), of_2.clone(), of_2],
            "through version 2 of Personio's API, since `api` says so",
            "through version 2 of Personio's API, since `api` says so",
        ),
    ] {
        let report = check(api, answers).await;
        assert!(report.findings.iter().all(|finding| finding.level == FindingLevel::Info), "{report:?}");
        for (stream, told) in [("Employees", absences), ("Absences", absences), ("Attendances", attendances)] {
            assert!(about(&report, stream).message.contains(told), "{stream}: {report:?}");
        }
        let mut written = report.findings.iter().filter(|finding| finding.code == "writing");
        let lacking = written.rfind(|finding| finding.message.starts_with("Attendances")).unwrap();
        assert!(lacking.message.contains("lacks personio:attendances:write"), "{report:?}");
        assert!(report.ok && report.streams.iter().all(|stream| stream.readable));
    }
    for mut answers in not_served() {
        answers.push(list(&json!([])));
        let before = employees_of_v1().into_iter().chain([list(&json!([]))]);
        let report = check(ApiVersion::Auto, before.chain(answers).collect()).await;
        let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes.iter().filter(|code| **code == "api_version").count(), 3, "{report:?}");
        let written = report.findings.iter().rfind(|finding| finding.code == "writing").unwrap();
        assert!(written.message.starts_with("Attendances are written through version 1"), "{report:?}");
        let told = &about(&report, "Attendances").message;
        assert!(told.contains("through version 1") && told.contains("since version 2 does not give them: "), "{told}");
        assert!(report.ok && report.streams.iter().all(|stream| stream.readable), "{report:?}");
    }
}

#[tokio::test]
async fn a_check_of_version_2_alone_says_what_cannot_be_read() {
    for mut answers in not_served() {
        let last = answers.last().cloned();
        answers.extend(last.clone());
        answers.extend(last);
        let report = check(ApiVersion::V2, answers).await;
        assert!(!report.ok && report.streams.iter().all(|stream| !stream.readable), "{report:?}");
        let worst = &report.findings[0];
        assert_eq!(worst.level, FindingLevel::Error);
        assert!(!worst.message.contains("version 1 of its API"), "{report:?}");
    }
    let ended = employees_of_v1().into_iter().chain([list(&json!([])), refusal(404, 404)]);
    let gone = check(ApiVersion::V1, ended.collect()).await;
    assert!(gone.findings[0].message.contains("`api` to `v2`"), "{gone:?}");
}

proptest! {
    #[test]
    fn arbitrary_answers_never_panic_and_nothing_is_lost(
        body in prop::collection::vec(any::<u8>(), 0..200),
        text in r#"[\{\}\[\]",:\\a-c0-9eu\. -]{0,60}"#,
        key in prop::sample::select(vec!["start", "end", "type", "person", "approval", "attribution_date", "project", "id"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drop(runtime.block_on(first(ApiVersion::V2, [token("a"), answer_of(body.clone())])));
        drop(runtime.block_on(first(ApiVersion::V2, [answer_of(body)])));
        let item = format!(r#"{{"id":"1","attribution_date":"2026-03-02","{key}":"{text}"}}"#);
        let (read, _) = runtime.block_on(first(ApiVersion::V2, [token("a"), answer(200, format!(r#"{{"_data":[{item}]}}"#))]));
        if let Ok(page) = read {
            prop_assert!(page.records.len() + page.bad.len() <= 1);
        }
    }
}

fn answer_of(body: Vec<u8>) -> Response {
    Response::new(200, Vec::new(), body)
}

#[tokio::test]
async fn both_versions_have_tokens_of_their_own() {
    let script = Arc::new(Script::new([
        token("of-2"),
        page(&json!([])),
        vendor::token("of-1"),
        list(&json!([])),
        page(&json!([])),
    ]));
    let connection = connection(ApiVersion::Auto, &script).await;
    let source = connection.source().unwrap();
    for stream in [Stream::Attendances, Stream::Employees, Stream::Attendances] {
        source.read_page(first_page(stream)).await.unwrap();
    }
    let tokens: Vec<_> = script.ledger().into_iter().filter_map(|(_, token)| token).collect();
    assert_eq!(tokens, ["of-2", "of-1", "of-2"]);
}
