//! Readings passed through: what is sent, what comes back, and what never does.

use std::sync::Arc;

use chrono::TimeDelta;
use gangway_domain::ManualClock;
use gangway_egress::{Class, Method, Response};

use super::{
    connection, connection_at, start, v2,
    vendor::{Script, answer, refusal, token},
};
use crate::contract::{Connector, ErrorKind, MIN_PAUSE_SECONDS, MemoryTokenStore, Pass, Passed, Result};
use crate::personio::Personio;

async fn pass(script: &Arc<Script>, path: &str) -> Result<Passed> {
    let pass = Pass::of(&Connector::manifest(&Personio).proxy, path, Class::Interactive).unwrap();
    connection(script.clone()).await.proxy().unwrap().pass(pass).await
}

#[tokio::test]
async fn the_vendors_answer_comes_back_without_its_headers() {
    let headers = [("content-type", "application/json; charset=utf-8"), ("authorization", "a"), ("set-cookie", "b")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let script = Arc::new(Script::new([token("a"), Response::new(200, headers.to_vec(), r#"{"success":true}"#)]));
    let passed = pass(&script, "/v1/company/time-offs?employees[]=1&employees[]=2&limit=5").await.unwrap();
    let wanted = Passed::new(200, Some("application/json".to_owned()), r#"{"success":true}"#.into());
    assert_eq!(passed, wanted);
    let sent = script.sent.lock().unwrap();
    let request = &sent[1];
    assert_eq!(
        (request.method, request.template, request.class),
        (Method::Get, "/v1/company/time-offs", Class::Interactive)
    );
    let query: Vec<_> = request.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(query, [("employees[]", "1"), ("employees[]", "2"), ("limit", "5")]);
    let names: Vec<_> = request.headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["accept"]);
}

#[tokio::test]
async fn no_dress_brings_a_secret_through() {
    let with = |token: &str, body: &str| {
        let headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
        Response::new(200, headers, body.to_owned())
    };
    for response in [
        answer(200, r#"{"debug":"papi-first-token"}"#),
        answer(200, r#"{"debug":"\u0070api\u002dfirst-token"}"#),
        answer(500, "token%3Dpapi%2Dfirst%2Dtoken"),
        answer(200, r#"{"debug":"canary\-secret"}"#),
        // The one that is the token from now on.
        with("papi-next-token", r#"{"debug":"papi-next-token"}"#),
    ] {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let script = Arc::new(Script::new([token("papi-first-token"), response]));
        let dropped = pass(&script, "/v1/company/employees/7").await.unwrap_err();
        assert_eq!(dropped.kind, ErrorKind::Protocol, "{body}");
        assert!(!format!("{dropped:?}").contains("papi-"), "{dropped:?}");
    }
    let strange = vec![("content-type".to_owned(), "papi-first/token".to_owned())];
    let script = Arc::new(Script::new([token("papi-first/token"), Response::new(200, strange, "{}")]));
    let passed = pass(&script, "/v1/company/employees/7").await.unwrap();
    assert_eq!(passed.content_type.as_deref(), Some("application/octet-stream"));
}

#[tokio::test]
async fn a_failure_of_the_vendor_is_an_answer_too() {
    for response in [refusal(404, 404), refusal(422, 422), answer(500, "<html>away</html>")] {
        let status = response.status;
        let script = Arc::new(Script::new([token("a"), response]));
        assert_eq!(pass(&script, "/v1/company/employees/7").await.unwrap().status, status);
    }
}

/// Passes a reading twice, the second time with a token that is old enough to be replaced.
async fn pass_twice(answers: Vec<Response>) -> (u16, Vec<Option<String>>) {
    let clock = ManualClock::new(start());
    let tokens = Arc::new(MemoryTokenStore::new(Arc::new(clock.clone())));
    let script = Arc::new(Script::new([token("a"), answer(200, "{}")].into_iter().chain(answers)));
    let connection = connection_at(script.clone(), &clock, tokens, None).await;
    let pass =
        || Pass::of(&Connector::manifest(&Personio).proxy, "/v1/company/employees/7", Class::Interactive).unwrap();
    let proxy = connection.proxy().unwrap();
    proxy.pass(pass()).await.unwrap();
    clock.advance(TimeDelta::seconds(MIN_PAUSE_SECONDS));
    let status = proxy.pass(pass()).await.unwrap().status;
    (status, script.ledger().into_iter().skip(2).map(|(_, token)| token).collect())
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_then_the_refusal_is_the_answer() {
    let [a, b] = ["a", "b"].map(|token| Some(token.to_owned()));
    let replaced = pass_twice(vec![refusal(401, 401), token("b"), answer(200, "{}")]).await;
    assert_eq!(replaced, (200, vec![a.clone(), None, b.clone()]));
    let refused_again = pass_twice(vec![refusal(403, 403), token("b"), refusal(403, 403)]).await;
    assert_eq!(refused_again, (403, vec![a.clone(), None, b]));
    let without_another = pass_twice(vec![refusal(401, 401), refusal(403, 403)]).await;
    assert_eq!(without_another, (401, vec![a, None]));
}

#[tokio::test]
async fn an_answer_that_repeats_a_secret_is_dropped() {
    for secret in ["token-of-the-vendor", "canary-secret"] {
        let body = format!("<pre>Authorization: Bearer tok {secret}</pre>");
        let script = Arc::new(Script::new([token("token-of-the-vendor"), answer(502, body)]));
        let error = pass(&script, "/v1/company/employees/7").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
}

#[test]
fn every_path_can_be_asked_for_and_leads_to_itself() {
    let paths = Connector::manifest(&Personio).proxy;
    for path in &paths {
        let asked = path.template.replace("{id}", "42");
        let pass = Pass::of(&paths, &asked, Class::Interactive).unwrap();
        assert_eq!((pass.template, pass.path), (path.template, asked));
    }
}

#[tokio::test]
async fn readings_of_version_2_have_its_token_and_ask_for_betas() {
    for (path, is_beta) in [
        ("/v2/org-units?type=team", true),
        ("/v2/cost-centers", true),
        ("/v2/workplaces", true),
        ("/v2/org-units/7?type=team", false),
        ("/v2/document-management/documents?owner_id=7&cursor=x", false),
        ("/v2/persons/7/employments/e-1", false),
    ] {
        let script = Arc::new(Script::new([v2::token("of-2"), answer(200, "{}")]));
        assert_eq!(pass(&script, path).await.unwrap().status, 200, "{path}");
        let sent = script.sent.lock().unwrap();
        assert_eq!(sent[0].path, "/v2/auth/token", "{path}");
        assert_eq!(sent[1].headers.iter().any(|(name, value)| *name == "beta" && value == "true"), is_beta, "{path}");
    }
}

#[tokio::test]
async fn a_refusal_of_version_2_is_the_answer_after_one_new_token() {
    let clock = ManualClock::new(start());
    let tokens = Arc::new(MemoryTokenStore::new(Arc::new(clock.clone())));
    let refused = || answer(401, r#"{"error":{"message":"Unauthorized Request"}}"#);
    let script = Arc::new(Script::new([
        v2::token("a-token-of-2"),
        answer(200, "{}"),
        refused(),
        v2::token("b-token-of-2"),
        refused(),
        answer(200, r#"{"debug":"b-token-of-2"}"#),
        answer(404, ""),
    ]));
    let connection = connection_at(script.clone(), &clock, tokens, None).await;
    let pass = || Pass::of(&Connector::manifest(&Personio).proxy, "/v2/persons/7", Class::Interactive).unwrap();
    let proxy = connection.proxy().unwrap();
    assert_eq!(proxy.pass(pass()).await.unwrap().status, 200);
    clock.advance(TimeDelta::seconds(MIN_PAUSE_SECONDS));
    assert_eq!(proxy.pass(pass()).await.unwrap().status, 401);
    let tokens: Vec<_> = script.ledger().into_iter().filter_map(|(_, token)| token).collect();
    assert_eq!(tokens, ["a-token-of-2", "a-token-of-2", "b-token-of-2"]);
    let dropped = proxy.pass(pass()).await.unwrap_err();
    assert!(dropped.kind == ErrorKind::Protocol && !format!("{dropped:?}").contains("token-of-2"), "{dropped:?}");
    assert_eq!(proxy.pass(pass()).await.unwrap().status, 404);
}
