//! What only version 2 does: when it is read, links that lead astray, and that it tells the same as version 1.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeDelta};
use gangway_connector::{CheckReport, CheckRequest, ErrorKind, Finding, FindingLevel, ReadMode, SourceRecord};
use gangway_domain::record::Stream;
use gangway_egress::Class;
use gangway_sandbox::{Handle, Quirks};
use gangway_testkit::behaviour::{Size, Subject};
use serde_json::{Value, json};

use super::emulator::{ABSENCES, PERIODS, Variant};

const ATTENDANCES: Stream = Stream::Attendances;
const AUTO: Variant = Variant::AUTO;

async fn read(subject: &Subject) -> Vec<SourceRecord> {
    subject.read(ATTENDANCES, ReadMode::All).await.records
}

async fn absences(subject: &Subject) -> Vec<SourceRecord> {
    subject.read(Stream::Absences, ReadMode::All).await.records
}

fn about<'a>(report: &'a CheckReport, stream: &str, code: &str) -> &'a Finding {
    let mut told = report.findings.iter().filter(|finding| finding.code == code);
    let found = told.find(|finding| finding.message.starts_with(stream));
    found.unwrap_or_else(|| panic!("nothing is said of {stream}: {report:?}"))
}

fn source(records: &[SourceRecord]) -> &str {
    records.first().expect("there are some").external.source.as_str()
}

async fn check(subject: &Subject) -> CheckReport {
    subject.connection.check(CheckRequest::new(Class::Interactive)).await.unwrap()
}

async fn turned(variant: Variant, quirks: Quirks) -> (Subject, Handle) {
    let (subject, handle) = variant.start_with_handle(Size::SMALL).await;
    handle.set_quirks(quirks).unwrap();
    (subject, handle)
}

/// Minutes of work by employee and day.
fn worked(records: &[SourceRecord]) -> BTreeMap<(String, String), i64> {
    let mut worked = BTreeMap::new();
    for record in records {
        let text = |field: &str| record.fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let time = |field: &str| NaiveTime::parse_from_str(&text(field), "%H:%M").ok();
        let (Some(start), Some(end)) = (time("starts_at"), time("ends_at")) else { continue };
        let length = if end < start { end - start + TimeDelta::days(1) } else { end - start };
        let pause = record.fields.get("break_minutes").and_then(Value::as_i64).unwrap_or_default();
        let minutes = if text("kind") == "break" { 0 } else { length.num_minutes() - pause };
        let employee = record.employee.as_ref().expect("it is somebody's").id.clone();
        *worked.entry((employee, text("date"))).or_default() += minutes;
    }
    worked
}

#[tokio::test]
async fn both_versions_tell_the_same_work() {
    let size = Size { people: 60, absences_each: 1, attendances_each: 4 };
    let (of_1, _) = Variant::VENDOR.start_with_handle(size).await;
    let (of_2, _) = Variant::V2.start_with_handle(size).await;
    let (of_1, of_2) = (read(&of_1).await, read(&of_2).await);
    assert!(of_2.len() > of_1.len(), "breaks are records of their own");
    assert_eq!(worked(&of_1), worked(&of_2));
}

#[tokio::test]
async fn both_versions_tell_the_same_people() {
    let size = Size { people: 120, absences_each: 1, attendances_each: 1 };
    let (of_1, _) = Variant::VENDOR.start_with_handle(size).await;
    let (of_2, _) = Variant::V2.start_with_handle(size).await;
    let read = async |subject: &Subject| subject.read(Stream::Employees, ReadMode::All).await.records;
    let (of_1, of_2) = (read(&of_1).await, read(&of_2).await);
    assert_eq!(of_1.len(), of_2.len());
    for (one, other) in of_1.iter().zip(&of_2) {
        assert_eq!(one.external, other.external);
        for (field, value) in &other.fields {
            match field.as_str() {
                "picture_url" => {}
                "supervisor" => assert_eq!(one.fields[field]["id"], value["id"], "{:?}", one.external),
                _ => assert_eq!(&one.fields[field], value, "{:?}: {field}", one.external),
            }
        }
        let missing: Vec<_> = one.fields.keys().filter(|field| !other.fields.contains_key(*field)).collect();
        assert_eq!(missing, ["employment_type"]);
    }
}

