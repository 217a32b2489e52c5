//! Vendor tokens and budgets of a connection: one authentication at a time, and nobody drains a neighbour.

use chrono::{DateTime, TimeDelta};
use gangway_testkit::{TestApp, eventually, on_both_databases};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::support::code;

async fn check(app: &TestApp, key: &str, connection: &str) -> gangway_testkit::Answer {
    app.client.post(key, &format!("/v1/connections/{connection}/check"), &json!({})).await
}

on_both_databases! {
    async fn a_refused_credential_waits_half_a_minute_and_a_new_version_does_not(db: TestDb) {
        let at = DateTime::parse_from_rfc3339("2026-11-24T08:00:00Z").unwrap().to_utc();
        let app = TestApp::on(db).clock_at(at).start().await;
        let tenant = app.onboard("Acme").await;
        let clock = app.clock.clone().unwrap();
        let put = |secret: Value| {
            let path = format!("/v1/connections/{}/credential", tenant.connection);
            let body = json!({"client_id": app.sandbox.client_id(), "client_secret": secret});
            let (client, key) = (&app.client, &tenant.key);
            async move { client.put(key, &path, &body).await.expect(200) }
        };
        let logins = || app.sandbox.handle().ledger(0).count("/v1/auth");
        let before = logins();
        put(json!("wrong")).await;
        let refused = check(&app, &tenant.key, &tenant.connection).await.expect(200);
        assert_eq!((&refused["ok"], &refused["findings"][0]["code"]), (&json!(false), &json!("credential_not_accepted")));
        assert_eq!(logins(), before + 1);
        for seconds in [0, 29] {
            clock.advance(TimeDelta::seconds(seconds));
            let early = check(&app, &tenant.key, &tenant.connection).await.expect(200);
            assert_eq!((&early["ok"], &early["findings"]), (&json!(false), &refused["findings"]), "the same is said");
            assert_eq!(logins(), before + 1, "the vendor was not asked");
        }
        clock.advance(TimeDelta::seconds(1));
        assert_eq!(check(&app, &tenant.key, &tenant.connection).await.expect(200)["ok"], false);
        assert_eq!(logins(), before + 2);

        put(json!(app.sandbox.client_secret().expose_secret())).await;
        assert_eq!(check(&app, &tenant.key, &tenant.connection).await.expect(200)["ok"], true);
        assert_eq!(logins(), before + 3, "a new version waits for nothing");
        app.stop().await;
    }

    async fn a_login_that_could_not_be_made_is_waited_for(db: TestDb) {
        let at = DateTime::parse_from_rfc3339("2026-11-24T08:00:00Z").unwrap().to_utc();
        let app = TestApp::on(db).clock_at(at).start().await;
        let tenant = app.onboard("Acme").await;
        let connection = app.connect(&tenant.key, "second").await;
        let fails = json!({"path": "/v1/auth", "effect": {"kind": "answer", "status": 503, "body": ""}});
        app.sandbox.handle().add_fault(serde_json::from_value(fails).unwrap()).unwrap();
        let failed = check(&app, &tenant.key, &connection).await;
        assert_eq!(code(&failed), "connection.vendor-unavailable", "{}", failed.body);
        app.clock.clone().unwrap().advance(TimeDelta::seconds(29));
        let early = check(&app, &tenant.key, &connection).await;
        assert_eq!((early.status, code(&early).as_str()), (503, "connection.vendor-limited"), "{}", early.body);
        assert_eq!(early.header("retry-after"), Some("1"));
        app.stop().await;
    }

    async fn whoever_died_while_logging_in_holds_nobody_up_for_long(db: TestDb) {
        let at = DateTime::parse_from_rfc3339("2026-11-24T08:00:00Z").unwrap().to_utc();
        let app = TestApp::on(db).clock_at(at).start().await;
        let tenant = app.onboard("Acme").await;
        let connection = app.connect(&tenant.key, "second").await;
        let late = json!({"path": "/v1/auth", "times": 1, "effect": {"kind": "late", "pause_ms": 60_000}});
        app.sandbox.handle().add_fault(serde_json::from_value(late).unwrap()).unwrap();
        let ctx = app.operator().for_tenant(tenant.tenant.parse().unwrap()).await.unwrap();
        let id = connection.parse().unwrap();
        let login = TaskTracker::new().spawn(async move { gangway_app::connections::check(&ctx, id).await });
        let clock = if app.db.is_postgres() {
            "(extract(epoch FROM clock_timestamp()) * 1000000)"
        } else {
            "(unixepoch('subsec') * 1000000)"
        };
        let is_held = async |seconds: i64| {
            let condition = format!("lease_until > {clock} + {seconds} * 1000000");
            app.db.count_where("vendor_token", &condition).await > 0
        };
        eventually("the login to be under way", || is_held(9)).await;
        assert!(!is_held(11).await, "nobody would wait longer for a holder that has died");
        eventually("the lease to have grown old", async || !is_held(9).await).await;
        eventually("a living holder to prolong it", || is_held(9)).await;
        login.abort();
        app.clock.clone().unwrap().advance(TimeDelta::seconds(30));
        assert_eq!(check(&app, &tenant.key, &connection).await.expect(200)["ok"], true);
        app.stop().await;
    }

    async fn many_callers_at_once_authenticate_once(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let connection = app.connect(&tenant.key, "second").await;
        let before = app.sandbox.handle().ledger(0).count("/v1/auth");
        let checks = (0..8).map(|_| check(&app, &tenant.key, &connection));
        for checked in futures::future::join_all(checks).await {
            assert_eq!(checked.expect(200)["ok"], true);
        }
        assert_eq!(app.sandbox.handle().ledger(0).count("/v1/auth"), before + 1);
        app.stop().await;
    }

    async fn each_version_of_the_vendors_api_has_a_token_of_its_own(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        // Employees through version 1, attendances through version 2.
        let config = json!({"base_url": app.sandbox.base_url(), "api": "auto"});
        let body = json!({
            "connector": "personio", "name": "both versions", "config": config,
            "credential": {"client_id": app.sandbox.client_id(), "client_secret": app.sandbox.client_secret().expose_secret()},
        });
        let connection = app.client.post(&tenant.key, "/v1/connections", &body).await.expect(201);
        let connection = connection["id"].as_str().unwrap().to_owned();
        let logins = || ["/v1/auth", "/v2/auth/token"].map(|path| app.sandbox.handle().ledger(0).count(path));
        let [first, second] = logins();
        for _ in 0..2 {
            let checked = check(&app, &tenant.key, &connection).await.expect(200);
            assert_eq!((&checked["ok"], &checked["findings"][0]["code"]), (&json!(true), &json!("api_version")), "{checked}");
            assert_eq!(logins(), [first + 1, second + 1], "both tokens are kept");
        }
        app.stop().await;
    }

    async fn a_credential_joins_the_shared_budget_only_after_it_authenticated(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let a = app.onboard("Acme").await;
        let b = app.onboard("Bolt").await;
        let held = |key: String, connection: String| {
            let client = &app.client;
            async move {
                let budget = client.get(&key, &format!("/v1/connections/{connection}/budget")).await.expect(200);
                budget["held"].as_u64().unwrap()
            }
        };
        // Both use the same vendor account, and both have authenticated: one budget, in which each sees the other's calls.
        let alone = held(a.key.clone(), a.connection.clone()).await;
        assert_eq!(check(&app, &b.key, &b.connection).await.expect(200)["ok"], true);
        let together = held(a.key.clone(), a.connection.clone()).await;
        assert!(together > alone, "{alone} before B's calls, {together} after");
        assert_eq!(held(b.key.clone(), b.connection.clone()).await, together);
        // A stranger who enters its id without the secret gets a budget of its own.
        let body = json!({
            "connector": "personio", "name": "guess", "config": {"base_url": app.sandbox.base_url()},
            "credential": {"client_id": app.sandbox.client_id(), "client_secret": "guess"},
        });
        let operator = app.operator_key().await;
        let stranger = app.client.post(&operator, "/v1/tenants", &json!({"name": "Curio"})).await.expect(201);
        let stranger = app.tenant_key(stranger["id"].as_str().unwrap(), &[]).await;
        let guess = app.client.post(&stranger, "/v1/connections", &body).await.expect(201);
        let guess = guess["id"].as_str().unwrap().to_owned();
        let before = held(a.key.clone(), a.connection.clone()).await;
        check(&app, &stranger, &guess).await;
        assert_eq!(held(stranger, guess).await, 0);
        assert_eq!(held(a.key.clone(), a.connection.clone()).await, before);
        app.stop().await;
    }
}
