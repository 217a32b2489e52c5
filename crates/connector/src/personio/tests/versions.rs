//! Version 1 that ends together with its login, or does not take the credential: when `auto` goes on through version 2, and whose word
//! counts where neither serves.

use std::{collections::BTreeMap, sync::Arc};

use gangway_domain::record::Stream;
use gangway_egress::{Class, Response};
use serde_json::json;

use super::{
    super::ApiVersion,
    first_page,
    v2::{page, token},
    v2_attendances::{connection, paths, problem},
    v2_writes::sent,
    vendor::{self, Script, answer, list, refusal},
};
use crate::contract::{
    CheckReport, CheckRequest, DiscoverRequest, Error, ErrorKind, FindingLevel, ReadAbsenceTypes, ReadOne, Result,
};

const EMPLOYEES: Stream = Stream::Employees;

/// What a login answers that is not there any more.
fn ended() -> [Response; 5] {
    [refusal(404, 404), answer(404, ""), answer(405, ""), answer(410, ""), answer(501, "")]
}

fn nobody() -> Response {
    page(&json!([]))
}

/// Through which version the first page of a stream comes, and what was asked.
async fn read(
    stream: Stream,
    held: Option<&str>,
    answers: impl IntoIterator<Item = Response>,
) -> (Result<String>, Vec<String>) {
    let script = Arc::new(Script::new(answers));
    let connection = connection(ApiVersion::Auto, &script).await;
    let request = first_page(stream).with_api_version(held.map(str::to_owned));
    let read = connection.source().unwrap().read_page(request).await;
    (read.map(|page| page.api_version.unwrap()), paths(&script))
}

async fn check(held: Option<&str>, answers: impl IntoIterator<Item = Response>) -> Result<CheckReport> {
    let script = Arc::new(Script::new(answers));
    let versions: BTreeMap<Stream, String> =
        held.into_iter().flat_map(|held| Stream::ALL.map(|stream| (stream, held.to_owned()))).collect();
    let request = CheckRequest::new(Class::Interactive).with_api_versions(versions);
    connection(ApiVersion::Auto, &script).await.check(request).await
}

async fn discover(held: Option<&str>, answers: impl IntoIterator<Item = Response>) -> (Result<usize>, Vec<String>) {
    let script = Arc::new(Script::new(answers));
    let connection = connection(ApiVersion::Auto, &script).await;
    let request = DiscoverRequest::new(Class::Interactive).with_api_version(held.map(str::to_owned));
    let found = connection.discovery().unwrap().discover(request).await;
    (found.map(|catalogue| catalogue.attributes.len()), sent(&script))
}

fn is_about_the_address(error: &Error) -> bool {
    error.kind == ErrorKind::ConfigInvalid && error.message.contains("at this base URL")
}

#[tokio::test]
async fn a_version_1_without_a_login_has_ended() {
    for gone in ended() {
        let (version, asked) = read(EMPLOYEES, None, [gone.clone(), token("b"), nobody()]).await;
        assert_eq!((version.unwrap().as_str(), asked.len()), ("v2", 3), "{asked:?}");

        let report = check(None, [gone.clone(), token("b"), nobody(), nobody(), nobody()]).await.unwrap();
        assert!(report.ok && report.streams.iter().all(|stream| stream.api_version == Some("v2")), "{report:?}");
        let told = report.findings.iter().find(|finding| finding.message.starts_with("Employees are read")).unwrap();
        assert!(told.message.contains("since version 1 does not give them: ") && told.message.contains("login"));

        let (found, _) = discover(None, [gone, token("b"), nobody()]).await;
        assert_eq!(found.unwrap(), 0);
    }
    let answers = [answer(410, ""), token("b"), problem(404)];
    let script = Arc::new(Script::new(answers));
    let connection = connection(ApiVersion::Auto, &script).await;
    let one = ReadOne::new(EMPLOYEES, "7", Class::Sweep);
    assert!(connection.source().unwrap().read_one(one).await.unwrap().is_none());
}

