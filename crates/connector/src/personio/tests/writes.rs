//! What is sent to create and change employees, and what an answer to it means.

use std::sync::Arc;

use async_trait::async_trait;
use gangway_domain::ManualClock;
use gangway_egress::{Body, Class, Error, ErrorKind as Port, Method, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    connection, connection_at, start,
    vendor::{Script, answer, refusal, token},
};
use crate::contract::{
    self, Api, CreateEmployee, ErrorKind, Lease, LoginFailure, MemoryTokenStore, Outcome, Owner, Refresh, Retry,
    StoredToken, TokenStore, UpdateEmployee, Values, WriteError, Written,
};

pub(super) fn values(fields: &Value, attributes: &Value) -> Values {
    let map = |value: &Value| value.as_object().unwrap().clone().into_iter().collect();
    Values { fields: map(fields), attributes: map(attributes) }
}

fn ida() -> Values {
    let fields = json!({"first_name": "Ida", "last_name": "Blom", "email": "ida@example.org"});
    values(&fields, &json!({}))
}

async fn create(script: Script, values: Values) -> (Result<Written, WriteError>, Arc<Script>) {
    let script = Arc::new(script);
    let connection = connection(script.clone()).await;
    let written = connection.target().unwrap().create_employee(CreateEmployee::new(values, Class::Flow)).await;
    (written, script)
}

fn created(id: &Value) -> Response {
    answer(200, json!({"success": true, "data": {"id": id, "message": "success"}}).to_string())
}

fn employee(attributes: &Value) -> Response {
    answer(200, json!({"success": true, "data": {"type": "Employee", "attributes": attributes}}).to_string())
}

pub(super) fn sent_body(script: &Script, place: usize) -> Value {
    let sent = script.sent.lock().unwrap();
    let Body::Json(text) = &sent[place].body else { panic!("no JSON") };
    serde_json::from_str(text.expose_secret()).unwrap()
}

#[tokio::test]
async fn a_creation_is_wrapped_and_read_again() {
    let fields = json!({
        "first_name": "Ida", "last_name": "Blom", "email": "ida@example.org", "department": {"id": "4", "name": "Sales"},
        "legal_entity": {"name": "Ltd"}, "supervisor": {"id": "12"}, "weekly_hours": 38.5, "hire_date": "2026-09-01",
    });
    let read = employee(&json!({
        "id": {"value": 7}, "first_name": {"value": "Ida"}, "last_name": {"value": "Blom"},
        "email": {"value": "ida@example.org"}, "department": {"value": null}, "weekly_working_hours": {"value": "38.5"},
        "dynamic_9": {"type": "standard", "value": "L"},
    }));
    let script = Script::new([token("a"), created(&json!(7)), read]);
    let (written, script) = create(script, values(&fields, &json!({"dynamic_9": "L"}))).await;
    let written = written.unwrap();
    assert_eq!(
        sent_body(&script, 1),
        json!({"employee": {
            "first_name": "Ida", "last_name": "Blom", "email": "ida@example.org", "department": "Sales", "subcompany": "Ltd",
            "supervisor_id": 12, "weekly_working_hours": 38.5, "hire_date": "2026-09-01", "custom_attributes": {"dynamic_9": "L"},
        }})
    );
    {
        let sent = script.sent.lock().unwrap();
        assert_eq!((sent[1].method, sent[1].path.as_str()), (Method::Post, "/v1/company/employees"));
        assert_eq!((sent[2].method, sent[2].path.as_str()), (Method::Get, "/v1/company/employees/7"));
    }
    assert_eq!(written.external_id, "7");
    let ignored: Vec<_> = written.ignored().collect();
    assert_eq!(ignored, ["department"]);
    assert_eq!(written.outcomes["supervisor"], Outcome::Unseen);
    assert_eq!(
        (written.outcomes["attributes.dynamic_9"], written.outcomes["weekly_hours"]),
        (Outcome::Kept, Outcome::Kept)
    );
}

