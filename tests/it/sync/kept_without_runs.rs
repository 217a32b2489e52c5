//! What is kept follows the choice of attributes where no run is about to read: no sync, failing runs, another account.

use std::time::Duration;

use gangway_app::{
    Error, connections,
    queue::{self, ClaimRequest, JobFence, Outcome},
    syncs::{self, Progress},
};
use gangway_domain::{Code, id::SyncId, record::Stream, sync::RunMode};
use gangway_testkit::{TestDb, on_both_databases};
use secrecy::SecretString;
use serde_json::json;

use super::{
    sensitive::{raw, select_salary},
    support::Bench,
};

on_both_databases! {
    async fn a_choice_where_nothing_syncs_reaches_what_is_stored_and_the_vendor_is_not_asked(db: TestDb) {
        let (bench, sync) = with_salaries(db).await;
        bench.vendor.remove(Stream::Employees, &["2"]);
        bench.run(sync, RunMode::Full).await;
        syncs::delete(&bench.ctx, sync, None).await.unwrap();
        let before = bench.record(Stream::Employees, "1").await;
        let before_it = told(&bench).await;

        assert!(select_salary(&bench, false).await.is_none(), "there is nothing to run");
        assert_eq!(raw(&bench, Stream::Employees, "1").await["dynamic_2"], "canary-salary-1", "the control");
        apply(&bench).await;
        for id in 1..10 {
            assert_eq!(raw(&bench, Stream::Employees, &id.to_string()).await, json!({"id": id.to_string(), "dynamic_1": "L"}));
        }
        assert_eq!(told(&bench).await, before_it);
        // Taken up again, it shows what is still there.
        select_salary(&bench, true).await;
        for id in ["1", "2"] {
            assert_eq!(bench.record(Stream::Employees, id).await.sensitive, Some([].into()), "{id}");
        }
        let after = bench.record(Stream::Employees, "1").await;
        assert_eq!((after.version, after.changed_at), (before.version + 1, before.changed_at));
    }

    async fn a_sync_that_comes_later_tells_nobody_to_have_changed(db: TestDb) {
        let (bench, sync) = with_salaries(db).await;
        syncs::delete(&bench.ctx, sync, None).await.unwrap();
        select_salary(&bench, false).await;
        apply(&bench).await;
        select_salary(&bench, true).await;
        apply(&bench).await;
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        assert!(bench.kinds().await.iter().all(|kind| kind != "employee.updated"), "{:?}", bench.kinds().await);
        assert!(bench.record(Stream::Employees, "1").await.sensitive.unwrap().contains_key("dynamic_2"));
    }

    async fn a_choice_that_changes_nothing_enqueues_nothing(db: TestDb) {
        let (bench, sync) = with_salaries(db).await;
        syncs::delete(&bench.ctx, sync, None).await.unwrap();
        select_salary(&bench, true).await;
        assert!(claim(&bench).await.is_none());
    }

    async fn a_run_that_fails_leaves_the_choice_to_a_job(db: TestDb) {
        let (bench, _) = with_salaries(db).await;
        let run = select_salary(&bench, false).await.unwrap();
        let fence = bench.claim().await.unwrap();
        syncs::fail(&bench.ctx, run, &fence, &Error::new(Code::VendorUnavailable, "It is away.")).await.unwrap();
        bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
        apply(&bench).await;
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1", "dynamic_1": "L"}));
    }

    async fn another_account_takes_the_first_ones_own_attributes_along(db: TestDb) {
        let (bench, _) = with_salaries(db).await;
        let other = SecretString::from(r#"{"client_id": "another"}"#);
        connections::put_credential(&bench.ctx, bench.connection, None, other).await.unwrap();
        apply(&bench).await;
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1"}));
        assert!(bench.record(Stream::Employees, "1").await.attributes.is_empty());
    }

    async fn a_worker_that_lost_its_lease_writes_nothing_and_the_next_goes_on(db: TestDb) {
        let (bench, sync) = with_salaries(db).await;
        syncs::delete(&bench.ctx, sync, None).await.unwrap();
        select_salary(&bench, false).await;
        let dead = claim(&bench).await.unwrap();
        bench.ack(dead, Outcome::Again).await;
        let lost = syncs::apply_choice(&bench.ctx, bench.connection, &dead, &|| false).await;
        assert!(lost.is_err());
        assert_eq!(raw(&bench, Stream::Employees, "1").await["dynamic_2"], "canary-salary-1");
        let fence = claim(&bench).await.unwrap();
        let stopped = syncs::apply_choice(&bench.ctx, bench.connection, &fence, &|| true).await.unwrap();
        assert_eq!(stopped, Progress::Yield);
        bench.ack(fence, Outcome::Again).await;
        apply(&bench).await;
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1", "dynamic_1": "L"}));
    }
}

/// Calls that the vendor got, and events.
async fn told(bench: &Bench) -> (usize, i64) {
    let n_calls = bench.vendor.account().calls.len();
    (n_calls, bench.db.count("event").await)
}

/// Nine employees with their salaries sealed, read once.
async fn with_salaries(db: TestDb) -> (Bench, SyncId) {
    let bench = Bench::on(db).await;
    bench.vendor.hire(1..10, bench.now());
    select_salary(&bench, true).await;
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    (bench, sync)
}

async fn claim(bench: &Bench) -> Option<JobFence> {
    let request = ClaimRequest {
        queue: "mappings".to_owned(),
        owner: "test".to_owned(),
        slots: 1,
        turn: 0,
        lease: Duration::from_hours(1),
    };
    queue::claim(&bench.app, &request).await.unwrap().first().map(|claimed| claimed.fence)
}

/// Carries the waiting job out.
async fn apply(bench: &Bench) {
    let fence = claim(bench).await.expect("a job waits");
    let applied = syncs::apply_choice(&bench.ctx, bench.connection, &fence, &|| false).await.unwrap();
    assert_eq!(applied, Progress::Done);
    bench.ack(fence, Outcome::Done).await;
}
