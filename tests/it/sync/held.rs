//! Deletions that wait for a human: what is shown, and what a yes or no does.

use chrono::TimeDelta;
use gangway_app::{
    queue::Outcome,
    syncs::{self, Held, Progress, Verb},
};
use gangway_domain::{
    Code,
    held::{Finding, HeldState},
    id::{SyncId, SyncRunId},
    principal::Scope,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_storage::PageRequest;
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::{
    support::{Bench, everything},
    vendor::employee,
};

on_both_databases! {
    async fn what_waits_can_be_read(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run) = held(&bench, &["1", "2", "3", "4", "5"]).await;
        let held = syncs::held(&bench.ctx, sync, everything()).await.unwrap();
        let batch = &held.batch;
        assert_eq!((batch.run, batch.state), (run, HeldState::Open));
        assert_eq!((batch.n_missing, batch.n_present, batch.n_allowed), (5, 20, 3));
        let mut named: Vec<_> = held.records.items.iter().map(|held| held.external_id.as_str()).collect();
        named.sort_unstable();
        assert_eq!(named, ["1", "2", "3", "4", "5"]);
        // By the fourth it was clear that a human must look.
        let findings: Vec<_> = held.records.items.iter().map(|held| held.finding).collect();
        assert_eq!(findings, [Finding::Gone, Finding::Gone, Finding::Gone, Finding::Gone, Finding::Unseen]);

        let first = syncs::held(&bench.ctx, sync, PageRequest { limit: 3, after: None }).await.unwrap().records;
        assert!(first.has_more);
        let rest = PageRequest { limit: 3, after: first.items.last().map(|held| held.record) };
        assert_eq!(syncs::held(&bench.ctx, sync, rest).await.unwrap().records.items, held.records.items[3..]);
    }

    async fn nothing_held_is_no_object(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        assert_eq!(syncs::held(&bench.ctx, sync, everything()).await.unwrap_err().code, Code::NotFound);
        let run = SyncRunId::from_uuid(uuid::Uuid::nil());
        let refused = syncs::decide(&bench.ctx, sync, run, Verb::Release, "so").await.unwrap_err();
        assert_eq!(refused.code, Code::NotFound);
    }

    async fn a_release_deletes_what_nobody_has_seen_since(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run) = held(&bench, &["1", "2", "3", "4", "5"]).await;
        // One comes back before anybody looks.
        bench.vendor.add(Stream::Employees, employee(5, bench.now()));
        bench.vendor.change(Stream::Employees, "5", bench.now() + TimeDelta::seconds(1), |object| {
            object.fields.insert("last_name".into(), json!("Back"));
        });
        bench.run(sync, RunMode::Incremental).await;

        let before = bench.events().await.len();
        let said = decide(&bench, sync, run, Verb::Release).await;
        assert_eq!((said.batch.state, said.reason.as_deref()), (HeldState::Releasing, Some("a site closed")));
        assert_eq!(bench.present(Stream::Employees).await.len(), 20, "the job does it");
        release(&bench, run).await;

        let batch = syncs::held(&bench.ctx, sync, everything()).await.unwrap().batch;
        assert_eq!((batch.state, batch.n_settled), (HeldState::Released, 5));
        let gone = bench.gone(Stream::Employees).await;
        let mut gone: Vec<_> = gone.iter().map(|record| record.external.id.as_str()).collect();
        gone.sort_unstable();
        assert_eq!(gone, ["1", "2", "3", "4"]);
        let ended = bench.read_run(run).await;
        assert_eq!((ended.state, ended.counts.deleted, ended.error_message), (RunState::Completed, 4, None));
        let told: Vec<_> = bench.events().await.split_off(before);
        let kinds: Vec<_> = told.iter().map(|event| event.fact.kind.as_str()).collect();
        assert_eq!(kinds, ["employee.deleted", "employee.deleted", "employee.deleted", "employee.deleted", "sync.completed"]);
        assert_eq!(told[4].fact.data["sweep"], "released");
    }

    async fn a_release_that_dies_goes_on(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..301, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.vendor.account().page_size = 100;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().objects.clear();
        let run = bench.run(sync, RunMode::Full).await.id;
        decide(&bench, sync, run, Verb::Release).await;
        let fence = bench.claim().await.unwrap();
        let turns = std::sync::atomic::AtomicUsize::new(0);
        let once = || turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 1;
        assert_eq!(syncs::release(&bench.ctx, run, &fence, &once).await.unwrap(), Progress::Yield);
        assert_eq!(bench.gone(Stream::Employees).await.len(), 200);
        assert_eq!(syncs::release(&bench.ctx, run, &fence, &|| false).await.unwrap(), Progress::Done);
        assert_eq!(syncs::release(&bench.ctx, run, &fence, &|| false).await.unwrap(), Progress::Done, "again");
        assert_eq!(bench.gone(Stream::Employees).await.len(), 300);
        let deleted = bench.kinds().await.iter().filter(|kind| *kind == "employee.deleted").count();
        assert_eq!((deleted, bench.read_run(run).await.counts.deleted), (300, 300));
    }

    async fn a_refusal_keeps_the_records_until_they_are_seen_or_its_time_is_over(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run) = held(&bench, &["1", "2", "3", "4"]).await;
        let said = decide(&bench, sync, run, Verb::Refuse).await;
        assert_eq!(said.batch.state, HeldState::Refused);
        assert_eq!(said.batch.refused_until, Some(bench.now() + TimeDelta::days(30)));
        assert_eq!(bench.read_run(run).await.state, RunState::Completed);
        assert_eq!(bench.kinds().await.last().unwrap(), "sync.completed");

        // Sweeps ask no more, and others may go beside them.
        bench.vendor.account().single_reads.clear();
        bench.vendor.remove(Stream::Employees, &["9"]);
        let next = bench.run(sync, RunMode::Full).await;
        assert_eq!((next.state, next.counts.deleted), (RunState::Completed, 1));
        assert_eq!(bench.vendor.account().single_reads, ["9"]);
        assert_eq!(bench.present(Stream::Employees).await.len(), 19);

        // Seen again and then gone, a record is like any other.
        bench.vendor.add(Stream::Employees, employee(4, bench.now()));
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);

        bench.advance(TimeDelta::days(31));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 3);
    }

    async fn the_same_word_twice_changes_nothing_and_another_is_refused(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run) = held(&bench, &["1", "2", "3", "4"]).await;
        decide(&bench, sync, run, Verb::Refuse).await;
        let n_events = bench.events().await.len();
        assert_eq!(decide(&bench, sync, run, Verb::Refuse).await.batch.state, HeldState::Refused);
        let other = syncs::decide(&bench.ctx, sync, run, Verb::Release, "no").await.unwrap_err();
        assert_eq!(other.code, Code::HeldDecided);
        assert_eq!(bench.events().await.len(), n_events);
        assert!(bench.claim().await.is_none(), "nothing was enqueued");
    }

    async fn a_later_sweep_takes_the_batchs_place(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run) = held(&bench, &["1", "2", "3", "4"]).await;
        // The same records again: held anew, and nobody is told twice.
        let again = bench.run(sync, RunMode::Full).await;
        assert_eq!((again.state, bench.read_run(run).await.state), (RunState::Held, RunState::Completed));
        let n_told = |kinds: Vec<String>| kinds.iter().filter(|kind| *kind == "sync.held").count();
        assert_eq!(n_told(bench.kinds().await), 1);
        let outdated = syncs::decide(&bench.ctx, sync, run, Verb::Release, "so").await.unwrap_err();
        assert_eq!((outdated.code, outdated.existing), (Code::HeldOutdated, Some(again.id.to_string())));
        // One more is news.
        bench.vendor.remove(Stream::Employees, &["5"]);
        bench.run(sync, RunMode::Full).await;
        assert_eq!(n_told(bench.kinds().await), 2);
        // Everybody is back.
        bench.vendor.hire(1..6, bench.now());
        bench.run(sync, RunMode::Full).await;
        let held = syncs::held(&bench.ctx, sync, everything()).await.unwrap();
        assert_eq!((held.batch.state, held.records.items.len()), (HeldState::Superseded, 0));
        assert_eq!(bench.db.count("sweep_finding").await, 0);
        assert_eq!(bench.present(Stream::Employees).await.len(), 20);
    }

    async fn a_sweep_beside_a_release_concludes_nothing_about_many(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run) = held(&bench, &["1", "2", "3", "4"]).await;
        decide(&bench, sync, run, Verb::Release).await;
        let release_fence = bench.claim().await.unwrap();
        let next = bench.run(sync, RunMode::Full).await;
        assert_eq!((next.state, next.counts.deleted), (RunState::Completed, 0));
        assert!(next.error_message.unwrap().contains("being released"));
        syncs::release(&bench.ctx, run, &release_fence, &|| false).await.unwrap();
        assert_eq!(bench.gone(Stream::Employees).await.len(), 4);
    }

    async fn a_decision_needs_a_reason_the_scope_and_leaves_a_trace(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run) = held(&bench, &["1", "2", "3", "4"]).await;
        for reason in ["", "  ", &"x".repeat(1_001)] {
            let wrong = syncs::decide(&bench.ctx, sync, run, Verb::Release, reason).await.unwrap_err();
            assert_eq!((wrong.code, wrong.fields[0].pointer.as_str()), (Code::RequestInvalid, "/reason"));
        }
        let reader = bench.with_permissions(&[Scope::ConnectionsRead]);
        let forbidden = syncs::decide(&reader, sync, run, Verb::Release, "so").await.unwrap_err();
        assert_eq!(forbidden.code, Code::KeyForbidden);
        assert!(syncs::held(&reader, sync, everything()).await.is_ok());
        syncs::decide(&bench.ctx, sync, run, Verb::Release, "canary-reason").await.unwrap();
        let log = gangway_app::audit::list(&bench.ctx, &gangway_app::audit::AuditFilter::default(), everything()).await.unwrap().items;
        let entry = &log.last().unwrap().entry;
        assert_eq!((entry.action.as_str(), entry.object.as_str()), ("sync.held.release", sync.to_string().as_str()));
        assert_eq!(entry.detail, json!({"run": run, "records": 4}));
    }

    async fn limits_are_the_tenants(db: TestDb) {
        let bench = Bench::on(db).await;
        let patch = gangway_app::settings::SettingsPatch {
            employees_most: Some(4),
            employees_least: Some(4),
            ..Default::default()
        };
        gangway_app::settings::update(&bench.ctx, None, patch).await.unwrap();
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["1", "2", "3", "4"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 4);
    }
}

/// Twenty people, of whom a full run missed so many that it held them.
async fn held(bench: &Bench, missing: &[&str]) -> (SyncId, SyncRunId) {
    bench.vendor.hire(1..21, bench.now());
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    bench.vendor.remove(Stream::Employees, missing);
    let run = bench.run(sync, RunMode::Full).await;
    assert_eq!(run.state, RunState::Held);
    bench.advance(TimeDelta::seconds(1));
    (sync, run.id)
}

async fn decide(bench: &Bench, sync: SyncId, run: SyncRunId, verb: Verb) -> Held {
    syncs::decide(&bench.ctx, sync, run, verb, " a site closed ").await.unwrap()
}

/// Carries the release out as a worker does.
async fn release(bench: &Bench, run: SyncRunId) {
    let fence = bench.claim().await.unwrap();
    assert_eq!(syncs::release(&bench.ctx, run, &fence, &|| false).await.unwrap(), Progress::Done);
    bench.ack(fence, Outcome::Done).await;
}
