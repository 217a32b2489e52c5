//! Version 2: logging in, what its errors mean, and when a rejected token is a missing right.

use std::sync::Arc;

use chrono::TimeDelta;
use gangway_domain::ManualClock;
use gangway_egress::{Body, Class, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::{
    super::{
        Credential,
        client::Failure,
        envelope::Document,
        v2::{Area, Client},
    },
    start,
    vendor::{Script, answer},
};
use crate::contract::{Error, ErrorKind, MemoryTokenStore, Retry, Runtime};

pub(super) const PATH: &str = "/v2/attendance-periods";

pub(super) struct Bench {
    pub(super) script: Arc<Script>,
    clock: ManualClock,
    tokens: Arc<MemoryTokenStore>,
    pub(super) client: Client,
}

impl Bench {
    pub(super) fn new(script: Script) -> Self {
        let clock = ManualClock::new(start());
        let tokens = Arc::new(MemoryTokenStore::new(Arc::new(clock.clone())));
        Self::with(Arc::new(script), clock, tokens)
    }

    /// Another job's client, with the same tokens, when the pause is over.
    fn later(&self) -> Self {
        self.clock.advance(TimeDelta::seconds(31));
        Self::with(self.script.clone(), self.clock.clone(), self.tokens.clone())
    }

    fn with(script: Arc<Script>, clock: ManualClock, tokens: Arc<MemoryTokenStore>) -> Self {
        let credential =
            Credential { client_id: "id-1".to_owned(), client_secret: SecretString::from("canary-secret") };
        let runtime = Runtime::new(script.clone(), tokens.clone(), Arc::new(clock.clone()));
        let client = Client::new(credential, runtime, Url::parse("https://api.personio.de").unwrap());
        Self { script, clock, tokens, client }
    }

    pub(super) async fn list(&self) -> Result<Document, Failure> {
        let request = Request::new(Method::Get, PATH, PATH, Class::Sweep);
        self.client.get("read attendances", Area::Attendances, request).await
    }

    async fn refused(&self) -> Error {
        self.list().await.unwrap_err().error
    }

    fn tokens_sent(&self) -> Vec<String> {
        self.script.ledger().into_iter().map(|(_, token)| token.unwrap_or_else(|| "-".to_owned())).collect()
    }
}

pub(super) fn granted(token: &str, scope: &str) -> Response {
    let body = json!({"access_token": token, "expires_in": 3_600, "token_type": "Bearer", "scope": scope});
    answer(200, body.to_string())
}

pub(super) fn token(token: &str) -> Response {
    granted(token, "personio:attendances:read personio:persons:read")
}

pub(super) fn page(items: &Value) -> Response {
    answer(200, json!({"_data": items, "_meta": {"links": {}}}).to_string())
}

fn problem(status: u16) -> Response {
    let body = json!({"personio_trace_id": "1", "timestamp": "2026-11-23T10:00:00Z", "errors": [{
        "title": "canary", "detail": "canary", "_meta": {},
        "type": "https://developer.personio.de/reference/errors#common.bad_request"}]});
    answer(status, body.to_string())
}

fn no_grant(code: &str) -> Response {
    answer(400, json!({"error": code, "error_description": "canary", "error_uri": "canary", "meta": {}}).to_string())
}

#[tokio::test]
async fn a_login_is_a_form_of_client_credentials() {
    let bench = Bench::new(Script::new([token("a"), page(&json!([]))]));
    bench.list().await.unwrap();
    let sent = bench.script.sent.lock().unwrap();
    let login = &sent[0];
    assert_eq!((login.path.as_str(), login.is_authentication, login.query.len()), ("/v2/auth/token", true, 0));
    let Body::Form(pairs) = &login.body else { panic!("{login:?}") };
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    let expected = [("grant_type", "client_credentials"), ("client_id", "id-1"), ("client_secret", "canary-secret")];
    assert_eq!(pairs, expected);
    assert!(!format!("{login:?}").contains("canary"));
}

#[tokio::test]
async fn one_token_serves_until_it_expires() {
    let bench = Bench::new(Script::new([token("a"), page(&json!([])), page(&json!([])), token("b"), page(&json!([]))]));
    bench.list().await.unwrap();
    bench.clock.advance(TimeDelta::seconds(3_599));
    bench.list().await.unwrap();
    bench.clock.advance(TimeDelta::seconds(1));
    bench.list().await.unwrap();
    assert_eq!(bench.tokens_sent(), ["-", "a", "a", "-", "b"]);
}

#[tokio::test]
async fn a_refused_login_says_who_must_act() {
    let cases = [
        (no_grant("invalid_client"), ErrorKind::Unauthenticated),
        (no_grant("invalid_grant"), ErrorKind::Unauthenticated),
        (no_grant("unauthorized_client"), ErrorKind::Unauthenticated),
        (no_grant("invalid_request"), ErrorKind::Protocol),
        (answer(401, r#"{"error":{"message":"canary"}}"#), ErrorKind::Unauthenticated),
        (problem(404), ErrorKind::Unsupported),
        (answer(404, "<html>canary</html>"), ErrorKind::Unsupported),
        (answer(302, ""), ErrorKind::ConfigInvalid),
        (answer(403, "<html>canary</html>"), ErrorKind::Protocol),
        (answer(503, "canary"), ErrorKind::Unavailable),
        (answer(200, "<html>canary</html>"), ErrorKind::Protocol),
        (answer(200, r#"{"access_token":"two words"}"#), ErrorKind::Protocol),
        (answer(200, r#"{"access_token":7}"#), ErrorKind::Protocol),
        (answer(200, "[]"), ErrorKind::Protocol),
    ];
    for (response, kind) in cases {
        let what = format!("{} {:?}", response.status, response.body);
        let bench = Bench::new(Script::new([response]));
        let error = bench.refused().await;
        assert_eq!(error.kind, kind, "{what}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_asked_for_again_at_once() {
    let bench = Bench::new(Script::new([problem(404)]));
    let first = bench.refused().await;
    let again = bench.refused().await;
    assert_eq!((again.kind, &again.message), (ErrorKind::Unsupported, &first.message));
    assert_eq!(bench.script.ledger().len(), 1);
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once() {
    let bench = Bench::new(Script::new([
        token("a"),
        page(&json!([])),
        answer(401, ""),
        token("b"),
        page(&json!([])),
        answer(401, ""),
        token("c"),
        answer(401, ""),
    ]));
    bench.list().await.unwrap();
    bench.clock.advance(TimeDelta::seconds(31));
    bench.list().await.unwrap();
    bench.clock.advance(TimeDelta::seconds(31));
    let error = bench.refused().await;
    assert_eq!((error.kind, error.retry), (ErrorKind::Unauthenticated, Retry::Never));
    assert_eq!(bench.tokens_sent(), ["-", "a", "a", "-", "b", "b", "-", "c"]);
}

#[tokio::test]
async fn a_rejected_token_without_the_right_is_a_missing_right() {
    for scope in ["personio:absences:read", "attendances:write employees:read"] {
        let bench = Bench::new(Script::new([granted("a", scope), answer(401, r#"{"error":{"message":"canary"}}"#)]));
        let error = bench.refused().await;
        assert_eq!((error.kind, error.retry), (ErrorKind::Forbidden, Retry::Never), "{scope}");
        assert_eq!(bench.script.ledger().len(), 2, "{scope}: no other login");
    }
}

#[tokio::test]
async fn a_right_that_was_ticked_after_the_token_was_got_is_found() {
    let bench = Bench::new(Script::new([token("a"), page(&json!([])), problem(403), token("b"), page(&json!([]))]));
    bench.list().await.unwrap();
    bench.later().list().await.unwrap();
    assert_eq!(bench.tokens_sent(), ["-", "a", "a", "-", "b"]);
}

#[tokio::test]
async fn a_right_that_stays_missing_is_looked_for_with_one_login() {
    let answers = [token("a"), page(&json!([])), problem(403), token("b"), problem(403), problem(403)];
    let bench = Bench::new(Script::new(answers));
    bench.list().await.unwrap();
    let later = bench.later();
    for _ in 0..2 {
        assert_eq!(later.refused().await.kind, ErrorKind::Forbidden);
    }
    assert_eq!(bench.tokens_sent(), ["-", "a", "a", "-", "b", "b"]);
}

#[tokio::test]
async fn errors_of_a_list_say_what_they_are() {
    let cases = [
        (problem(400), ErrorKind::Protocol, Retry::Never),
        (problem(403), ErrorKind::Forbidden, Retry::Never),
        (problem(404), ErrorKind::NotFound, Retry::Never),
        (problem(422), ErrorKind::Protocol, Retry::Never),
        (answer(405, ""), ErrorKind::Unsupported, Retry::Never),
        (answer(410, ""), ErrorKind::Unsupported, Retry::Never),
        (answer(429, ""), ErrorKind::RateLimited, Retry::Backoff),
        (problem(502), ErrorKind::Unavailable, Retry::Backoff),
        (answer(307, ""), ErrorKind::ConfigInvalid, Retry::Never),
        (answer(431, "canary"), ErrorKind::Protocol, Retry::Backoff),
        (answer(403, "<html>canary</html>"), ErrorKind::Protocol, Retry::Backoff),
        (answer(404, "<html>canary</html>"), ErrorKind::Protocol, Retry::Backoff),
        (answer(200, "<html>canary</html>"), ErrorKind::Protocol, Retry::Backoff),
    ];
    for (response, kind, retry) in cases {
        let what = format!("{} {:?}", response.status, response.body);
        let error = Bench::new(Script::new([token("a"), response])).refused().await;
        assert_eq!((error.kind, error.retry), (kind, retry), "{what}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{what}: {error:?}");
    }
    let error = Bench::new(Script::new([token("a"), problem(400)])).refused().await;
    assert!(error.message.contains("common.bad_request"), "{error}");
}
