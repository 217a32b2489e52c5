//! What these tests share: reading answers, and a failed job.

use std::time::Duration;

use gangway_app::{
    jobs::{Job, RunSync},
    queue::{self, Ack, ClaimRequest, Outcome},
};
use gangway_testkit::{Answer, Onboarded, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

/// A text member of an object.
pub(super) fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_else(|| panic!("no {member} in {object}")).to_owned()
}

/// The code of a problem, which must be a whole one.
pub(super) fn code(answer: &Answer) -> String {
    let problem = &answer.body;
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{}",
        String::from_utf8_lossy(&answer.bytes)
    );
    assert_eq!(problem["status"], answer.status);
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    assert_eq!(answer.header("x-request-id"), problem["request_id"].as_str());
    assert!(text(problem, "request_id").starts_with("req_"));
    let code = text(problem, "code");
    assert_eq!(problem["type"], format!("/docs/errors/{code}"));
    code
}

/// The pointers of an invalid request.
pub(super) fn pointers(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 422, "{}", answer.body);
    answer.body["errors"].as_array().unwrap().iter().map(|error| text(error, "pointer")).collect()
}

/// Sends a JSON body with headers of its own.
pub(super) async fn send(
    app: &TestApp,
    method: Method,
    key: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let request = headers
        .iter()
        .fold(app.client.request(method, key, path), |request, (name, value)| request.header(*name, *value));
    app.client.send(request.json(body)).await
}

/// A job of the tenant that has failed for good.
pub(super) async fn failed_job(app: &TestApp, tenant: &Onboarded, sync: &str) -> String {
    app.client.post(&tenant.key, &format!("/v1/syncs/{sync}/runs"), &json!({"mode": "full"})).await.expect(202);
    let request = ClaimRequest {
        queue: RunSync::QUEUE.to_owned(),
        owner: "test".to_owned(),
        slots: 1,
        turn: 0,
        lease: Duration::from_mins(1),
    };
    let claimed = queue::claim(&app.app, &request).await.unwrap().remove(0);
    let (fence, attempt) = (claimed.fence, claimed.attempt);
    let outcome = Outcome::Fail { error: "made to fail".to_owned() };
    queue::ack(&app.app, &[Ack { fence, attempt, outcome }]).await.unwrap();
    let failed = app.client.list(&tenant.key, "/v1/jobs?state=failed").await;
    text(&failed[0], "id")
}

/// A sync of a stream, by hand.
pub(super) async fn sync_of(app: &TestApp, tenant: &Onboarded, stream: &str) -> String {
    let body = json!({"connection_id": tenant.connection, "stream": stream, "schedule": null});
    text(&app.client.post(&tenant.key, "/v1/syncs", &body).await.expect(201), "id")
}
