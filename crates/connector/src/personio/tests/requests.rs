//! What is sent, and how single answers are judged.

use std::sync::Arc;

use chrono::DateTime;
use gangway_domain::record::Stream;
use gangway_egress::{Class, Response};
use serde_json::{Value, json};

use super::{
    connection, first_page, start,
    vendor::{Script, answer, list, refusal, token},
};
use crate::contract::{ErrorKind, ReadMode, ReadOne, ReadPage, ReadPicture, Retry};

async fn query_of(request: ReadPage) -> Vec<String> {
    let script = Arc::new(Script::new([token("a"), list(&json!([]))]));
    connection(script.clone()).await.source().unwrap().read_page(request).await.unwrap();
    let sent = script.sent.lock().unwrap();
    sent[1].query.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[tokio::test]
async fn employees_are_asked_for_by_hundreds_and_by_item() {
    assert_eq!(query_of(first_page(Stream::Employees)).await, ["limit=100", "offset=0"]);
}

#[tokio::test]
async fn changes_are_asked_for_in_utc_without_an_offset_and_with_a_projection() {
    let since = DateTime::parse_from_rfc3339("2026-03-01T01:30:00+02:00").unwrap().to_utc();
    let request = ReadPage::new(Stream::Employees, ReadMode::Since(since), Class::Incremental)
        .with_attributes(Some(vec!["email".to_owned(), "id".to_owned()]));
    assert_eq!(
        query_of(request).await,
        ["limit=100", "offset=0", "updated_since=2026-02-28T23:30:00", "attributes[]=id", "attributes[]=email"]
    );
}

#[tokio::test]
async fn periods_are_always_asked_for_with_a_range() {
    let mut request = first_page(Stream::Absences);
    request.mode = ReadMode::Since(start());
    assert_eq!(
        query_of(request).await,
        ["limit=200", "offset=0", "start_date=2026-01-01", "end_date=2026-12-31", "updated_from=2026-09-21T14:13:20"]
    );
    assert_eq!(
        query_of(first_page(Stream::Attendances)).await,
        ["limit=200", "offset=0", "includePending=true", "start_date=2026-01-01", "end_date=2026-12-31"]
    );
}

#[tokio::test]
async fn periods_without_a_range_are_refused_before_anything_is_sent() {
    let script = Arc::new(Script::default());
    let request = ReadPage::new(Stream::Absences, ReadMode::All, Class::Sweep);
    let error = connection(script.clone()).await.source().unwrap().read_page(request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(script.ledger().is_empty());
}

#[tokio::test]
async fn answers_are_judged_by_status_and_code() {
    for (response, kind, retry) in [
        (answer(500, "<html>"), ErrorKind::Unavailable, Retry::Backoff),
        (answer(502, ""), ErrorKind::Unavailable, Retry::Backoff),
        (refusal(429, 0), ErrorKind::RateLimited, Retry::Backoff),
        (refusal(200, 0), ErrorKind::Protocol, Retry::Backoff),
        (refusal(200, 500), ErrorKind::Unavailable, Retry::Backoff),
        (refusal(400, 400), ErrorKind::Protocol, Retry::Never),
        (answer(403, "<html>blocked</html>"), ErrorKind::Protocol, Retry::Backoff),
        (answer(404, "nothing here"), ErrorKind::Protocol, Retry::Backoff),
        (answer(301, ""), ErrorKind::ConfigInvalid, Retry::Never),
        (answer(200, "<html>login</html>"), ErrorKind::Protocol, Retry::Backoff),
        (answer(200, r#"{"success":true,"data":7}"#), ErrorKind::Protocol, Retry::Backoff),
        (answer(200, r#"{"success":true}"#), ErrorKind::Protocol, Retry::Backoff),
    ] {
        let what = format!("{response:?} {:?}", response.body);
        let connection = connection(Arc::new(Script::new([token("a"), response]))).await;
        let error = connection.source().unwrap().read_page(first_page(Stream::Employees)).await.unwrap_err();
        assert_eq!((error.kind, error.retry), (kind, retry), "{what}");
    }
}

#[tokio::test]
async fn ended_attendances_say_so() {
    for response in [refusal(404, 404), answer(404, "gone"), answer(410, "")] {
        let connection = connection(Arc::new(Script::new([token("a"), response]))).await;
        let error = connection.source().unwrap().read_page(first_page(Stream::Attendances)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.contains("2026-08-30"));
    }
}

async fn one(id: &str, response: Response) -> Result<Option<Value>, ErrorKind> {
    let connection = connection(Arc::new(Script::new([token("a"), response]))).await;
    let request = ReadOne::new(Stream::Employees, id, Class::Sweep);
    let record = connection.source().unwrap().read_one(request).await.map_err(|error| error.kind)?;
    Ok(record.map(|record| record.fields["email"].clone()))
}

#[tokio::test]
async fn only_the_vendors_own_404_confirms_that_a_record_is_gone() {
    let employee = json!({"success": true, "data": {"type": "Employee", "attributes":
        {"id": {"value": 5}, "email": {"value": "e@example.org"}}}});
    assert_eq!(one("5", answer(200, employee.to_string())).await, Ok(Some(json!("e@example.org"))));
    assert_eq!(one("5", refusal(404, 404)).await, Ok(None));
    assert_eq!(one("5", refusal(200, 404)).await, Ok(None));
    assert_eq!(one("5", answer(404, "<html>no route</html>")).await, Err(ErrorKind::Protocol));
    assert_eq!(one("6", answer(200, employee.to_string())).await, Err(ErrorKind::Protocol));
    assert_eq!(one("5", list(&json!([]))).await, Err(ErrorKind::Protocol));
    assert_eq!(one("../auth", refusal(404, 404)).await, Err(ErrorKind::Refused));
    assert_eq!(one("", refusal(404, 404)).await, Err(ErrorKind::Refused));
}

async fn absence(answers: Vec<Response>) -> (Result<bool, ErrorKind>, usize) {
    let script = Arc::new(Script::new(std::iter::once(token("a")).chain(answers)));
    let connection = connection(script.clone()).await;
    let request = ReadOne::new(Stream::Absences, "5", Class::Sweep);
    let read = connection.source().unwrap().read_one(request).await;
    (read.map(|record| record.is_some()).map_err(|error| error.kind), script.ledger().len() - 1)
}

#[tokio::test]
async fn a_404_on_an_absence_is_believed_only_where_a_known_one_is_found() {
    let known = json!({"type": "TimeOffPeriod", "attributes": {"id": 6}});
    let found = || answer(200, json!({"success": true, "data": known}).to_string());
    assert_eq!(absence(vec![refusal(404, 404), list(&json!([known])), found()]).await, (Ok(false), 3));
    assert_eq!(absence(vec![refusal(404, 404), list(&json!([]))]).await, (Ok(false), 2));
    assert_eq!(
        absence(vec![refusal(404, 404), list(&json!([known])), refusal(404, 404)]).await,
        (Err(ErrorKind::Unsupported), 3)
    );
    assert_eq!(absence(vec![refusal(404, 404), list(&json!([{"id": 5}]))]).await, (Err(ErrorKind::Unsupported), 2));
    assert_eq!(absence(vec![refusal(404, 404), answer(500, "")]).await, (Err(ErrorKind::Unavailable), 2));
}

#[tokio::test]
async fn once_a_single_absence_was_read_a_404_needs_no_proof() {
    let known = json!({"success": true, "data": {"type": "TimeOffPeriod", "attributes": {"id": 6}}});
    let script = Arc::new(Script::new([token("a"), answer(200, known.to_string()), refusal(404, 404)]));
    let connection = connection(script.clone()).await;
    let source = connection.source().unwrap();
    assert!(source.read_one(ReadOne::new(Stream::Absences, "6", Class::Sweep)).await.unwrap().is_some());
    assert!(source.read_one(ReadOne::new(Stream::Absences, "5", Class::Sweep)).await.unwrap().is_none());
    assert_eq!(script.ledger().len(), 3);
}

#[tokio::test]
async fn a_single_attendance_cannot_be_asked_for() {
    let connection = connection(Arc::new(Script::default())).await;
    let request = ReadOne::new(Stream::Attendances, "5", Class::Sweep);
    assert_eq!(connection.source().unwrap().read_one(request).await.unwrap_err().kind, ErrorKind::Unsupported);
}

async fn picture(response: Response) -> Result<Option<(String, usize)>, ErrorKind> {
    let script = Arc::new(Script::new([token("a"), response]));
    let connection = connection(script.clone()).await;
    let request = ReadPicture::new("5", 128, Class::Interactive);
    let picture = connection.source().unwrap().read_picture(request).await.map_err(|error| error.kind)?;
    assert_eq!(script.ledger()[1].0, "/v1/company/employees/5/profile-picture/128");
    Ok(picture.map(|picture| (picture.content_type, picture.bytes.len())))
}

#[tokio::test]
async fn a_picture_is_an_image_or_nothing() {
    let image = Response::new(200, vec![("content-type".to_owned(), "image/png".to_owned())], vec![1, 2, 3]);
    assert_eq!(picture(image).await, Ok(Some(("image/png".to_owned(), 3))));
    assert_eq!(picture(refusal(404, 404)).await, Ok(None));
    assert_eq!(picture(refusal(403, 0)).await, Err(ErrorKind::Forbidden));
    let page = Response::new(200, vec![("content-type".to_owned(), "text/html".to_owned())], "<html>");
    assert_eq!(picture(page).await, Err(ErrorKind::Protocol));
}
