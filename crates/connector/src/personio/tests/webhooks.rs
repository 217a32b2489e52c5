//! Registering, calling and removing webhooks: what is sent, and what follows from every answer.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gangway_domain::record::Stream;
use gangway_egress::{Body, Class, Error as PortError, ErrorKind as PortErrorKind, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    connection, start,
    v2::{granted, page},
    vendor::{Script, answer},
};
use crate::contract::{
    CallWebhook, Connection, ErrorKind, Happened, Missed, ReadMissed, Redeliver, RegisterWebhook, Registered,
    RemoveWebhook, Removed, Result, Retry, WriteError,
};

const URL: &str = "https://gangway.example.org/hooks/canary-url";
const ID: &str = "533e7206-f4a3-11ed-9c8b-436fad0b82d1";

struct Bench {
    script: Arc<Script>,
    connection: Arc<dyn Connection>,
}

impl Bench {
    /// The first answer is always the login's.
    async fn new(answers: impl IntoIterator<Item = Response>) -> Self {
        let login = granted("a", "personio:webhooks:read personio:webhooks:write");
        Self::with(Script::new(std::iter::once(login).chain(answers))).await
    }

    async fn with(script: Script) -> Self {
        let script = Arc::new(script);
        Self { connection: connection(script.clone()).await, script }
    }

    async fn register(&self) -> Result<Registered, WriteError> {
        let token = SecretString::from("canary-token");
        let streams = vec![Stream::Employees, Stream::Absences];
        let request = RegisterWebhook::new(SecretString::from(URL), token, streams, Class::Interactive);
        assert!(!format!("{request:?}").contains("canary"));
        self.connection.webhooks().unwrap().register(request).await
    }

    async fn remove(&self) -> Result<Removed, WriteError> {
        let request = RemoveWebhook::new(SecretString::from(URL), Class::Interactive);
        self.connection.webhooks().unwrap().remove(request).await
    }

    async fn missed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Missed> {
        self.connection.webhooks().unwrap().missed(ReadMissed::new(ID, from, to, Class::Interactive)).await
    }

    /// Methods and paths after the login.
    fn sent(&self) -> Vec<String> {
        let sent = self.script.sent.lock().unwrap();
        sent.iter().skip(1).map(|request| format!("{} {}", request.method.as_str(), request.path)).collect()
    }

    fn request(&self, place: usize) -> Request {
        self.script.sent.lock().unwrap()[place].clone()
    }
}

fn body_of(request: &Request) -> Value {
    let Body::Json(text) = &request.body else { panic!("{request:?}") };
    serde_json::from_str(text.expose_secret()).unwrap()
}

fn webhook(id: &str, url: &str) -> Value {
    json!({"id": id, "url": url, "description": "x", "status": "ENABLED", "token": "canary-token", "enabled_events": []})
}

fn problem(status: u16) -> Response {
    answer(status, json!({"errors": [{"title": "canary", "detail": "canary", "type": "about:blank"}]}).to_string())
}

fn none() -> Response {
    page(&json!([]))
}

fn others() -> Value {
    json!([webhook("other-1", "https://other.example/hook"), {"id": 7}, 7, webhook("../persons", URL)])
}

