//! What one tenant can do to another through a shared vendor, and what a key can do beyond its scopes.

use gangway_app::{
    PageRequest,
    audit::{self, AuditFilter},
};
use gangway_domain::principal::Scope;
use gangway_testkit::{Onboarded, TestApp, TestDb, on_both_databases};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::support::{code, pointers, send, text};

async fn check(app: &TestApp, key: &str, connection: &str) -> gangway_testkit::Answer {
    app.client.post(key, &format!("/v1/connections/{connection}/check"), &json!({})).await
}

async fn held(app: &TestApp, tenant: &Onboarded, connection: &str) -> u64 {
    let budget = app.client.get(&tenant.key, &format!("/v1/connections/{connection}/budget")).await.expect(200);
    budget["held"].as_u64().unwrap()
}

fn credential(app: &TestApp, secret: &str) -> Value {
    json!({"client_id": app.sandbox.client_id(), "client_secret": secret})
}

async fn actions(app: &TestApp, tenant: &Onboarded) -> Vec<(String, String, Value)> {
    let ctx = app.operator().for_tenant(tenant.tenant.parse().unwrap()).await.unwrap();
    let log = audit::list(&ctx, &AuditFilter::default(), PageRequest { limit: 200, after: None }).await.unwrap();
    log.items.into_iter().map(|listed| (listed.entry.action, listed.entry.object, listed.entry.detail)).collect()
}

