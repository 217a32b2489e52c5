//! A connection tells of its pause, and is resumed.

use gangway_sandbox::{Effect, Fault};
use gangway_testkit::{TestApp, on_both_databases};
use serde_json::{Value, json};

on_both_databases! {
    async fn a_paused_connection_says_so_and_is_resumed_as_often_as_asked(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let path = format!("/v1/connections/{}", tenant.connection);
        let pause = |connection: &Value| {
            let member = |name: &str| connection[name].clone();
            (member("pause"), member("failures"), member("paused_until").is_string())
        };
        let shown = app.client.get(&tenant.key, &path).await.expect(200);
        assert_eq!(pause(&shown), (json!("none"), json!(0), false));

        app.sandbox.handle().add_fault(Fault::always("/v1/company/employees", Effect::Forbidden)).unwrap();
        let run = app.sync(&tenant, "employees", "full").await;
        assert_eq!(run["state"], "failed", "{run}");
        let shown = app.client.get(&tenant.key, &path).await.expect(200);
        assert_eq!(pause(&shown), (json!("timed"), json!(1), true));
        assert!(shown["state_reason"].as_str().unwrap().contains("API credentials"), "{shown}");

        for _ in 0..2 {
            let resumed = app.client.post(&tenant.key, &format!("{path}/resume"), &json!({})).await.expect(200);
            assert_eq!(pause(&resumed), (json!("none"), json!(0), false));
            assert_eq!((&resumed["version"], &resumed["state"]), (&shown["version"], &json!("degraded")));
        }
        app.stop().await;
    }
}
