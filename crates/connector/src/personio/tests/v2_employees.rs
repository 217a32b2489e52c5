//! Employees through version 2: a person, an employment and the names of units become one employee of version 1.

use std::sync::Arc;

use gangway_domain::record::{ExternalId, Stream};
use gangway_egress::{Class, Response};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{ApiVersion, Personio},
    first_page,
    v2::{page, token},
    v2_attendances::{connection, paths, problem},
    vendor::{self, Script, answer, list, refusal},
};
use crate::contract::{
    CheckRequest, Connector as _, DiscoverRequest, ErrorKind, FindingLevel, Page, ReadMode, ReadOne, Result,
    SourceRecord,
};

fn person() -> Value {
    json!({
        "id": "7", "email": "ann@example.org", "created_at": "2020-01-01T10:00:00Z", "updated_at": "2026-01-01T10:00:00Z",
        "first_name": "Ann", "last_name": "Öz", "preferred_name": null, "gender": "FEMALE",
        "profile_picture": {"url": "https://api.personio.de/v1/company/employees/7/profile-picture"}, "status": "ACTIVE",
        "custom_attributes": [
            {"id": "dynamic_1", "type": "string", "value": "Red", "global_id": "color"},
            {"id": "dynamic_2", "type": "INT", "value": "77", "label": "Badge"},
            {"id": "dynamic_3", "type": "STRING_LIST", "value": "a, b"},
            {"id": "dynamic_4", "type": "date", "value": "2026-05-01"},
            {"id": "dynamic_5", "type": "double", "value": "1.50"},
        ],
        "employments": [{"id": "e"}], "_meta": {"links": {}},
    })
}

fn employment() -> Value {
    json!({
        "id": "e", "status": "LEAVE", "weekly_working_hours": 38.5, "full_time_weekly_working_hours": 40,
        "probation_end_date": "2020-07-01", "employment_start_date": "2020-01-01", "employment_end_date": null, "type": null,
        "contract_end_date": null, "position": {"title": "Lead"}, "supervisor": {"id": "8"}, "office": {"id": "60"},
        "legal_entity": {"id": "17"}, "job": null, "sub_company": {"id": "99"},
        "org_units": [{"type": "team", "id": "45"}, {"type": "department", "id": "40"}, {"type": "guild", "id": "1"}],
        "cost_centers": [{"id": "1000", "weight": 60}, {"id": "1001", "weight": 40}], "person": {"id": "7"},
        "termination": {"termination_date": "2026-12-31", "last_working_date": "2026-12-15", "type": "QUIT", "reason": "moves"},
    })
}

