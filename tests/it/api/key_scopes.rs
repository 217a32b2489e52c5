//! Which scope each operation of the OpenAPI document asks for, and that no key goes without it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::principal::{KeyKind, Scope};
use gangway_testkit::{Answer, Client, TestApp, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::support::{code, text};

/// What a key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// No key.
    Nothing,
    /// A key with this scope, for a tenant.
    Tenant(Scope),
    /// A key with this scope, a tenant's or an operator's that names no tenant.
    Anybody(Scope),
    /// An operator's key with this scope.
    Operator(Scope),
}
use Needs::{Anybody, Nothing, Operator, Tenant};
use Scope::{AuditRead, ConnectionsRead, ConnectionsWrite, KeysWrite, ProxyRead, RecordsRead, TenantsWrite};

/// Every operation. What another scope changes within an operation (`sensitive:read`) has its tests where it belongs.
const TABLE: &[(&str, Needs)] = &[
    ("health", Nothing),
    ("ready", Nothing),
    ("create_tenant", Operator(TenantsWrite)),
    ("list_tenants", Operator(TenantsWrite)),
    ("get_tenant", Operator(TenantsWrite)),
    ("update_tenant", Operator(TenantsWrite)),
    ("create_key", Tenant(KeysWrite)),
    ("list_keys", Tenant(KeysWrite)),
    ("get_key", Tenant(KeysWrite)),
    ("revoke_key", Tenant(KeysWrite)),
    ("list_connectors", Anybody(ConnectionsRead)),
    ("get_connector", Anybody(ConnectionsRead)),
    ("create_connection", Tenant(ConnectionsWrite)),
    ("list_connections", Tenant(ConnectionsRead)),
    ("get_connection", Tenant(ConnectionsRead)),
    ("update_connection", Tenant(ConnectionsWrite)),
    ("delete_connection", Tenant(ConnectionsWrite)),
    ("put_credential", Tenant(ConnectionsWrite)),
    ("check_connection", Tenant(ConnectionsWrite)),
    ("resume_connection", Tenant(ConnectionsWrite)),
    ("discover_attributes", Tenant(ConnectionsWrite)),
    ("list_attributes", Tenant(ConnectionsRead)),
    ("choose_attributes", Tenant(ConnectionsWrite)),
    ("get_mapping", Tenant(ConnectionsRead)),
    ("preview_mapping", Tenant(ConnectionsRead)),
    ("put_mapping", Tenant(ConnectionsWrite)),
    ("get_budget", Tenant(ConnectionsRead)),
    ("read_through", Tenant(ProxyRead)),
    ("create_sync", Tenant(ConnectionsWrite)),
    ("list_syncs", Tenant(ConnectionsRead)),
    ("get_sync", Tenant(ConnectionsRead)),
    ("update_sync", Tenant(ConnectionsWrite)),
    ("delete_sync", Tenant(ConnectionsWrite)),
    ("start_run", Tenant(ConnectionsWrite)),
    ("list_runs", Tenant(ConnectionsRead)),
    ("get_run", Tenant(ConnectionsRead)),
    ("get_held", Tenant(ConnectionsRead)),
    ("release_held", Tenant(ConnectionsWrite)),
    ("refuse_held", Tenant(ConnectionsWrite)),
    ("get_settings", Tenant(ConnectionsRead)),
    ("update_settings", Tenant(ConnectionsWrite)),
    ("list_employees", Tenant(RecordsRead)),
    ("get_employee", Tenant(RecordsRead)),
    ("list_employee_history", Tenant(RecordsRead)),
    ("get_employee_picture", Tenant(RecordsRead)),
    ("list_absences", Tenant(RecordsRead)),
    ("get_absence", Tenant(RecordsRead)),
    ("list_attendances", Tenant(RecordsRead)),
    ("get_attendance", Tenant(RecordsRead)),
    ("list_events", Tenant(RecordsRead)),
    ("list_audit_log", Tenant(AuditRead)),
    ("verify_audit_log", Tenant(AuditRead)),
    ("list_jobs", Tenant(ConnectionsRead)),
    ("get_job", Tenant(ConnectionsRead)),
    ("retry_job", Tenant(ConnectionsWrite)),
];

/// Method and path of each operation; ids that name nothing.
fn operations() -> BTreeMap<String, (Method, String)> {
    let document = serde_json::to_value(gangway_api::openapi()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            let path: Vec<&str> =
                path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part }).collect();
            operations.insert(text(operation, "operationId"), (method, path.join("/")));
        }
    }
    operations
}

fn scopes(pick: impl Fn(Scope) -> bool) -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|scope| pick(*scope)).collect()
}

async fn call(client: &Client, key: &str, method: &Method, path: &str) -> Answer {
    let request = client.request(method.clone(), key, path);
    let takes_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    client.send(if takes_body { request.json(&json!({})) } else { request }).await
}

async fn operator_key(app: &TestApp, scopes: Vec<Scope>) -> String {
    use secrecy::ExposeSecret as _;
    let new = gangway_app::keys::NewKey {
        name: "x".to_owned(),
        scopes: Some(scopes.into_iter().collect()),
        expires_at: None,
    };
    gangway_app::keys::create_operator(&app.operator(), new).await.unwrap().1.expose_secret().to_owned()
}

