//! What is sent has the shape that the document promises, and says nothing that the route does not read.

use gangway_testkit::{Answer, TestApp, TestDb};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{code, pointers, send, sync_of, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_another_shape_is_pointed_at() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let operator = app.operator_key().await;
    let sync = sync_of(&app, &tenant, "employees").await;
    let connection = format!("/v1/connections/{}", tenant.connection);
    let (post, patch, put) = (Method::POST, Method::PATCH, Method::PUT);
    let runs = format!("/v1/syncs/{sync}/runs");
    for (method, path, body, expected) in [
        (&post, "/v1/tenants", json!(["Positional", "UTC"]), vec![""]),
        (&post, "/v1/tenants", json!([]), vec![""]),
        (&post, "/v1/tenants", json!("text"), vec![""]),
        (&post, "/v1/tenants", json!({"name": 5, "time_zone": ["UTC"], "x": 1}), vec!["/name", "/time_zone", "/x"]),
        (&patch, &*format!("/v1/tenants/{}", tenant.tenant), json!({"state": {"active": null}}), vec!["/state"]),
        (&patch, &*format!("/v1/tenants/{}", tenant.tenant), json!({"state": 5}), vec!["/state"]),
        (
            &post,
            "/v1/keys",
            json!({"name": "x", "scopes": [null, "records:read", {"keys:write": null}]}),
            vec!["/scopes/0", "/scopes/2"],
        ),
        (&post, "/v1/keys", json!({"name": "x", "scopes": "records:read"}), vec!["/scopes"]),
        (&post, "/v1/syncs", json!({"connection_id": 5, "stream": null}), vec!["/connection_id", "/stream"]),
        (&post, &*runs, json!({"mode": {"full": null}}), vec!["/mode"]),
        (&post, &*runs, json!({"mode": null}), vec!["/mode"]),
        (
            &patch,
            &*format!("{connection}/attributes"),
            json!({"attributes": [[null, "termination_type", true, null]]}),
            vec!["/attributes/0"],
        ),
        (
            &patch,
            &*format!("{connection}/attributes"),
            json!({"attributes": [{"key": "x", "class": 5}]}),
            vec!["/attributes/0/class"],
        ),
        (&put, &*format!("{connection}/credential"), json!(["a", "b"]), vec![""]),
        (
            &post,
            "/v1/connections",
            json!({"connector": "personio", "name": "x", "config": [], "credential": 1}),
            vec!["/config", "/credential"],
        ),
    ] {
        let key = if path.starts_with("/v1/tenants") { &operator } else { &tenant.key };
        let answer = send(&app, method.clone(), key, path, &[], &body).await;
        assert_eq!(pointers(&answer), expected, "{method} {path} {body}: {}", answer.body);
    }
    let twice = app.client.request(Method::POST, &operator, "/v1/tenants").header("content-type", "application/json");
    let answer = app.client.send(twice.body(r#"{"name":"A","name":"B"}"#)).await;
    assert_eq!(pointers(&answer), ["/name"]);
    assert_eq!(app.client.list(&operator, "/v1/tenants").await.len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moments_days_and_numbers_have_one_spelling() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    for at in ["+262142-12-31T23:59:59Z", "2099-12-31T23:59:60Z", "tomorrow"] {
        let answer = app.client.post(&tenant.key, "/v1/keys", &json!({"name": "x", "expires_at": at})).await;
        assert_eq!(pointers(&answer), ["/expires_at"], "{at}");
        assert_eq!(answer.body["errors"][0]["message"], "must be a moment such as 2026-11-24T08:00:00Z");
    }
    let body = json!({"name": "x", "expires_at": "2099-12-31T23:59:59+01:00"});
    let made = app.client.post(&tenant.key, "/v1/keys", &body).await.expect(201);
    assert_eq!(made["expires_at"], "2099-12-31T22:59:59Z");
    app.client.post(&tenant.key, "/v1/keys", &json!({"name": "x", "expires_at": null})).await.expect(201);
    for (path, parameter) in [
        ("/v1/absences?from=%2B99999-01-01", "from"),
        ("/v1/absences?to=2026-1-1", "to"),
        ("/v1/attendances?from=2026-02-30", "from"),
        ("/v1/employees?updated_since=%2B12026-01-01T00:00:00Z", "updated_since"),
        ("/v1/employees?limit=%2B5", "limit"),
        ("/v1/events?after=%2B5", "after"),
    ] {
        assert_eq!(pointers(&app.client.get(&tenant.key, path).await), [parameter], "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_route_does_not_read_is_refused() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let key = tenant.key.as_str();
    let connection = format!("/v1/connections/{}", tenant.connection);
    let check = format!("{connection}/check");
    assert_eq!(pointers(&app.client.post(key, &format!("{check}?x=1"), &json!({})).await), ["x"]);
    assert_eq!(pointers(&app.client.get(key, &format!("{connection}?expand=syncs")).await), ["expand"]);
    assert_eq!(pointers(&app.client.get(key, "/v1/connectors?limit=1").await), ["limit"]);
    assert_eq!(pointers(&app.client.patch(key, &format!("{connection}?dry=1"), &json!({"name": "x"})).await), ["dry"]);
    assert_eq!(pointers(&app.client.delete(key, &format!("{connection}?force=1")).await), ["force"]);
    for body in [json!({"force": true}), json!([]), json!(null)] {
        assert_eq!(pointers(&app.client.post(key, &check, &body).await), [""], "{body}");
        assert_eq!(pointers(&send(&app, Method::GET, key, "/v1/connectors", &[], &body).await), [""], "{body}");
    }
    let large = app.client.request(Method::POST, key, &check).body(vec![b' '; 1024 * 1024 + 1]);
    assert_eq!(code(&app.client.send(large).await), "request.too-large");
    // Who, may they and which object are answered first, as everywhere.
    assert_eq!(app.client.post("gwt_x", &format!("{check}?x=1"), &json!([1])).await.status, 401);
    assert_eq!(app.client.get(key, "/v1/tenants/ten_1?x=1").await.status, 403);
    assert_eq!(app.client.post(key, "/v1/connections/con_1/check?x=1", &json!([1])).await.status, 404);
    // Nothing of it was done.
    app.client.get(key, &connection).await.expect(200);
    app.client.send(app.client.request(Method::POST, key, &check)).await.expect(200);
    app.client.post(key, &check, &json!({})).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_answered_as_get_without_the_body() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    for path in ["/v1/connections".to_owned(), format!("/v1/connections/{}", tenant.connection), "/healthz".to_owned()]
    {
        let head = app.client.send(app.client.request(Method::HEAD, &tenant.key, &path)).await;
        let get = app.client.get(&tenant.key, &path).await;
        let told = |answer: &Answer| {
            ["content-type", "etag", "cache-control"].map(|name| answer.header(name).map(str::to_owned))
        };
        assert_eq!((head.status, head.bytes.len()), (200, 0), "{path}");
        assert_eq!(told(&head), told(&get), "{path}");
    }
    for (key, path, status) in [
        ("gwt_x", "/v1/connections", 401),
        (&*tenant.key, "/v1/nothing", 404),
        (&*tenant.key, "/v1/connections/con_1/check", 405),
    ] {
        let head = app.client.send(app.client.request(Method::HEAD, key, path)).await;
        assert_eq!((head.status, head.bytes.len()), (status, 0), "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_value_of_a_new_connection_is_told_at_once() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let post = |body: Value| {
        let (client, key) = (&app.client, &tenant.key);
        async move {
            let mut found = pointers(&client.post(key, "/v1/connections", &body).await);
            found.sort();
            found
        }
    };
    let credential = json!({"client_id": "", "client_secret": " b ", "z": 1});
    let all = post(json!({
        "connector": "personio", "name": "", "config": {"base_url": 5, "page_size": "x", "foo": 1}, "credential": credential,
    }));
    assert_eq!(
        all.await,
        [
            "/config/base_url",
            "/config/foo",
            "/config/page_size",
            "/credential/client_id",
            "/credential/client_secret",
            "/credential/z",
            "/name",
        ]
    );
    let unknown = json!({"connector": "nobody", "name": "\u{200b}", "config": {}, "credential": credential});
    assert_eq!(post(unknown).await, ["/connector", "/name"]);
    let credential = json!({"client_id": "a", "client_secret": "b"});
    let address = |base_url: &str| json!({"connector": "personio", "name": "x", "config": {"base_url": base_url, "page_size": 1}, "credential": credential});
    let long = format!("https://{}.example", "x".repeat(2_048));
    let origin = app.sandbox.base_url();
    for base_url in [
        &*long,
        &*format!("{origin}\t"),
        &*format!(" {origin} "),
        &*format!("{origin}/v1/../x"),
        &*format!("{origin}/v1/v1"),
    ] {
        assert_eq!(post(address(base_url)).await, ["/config/base_url", "/config/page_size"], "{base_url:?}");
    }
    assert_eq!(app.client.list(&tenant.key, "/v1/connections").await.len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_can_be_seen_and_tenants_are_missed_in_their_own_words() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let operator = app.operator_key().await;
    for name in ["\u{200b}", "\u{feff}", "Acme\u{202e}emcA"] {
        assert_eq!(pointers(&app.client.post(&operator, "/v1/tenants", &json!({"name": name})).await), ["/name"]);
        assert_eq!(pointers(&app.client.post(&tenant.key, "/v1/keys", &json!({"name": name})).await), ["/name"]);
        let path = format!("/v1/connections/{}", tenant.connection);
        assert_eq!(pointers(&app.client.patch(&tenant.key, &path, &json!({"name": name})).await), ["/name"]);
    }
    let unknown = format!("ten_{}", "1".repeat(32));
    let headers = [("gangway-tenant", unknown.as_str())];
    for answer in [
        send(&app, Method::GET, &operator, "/v1/connections", &headers, &json!({})).await,
        app.client.get(&operator, &format!("/v1/tenants/{unknown}")).await,
        app.client.patch(&operator, &format!("/v1/tenants/{unknown}"), &json!({})).await,
    ] {
        assert_eq!(
            (code(&answer).as_str(), text(&answer.body, "detail").as_str()),
            ("object.not-found", "There is no such tenant.")
        );
    }
    app.stop().await;
}
