//! Which attribute feeds which field, over HTTP: what holds, what a change would do, and the change itself.

use gangway_domain::principal::Scope;
use gangway_testkit::{Onboarded, TestApp, TestDb, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{code, pointers, send, text};

async fn key_of(app: &TestApp, tenant: &Onboarded, label: &str) -> String {
    let attributes = app.client.list(&tenant.key, &format!("/v1/connections/{}/attributes", tenant.connection)).await;
    text(attributes.iter().find(|attribute| attribute["label"] == label).unwrap(), "key")
}

fn field<'a>(mapping: &'a Value, name: &str) -> &'a Value {
    mapping["fields"].as_array().unwrap().iter().find(|field| field["field"] == name).unwrap()
}

on_both_databases! {
    async fn a_mapping_is_previewed_made_and_applied_without_a_call_to_the_vendor(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let path = format!("/v1/connections/{}/mapping", tenant.connection);
        app.sync(&tenant, "employees", "full").await;
        let shirt = key_of(&app, &tenant, "T-Shirt-Größe").await;
        let people = app.client.list(&tenant.key, "/v1/employees").await;
        let n_requests = app.sandbox.handle().ledger(0).total;
        let n_events = app.db.count("event").await;

        let read = app.client.get(&tenant.key, &path).await;
        assert_eq!((read.header("etag"), &read.body["applied_version"]), (Some("\"v0\""), &json!(0)));
        let position = field(&read.body, "position");
        assert_eq!((&position["chosen_by"], &position["attribute"]["key"]), (&json!("built_in"), &json!("position")));

        let body = json!({"fields": [{"field": "position", "attribute": shirt}, {"field": "team", "attribute": null}]});
        let preview = app.client.post(&tenant.key, &format!("{path}/preview"), &body).await.expect(200);
        assert_eq!((&preview["n_unreadable"], preview["fields"].as_array().unwrap().len()), (&json!(0), 2));
        let put = send(&app, Method::PUT, &tenant.key, &path, &[("if-match", "\"v0\"")], &body).await;
        assert_eq!((put.status, put.header("etag")), (200, Some("\"v1\"")), "{}", put.body);
        let jobs = app.client.list(&tenant.key, "/v1/jobs").await;
        assert!(jobs.iter().any(|job| job["kind"] == "remap-records"), "{jobs:?}");
        let late = send(&app, Method::PUT, &tenant.key, &path, &[("if-match", "\"v0\"")], &body).await;
        assert_eq!((late.status, code(&late).as_str()), (412, "object.stale"));

        app.run_jobs_until_idle().await;
        let applied = app.client.get(&tenant.key, &path).await.expect(200);
        assert_eq!((&applied["applied_version"], &applied["n_behind"]), (&json!(1), &json!(0)));
        let position = field(&applied, "position");
        assert_eq!((&position["chosen_by"], &position["fit"]), (&json!("tenant"), &json!("exact")));
        assert_eq!(field(&applied, "team")["attribute"], json!(null));
        let mapped = app.client.list(&tenant.key, "/v1/employees").await;
        assert_eq!(mapped.len(), people.len());
        for (before, after) in people.iter().zip(&mapped) {
            assert_eq!((&after["position"], &after["team"]), (&before["attributes"][&shirt], &json!(null)));
            assert_eq!(after["attributes"]["position"], before["position"], "what fed it stays as an attribute");
        }
        for one in preview["sample"].as_array().unwrap() {
            let person = mapped.iter().find(|person| person["id"] == one["employee_id"]).unwrap();
            for value in one["fields"].as_array().unwrap() {
                assert_eq!(person[text(value, "field")], value["new"], "{value}");
            }
        }
        assert_eq!(app.sandbox.handle().ledger(0).total, n_requests, "nobody was asked");
        assert_eq!(app.db.count("event").await, n_events);

        // The page of a run places values as the job did.
        let run = app.sync(&tenant, "employees", "full").await;
        assert_eq!((&run["counts"]["updated"], &run["counts"]["created"]), (&json!(0), &json!(0)), "{run}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_that_cannot_be_fed_so_is_pointed_at() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let path = format!("/v1/connections/{}/mapping", tenant.connection);
    let (iban, shirt) = (key_of(&app, &tenant, "IBAN").await, key_of(&app, &tenant, "T-Shirt-Größe").await);
    let body = json!({"fields": [
        {"field": "salary", "attribute": shirt},
        {"field": "position", "attribute": iban},
        {"field": "team", "attribute": "nobody"},
        {"field": "office", "attribute": shirt},
        {"field": "department", "attribute": shirt},
    ]});
    let expected = ["/fields/0/field", "/fields/1/attribute", "/fields/2/attribute", "/fields/4/attribute"];
    for answer in [
        app.client.put(&tenant.key, &path, &body).await,
        app.client.post(&tenant.key, &format!("{path}/preview"), &body).await,
    ] {
        assert_eq!((answer.status, pointers(&answer)), (422, expected.map(str::to_owned).to_vec()));
    }
    let body = json!({"fields": [], "sample": 51});
    assert_eq!(pointers(&app.client.post(&tenant.key, &format!("{path}/preview"), &body).await), ["/sample"]);
    assert_eq!(app.client.get(&tenant.key, &path).await.body["version"], 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_needs_the_scopes_of_what_it_shows_and_changes() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let path = format!("/v1/connections/{}/mapping", tenant.connection);
    let body = json!({"fields": []});
    let reader = app.tenant_key(&tenant.tenant, &[Scope::ConnectionsRead]).await;
    app.client.get(&reader, &path).await.expect(200);
    assert_eq!(code(&app.client.put(&reader, &path, &body).await), "key.forbidden");
    assert_eq!(code(&app.client.post(&reader, &format!("{path}/preview"), &body).await), "key.forbidden");
    let records = app.tenant_key(&tenant.tenant, &[Scope::ConnectionsRead, Scope::RecordsRead]).await;
    app.client.post(&records, &format!("{path}/preview"), &body).await.expect(200);
    app.stop().await;
}
