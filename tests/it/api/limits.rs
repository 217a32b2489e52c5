//! An operator's word about a vendor's limits (`limits.<connector>.…`) is what calls keep to, and what a tenant is shown.

use std::collections::BTreeMap;

use gangway_app::config::VendorLimits;
use gangway_connector::WindowLimit;
use gangway_sandbox::LedgerReport;
use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use serde_json::{Value, json};

use super::support::code;

/// No slot comes back while a test runs.
const WINDOW_SECONDS: u32 = 3_600;

fn with(personio: VendorLimits) -> gangway_app::Config {
    let limits = BTreeMap::from([("personio".to_owned(), personio)]);
    gangway_app::Config { limits, budget_wait_seconds: 0, ..gangway_app::Config::default() }
}

/// Checks the connection until a call finds no slot.
async fn checks_until_limited(app: &TestApp, tenant: &Onboarded) {
    let path = format!("/v1/connections/{}/check", tenant.connection);
    for _ in 0..20 {
        let answer = app.client.post(&tenant.key, &path, &json!({})).await;
        if answer.status != 200 {
            assert_eq!((answer.status, code(&answer).as_str()), (503, "connection.vendor-limited"), "{}", answer.body);
            return;
        }
    }
    panic!("nothing held the checks back");
}

async fn budget(app: &TestApp, tenant: &Onboarded) -> Value {
    app.client.get(&tenant.key, &format!("/v1/connections/{}/budget", tenant.connection)).await.expect(200)
}

/// Requests that the credential's limit counts: logins have a limit of their own.
fn calls(ledger: &LedgerReport) -> u64 {
    ledger.total - ledger.count("/v1/auth") - ledger.count("/v2/auth/token")
}

on_both_databases! {
    async fn a_lower_limit_of_the_credential_is_shown_and_held(db: TestDb) {
        let credential = Some(WindowLimit::new(9, WINDOW_SECONDS));
        let app = TestApp::on(db).config(with(VendorLimits { credential, ..VendorLimits::default() })).start().await;
        let tenant = app.onboard("Acme").await;
        let shown = budget(&app, &tenant).await;
        assert_eq!((&shown["limit"], &shown["window_seconds"]), (&json!(9), &json!(WINDOW_SECONDS)));
        checks_until_limited(&app, &tenant).await;
        assert_eq!(calls(&app.sandbox.handle().ledger(0)), 9);
        assert_eq!(budget(&app, &tenant).await["held"], 9);
        app.stop().await;
    }

    async fn a_limit_of_one_path_holds_that_path_alone(db: TestDb) {
        let paths = Some(vec![("/v1/company/employees".to_owned(), WindowLimit::new(2, WINDOW_SECONDS))]);
        let app = TestApp::on(db).config(with(VendorLimits { paths, ..VendorLimits::default() })).start().await;
        let tenant = app.onboard("Acme").await;
        checks_until_limited(&app, &tenant).await;
        assert_eq!(app.sandbox.handle().ledger(0).count("/v1/company/employees"), 2);
        let discover = format!("/v1/connections/{}/discover", tenant.connection);
        app.client.post(&tenant.key, &discover, &json!({})).await.expect(200);
        assert_eq!(budget(&app, &tenant).await["limit"], 200, "the rest is as the connector says");
        app.stop().await;
    }
}
