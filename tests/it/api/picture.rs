//! Pictures of employees: whose, for whom, and how they are given on.

use gangway_domain::principal::Scope;
use gangway_sandbox::{Effect, Fault};
use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use serde_json::{Value, json};

use super::support::{code, pointers, text};

const PICTURE: &str = "/v1/company/employees/{id}/profile-picture/{width}";

/// The path of the picture of somebody who has one, or has none.
async fn path_of(app: &TestApp, tenant: &Onboarded, has_picture: bool) -> String {
    let is_one = |employee: &&Value| {
        let id = employee["origin"]["external_id"].as_str().unwrap().parse().unwrap();
        app.sandbox.handle().person(id).is_some_and(|person| person["has_picture"] == has_picture)
    };
    let employees = app.client.list(&tenant.key, "/v1/employees").await;
    format!("/v1/employees/{}/picture", text(employees.iter().find(is_one).unwrap(), "id"))
}

on_both_databases! {
    async fn a_picture_is_shown_and_runs_nothing(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        let path = path_of(&app, &tenant, true).await;
        for (query, width) in [("", 256_u32), ("?width=64", 64)] {
            let answer = app.client.get(&tenant.key, &format!("{path}{query}")).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.bytes[16..20], width.to_be_bytes(), "the width that was asked for");
            for (name, value) in [
                ("content-type", "image/png"),
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "default-src 'none'; sandbox"),
                ("content-disposition", "inline; filename=\"picture.png\""),
                ("cache-control", "private, max-age=600"),
            ] {
                assert_eq!(answer.header(name), Some(value));
            }
        }
        for width in ["0", "15", "1025", "-1", "+64", "1e2", ""] {
            assert_eq!(pointers(&app.client.get(&tenant.key, &format!("{path}?width={width}")).await), ["width"]);
        }
        app.stop().await;
    }

    async fn there_is_none_where_the_vendor_has_none_or_the_choice_leaves_none(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        let without = path_of(&app, &tenant, false).await;
        let answer = app.client.get(&tenant.key, &without).await;
        assert_eq!((answer.status, code(&answer).as_str()), (404, "object.not-found"));

        let path = path_of(&app, &tenant, true).await;
        let attributes = format!("/v1/connections/{}/attributes", tenant.connection);
        let sealed = json!({"attributes": [{"key": "profile_picture", "class": "sensitive", "selected": true}]});
        app.client.patch(&tenant.key, &attributes, &sealed).await.expect(200);
        app.run_jobs_until_idle().await;
        let n_before = app.sandbox.handle().request_count();
        assert_eq!(app.client.get(&tenant.key, &path).await.status, 404, "the key has no `sensitive:read`");
        assert_eq!(app.sandbox.handle().request_count(), n_before, "the vendor was not asked");
        let reader = app.tenant_key(&tenant.tenant, &[Scope::RecordsRead, Scope::SensitiveRead]).await;
        assert_eq!(app.client.get(&reader, &path).await.status, 200);

        let left_out = json!({"attributes": [{"key": "profile_picture", "selected": false}]});
        app.client.patch(&tenant.key, &attributes, &left_out).await.expect(200);
        app.run_jobs_until_idle().await;
        assert_eq!(app.client.get(&reader, &path).await.status, 404);
        app.stop().await;
    }

    async fn what_is_no_picture_is_not_given_on(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        let path = path_of(&app, &tenant, true).await;
        let page = Effect::Answer { status: 200, body: "<svg onload='alert(1)'/>".to_owned(), headers: Vec::new() };
        for (effect, status, code_of) in [
            (page, 502, "connection.vendor-protocol"),
            (Effect::Forbidden, 502, "connection.permission-missing"),
        ] {
            app.sandbox.handle().add_fault(Fault::always(PICTURE, effect)).unwrap();
            let answer = app.client.get(&tenant.key, &path).await;
            assert_eq!((answer.status, code(&answer).as_str()), (status, code_of), "{}", answer.body);
            app.sandbox.handle().remove_faults();
        }
        app.stop().await;
    }
}