#[tokio::test]
async fn remarks_are_kept_for_the_tenant_and_never_printed() {
    let body = json!({"success": true, "data": {"id": 7}, "meta": ["canary-remark", 5, "x".repeat(2_000)]});
    let script = Arc::new(Script::new([token("a"), answer(200, body.to_string()), refusal(404, 404)]));
    let connection = connection(script.clone()).await;
    let change = UpdateEmployee::new("7", values(&json!({"position": "Lead"}), &json!({})), Class::Flow);
    let written = connection.target().unwrap().update_employee(change).await.unwrap();
    let remarks = &written.remarks.0;
    assert_eq!((remarks.len(), remarks[0].as_str(), remarks[1].len()), (2, "canary-remark", 500));
    assert_eq!(written.outcomes["position"], Outcome::Unseen, "it could not be read again");
    assert!(!format!("{written:?}").contains("canary"));
    assert_eq!(sent_body(&script, 1), json!({"employee": {"position": "Lead"}}));
}

#[tokio::test]
async fn an_id_is_taken_as_number_or_text_and_none_is_a_doubt() {
    for id in [json!(7), json!("7")] {
        let (written, _) = create(Script::new([token("a"), created(&id)]), ida()).await;
        assert_eq!(written.unwrap().external_id, "7");
    }
    for id in [Value::Null, json!(""), json!(-1), json!(7.5), json!("../7"), json!("7\u{0}"), json!("9".repeat(21))] {
        let (written, _) = create(Script::new([token("a"), created(&id)]), ida()).await;
        assert!(matches!(written, Err(WriteError::Unknown(_))), "{id}: {written:?}");
    }
}

