//! The audit log over HTTP: filters, pages, its chain, and what is not chained yet.

use gangway_app::audit::{self, AuditEntry};
use gangway_domain::principal::Scope;
use gangway_storage::TenantScope;
use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{code, pointers, text};

/// Chains what is not chained yet, as the clockwork and a worker would.
pub(super) async fn chain(app: &TestApp) {
    audit::start_chaining(&app.app).await.unwrap();
    app.run_jobs_until_idle().await;
}

pub(super) async fn verify(app: &TestApp, tenant: &Onboarded, query: &str) -> Value {
    app.client.get(&tenant.key, &format!("/v1/audit-log/verify{query}")).await.expect(200)
}

async fn scope(app: &TestApp, tenant: &Onboarded) -> TenantScope {
    *app.operator().for_tenant(tenant.tenant.parse().unwrap()).await.unwrap().scope()
}

fn entry(app: &TestApp, action: &str) -> AuditEntry {
    AuditEntry {
        id: app.app.new_id(),
        principal: "cli".to_owned(),
        action: action.to_owned(),
        object: "con_x".to_owned(),
        detail: json!({}),
        request: None,
        at: app.app.now(),
    }
}

on_both_databases! {
    async fn entries_are_shown_at_once_and_get_their_place_later(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let before = app.client.list(&tenant.key, "/v1/audit-log").await;
        assert!(before.len() >= 5 && before.iter().all(|entry| entry["sequence"].is_null() && entry["link"].is_null()));
        assert_eq!(verify(&app, &tenant, "").await["n_unchained"], before.len());
        chain(&app).await;
        let after = app.client.list(&tenant.key, "/v1/audit-log").await;
        let places: Vec<_> = after.iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect();
        assert_eq!(places, (1..=before.len() as u64).collect::<Vec<_>>());
        assert_eq!(after[0]["action"], "tenant.create");
        assert!(text(&after[0], "id").starts_with("aud_") && text(&after[0], "request_id").starts_with("req_"));
        let verdict = verify(&app, &tenant, "").await;
        let last = after.last().unwrap();
        assert_eq!(verdict, json!({
            "ok": true, "n_verified": after.len(), "n_unchained": 0, "broken": null, "next": null,
            "end": {"sequence": last["sequence"], "link": last["link"]},
        }));
        // Chaining again changes nothing.
        chain(&app).await;
        assert_eq!(app.client.list(&tenant.key, "/v1/audit-log").await, after);
        app.stop().await;
    }

    async fn pages_go_through_the_chain_and_end_with_what_has_no_place(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        chain(&app).await;
        for n in 1..=5 {
            app.client.post(&tenant.key, "/v1/keys", &json!({"name": format!("later {n}")})).await.expect(201);
        }
        let whole = app.client.get(&tenant.key, "/v1/audit-log?limit=200").await.expect(200);
        assert!(whole["next"].is_null());
        let whole = whole["data"].as_array().unwrap().clone();
        assert_eq!((&whole.last().unwrap()["action"], whole.last().unwrap()["sequence"].is_null()), (&json!("key.create"), true));
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.client.get(&tenant.key, &format!("/v1/audit-log?limit=2{after}")).await.expect(200);
            paged.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(paged, whole);
        app.stop().await;
    }

    async fn entries_that_get_their_place_while_they_are_read_come_again_with_it(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        chain(&app).await;
        for n in 1..=5 {
            app.client.post(&tenant.key, "/v1/keys", &json!({"name": format!("later {n}")})).await.expect(201);
        }
        let chained = verify(&app, &tenant, "").await["n_verified"].as_u64().unwrap();
        let first = app.client.get(&tenant.key, &format!("/v1/audit-log?limit={}", chained + 2)).await.expect(200);
        chain(&app).await;
        let rest = app.client.list(&tenant.key, &format!("/v1/audit-log?after={}", first["next"].as_str().unwrap())).await;
        let places: Vec<_> = rest.iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect();
        assert_eq!(places, (chained + 1..=chained + 5).collect::<Vec<_>>());
        app.stop().await;
    }

    async fn filters_are_by_action_object_principal_and_time(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let all = app.client.list(&tenant.key, "/v1/audit-log").await;
        let find = async |query: String| app.client.list(&tenant.key, &format!("/v1/audit-log?{query}")).await;
        let of = |member: &str, value: &str| -> Vec<Value> {
            all.iter().filter(|entry| entry[member] == value).cloned().collect()
        };
        let principal = text(&all[0], "principal");
        assert_eq!(find("action=connection.check".to_owned()).await, of("action", "connection.check"));
        assert_eq!(find(format!("object={}", tenant.connection)).await, of("object", &tenant.connection));
        assert_eq!(find(format!("principal={principal}")).await, of("principal", &principal));
        assert!(find("action=connection.check".to_owned()).await.len() == 1 && !of("object", &tenant.connection).is_empty());
        let middle = text(&all[2], "at");
        let (until, since) = (find(format!("until={middle}")).await, find(format!("since={middle}")).await);
        assert!(!until.is_empty() && !since.is_empty());
        assert_eq!([until, since].concat(), all);
        for (query, pointer) in [("since=yesterday", "since"), ("until=2026-11-24", "until"), ("after=aud_1", "after"), ("who=me", "who")] {
            let answer = app.client.get(&tenant.key, &format!("/v1/audit-log?{query}")).await;
            assert_eq!(pointers(&answer), [pointer], "{query}");
        }
        app.stop().await;
    }

    async fn reading_needs_a_scope_of_its_own_and_an_operators_reading_is_an_entry_itself(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let other = app.tenant_key(&tenant.tenant, &[Scope::KeysWrite, Scope::ConnectionsWrite]).await;
        for path in ["/v1/audit-log", "/v1/audit-log/verify"] {
            let refused = app.client.get(&other, path).await;
            assert_eq!((refused.status, code(&refused).as_str()), (403, "key.forbidden"));
            assert!(text(&refused.body, "detail").contains("`audit:read`"), "{}", refused.body);
        }
        let auditor = app.tenant_key(&tenant.tenant, &[Scope::AuditRead]).await;
        app.client.get(&auditor, "/v1/audit-log").await.expect(200);
        let operator = app.operator_key().await;
        let request = app.client.request(Method::GET, &operator, "/v1/audit-log").header("gangway-tenant", &tenant.tenant);
        let seen = app.client.send(request).await.expect(200);
        let last = seen["data"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["action"], &last["detail"]), (&json!("operator.act"), &json!({"route": "GET /v1/audit-log"})));
        app.stop().await;
    }

    async fn an_entry_that_commits_late_comes_behind_those_that_were_seen_before_it(db: TestDb) {
        let is_postgres = db.is_postgres();
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let scope = scope(&app, &tenant).await;
        let late = entry(&app, "late");
        let early = entry(&app, "early");
        assert!(late.id < early.id);
        // SQLite has one writer at a time: there only the ids are out of order.
        let mut open = None;
        if is_postgres {
            let tx = app.app.db.begin(&scope).await.unwrap();
            tx.audit().create(&late).await.unwrap();
            open = Some(tx);
        }
        let tx = app.app.db.begin(&scope).await.unwrap();
        tx.audit().create(&early).await.unwrap();
        tx.commit().await.unwrap();
        chain(&app).await;
        let seen = app.client.list(&tenant.key, "/v1/audit-log").await;
        assert_eq!(seen.last().unwrap()["action"], "early");
        let tx = if let Some(tx) = open {
            tx
        } else {
            let tx = app.app.db.begin(&scope).await.unwrap();
            tx.audit().create(&late).await.unwrap();
            tx
        };
        tx.commit().await.unwrap();
        chain(&app).await;
        let cursor = seen.last().unwrap()["sequence"].as_u64().unwrap();
        let rest = app.client.list(&tenant.key, &format!("/v1/audit-log?after={cursor}")).await;
        assert_eq!(rest.iter().map(|entry| text(entry, "action")).collect::<Vec<_>>(), ["late"]);
        assert_eq!(rest[0]["sequence"], cursor + 1);
        assert_eq!(verify(&app, &tenant, "").await["ok"], true);
        app.stop().await;
    }

    async fn writers_at_once_give_one_chain_without_gaps(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let scope = scope(&app, &tenant).await;
        let write = async |n: usize| {
            for _ in 0..10 {
                let tx = app.app.db.begin(&scope).await.unwrap();
                tx.audit().create(&entry(&app, &format!("writer.{n}"))).await.unwrap();
                tx.commit().await.unwrap();
            }
        };
        let chaining = async {
            for _ in 0..4 {
                chain(&app).await;
            }
        };
        tokio::join!(write(1), write(2), write(3), chaining);
        chain(&app).await;
        let all = app.client.list(&tenant.key, "/v1/audit-log").await;
        let places: Vec<_> = all.iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect();
        assert_eq!(places, (1..=all.len() as u64).collect::<Vec<_>>());
        let of_writers = all.iter().filter(|entry| text(entry, "action").starts_with("writer."));
        assert_eq!(of_writers.count(), 30);
        assert_eq!(verify(&app, &tenant, "").await["ok"], true);
        app.stop().await;
    }

    async fn a_worker_that_lost_its_lease_chains_nothing(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let ctx = app.operator().for_tenant(tenant.tenant.parse().unwrap()).await.unwrap();
        let fence = gangway_app::queue::JobFence { job: app.app.new_id(), epoch: 1 };
        assert!(audit::chain(&ctx, &fence, &|| false).await.is_err());
        assert_eq!(verify(&app, &tenant, "").await["end"], Value::Null);
        app.stop().await;
    }

    async fn the_lag_ends_when_everything_is_chained(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        assert!(audit::lag(&app.app.db, app.app.now()).await.unwrap().is_some());
        chain(&app).await;
        assert_eq!(audit::lag(&app.app.db, app.app.now()).await.unwrap(), None);
        let operator = app.operator();
        let installation = audit::verify_all(&audit::platform(&operator).unwrap()).await.unwrap();
        assert!(installation.broken.is_none() && installation.n_verified > 0, "{installation:?}");
        assert_eq!(verify(&app, &tenant, "").await["ok"], true);
        app.stop().await;
    }
}
