//! Every resource as a tenant's developer uses it, in the order of the README.

use gangway_testkit::{TestApp, TestDb, on_both_databases};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::support::{code, failed_job, pointers, sync_of, text};

on_both_databases! {
    async fn the_main_job_by_hand(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let operator = app.operator_key().await;
        let created = app.client.post(&operator, "/v1/tenants", &json!({"name": "Acme", "time_zone": "Europe/Berlin"})).await;
        assert_eq!(created.status, 201);
        let tenant = text(&created.body, "id");
        assert_eq!(created.header("location"), Some(&*format!("/v1/tenants/{tenant}")));

        let request = app.client.request(reqwest::Method::POST, &operator, "/v1/keys").header("gangway-tenant", &tenant);
        let key = app.client.send(request.json(&json!({"name": "first"}))).await.expect(201);
        let key = text(&key, "key");

        let secret = app.sandbox.client_secret().expose_secret().to_owned();
        let body = json!({
            "connector": "personio", "name": "HR", "config": {"base_url": app.sandbox.base_url()},
            "credential": {"client_id": app.sandbox.client_id(), "client_secret": secret},
        });
        let connection = app.client.post(&key, "/v1/connections", &body).await;
        assert_eq!(connection.status, 201, "{}", connection.body);
        assert_eq!(connection.body["state"], "unchecked");
        let path = format!("/v1/connections/{}", text(&connection.body, "id"));

        let checked = app.client.post(&key, &format!("{path}/check"), &json!({})).await.expect(200);
        assert_eq!(checked["ok"], true, "{checked}");
        assert!(checked["connection"]["checked_at"].is_string());
        let found = app.client.post(&key, &format!("{path}/discover"), &json!({})).await.expect(200);
        assert!(found["n_attributes"].as_u64().unwrap() > 20);
        let attributes = app.client.list(&key, &format!("{path}/attributes")).await;
        assert_eq!(found["n_attributes"], attributes.len());

        let sync = app.client.post(&key, "/v1/syncs", &json!({
            "connection_id": connection.body["id"], "stream": "employees", "schedule": null,
        })).await.expect(201);
        let again = app.client.post(&key, "/v1/syncs", &json!({
            "connection_id": connection.body["id"], "stream": "employees", "schedule": null,
        })).await;
        assert_eq!((again.status, &again.body["existing"]), (409, &sync["id"]));

        let runs = format!("/v1/syncs/{}/runs", text(&sync, "id"));
        let run = app.client.post(&key, &runs, &json!({"mode": "full"})).await;
        assert_eq!(run.status, 202);
        let second = app.client.post(&key, &runs, &json!({"mode": "full"})).await;
        assert_eq!((code(&second).as_str(), &second.body["existing"]), ("sync.running", &run.body["id"]));
        app.run_jobs_until_idle().await;
        let run = app.client.get(&key, run.header("location").unwrap()).await.expect(200);
        assert_eq!((&run["state"], &run["counts"]["created"]), (&json!("completed"), &json!(12)), "{run}");

        let employees = app.client.list(&key, "/v1/employees").await;
        assert_eq!(employees.len(), 12);
        let one = &employees[0];
        assert!(one["email"].is_string() && one["origin"]["source"] == "personio.v1", "{one}");
        assert!(one["sensitive"].is_null());
        let history = app.client.list(&key, &format!("/v1/employees/{}/history", text(one, "id"))).await;
        assert_eq!((&history[0]["type"], &history[0]["sequence"]), (&json!("employee.first_seen"), &json!(0)));
        let events = app.client.list(&key, "/v1/events?after=0").await;
        assert_eq!(text(&events[0], "type"), "sync.completed");

        let budget = app.client.get(&key, &format!("{path}/budget")).await.expect(200);
        assert!(budget["held"].as_u64().unwrap() > 0 && budget["waiting"]["interactive"] == 0, "{budget}");
        // What was sent is nowhere in what comes back.
        let read = app.client.get(&key, &path).await;
        assert!(!String::from_utf8_lossy(&read.bytes).contains(&secret));
        app.stop().await;
    }

    async fn a_failed_job_is_seen_and_retried(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let sync = sync_of(&app, &tenant, "absences").await;
        let failed = failed_job(&app, &tenant, &sync).await;
        let job = app.client.get(&tenant.key, &format!("/v1/jobs/{failed}")).await.expect(200);
        assert_eq!((&job["state"], &job["last_error"]), (&json!("failed"), &json!("made to fail")));
        let retried = app.client.post(&tenant.key, &format!("/v1/jobs/{failed}/retry"), &json!({})).await;
        assert_eq!((retried.status, &retried.body["retry_of"]), (201, &json!(failed)));
        let pending = text(&retried.body, "id");
        let refused = app.client.post(&tenant.key, &format!("/v1/jobs/{pending}/retry"), &json!({})).await;
        assert_eq!(code(&refused), "job.not-failed");
        app.stop().await;
    }

    async fn a_revoked_key_stops_at_once(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let made = app.client.post(&tenant.key, "/v1/keys", &json!({"name": "short-lived"})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let (path, key) = (made.header("location").unwrap().to_owned(), text(&made.body, "key"));
        app.client.get(&key, "/v1/connections").await.expect(200);
        let mut shown = made.body.clone();
        shown.as_object_mut().unwrap().remove("key");
        assert_eq!(app.client.get(&tenant.key, &path).await.expect(200), shown);
        app.client.delete(&tenant.key, &path).await.expect(204);
        assert_eq!(code(&app.client.get(&key, "/v1/connections").await), "key.invalid");
        assert!(app.client.get(&tenant.key, &path).await.expect(200)["revoked_at"].is_string());
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mistake_of_a_new_connection_is_pointed_at() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let post = |body| {
        let (client, key) = (&app.client, &tenant.key);
        async move { client.post(key, "/v1/connections", &body).await }
    };
    let answer = post(json!({
        "connector": "personio", "name": "", "config": {"base_url": 7, "colour": "red"}, "credential": {"client_id": "a"},
    }))
    .await;
    let mut found = pointers(&answer);
    found.sort();
    assert!(
        found.contains(&"/name".to_owned()) && found.contains(&"/credential/client_secret".to_owned()),
        "{found:?}"
    );
    assert!(found.iter().any(|pointer| pointer.starts_with("/config/")), "{found:?}");

    let credential = json!({"client_id": "a", "client_secret": "canary-secret"});
    let unknown = post(json!({"connector": "workday", "name": "x", "config": {}, "credential": credential})).await;
    assert_eq!(pointers(&unknown), ["/connector"]);
    for base_url in
        ["https://evil.example", "http://127.0.0.1:1", "https://api.personio.de.evil.example", "http://api.personio.de"]
    {
        let body =
            json!({"connector": "personio", "name": "x", "config": {"base_url": base_url}, "credential": credential});
        let answer = post(body).await;
        assert_eq!(code(&answer), "connection.origin-forbidden", "{base_url}");
        assert_eq!(pointers(&answer), ["/config/base_url"]);
    }
    let extra = post(json!({"connector": "personio", "name": "x", "credential": credential, "colour": 1})).await;
    assert_eq!(pointers(&extra), ["/colour"]);
    assert!(!String::from_utf8_lossy(&extra.bytes).contains("canary-secret"));
    let first = json!({"connector": "personio", "name": "x", "credential": credential});
    assert_eq!(post(first.clone()).await.status, 201);
    assert_eq!(code(&post(first).await), "object.name-taken");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_credential_is_a_finding_and_a_new_one_works_at_once() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let path = format!("/v1/connections/{}", tenant.connection);
    let wrong = json!({"client_id": app.sandbox.client_id(), "client_secret": "wrong"});
    app.client.put(&tenant.key, &format!("{path}/credential"), &wrong).await.expect(200);
    let checked = app.client.post(&tenant.key, &format!("{path}/check"), &json!({})).await.expect(200);
    assert_eq!((&checked["ok"], &checked["connection"]["state"]), (&json!(false), &json!("failed")), "{checked}");
    let events = app.client.list(&tenant.key, "/v1/events?type=connection.degraded").await;
    assert_eq!(events.len(), 1);

    let right = json!({
        "client_id": app.sandbox.client_id(), "client_secret": app.sandbox.client_secret().expose_secret(),
    });
    app.client.put(&tenant.key, &format!("{path}/credential"), &right).await.expect(200);
    let checked = app.client.post(&tenant.key, &format!("{path}/check"), &json!({})).await.expect(200);
    assert_eq!(checked["ok"], true, "{checked}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connectors_describe_themselves() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let operator = app.operator_key().await;
    let all = app.client.get(&operator, "/v1/connectors").await.expect(200);
    assert_eq!(text(&all["data"][0], "id"), "personio");
    let one = app.client.get(&operator, "/v1/connectors/personio").await.expect(200);
    assert!(one["credential_schema"]["properties"]["client_secret"].is_object());
    assert_eq!(app.client.get(&operator, "/v1/connectors/workday").await.status, 404);
    app.stop().await;
}