#[test]
fn the_table_knows_every_operation_and_no_other() {
    let documented = operations();
    let listed: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = documented.keys().filter(|name| !listed.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "add a row with the scope it needs to key_scopes.rs for {missing:?}");
    let unknown: Vec<_> = listed.iter().filter(|name| !documented.contains_key(**name)).collect();
    assert!(unknown.is_empty(), "no such operation: {unknown:?}");
    assert_eq!(listed.len(), documented.len(), "an operation has two rows");
}

on_both_databases! {
    async fn a_key_without_the_scope_is_refused_with_its_name_and_one_with_it_alone_is_not(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await.tenant;
        let operations = operations();
        let mut wrong = Vec::new();
        for (operation, needs) in TABLE {
            let (method, path) = &operations[*operation];
            let (with, without, scope) = match *needs {
                Nothing => {
                    let answer = app.client.send(app.client.request(method.clone(), "", path)).await;
                    assert_eq!(answer.status, 200, "{operation}");
                    continue;
                }
                Tenant(scope) | Anybody(scope) => (
                    app.tenant_key(&tenant, &[scope]).await,
                    app.tenant_key(&tenant, &scopes(|one| one != scope && one != TenantsWrite)).await,
                    scope,
                ),
                Operator(scope) => {
                    let others = scopes(|one| one != scope);
                    (operator_key(&app, vec![scope]).await, operator_key(&app, others).await, scope)
                }
            };
            let refused = call(&app.client, &without, method, path).await;
            let names_it = refused.body["detail"].as_str().is_some_and(|text| text.contains(&format!("`{}`", scope.as_str())));
            if refused.status != 403 || code(&refused) != "key.forbidden" || !names_it {
                wrong.push(format!("{operation} without {}: {} {}", scope.as_str(), refused.status, refused.body));
            }
            let admitted = call(&app.client, &with, method, path).await;
            if matches!(admitted.status, 401 | 403 | 429 | 500..) {
                wrong.push(format!("{operation} with {}: {} {}", scope.as_str(), admitted.status, admitted.body));
            }
            if let Operator(_) = needs {
                let all = app.tenant_key(&tenant, &scopes(|one| one != TenantsWrite)).await;
                assert_eq!(call(&app.client, &all, method, path).await.status, 403, "{operation} as a tenant");
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        app.stop().await;
    }

    async fn expired_and_revoked_keys_are_refused_by_every_operation(db: TestDb) {
        let at: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        let app = TestApp::on(db).clock_at(at).start().await;
        let tenant = app.onboard("Acme").await;
        let body = json!({"name": "short", "expires_at": at + TimeDelta::minutes(1)});
        let expired = text(&app.client.post(&tenant.key, "/v1/keys", &body).await.expect(201), "key");
        let revoked = app.client.post(&tenant.key, "/v1/keys", &json!({"name": "revoked"})).await.expect(201);
        let (id, revoked) = (text(&revoked, "id"), text(&revoked, "key"));
        for key in [&expired, &revoked] {
            app.client.get(key, "/v1/connections").await.expect(200);
        }
        app.clock.as_ref().unwrap().advance(TimeDelta::minutes(1));
        app.client.delete(&tenant.key, &format!("/v1/keys/{id}")).await.expect(204);
        for (operation, (method, path)) in operations() {
            if path.starts_with("/v1/") {
                for key in [&expired, &revoked] {
                    let answer = call(&app.client, key, &method, &path).await;
                    assert_eq!((answer.status, code(&answer).as_str()), (401, "key.invalid"), "{operation}");
                }
            }
        }
        app.stop().await;
    }

    async fn a_revoked_key_stops_at_once_at_every_listener(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let key = app.client.post(&tenant.key, "/v1/keys", &json!({"name": "revoked"})).await.expect(201);
        let (id, key) = (text(&key, "id"), text(&key, "key"));
        // A second listener, which counts and remembers keys for itself, as another process would.
        let config = gangway_api::Config::new(([127, 0, 0, 1], 0).into());
        let gangway_api::Server { addr, handle, run } = gangway_api::bind(app.app.clone(), config).unwrap();
        let serving = TaskTracker::new().spawn(run);
        let second = Client::new(format!("http://{addr}"));
        for client in [&app.client, &second] {
            client.get(&key, "/v1/connections").await.expect(200);
        }
        app.client.delete(&tenant.key, &format!("/v1/keys/{id}")).await.expect(204);
        for client in [&second, &app.client] {
            assert_eq!(code(&client.get(&key, "/v1/connections").await), "key.invalid");
        }
        handle.stop().await;
        serving.await.unwrap().unwrap();
        app.stop().await;
    }
}

#[test]
fn what_a_key_has_by_default_is_known() {
    let names = |kind| -> Vec<Value> { Scope::defaults(kind).into_iter().map(|scope| json!(scope)).collect() };
    assert!(!names(KeyKind::Tenant).contains(&json!("sensitive:read")));
    assert!(!names(KeyKind::Operator).contains(&json!("sensitive:read")));
    assert!(!names(KeyKind::Tenant).contains(&json!("tenants:write")));
}