#[tokio::test]
async fn a_new_webhook_is_enabled_and_told_of_the_streams() {
    let bench = Bench::new([page(&others()), answer(201, webhook(ID, URL).to_string())]).await;
    assert_eq!(bench.register().await.unwrap(), Registered::new(ID, true));
    assert_eq!(bench.sent(), ["GET /v2/webhooks", "POST /v2/webhooks"]);
    let post = bench.request(2);
    assert_eq!(post.method, Method::Post);
    let body = body_of(&post);
    assert_eq!((&body["status"], &body["auth_type"], &body["url"]), (&json!("ENABLED"), &json!("TOKEN"), &json!(URL)));
    assert_eq!(body["token"], "canary-token");
    let events: Vec<&str> =
        body["enabled_events"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(events.len(), 13);
    assert!(events.contains(&"employment.updated.cost-centers") && events.contains(&"absence-period.deleted"));
    assert!(!events.iter().any(|event| event.starts_with("attendance")));
    assert!(!format!("{post:?}").contains("canary"));
}

#[tokio::test]
async fn an_address_that_is_registered_is_changed_and_not_registered_again() {
    let known = page(&json!([webhook(ID, "HTTPS://GANGWAY.example.org:443/hooks/canary-url")]));
    let bench = Bench::new([known, answer(200, "{}")]).await;
    assert_eq!(bench.register().await.unwrap(), Registered::new(ID, false));
    assert_eq!(bench.sent(), ["GET /v2/webhooks".to_owned(), format!("PATCH /v2/webhooks/{ID}")]);
    assert_eq!(body_of(&bench.request(2))["status"], "ENABLED");

    let twins = page(&json!([webhook(ID, URL), webhook("twin", URL)]));
    let bench = Bench::new([twins, answer(200, "{}"), answer(204, "")]).await;
    assert_eq!(bench.register().await.unwrap(), Registered::new(ID, false));
    assert_eq!(bench.sent()[2], "DELETE /v2/webhooks/twin", "it would go on with the token before");
}

#[tokio::test]
async fn a_registration_whose_end_is_not_known_is_looked_for() {
    let cut = PortError::new(PortErrorKind::Broken, "/v2/webhooks", "cut");
    let script = Script::new([granted("a", "personio:webhooks:read personio:webhooks:write"), none()]);
    let script = script.then_fails(cut).then(page(&json!([webhook(ID, URL)])));
    let bench = Bench::with(script).await;
    assert_eq!(bench.register().await.unwrap(), Registered::new(ID, true), "applied, then cut");

    for doubtful in [answer(201, "{}"), answer(201, ""), problem(500), answer(504, "<html>canary</html>")] {
        let found = page(&json!([webhook(ID, URL)]));
        let bench = Bench::new([none(), doubtful.clone(), found]).await;
        assert_eq!(bench.register().await.unwrap(), Registered::new(ID, true), "{doubtful:?}");

        let bench = Bench::new([none(), doubtful.clone(), none()]).await;
        let Err(WriteError::Unknown(error)) = bench.register().await else { panic!("{doubtful:?}") };
        assert_eq!(error.retry, Retry::Never);
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    let bench = Bench::new([none(), problem(409), page(&json!([webhook(ID, URL)])), answer(200, "{}")]).await;
    assert_eq!(bench.register().await.unwrap(), Registered::new(ID, false), "somebody was faster");
}

#[tokio::test]
async fn a_refused_registration_says_what_to_do() {
    for (answers, kind, words) in [
        (vec![none(), problem(403)], ErrorKind::Forbidden, "Webhooks: Write"),
        (vec![problem(403)], ErrorKind::Forbidden, "by hand"),
        (vec![problem(404)], ErrorKind::Unsupported, "by hand"),
        (vec![none(), problem(422), none()], ErrorKind::Protocol, "422"),
        (vec![none(), answer(403, "<html>canary</html>"), none()], ErrorKind::Protocol, "firewall"),
        (vec![none(), answer(301, "")], ErrorKind::ConfigInvalid, "redirects"),
    ] {
        let bench = Bench::new(answers).await;
        let Err(WriteError::Refused { error, .. }) = bench.register().await else { panic!("{kind}") };
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(words) && !format!("{error:?}").contains("canary"), "{error:?}");
    }
    let script = Script::new([granted("a", "personio:persons:read"), answer(401, ""), none()]);
    let Err(WriteError::Refused { error, .. }) = Bench::with(script).await.register().await else { panic!() };
    assert_eq!(error.kind, ErrorKind::Forbidden, "the token is known to lack the right");
}

#[tokio::test]
async fn a_token_that_is_rejected_right_after_the_login_leaves_nothing_in_doubt() {
    let bench = Bench::with(Script::new([granted("a", ""), none(), answer(401, "")])).await;
    let Err(WriteError::Refused { error, .. }) = bench.register().await else { panic!() };
    assert_eq!(error.kind, ErrorKind::RateLimited, "the pause between two logins");
    assert_eq!(bench.sent(), ["GET /v2/webhooks", "POST /v2/webhooks"]);
}

#[tokio::test]
async fn only_what_leads_to_our_address_is_removed() {
    let mut listed = others();
    listed.as_array_mut().unwrap().extend([webhook(ID, URL), webhook("twin", URL)]);
    let bench = Bench::new([page(&listed), answer(204, ""), problem(404)]).await;
    assert_eq!(bench.remove().await.unwrap().n_removed, 1, "the twin was gone already");
    let expected =
        ["GET /v2/webhooks".to_owned(), format!("DELETE /v2/webhooks/{ID}"), "DELETE /v2/webhooks/twin".to_owned()];
    assert_eq!(bench.sent(), expected);
    let bench = Bench::new([page(&others())]).await;
    assert_eq!((bench.remove().await.unwrap().n_removed, bench.sent().len()), (0, 1));
    let bench = Bench::new([page(&json!([webhook(ID, URL)])), problem(500)]).await;
    assert!(matches!(bench.remove().await, Err(WriteError::Unknown(_))));
}

#[tokio::test]
async fn the_list_is_read_to_its_end_and_never_elsewhere_with_the_token() {
    let linked =
        |href: &str| answer(200, json!({"_data": others(), "_meta": {"links": {"next": {"href": href}}}}).to_string());
    let bench = Bench::new([
        linked("https://api.personio.de/v2/webhooks?cursor=a"),
        page(&json!([webhook(ID, URL)])),
        answer(204, ""),
    ])
    .await;
    assert_eq!(bench.remove().await.unwrap().n_removed, 1);
    assert_eq!(bench.request(2).query, [("cursor".to_owned(), "a".to_owned())]);
    for href in [
        "https://evil.example/v2/webhooks?cursor=a",
        "https://api.personio.de/v2/persons?cursor=a",
        "//evil.example?cursor=a",
    ] {
        let bench = Bench::new([linked(href)]).await;
        let Err(WriteError::Refused { error, .. }) = bench.remove().await else { panic!("{href}") };
        assert_eq!((error.kind, bench.sent().len()), (ErrorKind::Protocol, 1), "{href}");
        assert!(!format!("{error} {error:?}").contains("evil"), "{error:?}");
    }
    let endless = (0..40).map(|n| linked(&format!("https://api.personio.de/v2/webhooks?cursor={n}")));
    let bench = Bench::new(endless).await;
    let Err(WriteError::Refused { error, .. }) = bench.remove().await else { panic!() };
    assert!(error.message.contains("does not end") && bench.sent().len() <= 10, "{error}");
}

#[tokio::test]
async fn a_ping_and_a_redelivery_name_the_webhook() {
    let (from, to) = (start(), start() + chrono::TimeDelta::hours(1));
    let bench = Bench::new([answer(200, "{}"), answer(200, "")]).await;
    let webhooks = bench.connection.webhooks().unwrap();
    webhooks.ping(CallWebhook::new(ID, Class::Interactive)).await.unwrap();
    webhooks.redeliver(Redeliver::new(ID, from, to, Class::Interactive)).await.unwrap();
    assert_eq!(bench.sent(), [format!("POST /v2/webhooks/{ID}/ping"), format!("POST /v2/webhooks/{ID}/redelivery")]);
    let span = body_of(&bench.request(2));
    assert_eq!(
        span,
        json!({"occurred_at.gte": "2026-09-21T14:13:20.000Z", "occurred_at.lte": "2026-09-21T15:13:20.000Z"})
    );

    for (answered, kind, retry) in [
        (problem(404), ErrorKind::NotFound, Retry::Never),
        (problem(403), ErrorKind::Forbidden, Retry::Never),
        (problem(502), ErrorKind::Unavailable, Retry::Backoff),
        (answer(429, ""), ErrorKind::RateLimited, Retry::Backoff),
    ] {
        let bench = Bench::new([answered]).await;
        let ping = CallWebhook::new(ID, Class::Interactive);
        let error = bench.connection.webhooks().unwrap().ping(ping).await.unwrap_err();
        assert_eq!((error.kind, error.retry), (kind, retry));
    }
    for id in ["", "../persons", "a/b", "a?b", &"1".repeat(65)] {
        let bench = Bench::new([]).await;
        let ping = CallWebhook::new(id, Class::Interactive);
        let error = bench.connection.webhooks().unwrap().ping(ping).await.unwrap_err();
        assert_eq!((error.kind, bench.sent().len()), (ErrorKind::Refused, 0), "{id}");
    }
}

#[tokio::test]
async fn missed_events_come_page_by_page() {
    let event = |name: &str| json!({"company_id": "1", "event_name": name, "occurred_at": "2026-06-01T08:00:00Z", "payload": {"id": "7"}});
    let href = format!("https://api.personio.de/v2/webhooks/{ID}/events?cursor=c1");
    let first = json!({"_data": [event("person.updated"), 7], "_meta": {"links": {"next": {"href": href}}}});
    let bench = Bench::new([answer(200, first.to_string()), page(&json!([event("salary.raised")]))]).await;
    let (from, to) = (start(), start() + chrono::TimeDelta::hours(1));
    let missed = bench.missed(from, to).await.unwrap();
    let happened: Vec<Happened> = missed.notices.iter().map(|notice| notice.happened).collect();
    assert_eq!(happened, [Happened::Changed, Happened::Unknown]);
    let query = bench.request(1).query;
    assert_eq!(query[1], ("occurred_at.gte".to_owned(), "2026-09-21T14:13:20.000Z".to_owned()));
    assert_eq!(query[2].0, "occurred_at.lte");
    let webhooks = bench.connection.webhooks().unwrap();
    let request = ReadMissed::new(ID, from, to, Class::Interactive).with_checkpoint(missed.next.clone());
    let last = webhooks.missed(request).await.unwrap();
    assert_eq!((last.notices.len(), last.next), (1, None));
    assert_eq!(bench.request(2).query, [("cursor".to_owned(), "c1".to_owned())]);
    let other = ReadMissed::new("other", from, to, Class::Interactive).with_checkpoint(missed.next);
    assert_eq!(webhooks.missed(other).await.unwrap_err().kind, ErrorKind::Refused, "another webhook's place");
    assert_eq!(bench.sent().len(), 2);
}
