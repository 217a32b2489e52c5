//! What a change touches, and what leaves the version of somebody's object alone.

use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{code, failed_job, pointers, send, sync_of, text};

/// The actions that were noted, oldest first.
async fn log(app: &TestApp, tenant: &Onboarded) -> Vec<String> {
    let ctx = app.operator().for_tenant(tenant.tenant.parse().unwrap()).await.unwrap();
    let page = gangway_app::PageRequest { limit: 200, after: None };
    let log = gangway_app::audit::list(&ctx, &gangway_app::audit::AuditFilter::default(), page).await.unwrap();
    log.items.into_iter().map(|listed| listed.entry.action).collect()
}

async fn schedule(app: &TestApp, tenant: &Onboarded, stream: &str, schedule: &str) -> Value {
    let body = json!({"connection_id": tenant.connection, "stream": stream, "schedule": schedule});
    app.client.post(&tenant.key, "/v1/syncs", &body).await.expect(201)
}

on_both_databases! {
    async fn a_change_that_says_nothing_new_changes_nothing(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let operator = app.operator_key().await;
        let before = log(&app, &tenant).await;
        let config = json!({"base_url": app.sandbox.base_url()});
        for (key, path, bodies) in [
            (&operator, format!("/v1/tenants/{}", tenant.tenant), [json!({}), json!({"name": " Acme ", "state": "active"})]),
            (&tenant.key, format!("/v1/connections/{}", tenant.connection), [json!({}), json!({"name": "Personio", "config": config})]),
        ] {
            let read = app.client.get(key, &path).await.expect(200);
            for body in bodies {
                assert_eq!(app.client.patch(key, &path, &body).await.expect(200), read, "{path} {body}");
            }
            let stale = send(&app, Method::PATCH, key, &path, &[("if-match", "\"v9\"")], &json!({})).await;
            assert_eq!(stale.status, 412, "{path}");
        }
        assert_eq!(log(&app, &tenant).await, before);
        app.stop().await;
    }

    async fn a_run_fails_nobodys_edit(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let sync = sync_of(&app, &tenant, "employees").await;
        let path = format!("/v1/syncs/{sync}");
        let seen = app.client.get(&tenant.key, &path).await;
        let tag = seen.header("etag").unwrap().to_owned();
        app.client.post(&tenant.key, &format!("{path}/runs"), &json!({"mode": "full"})).await.expect(202);
        app.run_jobs_until_idle().await;
        let after = app.client.get(&tenant.key, &path).await.expect(200);
        assert!(after["cursor"].is_string() && after["last_run_id"].is_string(), "{after}");
        let edit = json!({"schedule": "every 1h"});
        let edited = send(&app, Method::PATCH, &tenant.key, &path, &[("if-match", &tag)], &edit).await;
        assert_eq!((edited.status, &edited.body["cursor"]), (200, &after["cursor"]), "{}", edited.body);
        let late = send(&app, Method::PATCH, &tenant.key, &path, &[("if-match", &tag)], &edit).await;
        assert_eq!(late.status, 412);
        app.stop().await;
    }

    async fn another_zone_moves_what_is_scheduled_by_the_clock(db: TestDb) {
        let at = "2026-01-10T00:00:00Z".parse().unwrap();
        let app = TestApp::on(db).clock_at(at).start().await;
        let tenant = app.onboard("Acme").await;
        let other = app.onboard("Other").await;
        let (cron, others) = (schedule(&app, &tenant, "employees", "0 6 * * *").await, schedule(&app, &other, "employees", "0 6 * * *").await);
        let every = schedule(&app, &tenant, "absences", "every 1d").await;
        let next = |sync: &Value| {
            let (client, key) = (&app.client, if sync == &others { &other.key } else { &tenant.key });
            let path = format!("/v1/syncs/{}", text(sync, "id"));
            async move {
                let read = client.get(key, &path).await.expect(200);
                (text(&read, "next_run_at"), read["version"].clone())
            }
        };
        assert!(next(&cron).await.0.starts_with("2026-01-10T05:0"), "six in Berlin");
        let operator = app.operator_key().await;
        let path = format!("/v1/tenants/{}", tenant.tenant);
        app.client.patch(&operator, &path, &json!({"time_zone": "America/New_York"})).await.expect(200);
        let (moved, version) = next(&cron).await;
        assert!(moved.starts_with("2026-01-10T11:0"), "six in New York: {moved}");
        assert_eq!(version, cron["version"]);
        for sync in [&every, &others] {
            assert_eq!(next(sync).await.0, text(sync, "next_run_at"), "no clock of this tenant's");
        }
        app.stop().await;
    }

    async fn a_job_is_repeated_only_while_there_is_something_to_do(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let sync = sync_of(&app, &tenant, "absences").await;
        let failed = failed_job(&app, &tenant, &sync).await;
        let retry = format!("/v1/jobs/{failed}/retry");
        app.client.post(&tenant.key, &retry, &json!({})).await.expect(201);
        app.run_jobs_until_idle().await;
        let n_jobs = app.client.list(&tenant.key, "/v1/jobs").await.len();
        let done = app.client.post(&tenant.key, &retry, &json!({})).await;
        assert_eq!((code(&done).as_str(), done.status), ("job.not-failed", 409), "{}", done.body);
        app.client.delete(&tenant.key, &format!("/v1/connections/{}", tenant.connection)).await.expect(204);
        let gone = app.client.post(&tenant.key, &retry, &json!({})).await;
        assert_eq!((code(&gone).as_str(), gone.status), ("object.not-found", 404), "{}", gone.body);
        assert!(text(&gone.body, "detail").contains("deleted"), "{}", gone.body);
        assert_eq!(app.client.list(&tenant.key, "/v1/jobs").await.len(), n_jobs);
        app.stop().await;
    }

    async fn schedules_that_nobody_meant_are_refused(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        for schedule in ["*/99 * * * *", "1,2,,3 * * * *", "0 0 30 2 *"] {
            let body = json!({"connection_id": tenant.connection, "stream": "employees", "schedule": schedule});
            assert_eq!(pointers(&app.client.post(&tenant.key, "/v1/syncs", &body).await), ["/schedule"], "{schedule}");
        }
        app.stop().await;
    }
}
