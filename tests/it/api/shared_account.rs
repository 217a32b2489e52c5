//! Two tenants with the same vendor account: one budget once both have proven the credential, and nothing else in common.

use gangway_sandbox::LedgerReport;
use gangway_testkit::{Answer, Onboarded, TestApp, on_both_databases};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::support::code;

/// Checks by each tenant, of three requests each: together more than the account may make in a minute, alone fewer.
const CHECKS_EACH: usize = 45;

async fn check(app: &TestApp, tenant: &Onboarded) -> Answer {
    app.client.post(&tenant.key, &format!("/v1/connections/{}/check", tenant.connection), &json!({})).await
}

async fn budget(app: &TestApp, tenant: &Onboarded) -> Value {
    app.client.get(&tenant.key, &format!("/v1/connections/{}/budget", tenant.connection)).await.expect(200)
}

async fn held(app: &TestApp, tenant: &Onboarded) -> u64 {
    budget(app, tenant).await["held"].as_u64().unwrap()
}

/// A tenant that knows the account's id, and has this secret.
async fn newcomer(app: &TestApp, name: &str, secret: &str) -> Onboarded {
    let operator = app.operator_key().await;
    let tenant = app.client.post(&operator, "/v1/tenants", &json!({"name": name})).await.expect(201);
    let tenant = tenant["id"].as_str().unwrap().to_owned();
    let key = app.tenant_key(&tenant, &[]).await;
    let body = json!({
        "connector": "personio", "name": "Personio", "config": {"base_url": app.sandbox.base_url()},
        "credential": {"client_id": app.sandbox.client_id(), "client_secret": secret},
    });
    let connection = app.client.post(&key, "/v1/connections", &body).await.expect(201);
    Onboarded { tenant, key, connection: connection["id"].as_str().unwrap().to_owned() }
}

/// Requests of the vendor's ordinary kind: logins have a limit of their own.
fn calls(ledger: &LedgerReport) -> u64 {
    ledger.total - ledger.count("/v1/auth") - ledger.count("/v2/auth/token")
}

/// Checks on end; answers how many our own budget turned away.
async fn check_on_end(app: &TestApp, tenant: &Onboarded) -> usize {
    let mut n_limited = 0;
    for _ in 0..CHECKS_EACH {
        let answer = check(app, tenant).await;
        if answer.status == 503 {
            assert_eq!(code(&answer), "connection.vendor-limited");
            n_limited += 1;
        } else {
            assert_eq!(answer.expect(200)["ok"], true);
        }
    }
    n_limited
}

on_both_databases! {
    async fn an_unproven_credential_draws_nothing_of_its_owners_budget_and_a_proven_one_shares_it(db: TestDb) {
        let config = gangway_app::Config { budget_wait_seconds: 1, ..gangway_app::Config::default() };
        let limited = gangway_sandbox::Config::new(12, 1);
        let app = TestApp::on(db).sandbox(limited).config(config).start().await;
        let ledger = || app.sandbox.handle().ledger(0);
        let a = app.onboard("Acme").await;
        let b = newcomer(&app, "Bolt", "wrong").await;

        let of_a = held(&app, &a).await;
        assert!(of_a > 0);
        let logins = ledger().count("/v1/auth");
        assert_eq!(check(&app, &b).await.expect(200)["ok"], false);
        check(&app, &b).await;
        assert!(ledger().count("/v1/auth") > logins, "the vendor was asked and refused");
        assert_eq!((held(&app, &a).await, held(&app, &b).await), (of_a, 0));

        let right = json!({
            "client_id": app.sandbox.client_id(), "client_secret": app.sandbox.client_secret().expose_secret(),
        });
        app.client.put(&b.key, &format!("/v1/connections/{}/credential", b.connection), &right).await.expect(200);
        let before = calls(&ledger());
        assert_eq!(check(&app, &b).await.expect(200)["ok"], true);
        let of_b = calls(&ledger()) - before;
        assert!(of_b > 0);
        assert_eq!(held(&app, &a).await, of_a + of_b, "what B asked, A sees held");
        assert_eq!(held(&app, &b).await, of_a + of_b);

        let (a_limited, b_limited) = tokio::join!(check_on_end(&app, &a), check_on_end(&app, &b));
        let ledger = ledger();
        assert_eq!(ledger.too_many, 0, "{ledger:?}; turned away by us: {a_limited} and {b_limited}");

        // Of each other they see numbers only.
        let hidden = [&a.tenant, &a.connection, &a.key];
        for path in ["/v1/connections", "/v1/events", "/v1/syncs", "/v1/keys", "/v1/jobs"] {
            let shown = Value::from(app.client.list(&b.key, path).await).to_string();
            assert!(hidden.iter().all(|id| !shown.contains(id.as_str())), "{path}");
        }
        let shown = budget(&app, &b).await.to_string();
        assert!(hidden.iter().all(|id| !shown.contains(id.as_str())), "{shown}");
        let foreign = app.client.get(&b.key, &format!("/v1/connections/{}/budget", a.connection)).await;
        assert_eq!((foreign.status, code(&foreign).as_str()), (404, "object.not-found"));
        app.stop().await;
    }
}
