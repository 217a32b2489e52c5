//! When a token is asked for, kept, replaced and given up.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use gangway_domain::{ManualClock, record::Stream};
use gangway_egress::Response;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    connection_at, first_page, start,
    vendor::{Script, answer, list, refusal, token},
};
use crate::contract::{
    Api, Connection, Error, ErrorKind, Lease, LoginFailure, MemoryTokenStore, Page, Refresh, Result, Retry,
    StoredToken, TokenStore,
};

struct Bench {
    script: Arc<Script>,
    clock: ManualClock,
    tokens: Arc<MemoryTokenStore>,
    connection: Arc<dyn Connection>,
}

impl Bench {
    async fn new(script: Script) -> Self {
        let clock = ManualClock::new(start());
        let tokens = Arc::new(MemoryTokenStore::new(Arc::new(clock.clone())));
        let script = Arc::new(script);
        let connection = connection_at(script.clone(), &clock, tokens.clone(), None).await;
        Self { script, clock, tokens, connection }
    }

    async fn read(&self) -> Result<Page> {
        self.connection.source().unwrap().read_page(first_page(Stream::Employees)).await
    }

    fn tokens_sent(&self) -> Vec<String> {
        self.script.ledger().into_iter().map(|(_, token)| token.unwrap_or_else(|| "-".to_owned())).collect()
    }

    async fn stored(&self) -> String {
        self.tokens.get(Api::MAIN).await.unwrap().unwrap().token.expose_secret().to_owned()
    }
}

fn empty() -> Response {
    list(&json!([]))
}

