//! What a run says of itself when it does not simply complete.

use gangway_testkit::{TestApp, on_both_databases};
use serde_json::{Value, json};

on_both_databases! {
    async fn parked_deletions_say_how_many_and_what_to_do(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let first = app.sync(&tenant, "employees", "full").await;
        assert_eq!((&first["state"], &first["note"], &first["error"]), (&json!("completed"), &Value::Null, &Value::Null));
        for person in app.sandbox.handle().people().iter().take(4) {
            app.sandbox.handle().remove_person(person["id"].as_u64().unwrap()).unwrap();
        }
        let run = app.sync(&tenant, "employees", "full").await;
        assert_eq!((&run["state"], &run["error"], &run["counts"]["deleted"]), (&json!("held"), &Value::Null, &json!(0)));
        let note = format!(
            "4 of 12 employees are no longer visible; nothing was deleted. Check in the vendor's account whether the credential \
             still sees them, then release or refuse the deletions at /v1/syncs/{}/held.",
            run["sync_id"].as_str().unwrap()
        );
        assert_eq!(run["note"], note);

        let events = app.client.list(&tenant.key, "/v1/events?type=sync.held").await;
        assert_eq!(events.len(), 1);
        let data = &events[0]["data"];
        assert_eq!((&data["message"], &data["missing"], &data["present"]), (&json!(note), &json!(4), &json!(12)));
        assert_eq!((&data["stream"], &events[0]["subject"]), (&json!("employees"), &run["sync_id"]));
        assert_eq!(app.client.list(&tenant.key, "/v1/employees").await.len(), 12);
        app.stop().await;
    }

    async fn a_failed_run_has_an_error_and_no_note(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let path = format!("/v1/connections/{}/credential", tenant.connection);
        let wrong = json!({"client_id": app.sandbox.client_id(), "client_secret": "wrong"});
        app.client.put(&tenant.key, &path, &wrong).await.expect(200);
        let run = app.sync(&tenant, "employees", "full").await;
        assert_eq!((&run["state"], &run["note"]), (&json!("failed"), &Value::Null));
        assert_eq!(run["error"]["code"], "connection.credential-refused");
        assert!(run["error"]["message"].as_str().unwrap().len() > 20, "{run}");
        app.stop().await;
    }
}
