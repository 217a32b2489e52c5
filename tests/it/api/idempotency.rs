//! Repeating a creating request: the same answer, once the work.

use chrono::{DateTime, TimeDelta};
use gangway_app::{
    idempotency::{self, Begun, Caller as _},
    jobs,
    keys::{self, Authenticated, NewKey},
};
use gangway_domain::{Code, principal::Scope};
use gangway_testkit::{Answer, TestApp, TestDb, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{code, failed_job, send, text};

async fn post(app: &TestApp, key: &str, path: &str, name: &str, body: &Value) -> Answer {
    send(app, Method::POST, key, path, &[("idempotency-key", name)], body).await
}

on_both_databases! {
    async fn a_repeated_request_gets_the_first_answer(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let operator = app.operator_key().await;
        let first = post(&app, &operator, "/v1/tenants", "k1", &json!({"name": "Acme", "time_zone": "UTC"})).await;
        assert_eq!(first.status, 201, "{}", first.body);
        // The same body in another order and spacing.
        let request = app.client.request(Method::POST, &operator, "/v1/tenants").header("idempotency-key", "k1");
        let request = request.header("content-type", "application/json").body("{ \"time_zone\":\"UTC\",\"name\" : \"Acme\" }");
        let again = app.client.send(request).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!((again.header("location"), again.header("etag")), (first.header("location"), first.header("etag")));
        assert_eq!(app.client.list(&operator, "/v1/tenants").await.len(), 1);

        let other = post(&app, &operator, "/v1/tenants", "k1", &json!({"name": "Bolt"})).await;
        assert_eq!((other.status, code(&other).as_str()), (422, "idempotency.mismatch"));
        // Another principal's key of the same name is another request.
        let second = app.operator_key().await;
        assert_eq!(post(&app, &second, "/v1/tenants", "k1", &json!({"name": "Bolt"})).await.status, 201);
        app.stop().await;
    }

    async fn a_secret_is_shown_only_the_first_time(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let first = post(&app, &tenant.key, "/v1/keys", "k", &json!({"name": "x"})).await.expect(201);
        assert!(first["key"].as_str().unwrap().starts_with("gwt_"));
        let again = post(&app, &tenant.key, "/v1/keys", "k", &json!({"name": "x"})).await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.body["id"], first["id"]);
        assert!(again.body.get("key").is_none());
        app.stop().await;
    }

    async fn stored_answers_go_after_a_day(db: TestDb) {
        let at = DateTime::parse_from_rfc3339("2026-11-24T08:00:00Z").unwrap().to_utc();
        let app = TestApp::on(db).clock_at(at).start().await;
        let operator = app.operator_key().await;
        post(&app, &operator, "/v1/tenants", "k1", &json!({"name": "Acme"})).await.expect(201);
        let prune = async |after: TimeDelta| {
            app.clock.as_ref().unwrap().advance(after);
            jobs::prune::prune(&app.app, &jobs::PruneJobs::default(), &|| false).await.unwrap();
            app.db.count("idempotent_answer").await
        };
        assert_eq!(prune(TimeDelta::hours(23)).await, 1);
        assert_eq!(prune(TimeDelta::hours(2)).await, 0);
        app.stop().await;
    }

    async fn a_request_whose_answer_was_lost_is_answered_with_what_it_made(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let operator = app.operator_key().await;
        // Only what writing needs: what the request made may be read all the same.
        let key = app.tenant_key(&tenant.tenant, &[Scope::KeysWrite, Scope::ConnectionsWrite]).await;
        let credential = json!({"client_id": "a", "client_secret": "b"});
        let connection = json!({"connector": "personio", "name": "Second", "credential": credential});
        let syncs = json!({"connection_id": tenant.connection, "stream": "employees", "schedule": null});
        let sync = app.client.post(&tenant.key, "/v1/syncs", &json!({"connection_id": tenant.connection, "stream": "absences"})).await.expect(201);
        let runs = format!("/v1/syncs/{}/runs", text(&sync, "id"));
        let job = failed_job(&app, &tenant, &text(&sync, "id")).await;
        let retry = format!("/v1/jobs/{job}/retry");
        for (key, path, body) in [
            (&operator, "/v1/tenants", json!({"name": "Bolt"})),
            (&key, "/v1/keys", json!({"name": "x"})),
            (&key, "/v1/connections", connection),
            (&key, "/v1/syncs", syncs),
            (&key, &retry, json!({})),
            (&key, &runs, json!({"mode": "full"})),
        ] {
            if path == runs {
                app.run_jobs_until_idle().await;
            }
            let first = post(&app, key, path, "k", &body).await;
            assert!(matches!(first.status, 201 | 202), "{path}: {}", first.body);
            // As if the process had died before it could keep its answer.
            app.db.execute("UPDATE idempotent_answer SET status = NULL, answer = NULL").await;
            for _ in 0..2 {
                let again = post(&app, key, path, "k", &body).await;
                assert_eq!((again.status, again.header("idempotency-replayed")), (first.status, Some("true")), "{path}: {}", again.body);
                assert_eq!((&again.body["id"], again.header("location")), (&first.body["id"], first.header("location")), "{path}");
                assert!(again.body.get("key").is_none(), "a key's text is nowhere to be read");
            }
            if path == "/v1/connections" {
                app.db.execute("UPDATE idempotent_answer SET status = NULL, answer = NULL").await;
                app.client.delete(&tenant.key, first.header("location").unwrap()).await.expect(204);
                let gone = post(&app, key, path, "k", &body).await;
                assert_eq!((gone.status, code(&gone).as_str()), (409, "idempotency.gone"), "{}", gone.body);
            }
            let other = post(&app, key, path, "k", &json!({"name": "other", "mode": "incremental"})).await;
            assert!(path == retry || other.status == 422, "{path}: {}", other.body);
        }
        app.stop().await;
    }

    async fn who_was_taken_over_makes_nothing_any_more(db: TestDb) {
        let at = DateTime::parse_from_rfc3339("2026-11-24T08:00:00Z").unwrap().to_utc();
        let app = TestApp::on(db).clock_at(at).start().await;
        let tenant = app.onboard("Acme").await;
        let Authenticated::Tenant(ctx) = keys::authenticate(&app.app, &tenant.key).await.unwrap() else { panic!("no tenant's") };
        let body = json!({"name": "x"});
        let begin = async || idempotency::begin(&ctx, "POST /v1/keys", "k", body.to_string().as_bytes()).await;
        let Begun::New(stalled) = begin().await.unwrap() else { panic!("nobody had begun") };
        assert_eq!(begin().await.unwrap_err().code, Code::IdempotencyRunning);
        app.clock.as_ref().unwrap().advance(TimeDelta::minutes(6));
        let second = post(&app, &tenant.key, "/v1/keys", "k", &body).await;
        assert_eq!((second.status, second.header("idempotency-replayed")), (201, None), "{}", second.body);

        let new = || NewKey { name: "x".to_owned(), scopes: None, expires_at: None };
        let late = keys::create(&ctx.clone().claiming(&stalled), new()).await.unwrap_err();
        assert_eq!(late.code, Code::IdempotencyRunning);
        stalled.forget().await.unwrap();
        let again = post(&app, &tenant.key, "/v1/keys", "k", &body).await;
        assert_eq!((again.header("idempotency-replayed"), &again.body["id"]), (Some("true"), &second.body["id"]));
        let named = app.client.list(&tenant.key, "/v1/keys").await.into_iter().filter(|key| key["name"] == "x");
        assert_eq!(named.count(), 1);
        app.stop().await;
    }

    async fn two_at_once_make_one_object(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let body = json!({"name": "x"});
        let (one, two) = tokio::join!(
            post(&app, &tenant.key, "/v1/keys", "k", &body),
            post(&app, &tenant.key, "/v1/keys", "k", &body),
        );
        for answer in [&one, &two] {
            assert!(answer.status == 201 || code(answer) == "idempotency.running", "{}", answer.body);
        }
        let named = app.client.list(&tenant.key, "/v1/keys").await.into_iter().filter(|key| key["name"] == "x");
        assert_eq!(named.count(), 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_request_leaves_its_key_free() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let refused = post(&app, &tenant.key, "/v1/keys", "k", &json!({"name": ""})).await;
    assert_eq!(refused.status, 422);
    assert_eq!(post(&app, &tenant.key, "/v1/keys", "k", &json!({"name": "good"})).await.status, 201);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_kept_for_a_day() {
    let at = DateTime::parse_from_rfc3339("2026-11-24T08:00:00Z").unwrap().to_utc();
    let app = TestApp::on(TestDb::sqlite().await).clock_at(at).start().await;
    let operator = app.operator_key().await;
    let clock = app.clock.clone().unwrap();
    let post =
        |name: &'static str| post(&app, &operator, "/v1/tenants", "k", Box::leak(Box::new(json!({"name": name}))));
    assert_eq!(post("Acme").await.status, 201);
    clock.advance(TimeDelta::hours(23));
    assert_eq!(post("Bolt").await.status, 422);
    clock.advance(TimeDelta::hours(2));
    assert_eq!(post("Bolt").await.status, 201);
    app.stop().await;
}