fn handing_out(value: &str) -> Response {
    Response::new(200, vec![("authorization".to_owned(), format!("Bearer {value}"))], r#"{"success":true,"data":[]}"#)
}

#[tokio::test]
async fn one_token_serves_until_it_expires() {
    let bench = Bench::new(Script::new([token("a"), empty(), empty(), token("b"), empty()])).await;
    bench.read().await.unwrap();
    bench.clock.advance(TimeDelta::seconds(3_599));
    bench.read().await.unwrap();
    bench.clock.advance(TimeDelta::seconds(1));
    bench.read().await.unwrap();
    assert_eq!(bench.tokens_sent(), ["-", "a", "a", "-", "b"]);
}

#[tokio::test]
async fn a_rejection_is_retried_once_with_a_new_token() {
    for rejection in [answer(401, ""), refusal(401, 401), refusal(403, 403), refusal(200, 401)] {
        let bench = Bench::new(Script::new([token("a"), empty(), rejection, token("b"), empty()])).await;
        bench.read().await.unwrap();
        bench.clock.advance(TimeDelta::seconds(31));
        bench.read().await.unwrap();
        assert_eq!(bench.tokens_sent(), ["-", "a", "a", "-", "b"]);
    }
}

#[tokio::test]
async fn a_second_rejection_is_the_end() {
    let bench = Bench::new(Script::new([token("a"), empty(), refusal(401, 401), token("a"), refusal(401, 401)])).await;
    bench.read().await.unwrap();
    bench.clock.advance(TimeDelta::seconds(31));
    let error = bench.read().await.unwrap_err();
    assert_eq!((error.kind, error.retry), (ErrorKind::Unauthenticated, Retry::Never));
    assert_eq!(bench.script.ledger().len(), 5);
}

#[tokio::test]
async fn no_second_authentication_within_thirty_seconds() {
    let bench = Bench::new(Script::new([token("a"), refusal(401, 401)])).await;
    let error = bench.read().await.unwrap_err();
    assert_eq!((error.kind, error.retry), (ErrorKind::RateLimited, Retry::After(Duration::from_secs(30))));
    assert_eq!(bench.script.ledger().len(), 2);
}

#[tokio::test]
async fn a_missing_right_is_not_a_rejection() {
    let bench = Bench::new(Script::new([token("a"), refusal(403, 0)])).await;
    let error = bench.read().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(!error.to_string().contains("Problem aufgetreten"), "the vendor's text is not passed on");
}

#[tokio::test]
async fn a_token_handed_out_in_an_answer_is_adopted() {
    let bench = Bench::new(Script::new([token("a"), handing_out("b"), handing_out("b"), empty(), empty()])).await;
    for _ in 0..4 {
        bench.read().await.unwrap();
    }
    assert_eq!(bench.tokens_sent(), ["-", "a", "b", "b", "b"]);
    assert_eq!(bench.stored().await, "b");
}

#[tokio::test]
async fn a_refused_login_is_told_again_for_half_a_minute_without_asking_the_vendor() {
    let bench = Bench::new(Script::new([refusal(403, 0), token("a"), empty()])).await;
    let error = bench.read().await.unwrap_err();
    assert_eq!((error.kind, error.retry), (ErrorKind::Unauthenticated, Retry::Never));
    bench.clock.advance(TimeDelta::seconds(29));
    let again = bench.read().await.unwrap_err();
    assert_eq!((again.kind, again.retry, &again.message), (error.kind, error.retry, &error.message));
    assert_eq!(bench.script.ledger().len(), 1);
    bench.clock.advance(TimeDelta::seconds(1));
    bench.read().await.unwrap();
}

#[tokio::test]
async fn a_login_that_failed_for_a_while_is_waited_for() {
    let bench = Bench::new(Script::new([answer(503, "")])).await;
    assert_eq!(bench.read().await.unwrap_err().kind, ErrorKind::Unavailable);
    bench.clock.advance(TimeDelta::seconds(10));
    let error = bench.read().await.unwrap_err();
    assert_eq!((error.kind, error.retry), (ErrorKind::RateLimited, Retry::After(Duration::from_secs(20))));
    assert_eq!(bench.script.ledger().len(), 1);
}

#[tokio::test]
async fn failures_of_the_port_keep_their_meaning() {
    let limited =
        gangway_egress::Error::new(gangway_egress::ErrorKind::RateLimited, "/v1/company/employees", "no slot")
            .with_retry_after(Duration::from_secs(9));
    let bench = Bench::new(Script::new([token("a")]).then_fails(limited)).await;
    let error: Error = bench.read().await.unwrap_err();
    assert_eq!((error.kind, error.retry), (ErrorKind::RateLimited, Retry::After(Duration::from_secs(9))));
}

#[tokio::test]
async fn secrets_show_in_no_error_and_no_debug_text() {
    let bench = Bench::new(Script::new([refusal(403, 0)])).await;
    let error = bench.read().await.unwrap_err();
    let sent = format!("{:?}", bench.script.sent.lock().unwrap());
    assert!(!format!("{error} {error:?} {sent}").contains("canary"));
}

#[tokio::test]
async fn others_wait_for_the_one_who_authenticates() {
    let clock = ManualClock::new(start());
    let store = Arc::new(MemoryTokenStore::new(Arc::new(clock.clone())));
    let Refresh::Authenticate(lease) = store.begin_refresh(Api::MAIN, None).await.unwrap() else {
        panic!("a lease is due")
    };
    let token = StoredToken::new("a".into(), start() + TimeDelta::hours(1));
    let (waiting, ()) = tokio::join!(store.begin_refresh(Api::MAIN, None), async {
        tokio::task::yield_now().await;
        store.complete(Api::MAIN, lease, token).await.unwrap();
    });
    assert!(matches!(waiting.unwrap(), Refresh::Fresh(token) if token.token.expose_secret() == "a"));
}

#[tokio::test]
async fn a_stale_lease_and_a_stale_token_change_nothing() {
    let clock = ManualClock::new(start());
    let store = MemoryTokenStore::new(Arc::new(clock.clone()));
    let at = start() + TimeDelta::hours(1);
    let Refresh::Authenticate(lease) = store.begin_refresh(Api::MAIN, None).await.unwrap() else {
        panic!("a lease is due")
    };
    store.complete(Api::MAIN, lease, StoredToken::new("a".into(), at)).await.unwrap();
    store.complete(Api::MAIN, Lease::new("99"), StoredToken::new("b".into(), at)).await.unwrap();
    store.adopt(Api::MAIN, &StoredToken::new("old".into(), at), StoredToken::new("c".into(), at)).await.unwrap();
    assert_eq!(store.get(Api::MAIN).await.unwrap().unwrap().token.expose_secret(), "a");
}

#[tokio::test]
async fn tokens_of_two_apis_neither_wait_for_nor_replace_one_another() {
    let other = Api::new("other");
    let store = MemoryTokenStore::new(Arc::new(ManualClock::new(start())));
    let Refresh::Authenticate(main) = store.begin_refresh(Api::MAIN, None).await.unwrap() else {
        panic!("a lease is due")
    };
    let Refresh::Authenticate(lease) = store.begin_refresh(other, None).await.unwrap() else {
        panic!("a lease is due")
    };
    let failure = LoginFailure { kind: ErrorKind::Unauthenticated, message: "no".to_owned() };
    store.fail(other, lease, failure).await.unwrap();
    store.complete(Api::MAIN, main, StoredToken::new("a".into(), start() + TimeDelta::hours(1))).await.unwrap();
    assert!(store.get(other).await.unwrap().is_none());
    assert_eq!(store.begin_refresh(other, None).await.unwrap_err().kind, ErrorKind::Unauthenticated);
    assert!(matches!(store.begin_refresh(Api::MAIN, None).await.unwrap(), Refresh::Fresh(_)));
}
