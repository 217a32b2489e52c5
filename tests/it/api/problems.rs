//! Failures on the wire: each is a whole problem with its own code.

use gangway_domain::{Code, principal::Scope};
use gangway_testkit::{TestApp, TestDb};
use reqwest::Method;
use serde_json::json;

use super::support::{code, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_before_a_use_case_has_its_code() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let key = tenant.key.as_str();
    let narrow = app.tenant_key(&tenant.tenant, &[Scope::RecordsRead]).await;
    let raw = |method: Method, path: &str, kind: &str, body: Vec<u8>| {
        let request = app.client.request(method, key, path).header("content-type", kind).body(body);
        app.client.send(request)
    };
    let none =
        app.client.send(app.client.request(Method::GET, "", "/v1/keys").header("authorization", "Basic eDp5")).await;
    assert_eq!((code(&none).as_str(), none.status), ("key.missing", 401));
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    assert_eq!(code(&app.client.get("gwt_nonsense", "/v1/keys").await), "key.invalid");
    assert_eq!(code(&app.client.get(&narrow, "/v1/connections").await), "key.forbidden");
    assert_eq!(code(&app.client.get(key, "/v1/tenants").await), "key.forbidden");
    assert_eq!(code(&app.client.get(key, "/v1/nothing").await), "route.not-found");
    assert_eq!(code(&app.client.get(key, "/nothing").await), "route.not-found");
    let wrong = app.client.delete(key, "/v1/connections").await;
    assert_eq!((code(&wrong).as_str(), wrong.status), ("route.method-not-allowed", 405));
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, POST"));
    assert_eq!(code(&app.client.get(key, "/v1/connections/con_1").await), "object.not-found");
    assert_eq!(code(&app.client.get(key, "/v1/connections/%00%ff").await), "object.not-found");

    let json_kind = "application/json";
    let post = Method::POST;
    assert_eq!(code(&raw(post.clone(), "/v1/keys", json_kind, b"{".to_vec()).await), "request.malformed");
    assert_eq!(code(&raw(post.clone(), "/v1/keys", json_kind, vec![0xff; 9]).await), "request.malformed");
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(
        ["request.malformed", "request.invalid"]
            .contains(&&*code(&raw(post.clone(), "/v1/keys", json_kind, deep.into()).await))
    );
    assert_eq!(code(&raw(post.clone(), "/v1/keys", "text/plain", b"{}".to_vec()).await), "request.unsupported-media");
    let large = raw(post.clone(), "/v1/keys", json_kind, vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!((code(&large).as_str(), large.status), ("request.too-large", 413));
    assert_eq!(code(&raw(post, "/v1/keys", json_kind, b"{}".to_vec()).await), "request.invalid");
    let long = "x".repeat(201);
    let answer = send(&app, Method::POST, key, "/v1/keys", &[("idempotency-key", &long)], &json!({"name": "x"})).await;
    assert_eq!(code(&answer), "request.malformed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_tenants_keys_are_refused_until_it_is_taken_up_again() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let operator = app.operator_key().await;
    let path = format!("/v1/tenants/{}", tenant.tenant);
    app.client.patch(&operator, &path, &json!({"state": "suspended"})).await.expect(200);
    let refused = app.client.get(&tenant.key, "/v1/connections").await;
    assert_eq!((code(&refused).as_str(), refused.status), ("tenant.suspended", 403));
    app.client.patch(&operator, &path, &json!({"state": "active"})).await.expect(200);
    app.client.get(&tenant.key, "/v1/connections").await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_is_away_is_a_502_and_changes_nothing() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    app.sandbox.stop().await;
    let answer =
        app.client.post(&tenant.key, &format!("/v1/connections/{}/discover", tenant.connection), &json!({})).await;
    assert_eq!((code(&answer).as_str(), answer.status), ("connection.vendor-unavailable", 502));
    let connection = app.client.get(&tenant.key, &format!("/v1/connections/{}", tenant.connection)).await.expect(200);
    assert_eq!(connection["credential_version"], 1);
}

#[test]
fn the_document_names_the_status_of_every_code() {
    let document = serde_json::to_value(gangway_api::openapi()).unwrap();
    let page = gangway_api::errors_page();
    for code in Code::ALL {
        assert_eq!(page.matches(&format!("\n## {code}\n")).count(), 1, "{code}");
    }
    for status in
        ["400", "401", "403", "404", "409", "412", "413", "414", "415", "422", "429", "431", "500", "502", "503"]
    {
        assert!(document.to_string().contains(&format!("#/components/responses/Problem{status}")), "{status}");
    }
    // And no status that no code has.
    for response in document["components"]["responses"].as_object().unwrap().keys() {
        let status = response.trim_start_matches("Problem");
        assert!(page.contains(&format!("\n\n{status} · ")), "{status} is promised and never sent");
    }
}