#[tokio::test]
async fn auto_reads_people_through_version_1_while_there_is_one() {
    let (subject, handle) = turned(AUTO, Quirks::default()).await;
    let expected = subject.read(Stream::Employees, ReadMode::All).await.ids();
    assert_eq!(handle.ledger(0).count("/v2/persons"), 0);
    handle.set_quirks(Quirks { v1_gone: true, ..Quirks::default() }).unwrap();
    assert_eq!(subject.read(Stream::Employees, ReadMode::All).await.ids(), expected);
    let said = check(&subject).await;
    let told = &about(&said, "Employees", "api_version").message;
    assert!(said.ok && told.contains("version 2") && told.contains("since version 1 does not give them: "), "{told}");
    let discovery = subject.connection.discovery().unwrap();
    let found = discovery.discover(gangway_connector::DiscoverRequest::new(Class::Interactive)).await.unwrap();
    assert!(found.attributes.iter().any(|attribute| attribute.key == "hire_date"));

    // Nobody is taken for gone because version 1 no longer finds anybody.
    let ask = async |id: &str| {
        let one = gangway_connector::ReadOne::new(Stream::Employees, id, Class::Sweep);
        subject.source().read_one(one).await.unwrap().is_some()
    };
    assert!(ask(&expected[0]).await && !ask("1").await);
}

