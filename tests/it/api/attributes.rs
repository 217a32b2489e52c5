//! Classes and choices: what is stored is the tenant's decision, and sensitive values need a scope.

use gangway_domain::principal::Scope;
use gangway_testkit::{TestApp, TestDb, on_both_databases};
use serde_json::{Value, json};

use super::support::{pointers, text};

fn labelled<'a>(attributes: &'a [Value], label: &str) -> &'a Value {
    attributes.iter().find(|attribute| attribute["label"] == label).unwrap_or_else(|| panic!("no attribute {label}"))
}

on_both_databases! {
    async fn a_selected_sensitive_attribute_is_seen_only_with_the_scope(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let path = format!("/v1/connections/{}/attributes", tenant.connection);
        let attributes = app.client.list(&tenant.key, &path).await;
        let (iban, badge) = (labelled(&attributes, "IBAN"), labelled(&attributes, "Badge number"));
        assert_eq!((&iban["class"], &iban["selected"]), (&json!("sensitive"), &json!(false)));
        assert_eq!((&badge["class"], &badge["selected"]), (&json!("standard"), &json!(true)));
        app.sync(&tenant, "employees", "full").await;
        let reader = app.tenant_key(&tenant.tenant, &[Scope::RecordsRead, Scope::SensitiveRead]).await;
        let key = text(iban, "key");
        let people = app.client.list(&reader, "/v1/employees").await;
        assert!(people.iter().all(|one| one["sensitive"].get(&key).is_none()));
        assert!(people.iter().any(|one| one["attributes"].get(text(badge, "key")).is_some()));

        let chosen = json!({"attributes": [{"key": key, "selected": true}]});
        let chosen = app.client.patch(&tenant.key, &path, &chosen).await.expect(200);
        assert_eq!(chosen["runs"].as_array().unwrap().len(), 1, "{}", chosen["runs"]);
        app.run_jobs_until_idle().await;
        let people = app.client.list(&reader, "/v1/employees").await;
        assert!(people.iter().any(|one| one["sensitive"][&key].is_string()));
        let unseen = app.client.list(&tenant.key, "/v1/employees").await;
        assert!(unseen.iter().all(|one| one["sensitive"].is_null()));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn choices_are_all_or_none_and_sensitive_stays_sensitive() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let path = format!("/v1/connections/{}/attributes", tenant.connection);
    let attributes = app.client.list(&tenant.key, &path).await;
    let key = |label: &str| text(labelled(&attributes, label), "key");
    let (iban, badge, notes) = (key("IBAN"), key("Badge number"), key("Notes"));
    let answer = app
        .client
        .patch(
            &tenant.key,
            &path,
            &json!({"attributes": [
                {"key": badge, "selected": false},
                {"key": iban, "class": "standard"},
                {"key": "nobody", "selected": true},
                {"selected": true},
                {"key": badge},
                {"key": badge, "selected": true},
            ]}),
        )
        .await;
    let expected = ["/attributes/1/class", "/attributes/2/key", "/attributes/3", "/attributes/4", "/attributes/5/key"];
    assert_eq!(pointers(&answer), expected);
    assert_eq!(app.client.list(&tenant.key, &path).await, attributes);

    // What was merely not recognised may be lowered, and anything may be raised; discovery leaves both alone.
    let body = json!({"attributes": [
        {"key": notes, "class": "standard", "selected": true}, {"key": badge, "class": "sensitive"},
    ]});
    let trusted = app.tenant_key(&tenant.tenant, &[Scope::ConnectionsWrite, Scope::SensitiveRead]).await;
    app.client.patch(&trusted, &path, &body).await.expect(200);
    let discover = format!("/v1/connections/{}/discover", tenant.connection);
    app.client.post(&tenant.key, &discover, &json!({})).await.expect(200);
    let after = app.client.list(&tenant.key, &path).await;
    assert_eq!(labelled(&after, "Notes")["class"], "standard");
    assert_eq!(labelled(&after, "Badge number")["class"], "sensitive");
    app.stop().await;
}
