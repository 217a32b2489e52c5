//! What becomes of a vendor's token when its connection is deleted.

use gangway_testkit::{TestApp, on_both_databases};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// A connection that has logged in at the API of each version it reads through.
async fn connect(app: &TestApp, key: &str, api: &str) -> String {
    let body = json!({
        "connector": "personio", "name": api, "config": {"base_url": app.sandbox.base_url(), "api": api},
        "credential": {"client_id": app.sandbox.client_id(), "client_secret": app.sandbox.client_secret().expose_secret()},
    });
    let connection = app.client.post(key, "/v1/connections", &body).await.expect(201);
    let connection = connection["id"].as_str().unwrap().to_owned();
    let checked = app.client.post(key, &format!("/v1/connections/{connection}/check"), &json!({})).await.expect(200);
    assert_eq!(checked["ok"], true, "{checked}");
    connection
}

/// Deletes a connection, and answers how often a token was given back.
async fn given_back_with(app: &TestApp, key: &str, connection: &str) -> u64 {
    let given_back = || app.sandbox.handle().ledger(0).count("/v2/auth/revoke");
    let before = given_back();
    app.client.delete(key, &format!("/v1/connections/{connection}")).await.expect(204);
    app.client.get(key, &format!("/v1/connections/{connection}")).await.expect(404);
    given_back() - before
}

fn fault(app: &TestApp, effect: &Value) {
    let fault = json!({"path": "/v2/auth/revoke", "times": 1, "effect": effect});
    app.sandbox.handle().add_fault(serde_json::from_value(fault).unwrap()).unwrap();
}

on_both_databases! {
    async fn a_token_that_the_vendor_takes_back_is_given_back_once(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        for (api, times) in [("v2", 1), ("auto", 1), ("v1", 0)] {
            let connection = connect(&app, &tenant.key, api).await;
            assert_eq!(given_back_with(&app, &tenant.key, &connection).await, times, "{api}");
        }
        app.stop().await;
    }

    async fn a_connection_without_a_token_is_deleted_without_a_request(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let connection = app.connect(&tenant.key, "never used").await;
        let before = app.sandbox.handle().request_count();
        assert_eq!(given_back_with(&app, &tenant.key, &connection).await, 0);
        assert_eq!(app.sandbox.handle().request_count(), before);
        app.stop().await;
    }

    async fn a_vendor_that_takes_nothing_back_keeps_no_connection(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        for effect in [json!({"kind": "answer", "status": 503, "body": ""}), json!({"kind": "late", "pause_ms": 60_000})] {
            let connection = connect(&app, &tenant.key, "v2").await;
            fault(&app, &effect);
            assert_eq!(given_back_with(&app, &tenant.key, &connection).await, 1, "{effect}");
        }
        app.stop().await;
    }

    async fn a_refused_deletion_gives_nothing_back(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let connection = connect(&app, &tenant.key, "v2").await;
        let path = format!("/v1/connections/{connection}");
        let request = app.client.request(reqwest::Method::DELETE, &tenant.key, &path).header("if-match", "\"99\"");
        app.client.send(request).await.expect(412);
        assert_eq!(app.sandbox.handle().ledger(0).count("/v2/auth/revoke"), 0);
        assert_eq!(given_back_with(&app, &tenant.key, &connection).await, 1);
        app.stop().await;
    }
}