on_both_databases! {
    async fn another_origin_is_another_account_with_its_own_budget_token_and_proof(db: TestDb) {
        // An emulator that takes the same client id as the real vendor.
        let emulator = gangway_sandbox::Sandbox::bind(gangway_sandbox::Config::new(12, 1).without_rate_limit()).unwrap();
        let config = gangway_app::Config {
            connector_origins: vec![emulator.base_url().parse().unwrap()], ..gangway_app::Config::default()
        };
        let app = TestApp::on(db).config(config).start().await;
        let a = app.onboard("Acme").await;
        let b = app.onboard("Bolt").await;
        let before = held(&app, &a, &a.connection).await;
        assert_eq!(held(&app, &b, &b.connection).await, before);

        let path = format!("/v1/connections/{}", b.connection);
        let same = json!({"config": {"base_url": format!("{}/", app.sandbox.base_url())}});
        let same = app.client.patch(&b.key, &path, &same).await.expect(200);
        assert_eq!(same["credential_version"], 1, "the same origin in other words keeps the token");

        let moved = json!({"config": {"base_url": emulator.base_url()}});
        let moved = app.client.patch(&b.key, &path, &moved).await.expect(200);
        assert_eq!((&moved["state"], &moved["credential_version"]), (&json!("unchecked"), &json!(2)));
        assert_eq!(held(&app, &b, &b.connection).await, 0);
        let logins = emulator.handle().ledger(0).count("/v1/auth");
        assert_eq!(check(&app, &b.key, &b.connection).await.expect(200)["ok"], true);
        assert_eq!(emulator.handle().ledger(0).count("/v1/auth"), logins + 1, "the old origin's token stays there");
        assert_eq!(check(&app, &b.key, &b.connection).await.expect(200)["ok"], true);
        assert_eq!(held(&app, &a, &a.connection).await, before);
        app.stop().await;
        emulator.stop().await;
    }

    async fn an_origin_vouched_for_as_a_receiver_of_webhooks_is_no_way_out_to_vendors(db: TestDb) {
        let receiver = gangway_sandbox::Sandbox::bind(gangway_sandbox::Config::new(1, 1)).unwrap();
        let origin: gangway_egress::Origin = receiver.base_url().parse().unwrap();
        let config = gangway_app::Config { webhook_origins: vec![origin.clone()], ..gangway_app::Config::default() };
        let app = TestApp::on(db).config(config).start().await;
        let tenant = app.onboard("Acme").await;
        let body = json!({
            "connector": "personio", "name": "other", "config": {"base_url": receiver.base_url()},
            "credential": credential(&app, "any"),
        });
        let refused = app.client.post(&tenant.key, "/v1/connections", &body).await;
        assert_eq!((refused.status, code(&refused).as_str()), (422, "connection.origin-forbidden"));
        // Nor beneath the use case, where a connection made under another configuration would come out.
        assert_eq!(app.app.egress.guard().check(&origin), Err(gangway_egress::guard::Refusal::NotHttps));
        assert_eq!(receiver.handle().request_count(), 0);
        app.stop().await;
        receiver.stop().await;
    }

    async fn guessing_a_neighbours_secret_is_bounded_and_leaves_its_logins_alone(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let a = app.onboard("Acme").await;
        let b = app.onboard("Bolt").await;
        let before = app.sandbox.handle().ledger(0).count("/v1/auth");
        let mut limited = 0;
        for n in 0..12 {
            let connection = if n % 2 == 0 { b.connection.clone() } else { app.connect(&b.key, &format!("guess {n}")).await };
            let put = format!("/v1/connections/{connection}/credential");
            app.client.put(&b.key, &put, &credential(&app, &format!("guess {n}"))).await.expect(200);
            let answer = check(&app, &b.key, &connection).await;
            if answer.status == 503 {
                assert_eq!(code(&answer), "connection.vendor-limited");
                limited += 1;
            }
        }
        let logins = app.sandbox.handle().ledger(0).count("/v1/auth") - before;
        assert!(logins <= 5 && limited >= 7, "{logins} logins, {limited} refused");
        // The neighbour, proven, has the vendor's whole limit still; so has its correction of a mistyped secret.
        let put = format!("/v1/connections/{}/credential", a.connection);
        for secret in ["mistyped", app.sandbox.client_secret().expose_secret()] {
            app.client.put(&a.key, &put, &credential(&app, secret)).await.expect(200);
            let checked = check(&app, &a.key, &a.connection).await.expect(200);
            assert_eq!(checked["ok"], secret != "mistyped", "{checked}");
        }
        app.stop().await;
    }

    async fn lowering_a_class_needs_the_scope_that_shows_sensitive_values(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let path = format!("/v1/connections/{}/attributes", tenant.connection);
        let attributes = app.client.list(&tenant.key, &path).await;
        let notes = attributes.iter().find(|attribute| attribute["label"] == "Notes").unwrap();
        let lower = json!({"attributes": [{"key": notes["key"], "class": "standard", "selected": true}]});
        assert_eq!(code(&app.client.patch(&tenant.key, &path, &lower).await), "key.forbidden");
        assert_eq!(app.client.list(&tenant.key, &path).await, attributes);
        let trusted = app.tenant_key(&tenant.tenant, &[Scope::ConnectionsWrite, Scope::SensitiveRead]).await;
        app.client.patch(&trusted, &path, &lower).await.expect(200);
        // What is standard already is no lowering.
        app.client.patch(&tenant.key, &path, &lower).await.expect(200);
        app.stop().await;
    }

    async fn an_operator_grants_sensitive_values_and_a_tenant_passes_on_what_it_holds(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let operator = app.operator_key().await;
        let asked = json!({"name": "payroll", "scopes": ["keys:write", "records:read", "sensitive:read"]});
        assert_eq!(pointers(&app.client.post(&tenant.key, "/v1/keys", &asked).await), ["/scopes"]);
        let headers = [("gangway-tenant", tenant.tenant.as_str())];
        let twice = send(&app, Method::POST, &operator, "/v1/keys", &headers.repeat(2), &asked).await;
        assert_eq!((twice.status, &twice.body["code"]), (400, &json!("request.malformed")));
        let granted = send(&app, Method::POST, &operator, "/v1/keys", &headers, &asked).await.expect(201);
        let child = json!({"name": "child", "scopes": ["sensitive:read"]});
        app.client.post(&text(&granted, "key"), "/v1/keys", &child).await.expect(201);
        let plain = send(&app, Method::POST, &operator, "/v1/keys", &headers, &json!({"name": "plain"})).await.expect(201);
        assert!(!plain["scopes"].as_array().unwrap().contains(&json!("sensitive:read")), "{plain}");
        let log = actions(&app, &tenant).await;
        let entry = log.iter().find(|(action, object, _)| action == "key.create" && *object == granted["id"]).unwrap();
        assert_eq!(entry.2["scopes"], granted["scopes"]);
        app.stop().await;
    }

    async fn a_key_does_not_outlive_the_one_that_made_it(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let body = json!({"name": "until then", "expires_at": "2099-01-01T00:00:00Z"});
        let parent = text(&app.client.post(&tenant.key, "/v1/keys", &body).await.expect(201), "key");
        let later = json!({"name": "longer", "expires_at": "2099-01-01T00:00:01Z"});
        assert_eq!(pointers(&app.client.post(&parent, "/v1/keys", &later).await), ["/expires_at"]);
        let child = app.client.post(&parent, "/v1/keys", &json!({"name": "child"})).await.expect(201);
        assert_eq!(child["expires_at"], "2099-01-01T00:00:00Z");
        let sooner = json!({"name": "shorter", "expires_at": "2098-01-01T00:00:00Z"});
        let sooner = app.client.post(&parent, "/v1/keys", &sooner).await.expect(201);
        assert_eq!(sooner["expires_at"], "2098-01-01T00:00:00Z");
        app.stop().await;
    }

    async fn comments_and_certificates_are_withheld_without_the_scope(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let reader = app.tenant_key(&tenant.tenant, &[Scope::RecordsRead, Scope::SensitiveRead]).await;
        for (stream, sensitive) in [("absences", &["comment", "certificate_status"][..]), ("attendances", &["comment"])] {
            app.sync(&tenant, stream, "full").await;
            let path = format!("/v1/{stream}");
            let open = app.client.list(&reader, &path).await;
            assert!(open.iter().any(|one| one["comment"].is_string()), "{stream}: none has a comment");
            assert!(open.iter().all(|one| one["withheld"] == json!([])));
            let mut closed = app.client.list(&tenant.key, &path).await;
            closed.push(app.client.get(&tenant.key, &format!("{path}/{}", text(&open[0], "id"))).await.expect(200));
            for one in closed {
                assert!(sensitive.iter().all(|field| one[*field].is_null()), "{one}");
                assert_eq!(one["withheld"], json!(sensitive));
            }
        }
        app.stop().await;
    }

    async fn long_texts_and_nul_are_refused_by_name(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let long = "x".repeat(501);
        for (path, parameter) in [
            (format!("/v1/employees?email={long}"), "email"),
            (format!("/v1/absences?status={long}"), "status"),
            (format!("/v1/events?type={long}"), "type"),
            (format!("/v1/events?after={long}"), "after"),
            ("/v1/employees?email=%00".to_owned(), "email"),
            ("/v1/attendances?status=a%00b".to_owned(), "status"),
            ("/v1/events?type=%00".to_owned(), "type"),
        ] {
            assert_eq!(pointers(&app.client.get(&tenant.key, &path).await), [parameter], "{path}");
        }
        let connection = format!("/v1/connections/{}", tenant.connection);
        let schedule = |schedule: &str| {
            json!({"connection_id": tenant.connection, "stream": "employees", "schedule": schedule})
        };
        for (method, path, body, pointer) in [
            (Method::PATCH, &connection, json!({"config": {"base_url": format!("https://{}.example", "x".repeat(2048))}}), "/config/base_url"),
            (Method::PATCH, &connection, json!({"config": {"base_url": "http://a\0b"}}), "/config/base_url"),
            (Method::PATCH, &connection, json!({"name": "x".repeat(201)}), "/name"),
            (Method::PATCH, &connection, json!({"name": "a\0b"}), "/name"),
            (Method::POST, &"/v1/syncs".to_owned(), schedule(&format!("every {}m", "1".repeat(200))), "/schedule"),
            (Method::POST, &"/v1/syncs".to_owned(), schedule("every 15m\0"), "/schedule"),
        ] {
            let answer = send(&app, method, &tenant.key, path, &[], &body).await;
            assert_eq!(pointers(&answer), [pointer], "{path}");
            assert!(answer.bytes.len() < 2_000, "the value comes back");
        }
        app.stop().await;
    }

    async fn attributes_come_in_pages(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let path = format!("/v1/connections/{}/attributes", tenant.connection);
        let all = app.client.get(&tenant.key, &path).await.expect(200);
        assert!(all["next"].is_null());
        let all = all["data"].as_array().unwrap().clone();
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.client.get(&tenant.key, &format!("{path}?limit=7{after}")).await.expect(200);
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= 7);
            paged.extend(data.iter().cloned());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(paged, all);
        let foreign = format!("{path}?after=atr_{}", "0".repeat(32));
        assert_eq!(pointers(&app.client.get(&tenant.key, &foreign).await), ["after"]);
        assert_eq!(pointers(&app.client.get(&tenant.key, &format!("{path}?limit=201")).await), ["limit"]);
        app.stop().await;
    }

    async fn asking_the_vendor_is_in_the_audit_log(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let log = actions(&app, &tenant).await;
        for action in ["connection.check", "connection.discover"] {
            assert!(log.iter().any(|(done, object, _)| done == action && *object == tenant.connection), "{action}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_repeats_what_was_sent() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let put = format!("/v1/connections/{}/credential", tenant.connection);
    let wrapped =
        |credential: Value| json!({"connector": "personio", "name": "x", "config": {}, "credential": credential});
    for (method, path, body, pointer) in [
        (Method::PUT, put.as_str(), json!("CANARY"), ""),
        (Method::PUT, put.as_str(), json!(["CANARY"]), ""),
        (Method::POST, "/v1/connections", json!("CANARY"), ""),
        (Method::POST, "/v1/connections", wrapped(json!("CANARY")), "/credential"),
        (Method::POST, "/v1/connections", wrapped(json!(["CANARY"])), "/credential"),
    ] {
        let answer = send(&app, method, &tenant.key, path, &[], &body).await;
        assert_eq!(pointers(&answer), [pointer], "{path} {body}");
        assert_eq!(answer.body["errors"][0]["message"], "must be an object", "{body}");
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("CANARY"), "{}", answer.body);
    }
    app.stop().await;
}
