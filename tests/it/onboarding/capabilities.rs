//! What a check says about reading and writing: stream by stream and field by field, with the right to tick.

use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use serde_json::{Value, json};

async fn check(app: &TestApp, tenant: &Onboarded) -> Value {
    app.client.post(&tenant.key, &format!("/v1/connections/{}/check", tenant.connection), &json!({})).await.expect(200)
}

fn stream<'a>(report: &'a Value, stream: &str) -> &'a Value {
    report["streams"].as_array().unwrap().iter().find(|it| it["stream"] == stream).unwrap()
}

fn field<'a>(report: &'a Value, of: &str, field: &str) -> &'a Value {
    stream(report, of)["fields"].as_array().unwrap().iter().find(|it| it["field"] == field).unwrap()
}

on_both_databases! {
    async fn a_check_says_of_each_field_whether_it_can_be_read_and_written_and_why_not(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let report = check(&app, &tenant).await;
        for (name, version) in [("employees", "v1"), ("absences", "v1"), ("attendances", "v2")] {
            let of = stream(&report, name);
            assert_eq!((&of["readable"], &of["api_version"]), (&json!(true), &json!(version)));
            assert_eq!(of["write"]["create"]["allowed"], "yes", "{of}");
            assert!(!of["fields"].as_array().unwrap().is_empty());
        }
        assert_eq!(stream(&report, "employees")["write"]["delete"]["allowed"], "yes");
        let department = field(&report, "employees", "department");
        let yes = json!({"allowed": "yes", "reason": null, "permission": null});
        assert_eq!((&department["read"], &department["create"], &department["attribute"]), (&yes, &yes, &json!("department")));
        let team = field(&report, "employees", "team");
        assert_eq!((&team["read"]["allowed"], &team["create"]["allowed"]), (&json!("yes"), &json!("no")));
        assert!(team["create"]["reason"].as_str().unwrap().contains("version 1"), "{team}");
        assert_eq!(field(&report, "absences", "hours")["read"]["allowed"], "no");
        assert_eq!(field(&report, "absences", "starts_on")["change"]["allowed"], "yes");
        assert_eq!(field(&report, "absences", "type")["change"]["allowed"], "no");
        assert!(report["granted"].as_array().unwrap().contains(&json!("persons:read")), "{}", report["granted"]);
        assert_eq!(report["webhooks"]["allowed"], "yes");
        app.stop().await;
    }

    async fn what_is_not_permitted_is_named_as_the_vendor_s_screen_does(db: TestDb) {
        let app = TestApp::on(db).clock_at("2026-11-23T09:00:00Z".parse().unwrap()).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let (handle, client_id) = (app.sandbox.handle(), app.sandbox.client_id());
        let keys = ["id", "first_name", "last_name", "email", "status"].map(str::to_owned);
        handle.set_whitelist(client_id, Some(keys.to_vec())).unwrap();
        let scopes = ["personio:persons:read", "personio:absences:read", "personio:attendances:read"].map(str::to_owned);
        handle.set_scopes(client_id, Some(scopes.to_vec())).unwrap();
        handle.expire_tokens();
        // Nobody logs in twice within 30 seconds.
        app.clock.as_ref().unwrap().advance(chrono::TimeDelta::seconds(31));
        let report = check(&app, &tenant).await;
        let department = field(&report, "employees", "department");
        assert_eq!(department["read"]["allowed"], "no");
        assert!(department["read"]["permission"].as_str().unwrap().contains("tick department"), "{department}");
        for (name, right) in [("employees", "tick Write for Employees"), ("absences", "tick Write for Absences"), ("attendances", "tick Write for Attendances")] {
            let create = &stream(&report, name)["write"]["create"];
            assert_eq!(create["allowed"], "no", "{create}");
            assert!(create["permission"].as_str().unwrap().contains(right), "{create}");
        }
        assert_eq!(report["webhooks"]["allowed"], "no");
        assert_eq!(report["granted"], json!(["absences:read", "attendances:read", "persons:read"]));
        app.stop().await;
    }
}
