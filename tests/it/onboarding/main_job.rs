//! One tenant of 250 people, from nothing to queryable records with their history.

use gangway_sandbox::Config;
use gangway_testkit::{TestApp, on_both_databases};
use serde_json::json;

on_both_databases! {
    async fn a_tenant_is_onboarded_and_its_people_are_readable(db: TestDb) {
        let app = TestApp::on(db).sandbox(Config::new(250, 1).without_rate_limit()).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let client = &app.client;

        let attributes = client.get(&tenant.key, &format!("/v1/connections/{}/attributes", tenant.connection)).await;
        let attributes = attributes.expect(200)["data"].as_array().unwrap().clone();
        let custom: Vec<_> = attributes.iter().filter(|attribute| attribute["is_custom"] == true).collect();
        assert!(custom.iter().any(|attribute| attribute["key"].as_str().unwrap().starts_with("dynamic_")));
        let salary = attributes.iter().find(|attribute| attribute["key"] == "fix_salary").unwrap();
        assert_eq!((&salary["class"], &salary["selected"]), (&json!("sensitive"), &json!(false)));

        // Read through version 2, which tells work and breaks apart.
        let periods = app.sandbox.handle().attendance_periods().len();
        assert!(periods > 2_000, "control");
        for (stream, expected) in [("employees", 250), ("absences", 1000), ("attendances", periods)] {
            let run = app.sync(&tenant, stream, "full").await;
            assert_eq!(run["state"], "completed", "{run}");
            assert_eq!(run["counts"]["seen"], expected, "{run}");
            assert_eq!(client.list(&tenant.key, &format!("/v1/{stream}")).await.len(), expected, "{stream}");
        }
        // Authentication, check, discovery and three streams, of which attendances come by hundreds.
        let requests = app.sandbox.handle().request_count();
        let pages = u64::try_from(periods.div_ceil(100)).unwrap();
        assert!(requests <= 30 + pages, "{requests} requests, {pages} of them pages of attendances");

        let people = app.sandbox.handle().people();
        let employees = client.list(&tenant.key, "/v1/employees").await;
        for person in &people {
            let id = person["id"].to_string();
            let held = employees.iter().find(|employee| employee["origin"]["external_id"] == id.as_str()).unwrap();
            assert_eq!(held["email"], person["email"], "{held}");
            assert_eq!(held["last_name"], person["last_name"], "{held}");
            assert!(held["sensitive"].is_null(), "{held}");
        }
        let with_custom = employees.iter().any(|employee| {
            employee["attributes"].as_object().unwrap().keys().any(|key| key.starts_with("dynamic_"))
        });
        assert!(with_custom, "company-specific attributes are readable");

        let path = format!("/v1/employees/{}/history", employees[0]["id"].as_str().unwrap());
        let history = client.get(&tenant.key, &path).await.expect(200);
        assert_eq!(history["data"][0]["type"], "employee.first_seen", "{history}");
        let events = client.get(&tenant.key, "/v1/events?after=0").await.expect(200);
        let completed = events["data"].as_array().unwrap().iter().filter(|event| event["type"] == "sync.completed").count();
        assert_eq!(completed, 3, "{events}");
        app.stop().await;
    }

    async fn a_change_at_the_vendor_becomes_an_event_and_an_entry_of_the_history(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        let person = app.sandbox.handle().people()[3]["id"].as_u64().unwrap();
        app.sandbox.handle().change_person(person, &json!({"position": "Chief Canary Officer"})).unwrap();
        let run = app.sync(&tenant, "employees", "incremental").await;
        assert_eq!(run["counts"]["updated"], 1, "{run}");

        let employees = app.client.list(&tenant.key, "/v1/employees").await;
        let id = person.to_string();
        let held = employees.iter().find(|employee| employee["origin"]["external_id"] == id.as_str()).unwrap();
        assert_eq!(held["position"], "Chief Canary Officer");
        let path = format!("/v1/employees/{}/history", held["id"].as_str().unwrap());
        let history = app.client.get(&tenant.key, &path).await.expect(200);
        let last = history["data"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["type"], "employee.updated", "{history}");
        assert!(last["data"].to_string().contains("Chief Canary Officer"), "{last}");
        app.stop().await;
    }

    async fn a_change_of_what_is_not_stored_is_no_change(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        // The salary is not selected; the vendor's time of the last change moves with it.
        let person = app.sandbox.handle().people()[3]["id"].as_u64().unwrap();
        app.sandbox.handle().change_person(person, &json!({"fix_salary": 123_456})).unwrap();
        let run = app.sync(&tenant, "employees", "incremental").await;
        assert!(run["counts"]["seen"].as_i64().unwrap() >= 1, "{run}");
        assert_eq!(run["counts"]["updated"], 0, "{run}");
        let events = app.client.get(&tenant.key, "/v1/events?after=0").await.expect(200);
        assert_eq!(events["data"].as_array().unwrap().len(), 1, "{events}");
        app.stop().await;
    }

    async fn the_same_stream_again_answers_with_the_existing_sync(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let body = json!({"connection_id": tenant.connection, "stream": "employees", "schedule": null});
        let created = app.client.post(&tenant.key, "/v1/syncs", &body).await.expect(201);
        let again = app.client.post(&tenant.key, "/v1/syncs", &body).await;
        assert_eq!(again.status, 409);
        assert_eq!(again.body["existing"], created["id"], "{}", again.body);
        app.stop().await;
    }
}
