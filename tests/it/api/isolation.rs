//! Every operation of the OpenAPI document as tenant B on tenant A's objects, with tenant A's own call as the control.
//!
//! An operation that is missing from the table fails the test: a new endpoint is not done before it has a row.

#![expect(clippy::print_stdout, reason = "the table is what a reader of the test's output wants to see")]

use std::collections::BTreeMap;

use gangway_domain::principal::Scope;
use gangway_testkit::{Answer, TestApp, TestDb, on_both_databases};
use reqwest::Method;
use serde_json::Value;

use super::{
    isolation_rows::{Expect, Ids, ROWS, Row},
    support::{failed_job, sync_of, text},
};

/// Method and path by operation.
fn operations() -> BTreeMap<String, (Method, String)> {
    let document = serde_json::to_value(gangway_api::openapi()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            operations.insert(text(operation, "operationId"), (method, path.clone()));
        }
    }
    operations
}

async fn ids_of_a(app: &TestApp, a: &gangway_testkit::Onboarded) -> Ids {
    for stream in ["employees", "absences", "attendances"] {
        app.sync(a, stream, "full").await;
    }
    let first = |items: Vec<Value>| text(items.first().expect("A has one"), "id");
    let syncs = app.client.list(&a.key, "/v1/syncs").await;
    let of = |stream: &str| text(syncs.iter().find(|sync| sync["stream"] == stream).unwrap(), "id");
    // The control of `create_sync` needs a stream that is free, that of `retry_job` one without a run under way.
    app.client.delete(&a.key, &format!("/v1/syncs/{}", of("attendances"))).await.expect(204);
    let (sync, other_sync) = (of("employees"), of("absences"));
    let sandbox = app.sandbox.handle();
    for person in sandbox.people().iter().take(4) {
        sandbox.remove_person(person["id"].as_u64().unwrap()).unwrap();
    }
    let held = held_run(app, a, &sync).await;
    let strict = serde_json::json!({"deletions": {"periods_percent": 0, "periods_least": 0}});
    app.client.patch(&a.key, "/v1/settings", &strict).await.expect(200);
    sandbox.remove_absence(sandbox.absences().last().unwrap().id).unwrap();
    let other_held = held_run(app, a, &other_sync).await;
    let job = failed_job(app, a, &other_sync).await;
    let employees = app.client.list(&a.key, "/v1/employees").await;
    let has_picture = |employee: &&Value| {
        let id = employee["origin"]["external_id"].as_str().and_then(|id| id.parse().ok());
        id.and_then(|id| sandbox.person(id)).is_some_and(|person| person["has_picture"] == true)
    };
    let pictured = text(employees.iter().find(has_picture).expect("somebody has a picture"), "id");
    Ids {
        pictured,
        tenant: a.tenant.clone(),
        key: first(app.client.list(&a.key, "/v1/keys").await),
        connection: a.connection.clone(),
        attribute: first(app.client.list(&a.key, &format!("/v1/connections/{}/attributes", a.connection)).await),
        run: first(app.client.list(&a.key, &format!("/v1/syncs/{sync}/runs")).await),
        sync,
        employee: first(employees),
        absence: first(app.client.list(&a.key, "/v1/absences").await),
        attendance: first(app.client.list(&a.key, "/v1/attendances").await),
        job,
        held,
        other_sync,
        other_held,
    }
}

/// A full run that misses so many records that it holds their deletion.
async fn held_run(app: &TestApp, a: &gangway_testkit::Onboarded, sync: &str) -> String {
    let body = serde_json::json!({"mode": "full"});
    let run = app.client.post(&a.key, &format!("/v1/syncs/{sync}/runs"), &body).await.expect(202);
    app.run_jobs_until_idle().await;
    let run = text(&run, "id");
    let ended = app.client.get(&a.key, &format!("/v1/sync-runs/{run}")).await.expect(200);
    assert_eq!(ended["state"], "held", "{ended}");
    run
}

async fn call(app: &TestApp, key: &str, method: &Method, path: &str, body: Option<Value>) -> Answer {
    let request = app.client.request(method.clone(), key, path);
    app.client
        .send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}

fn judge(row: &Row, ids: &Ids, answer: &Answer) -> Result<(), String> {
    let shown = String::from_utf8_lossy(&answer.bytes);
    if let Some(id) = ids.all().into_iter().find(|id| shown.contains(id)) {
        return Err(format!("shows {id}"));
    }
    let fits = match row.expect {
        Expect::NotFound => answer.status == 404,
        Expect::Forbidden => answer.status == 403,
        Expect::Refused => matches!(answer.status, 404 | 422),
        Expect::Absent | Expect::Shared | Expect::Single => answer.status == 200,
        Expect::Own => answer.status == 201,
    };
    if fits { Ok(()) } else { Err(format!("{:?} expected, got {}: {shown}", row.expect, answer.status)) }
}