fn with(mut base: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

/// The lists of units, in the order in which they are asked for.
fn units() -> [Response; 5] {
    let unit = |id: &str, name: &str| page(&json!([{"id": id, "name": name}]));
    let centers = page(&json!([{"id": "1000", "name": "R&D"}, {"id": "1001", "name": "Süd"}]));
    [unit("40", "Sales"), unit("45", "East"), unit("17", "Acme GmbH"), centers, unit("60", "Berlin")]
}

async fn first(answers: impl IntoIterator<Item = Response>) -> (Result<Page>, Arc<Script>) {
    let script = Arc::new(Script::new(std::iter::once(token("a")).chain(answers)));
    let connection = connection(ApiVersion::V2, &script).await;
    (connection.source().unwrap().read_page(first_page(Stream::Employees)).await, script)
}

async fn one(person: &Value, employments: Response) -> Page {
    first([page(&json!([person])), employments].into_iter().chain(units())).await.0.unwrap()
}

async fn employee(person: &Value, employment: &Value) -> SourceRecord {
    one(person, page(&json!([employment]))).await.records.remove(0)
}

#[tokio::test]
async fn a_person_and_an_employment_are_an_employee_of_version_1() {
    let answers = [page(&json!([person()])), page(&json!([employment()]))].into_iter().chain(units());
    let (read, script) = first(answers).await;
    let record = read.unwrap().records.remove(0);
    assert_eq!(record.external, ExternalId { source: "personio.v1".to_owned(), id: "7".to_owned() });
    let expected = json!({
        "first_name": "Ann", "last_name": "Öz", "preferred_name": null, "email": "ann@example.org", "gender": "female",
        "status": "leave", "position": "Lead", "department": {"id": "40", "name": "Sales"},
        "office": {"id": "60", "name": "Berlin"}, "team": {"id": "45", "name": "East"},
        "legal_entity": {"id": "17", "name": "Acme GmbH"}, "supervisor": {"id": "8", "name": null},
        "cost_centers": [
            {"id": "1000", "name": "R&D", "percentage": "60"}, {"id": "1001", "name": "Süd", "percentage": "40"},
        ],
        "hire_date": "2020-01-01", "contract_end_date": null, "termination_date": "2026-12-31",
        "last_working_day": "2026-12-15", "weekly_hours": "38.5",
        "picture_url": "https://api.personio.de/v1/company/employees/7/profile-picture",
        "created_at": "2020-01-01T10:00:00Z", "updated_at": "2026-01-01T10:00:00Z",
    });
    assert_eq!(serde_json::to_value(&record.fields).unwrap(), expected);
    let of = |key: &str| record.attributes.iter().find(|it| it.key == key).map(|it| it.value.clone());
    for (key, value) in [
        ("id", json!(7)),
        ("dynamic_1", json!("Red")),
        ("dynamic_2", json!(77)),
        ("dynamic_3", json!(["a", "b"])),
        ("dynamic_4", json!("2026-05-01")),
        ("probation_period_end", json!("2020-07-01")),
        ("termination_type", json!("quit")),
    ] {
        assert_eq!(of(key), Some(value), "{key}");
    }
    assert_eq!(of("employment_type"), None, "what is not told is not there");
    let again = Personio.read_stored(Stream::Employees, &record.external, record.raw.clone()).unwrap();
    assert!(again.fields == record.fields && again.attributes == record.attributes);

    let lists = ["/v2/org-units", "/v2/org-units", "/v2/legal-entities", "/v2/cost-centers", "/v2/workplaces"];
    let before = ["/v2/auth/token", "/v2/persons", "/v2/persons/7/employments"];
    assert_eq!(paths(&script), [&before[..], &lists[..]].concat());
    let sent = script.sent.lock().unwrap();
    let is_beta = |place: usize| sent[place].headers.contains(&("beta", "true".to_owned()));
    assert_eq!([3, 4, 5, 6, 7].map(is_beta), [true, true, false, true, true]);
    let types: Vec<_> = sent[3].query.iter().chain(&sent[4].query).filter(|(name, _)| name == "type").collect();
    assert_eq!(types.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["department", "team"]);
}

#[tokio::test]
async fn what_is_not_sent_is_absent_and_what_is_empty_is_null() {
    let bare = json!({"id": "7", "gender": "UNSPECIFIED", "status": "INACTIVE", "custom_attributes": []});
    let read =
        employee(&bare, &json!({"org_units": [], "cost_centers": [], "termination": null, "office": null})).await;
    let expected = json!({
        "gender": null, "status": "inactive", "department": null, "team": null, "office": null, "cost_centers": [],
        "termination_date": null, "last_working_day": null,
    });
    assert_eq!(serde_json::to_value(&read.fields).unwrap(), expected);
}

#[tokio::test]
async fn a_person_without_employments_keeps_what_was_known_of_them() {
    for employments in [page(&json!([])), problem(404), answer(200, r#"{"_data":null}"#)] {
        let read = one(&person(), employments).await;
        let fields = &read.records[0].fields;
        assert_eq!((&fields["status"], &fields["last_name"]), (&json!("active"), &json!("Öz")));
        assert!(["hire_date", "department", "termination_date"].iter().all(|field| !fields.contains_key(*field)));
    }
}

#[tokio::test]
async fn of_two_employments_the_one_that_lasts_counts_and_then_the_newest() {
    let job = |status: &str, title: &str| with(employment(), &json!({"status": status, "position": {"title": title}}));
    for (employments, title) in [
        (vec![job("INACTIVE", "old"), job("ACTIVE", "now")], "now"),
        (vec![job("ONBOARDING", "next"), job("LEAVE", "now")], "now"),
        (vec![job("INACTIVE", "last"), job("INACTIVE", "before")], "last"),
        (vec![job("ACTIVE", "newest"), job("ACTIVE", "older")], "newest"),
        (vec![job("INACTIVE", "old"), job("ONBOARDING", "next")], "next"),
        (vec![job("UNSPECIFIED", "odd"), job("INACTIVE", "old")], "old"),
    ] {
        let read = one(&person(), page(&json!(employments))).await;
        assert_eq!(read.records[0].fields["position"], title);
    }
}

#[tokio::test]
async fn supervisors_in_a_circle_are_ids_and_nothing_more() {
    let of = |id: &str, boss: &str| with(employment(), &json!({"person": {"id": id}, "supervisor": {"id": boss}}));
    let people = json!([with(person(), &json!({"id": "7"})), with(person(), &json!({"id": "8"}))]);
    let jobs = [page(&json!([of("7", "8")])), page(&json!([of("8", "7")]))];
    let (read, _) = first(std::iter::once(page(&people)).chain(jobs).chain(units())).await;
    let bosses: Vec<_> = read.unwrap().records.iter().map(|record| record.fields["supervisor"].clone()).collect();
    assert_eq!(bosses, [json!({"id": "8", "name": null}), json!({"id": "7", "name": null})]);
    let own = employee(&person(), &of("7", "7")).await;
    assert_eq!(own.fields["supervisor"]["id"], "7");
}

#[tokio::test]
async fn what_is_not_as_it_should_be_sets_its_person_aside() {
    for (of_person, of_employment, words) in [
        (json!({}), json!({"person": {"id": "8"}}), "the employment is somebody else's"),
        (json!({}), json!({"employment_start_date": "canary"}), "hire_date is not a date"),
        (json!({}), json!({"weekly_working_hours": {"canary": 1}}), "weekly_hours is not text"),
        (json!({}), json!({"org_units": "canary"}), "is not a list"),
        (json!({}), json!({"org_units": ["canary"]}), "is not an object"),
        (json!({}), json!({"cost_centers": [["canary"]]}), "is not an object"),
        (json!({}), json!({"cost_centers": [{"id": "1", "weight": "canary"}]}), "is not a number"),
        (json!({}), json!({"termination": ["canary"]}), "is not an object"),
        (json!({"custom_attributes": "canary"}), json!({}), "is not a list"),
        (json!({"custom_attributes": ["canary"]}), json!({}), "is not an object"),
        (json!({"first_name": ["canary"]}), json!({}), "first_name is not text"),
    ] {
        let read = one(&with(person(), &of_person), page(&json!([with(employment(), &of_employment)]))).await;
        assert!(read.records.is_empty(), "{words}");
        let bad = &read.bad[0];
        assert_eq!(bad.external_id.as_deref(), Some("7"), "{words}");
        assert!(bad.reason.contains(words) && !bad.reason.contains("canary"), "{words}: {}", bad.reason);
    }
    let (read, script) = first([page(&json!([with(person(), &json!({"id": "../x"})), 7]))]).await;
    assert_eq!((read.unwrap().bad.len(), paths(&script).len()), (2, 2), "no such address is asked for");
    let read = one(&person(), page(&json!([7]))).await;
    assert_eq!(read.bad[0].reason, "the employment is not an object");
}

#[tokio::test]
async fn a_custom_attribute_cannot_pass_for_a_field() {
    let custom = json!([
        {"id": "last_name", "type": "string", "value": "canary"}, {"id": "id", "type": "int", "value": "8"},
        {"id": "fix_salary", "type": "double", "value": "1"}, {"id": "dynamic_9", "type": "string", "value": "x"}, {"value": 1},
    ]);
    let read = employee(&with(person(), &json!({"custom_attributes": custom})), &employment()).await;
    assert_eq!((read.fields["last_name"].as_str(), read.external.id.as_str()), (Some("Öz"), "7"));
    assert!(read.attributes.iter().any(|it| it.key == "dynamic_9"));
    assert!(read.attributes.iter().all(|it| it.key != "fix_salary"));
}

#[tokio::test]
async fn names_that_are_withheld_are_missing_and_asked_for_once() {
    let jobs = || page(&json!([employment()]));
    let links = json!({"_data": [person()], "_meta": {"links": {"next": {"href": "?cursor=b"}}}}).to_string();
    let withheld = [problem(404), problem(403), answer(410, ""), problem(403), problem(404)];
    let script = Arc::new(Script::new(
        [token("a"), answer(200, links), jobs()].into_iter().chain(withheld).chain([page(&json!([person()])), jobs()]),
    ));
    let connection = connection(ApiVersion::V2, &script).await;
    let read = connection.source().unwrap().read_page(first_page(Stream::Employees)).await.unwrap();
    assert_eq!(read.records[0].fields["department"], json!({"id": "40", "name": null}));
    let request = first_page(Stream::Employees).with_checkpoint(read.next);
    let read = connection.source().unwrap().read_page(request).await.unwrap();
    assert_eq!((read.records.len(), paths(&script).len()), (1, 10));
}

#[tokio::test]
async fn lists_that_lead_astray_end_the_read() {
    for link in ["https://evil.example/v2/org-units?cursor=a", "/v2/persons?cursor=a"] {
        let astray = json!({"_data": [], "_meta": {"links": {"next": {"href": link}}}}).to_string();
        let answers = [page(&json!([person()])), page(&json!([employment()])), answer(200, astray)];
        let error = first(answers).await.0.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(error.message.contains("another address") && !error.message.contains("evil"), "{error}");
    }
    let again = || answer(200, json!({"_data": [], "_meta": {"links": {"next": {"href": "?cursor=a"}}}}).to_string());
    let answers = [page(&json!([person()])), page(&json!([employment()])), again(), again()];
    let error = first(answers).await.0.unwrap_err();
    assert!(error.message.contains("no end"), "{error}");
}

#[tokio::test]
async fn an_employment_that_cannot_be_had_fails_the_page() {
    for (employments, kind) in [
        (answer(502, ""), ErrorKind::Unavailable),
        (answer(429, ""), ErrorKind::RateLimited),
        (answer(404, "<html>"), ErrorKind::Protocol),
        (answer(200, "<html>"), ErrorKind::Protocol),
        (problem(403), ErrorKind::Forbidden),
    ] {
        let (read, script) = first([page(&json!([person(), person()])), employments]).await;
        assert_eq!((read.unwrap_err().kind, paths(&script).len()), (kind, 3));
    }
}

#[tokio::test]
async fn changes_are_asked_for_with_their_zone() {
    let script = Arc::new(Script::new([token("a"), page(&json!([]))]));
    let connection = connection(ApiVersion::V2, &script).await;
    let mut request = first_page(Stream::Employees);
    request.mode = ReadMode::Since("2026-02-28T23:30:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    connection.source().unwrap().read_page(request).await.unwrap();
    let expected = [("limit", "25"), ("updated_at.gt", "2026-02-28T23:29:59Z")];
    let query = script.sent.lock().unwrap()[1].query.clone();
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

async fn single(api: ApiVersion, answers: Vec<Response>) -> Result<Option<SourceRecord>> {
    let script = Arc::new(Script::new(answers));
    let connection = connection(api, &script).await;
    connection.source().unwrap().read_one(ReadOne::new(Stream::Employees, "7", Class::Sweep)).await
}

#[tokio::test]
async fn a_single_employee_is_as_complete_as_a_listed_one() {
    let listed = employee(&person(), &employment()).await;
    let bare = answer(200, person().to_string());
    let answers = [token("a"), bare, page(&json!([employment()]))].into_iter().chain(units());
    let read = single(ApiVersion::V2, answers.collect()).await.unwrap().unwrap();
    assert_eq!((&read.fields, &read.raw), (&listed.fields, &listed.raw));
    assert!(single(ApiVersion::V2, vec![token("a"), problem(404)]).await.unwrap().is_none());
    let other = answer(200, with(person(), &json!({"id": "8"})).to_string());
    let read = single(ApiVersion::V2, vec![token("a"), other, page(&json!([]))]).await;
    assert_eq!(read.unwrap_err().kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn nobody_is_gone_because_version_1_has_ended() {
    let missing = || vec![vendor::token("a"), refusal(404, 404)];
    let gone = missing().into_iter().chain([list(&json!([]))]).collect();
    assert!(single(ApiVersion::Auto, gone).await.unwrap().is_none());
    let there = [token("b"), answer(200, person().to_string()), page(&json!([]))];
    let ended = missing().into_iter().chain([refusal(404, 404)]).chain(there).collect();
    assert!(single(ApiVersion::Auto, ended).await.unwrap().is_some());
    let unclear = missing().into_iter().chain([answer(502, "")]).collect();
    assert_eq!(single(ApiVersion::Auto, unclear).await.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_check_reads_one_person_and_says_what_is_missing() {
    let bare = json!({"id": "7", "first_name": "Ann", "status": "ACTIVE"});
    let people = page(&json!([bare, person(), person()]));
    let answers = [token("a"), people, page(&json!([])), page(&json!([])), page(&json!([]))];
    let script = Arc::new(Script::new(answers));
    let report = connection(ApiVersion::V2, &script).await.check(CheckRequest::new(Class::Interactive)).await.unwrap();
    let missing = report.findings.iter().filter(|finding| finding.code == "attribute_not_readable");
    assert!(report.ok && missing.clone().all(|finding| finding.level == FindingLevel::Warning), "{report:?}");
    assert_eq!((missing.count(), paths(&script).len()), (5, 5), "{report:?}");
}

#[tokio::test]
async fn attributes_are_those_of_some_people() {
    let people: Vec<_> = (1..=9).map(|id| with(person(), &json!({"id": id.to_string()}))).collect();
    let job = |id: u32| page(&json!([with(employment(), &json!({"person": {"id": id.to_string()}}))]));
    let answers = [token("a"), page(&json!(people)), page(&json!([])), job(2), job(3), job(4)];
    let script = Arc::new(Script::new(answers));
    let connection = connection(ApiVersion::V2, &script).await;
    let found = connection.discovery().unwrap().discover(DiscoverRequest::new(Class::Interactive)).await.unwrap();
    let of = |key: &str| found.attributes.iter().find(|attribute| attribute.key == key).unwrap();
    assert_eq!((of("dynamic_2").label.as_str(), of("dynamic_1").universal_id.as_deref()), ("Badge", Some("color")));
    assert!(of("dynamic_1").is_custom && of("hire_date").canonical_field.as_deref() == Some("hire_date"));
    assert_eq!(script.sent.lock().unwrap()[1].query, [("limit".to_owned(), "50".to_owned())]);
    assert_eq!(paths(&script).len(), 6, "three employments are enough");
}

proptest! {
    #[test]
    fn arbitrary_answers_never_panic_and_nothing_is_lost(
        body in prop::collection::vec(any::<u8>(), 0..200),
        text in r#"[\{\}\[\]",:\\a-c0-9eu\. -]{0,60}"#,
        key in prop::sample::select(vec!["id", "status", "org_units", "cost_centers", "termination", "person", "custom_attributes"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for place in 0..3 {
            let mut answers = vec![page(&json!([person()])), page(&json!([employment()]))];
            answers.extend(units());
            answers[place] = Response::new(200, Vec::new(), body.clone());
            if let (Ok(page), _) = runtime.block_on(first(answers)) {
                prop_assert!(page.records.len() + page.bad.len() <= 1 || place == 0);
            }
        }
        let item = format!(r#"{{"id":"1","{key}":"{text}"}}"#);
        let listed = || answer(200, format!(r#"{{"_data":[{item}]}}"#));
        if let (Ok(page), _) = runtime.block_on(first([listed(), listed()].into_iter().chain(units()))) {
            prop_assert!(page.records.len() + page.bad.len() <= 1);
        }
    }
}
