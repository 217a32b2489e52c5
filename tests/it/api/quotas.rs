//! How often a key and a stranger may ask, and how they are told.

use std::time::Duration;

use gangway_api::{Quota, Quotas};
use gangway_testkit::{Answer, TestApp, TestDb, on_both_databases};
use reqwest::Method;
use serde_json::json;

use super::support::code;

/// No window ends while a test runs.
const WINDOW: Duration = Duration::from_hours(1);

const fn quota(requests: u32) -> Quota {
    Quota { requests, window: WINDOW }
}

/// `r` of the header `RateLimit`.
fn remaining(answer: &Answer) -> u32 {
    let told = answer.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {:?}", answer.headers));
    told.split(';').find_map(|part| part.strip_prefix("r=")).unwrap().parse().unwrap()
}

fn assert_limited(answer: &Answer) {
    assert_eq!((answer.status, code(answer).as_str()), (429, "request.rate-limited"), "{}", answer.body);
    assert_eq!(remaining(answer), 0);
    let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&after), "{after}");
}

on_both_databases! {
    async fn each_key_has_its_own_quota_and_is_told_what_is_left(db: TestDb) {
        let app = TestApp::on(db).quotas(Quotas { key: Some(quota(4)), ..Quotas::NONE }).start().await;
        let operator = app.operator_key().await;
        let tenant = app.client.post(&operator, "/v1/tenants", &json!({"name": "Acme"})).await.expect(201);
        let tenant = tenant["id"].as_str().unwrap();
        let (one, other) = (app.tenant_key(tenant, &[]).await, app.tenant_key(tenant, &[]).await);
        // Failures count as well, whatever their reason.
        let mut left = Vec::new();
        for path in ["/v1/connections", "/v1/nothing", "/v1/connections/con_1", "/v1/tenants"] {
            let answer = app.client.get(&one, path).await;
            assert_eq!(answer.header("ratelimit-policy"), Some("\"key\";q=4;w=3600"), "{path}");
            left.push(remaining(&answer));
        }
        assert_eq!(left, [3, 2, 1, 0]);
        for _ in 0..2 {
            assert_limited(&app.client.get(&one, "/v1/connections").await);
        }
        assert_eq!(remaining(&app.client.get(&other, "/v1/connections").await), 3);
        // An operator's key has a quota of its own: here none, and then nothing is told.
        assert!(app.client.get(&operator, "/v1/tenants").await.header("ratelimit").is_none());
        app.stop().await;
    }

    async fn a_refused_request_is_not_carried_out(db: TestDb) {
        let app = TestApp::on(db).quotas(Quotas { operator_key: Some(quota(1)), ..Quotas::NONE }).start().await;
        let operator = app.operator_key().await;
        app.client.post(&operator, "/v1/tenants", &json!({"name": "Acme"})).await.expect(201);
        assert_limited(&app.client.post(&operator, "/v1/tenants", &json!({"name": "Bolt"})).await);
        let second = app.operator_key().await;
        assert_eq!(app.client.list(&second, "/v1/tenants").await.len(), 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_counted_by_address_and_do_not_hold_up_keys_that_are_known() {
    let app = TestApp::on(TestDb::sqlite().await).quotas(Quotas {
        key: Some(quota(100)),
        address: Some(quota(3)),
        ..Quotas::NONE
    });
    let app = app.start().await;
    let operator = app.operator_key().await;
    let tenant = app.client.post(&operator, "/v1/tenants", &json!({"name": "Acme"})).await.expect(201);
    let (known, new) = (
        app.tenant_key(tenant["id"].as_str().unwrap(), &[]).await,
        app.tenant_key(tenant["id"].as_str().unwrap(), &[]).await,
    );
    app.client.get(&known, "/v1/connections").await.expect(200);
    let stranger = |path: &'static str| app.client.send(app.client.request(Method::GET, "gwt_nonsense", path));
    assert_eq!(stranger("/v1/connections").await.header("ratelimit"), Some("\"address\";r=2;t=3600"));
    assert_eq!(remaining(&stranger("/docs/errors").await), 1);
    assert_eq!(remaining(&stranger("/v1/nothing").await), 0);
    for path in ["/v1/connections", "/openapi.json", "/docs/errors"] {
        assert_limited(&stranger(path).await);
    }
    // A key that was good a moment ago goes on; one that nobody knows yet has to wait.
    app.client.get(&known, "/v1/connections").await.expect(200);
    assert_limited(&app.client.get(&new, "/v1/connections").await);
    // Probes are never limited.
    for path in ["/healthz", "/readyz"] {
        assert_eq!(stranger(path).await.status, 200);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_is_over_begins_anew() {
    let short = Some(Quota { requests: 1, window: Duration::from_secs(1) });
    let app = TestApp::on(TestDb::sqlite().await).quotas(Quotas { operator_key: short, ..Quotas::NONE }).start().await;
    let operator = app.operator_key().await;
    app.client.get(&operator, "/v1/tenants").await.expect(200);
    let again = async || app.client.get(&operator, "/v1/tenants").await.status == 200;
    let begins = async {
        while !again().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), begins).await.expect("the window ends");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_stays_known_after_its_window_and_where_keys_are_not_counted() {
    for key in [Some(Quota { requests: 100, window: Duration::from_millis(1) }), None] {
        let quotas = Quotas { key, operator_key: key, address: Some(quota(3)) };
        let app = TestApp::on(TestDb::sqlite().await).quotas(quotas).start().await;
        let operator = app.operator_key().await;
        app.client.get(&operator, "/v1/tenants").await.expect(200);
        for _ in 0..5 {
            app.client.get("gwo_nonsense", "/v1/tenants").await;
        }
        assert_limited(&app.client.get("gwo_nonsense", "/v1/tenants").await);
        app.client.get(&operator, "/v1/tenants").await.expect(200);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_tenants_keys_are_no_strangers() {
    let quotas = Quotas { key: Some(quota(100)), address: Some(quota(3)), ..Quotas::NONE };
    let app = TestApp::on(TestDb::sqlite().await).quotas(quotas).start().await;
    let operator = app.operator_key().await;
    let tenant = app.client.post(&operator, "/v1/tenants", &json!({"name": "Acme"})).await.expect(201);
    let path = format!("/v1/tenants/{}", tenant["id"].as_str().unwrap());
    let key = app.tenant_key(tenant["id"].as_str().unwrap(), &[]).await;
    let suspend = app.client.request(Method::PATCH, &operator, &path).json(&json!({"state": "suspended"}));
    app.client.send(suspend).await.expect(200);
    for left in [99, 98, 97, 96, 95] {
        let answer = app.client.get(&key, "/v1/connections").await;
        assert_eq!((answer.status, code(&answer).as_str(), remaining(&answer)), (403, "tenant.suspended", left));
    }
    app.stop().await;
}