#[tokio::test]
async fn where_neither_version_has_a_login_the_address_is_to_blame() {
    for gone in ended() {
        let neither = || [gone.clone(), problem(404)];
        let errors = [
            read(EMPLOYEES, None, neither()).await.0.unwrap_err(),
            read(EMPLOYEES, Some("v1"), neither()).await.0.unwrap_err(),
            read(Stream::Attendances, None, [problem(404), gone.clone()]).await.0.unwrap_err(),
            check(None, neither()).await.unwrap_err(),
            discover(None, neither()).await.0.unwrap_err(),
        ];
        assert!(errors.iter().all(is_about_the_address), "{errors:?}");
    }
    // Version 2 is there, and says what keeps it.
    let no_grant = answer(400, json!({"error": "invalid_client"}).to_string());
    for (login, kind) in [(no_grant, ErrorKind::Unauthenticated), (answer(503, ""), ErrorKind::Unavailable)] {
        let (version, _) = read(EMPLOYEES, None, [answer(410, ""), login]).await;
        assert_eq!(version.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn version_1_alone_says_what_its_login_says() {
    for (gone, kind) in ended().into_iter().zip([
        ErrorKind::ConfigInvalid,
        ErrorKind::ConfigInvalid,
        ErrorKind::ConfigInvalid,
        ErrorKind::Protocol,
        ErrorKind::Unavailable,
    ]) {
        let script = Arc::new(Script::new([gone]));
        let connection = connection(ApiVersion::V1, &script).await;
        let error = connection.source().unwrap().read_page(first_page(EMPLOYEES)).await.unwrap_err();
        assert_eq!((error.kind, paths(&script).len()), (kind, 1), "{error}");
    }
}

#[tokio::test]
async fn records_held_from_version_1_go_over_when_its_list_has_ended_too() {
    for stream in [EMPLOYEES, Stream::Absences, Stream::Attendances] {
        let gone = [answer(404, ""), token("b"), refusal(404, 404), nobody()];
        let (version, asked) = read(stream, Some("v1"), gone).await;
        assert_eq!((version.unwrap().as_str(), asked.len()), ("v2", 4), "{asked:?}");
        // A list that only wants a token is served.
        let (stays, asked) = read(stream, Some("v1"), [answer(404, ""), token("b"), refusal(401, 401)]).await;
        let error = stays.unwrap_err();
        assert!(error.kind == ErrorKind::Unsupported && error.message.contains("`api` to `v2`"), "{error}");
        assert_eq!(asked.len(), 3);
    }
    let (found, asked) = discover(Some("v1"), [answer(404, ""), token("b"), refusal(404, 404), nobody()]).await;
    assert!(found.is_ok() && asked.last().unwrap().contains("/v2/persons"), "{asked:?}");
}

#[tokio::test]
async fn a_credential_of_version_2_alone_begins_with_version_2_and_ends_nothing() {
    for refused in [refusal(403, 0), answer(401, "")] {
        let (version, _) = read(EMPLOYEES, None, [refused.clone(), token("b"), nobody()]).await;
        assert_eq!(version.unwrap(), "v2");
        let report = check(None, [refused.clone(), token("b"), nobody(), nobody(), nobody()]).await.unwrap();
        assert!(report.ok && report.findings.iter().all(|finding| finding.level != FindingLevel::Error), "{report:?}");
        let told = report.findings.iter().find(|finding| finding.message.starts_with("Employees are read")).unwrap();
        assert!(told.message.contains("version 2 only"), "{told:?}");
        assert!(discover(None, [refused.clone(), token("b"), nobody()]).await.0.is_ok());

        // What is held stays where it is.
        let (version, asked) = read(EMPLOYEES, Some("v1"), [refused.clone(), token("b"), nobody()]).await;
        assert_eq!((version.unwrap_err().kind, asked.len()), (ErrorKind::Unauthenticated, 1));
        let report = check(Some("v1"), [refused.clone(), token("b"), nobody()]).await.unwrap();
        assert!(!report.ok && report.findings[0].code == "credential_not_accepted", "{report:?}");
        let (found, asked) = discover(Some("v1"), [refused, token("b"), nobody()]).await;
        assert_eq!((found.unwrap_err().kind, asked.len()), (ErrorKind::Unauthenticated, 1));
    }
    // One that neither takes.
    let no_grant = answer(400, json!({"error": "invalid_client"}).to_string());
    let report = check(None, [refusal(403, 0), no_grant]).await.unwrap();
    assert!(!report.ok && report.findings[0].code == "credential_not_accepted", "{report:?}");
}

#[tokio::test]
async fn what_version_2_says_of_a_stream_counts_before_a_login_of_version_1() {
    for login in [refusal(403, 0), answer(410, "")] {
        let (version, asked) = read(Stream::Attendances, None, [token("b"), problem(403), login]).await;
        let error = version.unwrap_err();
        assert!(error.kind == ErrorKind::Forbidden && error.message.contains("attendances:read"), "{error}");
        assert_eq!(asked.len(), 3);
    }
}

#[tokio::test]
async fn attributes_are_those_of_the_version_that_employees_are_read_through() {
    let entries = || list(&json!([{"key": "email", "label": "E-Mail"}]));
    let (found, asked) = discover(Some("v1"), [vendor::token("a"), entries()]).await;
    assert_eq!((found.unwrap(), asked.len()), (1, 2));
    let (_, asked) = discover(Some("v2"), [token("b"), nobody()]).await;
    assert_eq!(asked, ["POST /v2/auth/token", "GET /v2/persons"]);
    // Nothing is held: as a check would find.
    let (found, asked) = discover(None, [vendor::token("a"), list(&json!([])), entries()]).await;
    assert_eq!((found.unwrap(), asked[2].as_str()), (1, "GET /v1/company/employees/attributes"));
    let (_, asked) = discover(None, [vendor::token("a"), answer(410, ""), token("b"), nobody()]).await;
    assert_eq!(asked[2..], ["POST /v2/auth/token".to_owned(), "GET /v2/persons".to_owned()]);
}

#[tokio::test]
async fn kinds_of_absence_are_those_of_the_version_that_absences_are_held_from() {
    for (held, login, kinds, path) in [
        (None, vendor::token("a"), list(&json!([])), "/v1/company/time-off-types"),
        (Some("v1"), vendor::token("a"), list(&json!([])), "/v1/company/time-off-types"),
        (Some("v2"), token("b"), nobody(), "/v2/absence-types"),
    ] {
        let script = Arc::new(Script::new([login, kinds]));
        let connection = connection(ApiVersion::Auto, &script).await;
        let request = ReadAbsenceTypes::new(Class::Sweep).with_api_version(held.map(str::to_owned));
        assert!(connection.source().unwrap().read_absence_types(request).await.is_ok());
        assert_eq!(paths(&script)[1], path);
    }
    // A list of kinds that is not there is no end of the absences.
    for (held, absences, is_over) in [
        (None, list(&json!([])), false),
        (Some("v1"), list(&json!([])), false),
        (None, refusal(404, 404), true),
        (Some("v1"), refusal(404, 404), true),
    ] {
        let beside = held.filter(|_| is_over).map(|_| refusal(404, 404));
        let begun = [vendor::token("a"), refusal(404, 404), absences];
        let script = Arc::new(Script::new(begun.into_iter().chain(beside).chain([token("b"), nobody()])));
        let connection = connection(ApiVersion::Auto, &script).await;
        let request = ReadAbsenceTypes::new(Class::Sweep).with_api_version(held.map(str::to_owned));
        let read = connection.source().unwrap().read_absence_types(request).await;
        assert_eq!((read.is_ok(), paths(&script).contains(&"/v2/absence-types".to_owned())), (is_over, is_over));
    }
}