#[tokio::test]
async fn auto_works_when_version_1_has_ended_together_with_its_login() {
    let (subject, _) = turned(AUTO, Quirks { v1_gone: true, v1_login_gone: true, ..Quirks::default() }).await;
    let said = check(&subject).await;
    assert!(said.ok && said.streams.iter().all(|stream| stream.api_version == Some("v2")), "{said:?}");
    assert_eq!(source(&absences(&subject).await), "personio.v2");
    let discovery = subject.connection.discovery().unwrap();
    let found = discovery.discover(gangway_connector::DiscoverRequest::new(Class::Interactive)).await.unwrap();
    assert!(found.attributes.iter().any(|attribute| attribute.key == "hire_date"));

    let neither = Quirks { v2_unavailable: true, v1_gone: true, v1_login_gone: true, ..Quirks::default() };
    let (subject, _) = turned(AUTO, neither).await;
    assert_eq!(subject.first_page(Stream::Employees).await.unwrap_err().kind, ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn both_versions_tell_the_same_absences_under_names_that_meet() {
    let size = Size { people: 60, absences_each: 4, attendances_each: 1 };
    let (of_1, handle) = Variant::VENDOR.start_with_handle(size).await;
    let (of_2, _) = Variant::V2.start_with_handle(size).await;
    let (of_1, of_2) = (absences(&of_1).await, absences(&of_2).await);
    let by_name: BTreeMap<_, _> = of_2.iter().map(|record| (&record.external, &record.fields)).collect();
    let in_days: Vec<Value> =
        handle.time_off_types().iter().filter(|kind| kind["unit"] == "day").map(|kind| kind["name"].clone()).collect();
    assert_eq!(of_1.len(), of_2.len());
    let mut n_in_days = 0;
    for record in &of_1 {
        let (one, other) = (&record.fields, by_name[&record.also[0]]);
        for field in ["employee", "status", "starts_on", "ends_on", "comment"] {
            assert_eq!(one[field], other[field], "{:?}: {field}", record.external);
        }
        assert_eq!(one["type"]["name"], other["type"]["name"], "{:?}", record.external);
        if in_days.contains(&one["type"]["name"]) {
            n_in_days += 1;
            for field in ["days", "half_day_start", "half_day_end"] {
                assert_eq!(one[field], other[field], "{:?}: {field}", record.external);
            }
        }
    }
    assert!(n_in_days > 100 && n_in_days < of_1.len(), "some are in hours");
}

#[tokio::test]
async fn auto_reads_absences_through_version_1_while_there_is_one() {
    let (subject, handle) = turned(AUTO, Quirks::default()).await;
    assert_eq!(source(&absences(&subject).await), "personio.v1");
    let said = check(&subject).await;
    assert!(about(&said, "Absences", "api_version").message.contains("version 1 of Personio's API, since it answers"));
    handle.set_quirks(Quirks { v1_gone: true, ..Quirks::default() }).unwrap();
    assert_eq!(source(&absences(&subject).await), "personio.v2");

    let (subject, _) = turned(Variant::VENDOR, Quirks { v1_gone: true, ..Quirks::default() }).await;
    assert_eq!(subject.first_page(Stream::Absences).await.unwrap_err().kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn auto_reads_version_2_and_goes_on_when_version_1_has_ended() {
    let (subject, handle) = turned(AUTO, Quirks::default()).await;
    assert_eq!(source(&read(&subject).await), "personio.v2");
    handle.set_quirks(Quirks { v1_attendances_gone: true, ..Quirks::default() }).unwrap();
    assert_eq!(source(&read(&subject).await), "personio.v2");
    let report = check(&subject).await;
    assert!(
        report.findings.iter().any(|finding| finding.code == "api_version" && finding.message.contains("it answers"))
    );

    let (subject, _) = turned(Variant::VENDOR, Quirks { v1_attendances_gone: true, ..Quirks::default() }).await;
    let error = subject.first_page(ATTENDANCES).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("`api` to `v2`"), "{error}");
}

#[tokio::test]
async fn auto_reads_version_1_where_version_2_is_not_there() {
    let (subject, _) = turned(AUTO, Quirks { v2_unavailable: true, ..Quirks::default() }).await;
    assert_eq!(source(&read(&subject).await), "personio.v1");
    let report = check(&subject).await;
    assert!(report.ok && report.streams.iter().all(|stream| stream.readable), "{report:?}");
    let finding = about(&report, "Attendances", "api_version");
    assert!(finding.message.contains("version 1"), "{finding:?}");
}

#[tokio::test]
async fn a_credential_without_the_scope_is_told_what_to_tick() {
    for (variant, readable) in [(Variant::V2, false), (AUTO, true)] {
        let (subject, handle) = turned(variant, Quirks::default()).await;
        let credential: Value = {
            use secrecy::ExposeSecret as _;
            serde_json::from_str(subject.account.credential().expose_secret()).unwrap()
        };
        let scopes = vec!["personio:persons:read".to_owned()];
        handle.set_scopes(credential["client_id"].as_str().unwrap(), Some(scopes)).unwrap();
        let report = check(&subject).await;
        for (stream, name) in [(Stream::Absences, "Absences"), (ATTENDANCES, "Attendances")] {
            let found = report.streams.iter().find(|check| check.stream == stream).unwrap();
            assert_eq!((report.ok, found.readable), (true, readable), "{report:?}");
            if !readable {
                let finding = about(&report, name, "stream_not_permitted");
                assert_eq!(finding.level, FindingLevel::Warning);
                assert!(finding.action.as_deref().unwrap().contains(&format!("tick Read for {name}")));
            }
        }
    }
}

#[tokio::test]
async fn links_that_lead_astray_end_the_read() {
    for (stream, path) in [(ATTENDANCES, PERIODS), (Stream::Absences, ABSENCES)] {
        for (effect, words) in [
            (json!({"kind": "next_elsewhere", "origin": "http://127.0.0.1:9"}), "another address"),
            (json!({"kind": "next_again"}), "no end"),
        ] {
            let (subject, handle) = Variant::V2.start_with_handle(Size::PAGES).await;
            let fault = json!({"path": path, "times": null, "effect": effect});
            handle.add_fault(serde_json::from_value(fault).unwrap()).unwrap();
            let mut request = subject.first(stream, ReadMode::All);
            let mut n_read = 0;
            let error = loop {
                match subject.source().read_page(request.clone()).await {
                    Ok(page) => request = request.with_checkpoint(page.next),
                    Err(error) => break error,
                }
                n_read += 1;
                assert!(n_read < 10, "{path}: {effect}: it goes on");
                subject.advance_s(1);
            };
            assert_eq!(error.kind, ErrorKind::Protocol, "{path}: {effect}");
            assert!(error.message.contains(words) && !error.message.contains("127.0.0.1"), "{path}: {effect}: {error}");
        }
    }
}