#[tokio::test]
async fn only_what_may_have_left_is_in_doubt() {
    for (kind, is_doubt) in [
        (Port::Invalid, false),
        (Port::Connect, false),
        (Port::Refused, false),
        (Port::RateLimited, false),
        (Port::TimedOut, true),
        (Port::Broken, true),
        (Port::TooLarge, true),
    ] {
        let lost = || Error::new(kind, "/v1/company/employees", "the test said so");
        let (written, _) = create(Script::new([token("a")]).then_fails(lost()), ida()).await;
        assert_eq!(matches!(written, Err(WriteError::Unknown(_))), is_doubt, "{kind:?}: {written:?}");
        // Before there is a token, nothing of the employee has left.
        let (written, script) = create(Script::default().then_fails(lost()), ida()).await;
        assert!(matches!(written, Err(WriteError::Refused { .. })), "{kind:?}: {written:?}");
        assert_eq!(script.sent.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn refusals_say_who_must_act_and_which_fields() {
    let (forbidden, _) = create(Script::new([token("a"), refusal(403, 0)]), ida()).await;
    let Err(WriteError::Refused { error, .. }) = forbidden else { panic!("{forbidden:?}") };
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("Employees: Write"), "{}", error.message);

    let problems = json!({"success": false, "error": {"code": 0, "message": "canary", "error_data": {
        "employee.email": ["canary"], "supervisor_id": ["canary"], "custom_attributes.dynamic_9": ["x"], "so strange": [],
    }}});
    for status in [422, 400, 200] {
        let mut problems = problems.clone();
        problems["error"]["code"] = json!(if status == 200 { 422 } else { 0 });
        let script = Script::new([token("a"), answer(status, problems.to_string())]);
        let (refused, _) = create(script, ida()).await;
        let Err(WriteError::Invalid(found)) = refused else { panic!("{status}: {refused:?}") };
        let mut pointers: Vec<_> = found.iter().map(|problem| problem.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/attributes/dynamic_9", "/fields/email", "/fields/supervisor"], "{status}");
        assert!(!format!("{found:?}").contains("canary"));
    }
    let said = json!({"success": false, "error": {"code": 422, "message": "canary: no such supervisor"}}).to_string();
    let (plain, _) = create(Script::new([token("a"), answer(422, said)]), ida()).await;
    assert!(!format!("{plain:?}").contains("canary"), "{plain:?}");
    let Err(WriteError::Refused { error, remarks }) = plain else { panic!("{plain:?}") };
    assert_eq!((error.owner(), remarks.0), (Owner::Tenant, vec!["canary: no such supervisor".to_owned()]));
}

#[tokio::test]
async fn what_was_answered_with_doubt_is_one() {
    let failed = |code: Value| json!({"success": false, "error": {"code": code, "message": "x"}}).to_string();
    for (status, body, is_doubt) in [
        (200, failed(json!(0)), true),
        (200, failed(Value::Null), true),
        (200, failed(json!("500")), true),
        (200, failed(json!(503)), true),
        (200, failed(json!("422")), false),
        (200, r#"{"success":false}"#.to_owned(), true),
        (302, String::new(), true),
        (303, String::new(), true),
        (308, String::new(), false),
        (408, failed(json!(408)), true),
        (409, failed(json!(409)), false),
    ] {
        let (written, _) = create(Script::new([token("a"), answer(status, body.clone())]), ida()).await;
        match written {
            Err(WriteError::Unknown(error)) => {
                assert!(is_doubt && error.retry == Retry::Never, "{status} {body}: {error:?}");
            }
            Err(WriteError::Refused { .. }) => assert!(!is_doubt, "{status} {body}"),
            other => panic!("{status} {body}: {other:?}"),
        }
    }
    let marked = format!("\u{feff}{}", json!({"success": "true", "data": {"id": 7}}));
    assert_eq!(create(Script::new([token("a"), answer(200, marked)]), ida()).await.0.unwrap().external_id, "7");
}

#[tokio::test]
async fn an_answer_that_repeats_a_secret_is_judged_by_its_status() {
    for (status, is_doubt) in [(200, true), (502, true), (422, false)] {
        let script = Script::new([token("canary-token"), answer(status, "you sent canary-token".to_owned())]);
        let (written, _) = create(script, ida()).await;
        assert_eq!(matches!(written, Err(WriteError::Unknown(_))), is_doubt, "{status}: {written:?}");
        assert!(!format!("{written:?}").contains("canary-token"));
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_does_not_hide_what_was_written() {
    let mut accepted = created(&json!(7));
    accepted.headers.push(("authorization".to_owned(), "Bearer rotated-token".to_owned()));
    let script = Arc::new(Script::new([token("a"), accepted]));
    let clock = ManualClock::new(start());
    let tokens = Arc::new(Forgetful(MemoryTokenStore::new(Arc::new(clock.clone()))));
    let connection = connection_at(script, &clock, tokens, None).await;
    let written = connection.target().unwrap().create_employee(CreateEmployee::new(ida(), Class::Flow)).await;
    assert_eq!(written.unwrap().external_id, "7");
}

#[tokio::test]
async fn a_rejected_token_that_cannot_be_renewed_yet_is_no_doubt() {
    // Two logins within half a minute are not allowed.
    let (refused, script) = create(Script::new([token("a"), refusal(401, 401)]), ida()).await;
    let Err(WriteError::Refused { error, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(error.retry, Retry::After(_)), "{error:?}");
    assert_eq!(script.sent.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn values_are_never_printed() {
    let values = values(&json!({"first_name": "canary"}), &json!({"dynamic_9": "canary"}));
    assert!(!format!("{:?}", CreateEmployee::new(values, Class::Flow)).contains("canary"));
}

/// A store that takes no token that comes along with an answer.
struct Forgetful(MemoryTokenStore);

#[async_trait]
impl TokenStore for Forgetful {
    async fn get(&self, api: Api) -> Result<Option<StoredToken>, contract::Error> {
        self.0.get(api).await
    }

    async fn begin_refresh(&self, api: Api, rejected: Option<&StoredToken>) -> Result<Refresh, contract::Error> {
        self.0.begin_refresh(api, rejected).await
    }

    async fn complete(&self, api: Api, lease: Lease, token: StoredToken) -> Result<(), contract::Error> {
        self.0.complete(api, lease, token).await
    }

    async fn fail(&self, api: Api, lease: Lease, failure: LoginFailure) -> Result<(), contract::Error> {
        self.0.fail(api, lease, failure).await
    }

    async fn adopt(&self, _: Api, _: &StoredToken, _: StoredToken) -> Result<(), contract::Error> {
        Err(contract::Error::new(ErrorKind::Unavailable, "authenticate", "the database does not answer"))
    }
}