#[test]
fn the_table_knows_every_operation_of_the_document_and_no_other() {
    let listed: Vec<&str> = ROWS.iter().map(|row| row.operation).collect();
    let documented = operations();
    let missing: Vec<&String> = documented.keys().filter(|name| !listed.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "add a row to isolation_rows.rs for {missing:?}");
    let unknown: Vec<&&str> = listed.iter().filter(|name| !documented.contains_key(**name)).collect();
    assert!(unknown.is_empty(), "no such operation: {unknown:?}");
    assert_eq!(listed.len(), documented.len(), "an operation has two rows");
}

on_both_databases! {
    async fn tenant_b_never_reaches_what_is_tenant_as(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let a = app.onboard("Acme").await;
        let operator = app.operator_key().await;
        let body = serde_json::json!({"name": "Bolt"});
        let b = text(&app.client.post(&operator, "/v1/tenants", &body).await.expect(201), "id");
        let every: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| *scope != Scope::TenantsWrite).collect();
        let b = app.tenant_key(&b, &every).await;
        let ids = ids_of_a(&app, &a).await;
        let key_of_a = app.tenant_key(&a.tenant, &every).await;
        let operations = operations();
        let mut leaks = Vec::new();
        println!("{:<24} {:<7} {:<42} {:>6} {:>6}  expected of B", "operation", "method", "path", "B", "A");
        for row in ROWS {
            let (method, template) = &operations[row.operation];
            let path = template.replace("{id}", (row.id)(&ids)) + row.query;
            let attempt = call(&app, &b, method, &path, (row.body)(&ids)).await;
            let verdict = judge(row, &ids, &attempt);
            // The control comes second: it also shows that B's attempt changed nothing that A needs.
            let control_key = if row.expect == Expect::Forbidden { &operator } else { &key_of_a };
            let control = call(&app, control_key, method, &path, (row.body)(&ids)).await;
            println!(
                "{:<24} {:<7} {:<42} {:>6} {:>6}  {:?}",
                row.operation, method, template, attempt.status, control.status, row.expect
            );
            if let Err(reason) = verdict {
                leaks.push(format!("{} as B {reason}", row.operation));
            }
            if !(200..300).contains(&control.status) {
                leaks.push(format!("{} as A: {} {}", row.operation, control.status, control.body));
            }
        }
        assert!(leaks.is_empty(), "{leaks:#?}");
        app.stop().await;
    }

    async fn an_operator_acts_for_one_tenant_and_it_is_written_down(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let a = app.onboard("Acme").await;
        let operator = app.operator_key().await;
        let list = |tenant: Option<String>| {
            let request = app.client.request(Method::GET, &operator, "/v1/connections");
            app.client.send(match tenant {
                Some(tenant) => request.header("gangway-tenant", tenant),
                None => request,
            })
        };
        assert_eq!(list(None).await.body["code"], "tenant.required");
        assert_eq!(list(Some("ten_x".to_owned())).await.status, 400);
        assert_eq!(list(Some(format!("ten_{}", "0".repeat(32)))).await.status, 404);
        assert_eq!(list(Some(a.tenant.clone())).await.expect(200)["data"][0]["id"], a.connection);

        let ctx = app.operator().for_tenant(a.tenant.parse().unwrap()).await.unwrap();
        let page = gangway_app::PageRequest { limit: 200, after: None };
        let log = gangway_app::audit::list(&ctx, &gangway_app::audit::AuditFilter::default(), page).await.unwrap().items;
        assert!(log.iter().any(|one| one.entry.action == "operator.act" && one.entry.detail["route"] == "GET /v1/connections"));
        assert!(log.iter().any(|one| one.entry.action == "connection.create"));
        app.stop().await;
    }

    async fn a_tenants_key_cannot_name_another_tenant(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let a = app.onboard("Acme").await;
        let operator = app.operator_key().await;
        let body = serde_json::json!({"name": "Bolt"});
        let b = text(&app.client.post(&operator, "/v1/tenants", &body).await.expect(201), "id");
        let b = app.tenant_key(&b, &[]).await;
        for path in ["/v1/connections", "/v1/employees", "/v1/keys"] {
            let request = app.client.request(Method::GET, &b, path).header("gangway-tenant", &a.tenant);
            assert_eq!(app.client.send(request).await.status, 404, "{path}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_of_a_foreign_connection_is_not_made() {
    let app = TestApp::on(TestDb::sqlite().await).unpaced().start().await;
    let a = app.onboard("Acme").await;
    sync_of(&app, &a, "employees").await;
    let operator = app.operator_key().await;
    let tenant =
        text(&app.client.post(&operator, "/v1/tenants", &serde_json::json!({"name": "B"})).await.expect(201), "id");
    let b = app.tenant_key(&tenant, &[]).await;
    let body = serde_json::json!({"connection_id": a.connection, "stream": "employees", "schedule": null});
    let answer = app.client.post(&b, "/v1/syncs", &body).await;
    assert_eq!(answer.status, 404);
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("syn_"));
    app.stop().await;
}
