//! What `auto` writes through follows what it reads through: the version that is held, or else the one that answers; and the check
//! says the same.

use std::{collections::BTreeMap, sync::Arc};

use gangway_domain::record::Stream;
use gangway_egress::{Class, Response};
use serde_json::{Value, json};

use super::{
    super::ApiVersion,
    v2::{granted, page},
    v2_attendances::{connection, problem},
    v2_writes::{sent, token},
    vendor::{self, Script, answer, list, refusal},
    writes::values,
};
use crate::contract::{
    Access, Allowed, Approval, CheckReport, CheckRequest, CreateAttendances, CreateEmployee, ErrorKind, FieldAccess,
    UpdateEmployee, WriteError, Written,
};

type Rows = Result<Vec<Result<Written, WriteError>>, WriteError>;

fn row(more: &Value) -> Value {
    let mut row = json!({"employee": {"id": "7"}, "date": "2026-03-02", "starts_at": "08:00", "ends_at": "12:00"});
    for (key, value) in more.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}

async fn create_rows(
    held: Option<&str>,
    rows: &[Value],
    answers: impl IntoIterator<Item = Response>,
) -> (Rows, Vec<String>) {
    let script = Arc::new(Script::new(answers));
    let connection = connection(ApiVersion::Auto, &script).await;
    let rows = rows.iter().map(|fields| values(fields, &json!({}))).collect();
    let request = CreateAttendances::new(rows, Approval::Skip, Class::Flow).with_api_version(held.map(str::to_owned));
    (connection.attendance_target().unwrap().create_attendances(request).await, sent(&script))
}

/// What version 1 answers to a row that it takes.
fn taken() -> [Response; 3] {
    let created = answer(200, json!({"success": true, "data": {"id": [5]}}).to_string());
    [vendor::token("b"), created, list(&json!([]))]
}

fn ids(rows: Rows) -> Vec<String> {
    rows.unwrap().into_iter().map(|row| row.unwrap().external_id).collect()
}

#[tokio::test]
async fn attendances_are_written_through_the_version_that_they_are_held_from() {
    let with_break = [row(&json!({"break_minutes": 30}))];
    let (written, asked) = create_rows(Some("v1"), &with_break, taken()).await;
    assert_eq!(ids(written), ["5"]);
    assert!(asked.iter().all(|call| !call.contains("/v2/")), "{asked:?}");

    let script = Arc::new(Script::new([]));
    let connection = connection(ApiVersion::Auto, &script).await;
    let fields = |held| connection.attendance_target().unwrap().attendance_fields(held);
    let takes = |held, name| fields(held).iter().any(|known| known.field == name && known.on_create);
    for (held, kind) in [(Some("v1"), false), (Some("v2"), true), (None, true)] {
        assert_eq!((takes(held, "kind"), takes(held, "break_minutes")), (kind, !kind), "{held:?}");
    }

    // What is held from version 2 never goes to version 1.
    let (refused, asked) = create_rows(Some("v2"), &[row(&json!({}))], [problem(404)]).await;
    assert!(matches!(refused, Err(WriteError::Refused { .. })), "{refused:?}");
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test]
async fn attendances_held_from_version_1_are_written_through_version_2_once_it_has_ended() {
    let gone = || refusal(404, 404);
    let posted = answer(201, json!({"id": "a-1"}).to_string());
    let ended = [vendor::token("b"), gone(), gone(), gone(), token(), posted, page(&json!([]))];
    let (written, asked) = create_rows(Some("v1"), &[row(&json!({}))], ended).await;
    assert_eq!(ids(written), ["a-1"]);
    assert_eq!(asked[3], "GET /v1/company/attendances/projects");
    // One address that is not there is no end.
    let there = [vendor::token("b"), gone(), gone(), list(&json!([]))];
    let (refused, asked) = create_rows(Some("v1"), &[row(&json!({}))], there).await;
    assert!(matches!(refused, Err(WriteError::Refused { .. })) && asked.len() == 4, "{asked:?}");
}

