//! Deletions that wait for a human, over HTTP: shown, released, refused, and only once.

use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use serde_json::{Value, json};

use super::support::{code, pointers, sync_of, text};

/// A sync of which a full run held four deletions; answers its path and the run.
async fn held(app: &TestApp, tenant: &Onboarded) -> (String, String) {
    let sync = sync_of(app, tenant, "employees").await;
    app.sync(tenant, "employees", "full").await;
    let run = sweep(app, tenant, &sync, 4).await;
    (format!("/v1/syncs/{sync}/held"), run)
}

/// So many more people go, and a full run misses them.
async fn sweep(app: &TestApp, tenant: &Onboarded, sync: &str, n_gone: usize) -> String {
    let sandbox = app.sandbox.handle();
    for person in sandbox.people().iter().take(n_gone) {
        sandbox.remove_person(person["id"].as_u64().unwrap()).unwrap();
    }
    let run = app.client.post(&tenant.key, &format!("/v1/syncs/{sync}/runs"), &json!({"mode": "full"})).await;
    app.run_jobs_until_idle().await;
    text(&run.expect(202), "id")
}

async fn n_present(app: &TestApp, tenant: &Onboarded) -> usize {
    app.client.list(&tenant.key, "/v1/employees").await.len()
}

on_both_databases! {
    async fn held_deletions_are_shown_and_released_once(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let (path, run) = held(&app, &tenant).await;
        let before = n_present(&app, &tenant).await;
        let shown = app.client.get(&tenant.key, &path).await.expect(200);
        assert_eq!((&shown["state"], &shown["missing"], &shown["run_id"]), (&json!("open"), &json!(4), &json!(run)));
        let findings: Vec<&Value> = shown["data"].as_array().unwrap().iter().map(|record| &record["finding"]).collect();
        assert!(findings.iter().all(|finding| **finding == "gone"), "{findings:?}");

        let release = json!({"run_id": run, "reason": "a site closed"});
        for _ in 0..2 {
            let released = app.client.post(&tenant.key, &format!("{path}/release"), &release).await.expect(200);
            assert_eq!((&released["reason"], released["decided_by"].is_string()), (&json!("a site closed"), true));
        }
        app.run_jobs_until_idle().await;
        assert_eq!(app.client.get(&tenant.key, &path).await.expect(200)["state"], "released");
        assert_eq!(n_present(&app, &tenant).await, before - 4);
        let refused = app.client.post(&tenant.key, &format!("{path}/refuse"), &release).await;
        assert_eq!((refused.status, code(&refused).as_str()), (409, "held.decided"));
        app.stop().await;
    }

    async fn refused_deletions_stay_and_a_later_batch_takes_their_place(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let (path, first) = held(&app, &tenant).await;
        let before = n_present(&app, &tenant).await;
        let sync = path.split('/').nth(3).unwrap().to_owned();
        let second = sweep(&app, &tenant, &sync, 4).await;
        let outdated = json!({"run_id": first, "reason": "a right was lost"});
        let answer = app.client.post(&tenant.key, &format!("{path}/refuse"), &outdated).await;
        assert_eq!((answer.status, code(&answer).as_str()), (409, "held.outdated"));
        assert_eq!(answer.body["existing"], json!(second));

        let refuse = json!({"run_id": second, "reason": "a right was lost"});
        let refused = app.client.post(&tenant.key, &format!("{path}/refuse"), &refuse).await.expect(200);
        assert_eq!((&refused["state"], refused["refused_until"].is_string()), (&json!("refused"), true));
        assert_eq!(n_present(&app, &tenant).await, before, "nobody is deleted");
        app.stop().await;
    }

    async fn a_decision_needs_a_batch_and_a_reason(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let sync = sync_of(&app, &tenant, "employees").await;
        let path = format!("/v1/syncs/{sync}/held");
        assert_eq!(app.client.get(&tenant.key, &path).await.status, 404, "nothing is held");
        let run = format!("run_{}", "0".repeat(32));
        let release = format!("{path}/release");
        let unheld = app.client.post(&tenant.key, &release, &json!({"run_id": run, "reason": "x"})).await;
        assert_eq!((unheld.status, code(&unheld).as_str()), (404, "object.not-found"));
        for (body, pointer) in [
            (json!({"run_id": run, "reason": " "}), "/reason"),
            (json!({"run_id": run, "reason": "x".repeat(1_001)}), "/reason"),
            (json!({"run_id": run}), "/reason"),
            (json!({"run_id": "run_1", "reason": "x"}), "/run_id"),
            (json!({"run_id": run, "reason": "x", "force": true}), "/force"),
        ] {
            assert_eq!(pointers(&app.client.post(&tenant.key, &release, &body).await), [pointer], "{body}");
        }
        app.stop().await;
    }
}
