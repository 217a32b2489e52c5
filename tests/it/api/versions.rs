//! `ETag` and `If-Match`: nobody overwrites what they have not seen.

use gangway_testkit::{TestApp, TestDb};
use reqwest::Method;
use serde_json::json;

use super::support::{code, send, sync_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_an_old_version_is_refused() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let sync = sync_of(&app, &tenant, "employees").await;
    let operator = app.operator_key().await;
    for (key, path, body) in [
        (&operator, format!("/v1/tenants/{}", tenant.tenant), json!({"name": "New"})),
        (&tenant.key, format!("/v1/connections/{}", tenant.connection), json!({"name": "New"})),
        (&tenant.key, format!("/v1/syncs/{sync}"), json!({"schedule": "every 1h"})),
    ] {
        let read = app.client.get(key, &path).await;
        let seen = read.header("etag").unwrap().to_owned();
        assert_eq!(seen, format!("\"v{}\"", read.body["version"]));
        let changed = send(&app, Method::PATCH, key, &path, &[("if-match", &seen)], &body).await;
        assert_eq!(changed.status, 200, "{path}: {}", changed.body);
        assert_ne!(changed.header("etag"), Some(&*seen));
        for tag in [&*seen, "W/\"v2\"", "\"nonsense\"", "v2"] {
            let late = send(&app, Method::PATCH, key, &path, &[("if-match", tag)], &body).await;
            assert_eq!((late.status, code(&late).as_str()), (412, "object.stale"), "{path} {tag}");
        }
        let unconditional = send(&app, Method::PATCH, key, &path, &[("if-match", "*")], &body).await;
        assert_eq!(unconditional.status, 200, "{path}: {}", unconditional.body);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_and_deletions_honour_the_version_too() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let path = format!("/v1/connections/{}", tenant.connection);
    let credential = json!({"client_id": "a", "client_secret": "b"});
    let put = |tag| {
        let (app, key, path, credential) = (&app, &tenant.key, format!("{path}/credential"), &credential);
        async move { send(app, Method::PUT, key, &path, &[("if-match", tag)], credential).await }
    };
    assert_eq!(put("\"v9\"").await.status, 412);
    let stored = put("\"v1\"").await;
    assert_eq!(stored.status, 200, "{}", stored.body);
    assert_eq!((&stored.body["credential_version"], &stored.body["state"]), (&json!(2), &json!("unchecked")));
    assert_eq!(send(&app, Method::DELETE, &tenant.key, &path, &[("if-match", "\"v1\"")], &json!({})).await.status, 412);
    assert_eq!(send(&app, Method::DELETE, &tenant.key, &path, &[("if-match", "\"v2\"")], &json!({})).await.status, 204);
    assert_eq!(app.client.get(&tenant.key, &path).await.status, 404);
    app.stop().await;
}
