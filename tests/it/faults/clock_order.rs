//! A clock that jumps by an hour, either way, under what is not a sync: keys, the order of the log and of the audit log, logins.

use chrono::TimeDelta;
use gangway_app::{
    PageRequest,
    audit::{self, AuditFilter},
    connections::{self, ConnectionPatch},
    events,
    keys::{self, NewKey},
};
use gangway_domain::sync::{RunMode, RunState};
use gangway_testkit::on_both_databases;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::stage::Stage;

on_both_databases! {
    async fn a_key_ends_by_the_clock_as_it_is_now(db: TestDb) {
        let stage = Stage::empty(db).await;
        let expires_at = stage.now() + TimeDelta::minutes(30);
        let new = NewKey { name: "short".to_owned(), scopes: None, expires_at: Some(expires_at) };
        let (_, key) = keys::create(&stage.ctx, new).await.unwrap();
        let key = key.expose_secret();
        for (jump, status) in [(0, 200), (1, 401), (-1, 200), (-1, 200), (1, 200), (1, 401)] {
            stage.pass(TimeDelta::hours(jump));
            assert_eq!(stage.app.client.get(key, "/v1/syncs").await.status, status, "after {jump} h");
        }
        stage.stop().await;
    }

    async fn the_log_and_the_audit_log_keep_the_order_in_which_things_happened(db: TestDb) {
        let (stage, mut times) = (Stage::filled(db).await, Vec::new());
        for (round, jump) in [1, -1, -1, 1].into_iter().enumerate() {
            stage.pass(TimeDelta::hours(jump));
            let person = stage.ids()[0];
            stage.vendor().change_person(person, &json!({"position": format!("Level {round}")})).unwrap();
            let patch = ConnectionPatch { name: Some(format!("HR {round}")), config: None };
            connections::update(&stage.ctx, stage.connection, None, patch).await.unwrap();
            times.push(stage.now());
            chain(&stage).await;
            let run = stage.run(RunMode::Incremental).await;
            assert_eq!((run.state, run.counts.updated), (RunState::Completed, 1), "{run:?}");
        }
        let page = || PageRequest { limit: 1_000, after: None };
        let log = events::list(&stage.ctx, &["employee.updated".to_owned()], page()).await.unwrap().items;
        let levels: Vec<_> = log.iter().map(|event| event.fact.data["changes"]["position"]["new"].clone()).collect();
        assert_eq!(levels, ["Level 0", "Level 1", "Level 2", "Level 3"], "{:?}", log[0].fact.data);
        assert!(log.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
        assert!(log.windows(2).any(|pair| pair[0].fact.occurred_at > pair[1].fact.occurred_at), "the clock went back");

        let audited = audit::list(&stage.ctx, &AuditFilter::default(), PageRequest { limit: 1_000, after: None }).await.unwrap().items;
        let mut renamed: Vec<_> = audited.iter().filter(|listed| listed.entry.action == "connection.update").collect();
        renamed.sort_by_key(|listed| listed.place.as_ref().unwrap().sequence);
        let renamed: Vec<_> = renamed.iter().map(|listed| listed.entry.at).collect();
        assert!(renamed.ends_with(&times), "{renamed:?}");
        // The last run was ordered after the last chaining.
        chain(&stage).await;
        let verdict = audit::verify_all(&stage.ctx).await.unwrap();
        assert_eq!((verdict.broken, verdict.n_unchained), (None, 0));
        stage.stop().await;
    }

    async fn a_login_of_a_time_that_has_not_come_keeps_nobody_from_the_next(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.pass(TimeDelta::hours(1));
        stage.vendor().expire_tokens();
        stage.run_well().await;

        stage.pass(TimeDelta::hours(-1));
        stage.vendor().expire_tokens();
        let run = stage.start(stage.sync, RunMode::Full).await;
        let (run, waits) = stage.finish(run).await;
        assert_eq!((run.state, waits), (RunState::Completed, Vec::new()));
        stage.stop().await;
    }
}

/// Gives every entry of the audit log its place, as the clockwork does each minute.
async fn chain(stage: &Stage) {
    audit::start_chaining(&stage.app.app).await.unwrap();
    stage.app.run_jobs_until_idle().await;
}
