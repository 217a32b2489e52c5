//! `ETag` and `If-Match`: nobody overwrites what they have not seen.

use futures::future::join_all;
use gangway_testkit::{TestApp, TestDb, on_both_databases};
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
        let twice = [("if-match", "*"), ("if-match", "\"v999\"")];
        assert_eq!(send(&app, Method::PATCH, key, &path, &twice, &body).await.status, 400, "{path}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_compares_no_version_takes_none() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let document = serde_json::to_value(gangway_api::openapi()).unwrap();
    let mut n_tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut names = parameters.map(|parameter| &parameter["name"]);
            if method == "get" || !path.starts_with("/v1/") || names.any(|name| name == "If-Match") {
                continue;
            }
            let operator = app.operator_key().await;
            let method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", &tenant.connection);
            let headers = [("gangway-tenant", &*tenant.tenant), ("if-match", "\"v1\"")];
            let refused = send(&app, method, &operator, &path, &headers, &json!({})).await;
            if refused.status == 404 {
                // The path's object is of another kind; the next one is asked about it.
                continue;
            }
            assert_eq!((refused.status, code(&refused).as_str()), (400, "request.malformed"), "{path}");
            n_tried += 1;
        }
    }
    assert!(n_tried >= 5, "{n_tried}");
    let key = app.client.post(&tenant.key, "/v1/keys", &json!({"name": "x"})).await.expect(201);
    let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    let refused = send(&app, Method::DELETE, &tenant.key, &path, &[("if-match", "\"v1\"")], &json!({})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(app.client.get(&tenant.key, &path).await.body["revoked_at"], json!(null), "and nothing was done");
    assert_eq!(send(&app, Method::DELETE, &tenant.key, &path, &[("if-match", "*")], &json!({})).await.status, 204);
    app.stop().await;
}

on_both_databases! {
    async fn changes_that_name_no_version_wait_for_each_other(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let operator = app.operator_key().await;
        let tenants = format!("/v1/tenants/{}", tenant.tenant);
        let connections = format!("/v1/connections/{}", tenant.connection);
        let config = app.client.get(&tenant.key, &connections).await.expect(200)["config"].clone();
        let changes = (1..=8).flat_map(|n| [
            (&tenant.key, &*connections, json!({"config": {"base_url": config["base_url"], "page_size": 100 + n}})),
            (&operator, &*tenants, json!({"name": format!("Acme {n}")})),
            (&tenant.key, "/v1/settings", json!({"refused_days": n})),
            (&tenant.key, "/v1/settings", json!({"deletions": {"employees_most": n}})),
            (&tenant.key, &*connections, json!({"name": format!("Personio {n}")})),
        ]);
        let app = &app;
        let answers = join_all(changes.map(async |(key, path, body)| (path, app.client.patch(key, path, &body).await))).await;
        for (path, answer) in answers {
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        }
        let path = format!("{connections}/credential");
        let secrets = (1..=6).map(async |n| {
            let secret = json!({"client_id": "a", "client_secret": format!("secret {n}")});
            app.client.put(&tenant.key, &path, &secret).await
        });
        for answer in join_all(secrets).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let settings = app.client.get(&tenant.key, "/v1/settings").await.expect(200);
        assert_ne!(settings["version"], 0);
    }
}