#[tokio::test]
async fn values_of_version_1_are_taken_where_version_2_is_not_there() {
    let with_break = [row(&json!({"break_minutes": 30}))];
    let (written, asked) = create_rows(None, &with_break, [problem(404)].into_iter().chain(taken())).await;
    assert_eq!(ids(written), ["5"]);
    assert!(asked.contains(&"POST /v1/company/attendances".to_owned()), "{asked:?}");
    let (refused, _) = create_rows(None, &with_break, [token(), page(&json!([]))]).await;
    assert!(matches!(refused, Err(WriteError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn rows_that_are_all_not_found_are_written_through_version_1_where_the_list_is_not_there_either() {
    let rows = [row(&json!({})), row(&json!({"date": "2026-03-03"}))];
    let missing = || [token(), problem(404), problem(404)];
    let (_, asked) = create_rows(None, &rows, missing().into_iter().chain([problem(404)]).chain(taken())).await;
    assert_eq!(asked[5], "POST /v1/company/attendances");
    let (written, _) = create_rows(None, &rows[..1], missing().into_iter().chain(taken())).await;
    assert_eq!(ids(written), ["5"]);
    let (refused, asked) = create_rows(None, &rows, missing().into_iter().chain([page(&json!([]))])).await;
    assert!(refused.unwrap().iter().all(Result::is_err) && asked.iter().all(|call| !call.contains("/v1/")));
    // What was kept once is not written again.
    let posted = answer(201, json!({"id": "a-1"}).to_string());
    let (partly, asked) = create_rows(None, &rows, [token(), posted, problem(404), page(&json!([]))]).await;
    assert_eq!(partly.unwrap().iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    assert!(asked.iter().all(|call| !call.contains("/v1/")), "{asked:?}");
}

#[tokio::test]
async fn employees_are_written_through_the_version_that_they_are_held_from() {
    let fields = values(&json!({"first_name": "Ida", "last_name": "Blom"}), &json!({}));
    let script = Arc::new(Script::new([token(), answer(201, r#"{"id":"7"}"#)]));
    let request = CreateEmployee::new(fields, Class::Flow).with_api_version(Some("v2".to_owned()));
    let target = connection(ApiVersion::Auto, &script).await;
    assert_eq!(target.target().unwrap().create_employee(request).await.unwrap().external_id, "7");
    assert_eq!(sent(&script)[1], "POST /v2/persons");

    // A value of version 2 alone.
    let update = async |held: Option<&str>, answers: Vec<Response>| {
        let script = Arc::new(Script::new(answers));
        let values = values(&json!({"employment_type": "internal"}), &json!({}));
        let request = UpdateEmployee::new("7", values, Class::Flow).with_api_version(held.map(str::to_owned));
        let connection = connection(ApiVersion::Auto, &script).await;
        (connection.target().unwrap().update_employee(request).await, sent(&script))
    };
    let employment = page(&json!([{"id": "e-1", "status": "ACTIVE", "person": {"id": "7"}}]));
    let (written, asked) = update(Some("v2"), vec![token(), employment, answer(204, "")]).await;
    assert_eq!(written.unwrap().external_id, "7", "{asked:?}");
    for held in [None, Some("v1")] {
        let (refused, asked) = update(held, Vec::new()).await;
        assert!(
            matches!(refused, Err(WriteError::Invalid(_))) && asked.is_empty(),
            "told without a request: {asked:?}"
        );
    }
}

/// A check of an account whose employees and absences come through version 1.
async fn check(held: &[(Stream, &str)], answers: Vec<Response>) -> CheckReport {
    let person = json!([{"type": "Employee", "attributes": {"id": {"value": 1}, "email": {"value": null}}}]);
    let begun = [vendor::token("a"), list(&person), list(&json!([]))];
    let script = Arc::new(Script::new(begun.into_iter().chain(answers)));
    let versions: BTreeMap<Stream, String> =
        held.iter().map(|(stream, version)| (*stream, (*version).to_owned())).collect();
    let request = CheckRequest::new(Class::Interactive).with_api_versions(versions);
    connection(ApiVersion::Auto, &script).await.check(request).await.unwrap()
}

fn field<'a>(report: &'a CheckReport, stream: Stream, name: &str) -> &'a FieldAccess {
    let stream = report.streams.iter().find(|check| check.stream == stream).unwrap();
    stream.fields.iter().find(|field| field.field == name).unwrap()
}

fn told<'a>(report: &'a CheckReport, stream: &str) -> &'a str {
    let mut writing = report.findings.iter().filter(|finding| finding.code == "writing");
    &writing.find(|finding| finding.message.starts_with(stream)).unwrap().message
}

#[tokio::test]
async fn the_report_on_attendances_is_of_the_version_that_writes_them() {
    let of_1 = list(&json!([]));
    for report in [
        check(&[], vec![problem(404), of_1.clone()]).await,
        check(&[(Stream::Attendances, "v1")], vec![of_1, token()]).await,
    ] {
        assert!(told(&report, "Attendances").ends_with("written through version 1 of Personio's API"), "{report:?}");
        assert_eq!(field(&report, Stream::Attendances, "kind").create.allowed, Allowed::No);
        assert_eq!(field(&report, Stream::Attendances, "break_minutes").create.allowed, Allowed::Unknown);
    }
    let report = check(&[], vec![token(), page(&json!([]))]).await;
    assert!(told(&report, "Attendances").contains("version 2"), "{report:?}");
    assert_eq!(field(&report, Stream::Attendances, "kind").create.allowed, Allowed::Yes);
    assert_eq!(field(&report, Stream::Attendances, "break_minutes").create.allowed, Allowed::No);
}

#[tokio::test]
async fn an_email_address_can_be_changed_where_version_2_is_there_and_may_write() {
    let no_grant = answer(400, json!({"error": "invalid_client"}).to_string());
    let reading = granted("a", "personio:attendances:read personio:persons:read");
    let silent = answer(200, json!({"access_token": "a", "expires_in": 3_600}).to_string());
    for (login, allowed, words, permission) in [
        (token(), Allowed::Yes, "through version 2", None),
        (problem(404), Allowed::No, "not there", None),
        (no_grant, Allowed::No, "does not accept this credential", Some("tick Write for Employees")),
        (reading, Allowed::No, "lacks personio:persons:write", Some("tick Write for Employees")),
        (silent, Allowed::Unknown, "through version 2", Some("tick Write for Employees")),
    ] {
        // Where version 2 gives no attendances, version 1 is asked for them.
        let report = check(&[], vec![login, page(&json!([])), list(&json!([]))]).await;
        let Access { allowed: found, permission: tick, .. } = &field(&report, Stream::Employees, "email").change;
        assert_eq!((*found, tick.is_some()), (allowed, permission.is_some()), "{words}");
        assert!(permission.is_none_or(|words| tick.as_deref().unwrap().contains(words)), "{tick:?}");
        assert!(told(&report, "Employees").contains(words), "{words}: {}", told(&report, "Employees"));
    }
    // An outage is no verdict.
    let report = check(&[(Stream::Attendances, "v1")], vec![list(&json!([])), answer(503, "")]).await;
    assert_eq!(field(&report, Stream::Employees, "email").change.allowed, Allowed::Unknown);
}

#[tokio::test]
async fn a_write_is_refused_by_the_version_that_is_held_when_it_does_not_take_the_credential() {
    let fields = values(&json!({"preferred_name": "Ida"}), &json!({}));
    for held in [Some("v1"), None] {
        let script = Arc::new(Script::new([refusal(403, 0), token(), answer(204, ""), answer(500, "")]));
        let request = UpdateEmployee::new("7", fields.clone(), Class::Flow).with_api_version(held.map(str::to_owned));
        let connection = connection(ApiVersion::Auto, &script).await;
        let ended = connection.target().unwrap().update_employee(request).await;
        let asked = sent(&script);
        if held.is_some() {
            let Err(WriteError::Refused { error, .. }) = ended else { panic!("{ended:?}") };
            assert_eq!((error.kind, asked.len()), (ErrorKind::Unauthenticated, 1));
        } else {
            assert_eq!((ended.unwrap().external_id.as_str(), asked[2].as_str()), ("7", "PATCH /v2/persons/7"));
        }
    }
}
