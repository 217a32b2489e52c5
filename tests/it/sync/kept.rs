//! What is kept follows the choice of attributes also where no reading reaches: on records that are gone, and until a run has
//! written the others anew.

use chrono::TimeDelta;
use gangway_app::{
    Error, attributes, connections,
    queue::Outcome,
    records::{self, RecordView},
    syncs::{self, Progress},
};
use gangway_connector::ReadMode;
use gangway_domain::{
    Code,
    id::{SyncId, SyncRunId},
    principal::Scope,
    record::{RecordState, Stream},
    sync::{RunMode, RunState},
};
use gangway_testkit::{Needle, on_both_databases};
use serde_json::json;

use super::{
    sensitive::{raw, select_salary},
    support::Bench,
};

on_both_databases! {
    async fn a_choice_taken_back_reaches_records_that_are_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired_with_salaries(&bench).await;
        bench.vendor.remove(Stream::Employees, &["2"]);
        bench.run(sync, RunMode::Full).await;
        let gone = bench.record(Stream::Employees, "2").await;
        assert_eq!(gone.state, RecordState::Deleted);
        assert!(gone.sensitive.unwrap().contains_key("dynamic_2"), "the control: it is kept");
        assert_eq!(raw(&bench, Stream::Employees, "2").await["dynamic_2"], "canary-salary-2");
        let n_events = bench.db.count("event").await;

        let run = select_salary(&bench, false).await.unwrap();
        carry_out(&bench, run).await;
        assert_eq!(raw(&bench, Stream::Employees, "2").await, json!({"id": "2", "dynamic_1": "L"}));
        let stripped = bench.record(Stream::Employees, "2").await;
        assert_eq!((stripped.sensitive, stripped.version), (Some([].into()), gone.version + 1));
        assert_eq!(stripped.deleted_at, gone.deleted_at);
        assert_eq!(bench.db.count("event").await, n_events + 1, "the run's end");
    }

    async fn a_class_that_is_raised_seals_what_is_kept_of_records_that_are_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..10, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["2"]);
        bench.run(sync, RunMode::Full).await;
        let choice = attributes::Choice {
            key: Some("dynamic_1".to_owned()),
            class: Some(gangway_domain::schema::AttributeClass::Sensitive),
            ..attributes::Choice::default()
        };
        bench.advance(TimeDelta::seconds(1));
        let chosen = attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
        carry_out(&bench, chosen.runs[0]).await;
        let sealed = bench.record(Stream::Employees, "2").await;
        assert_eq!(sealed.attributes, [].into());
        assert_eq!(sealed.sensitive, Some([("dynamic_1".to_owned(), json!("L"))].into()));
    }

    async fn records_that_are_gone_follow_in_turns_of_any_length(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired_with_salaries(&bench).await;
        bench.vendor.remove(Stream::Employees, &["2"]);
        bench.run(sync, RunMode::Full).await;
        let run = select_salary(&bench, false).await.unwrap();
        let fence = bench.claim().await.unwrap();
        let mut turns = 0;
        while bench.execute_pages(run, &fence, 1).await.unwrap() == Progress::Yield {
            turns += 1;
            assert!(turns < 20, "it comes to an end");
        }
        assert_eq!(bench.read_run(run).await.state, RunState::Completed);
        assert_eq!(raw(&bench, Stream::Employees, "2").await, json!({"id": "2", "dynamic_1": "L"}));
    }

    async fn a_choice_made_and_taken_back_around_a_failed_run_leaves_nothing(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::hours(30));
        bench.run(sync, RunMode::Incremental).await;
        bench.advance(TimeDelta::hours(30));
        // Some pages are kept by the choice, and then both runs fail that would have settled it.
        let run = select_salary(&bench, true).await.unwrap();
        let fence = bench.claim().await.unwrap();
        bench.execute_pages(run, &fence, 2).await.unwrap();
        fail(&bench, run, fence).await;
        let run = select_salary(&bench, false).await.unwrap();
        let fence = bench.claim().await.unwrap();
        fail(&bench, run, fence).await;

        bench.run(sync, RunMode::Incremental).await;
        for id in 1..9 {
            let raw = raw(&bench, Stream::Employees, &id.to_string()).await;
            assert_eq!(raw, json!({"id": id.to_string(), "dynamic_1": "L"}));
        }
    }

    async fn a_discovery_that_changes_what_is_kept_starts_a_full_run(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let unchanged = connections::discover(&bench.ctx, bench.connection).await.unwrap();
        assert_eq!(unchanged.runs, []);

        bench.advance(TimeDelta::seconds(1));
        bench.vendor.account().catalogue = Some(vec![("dynamic_1", "Religion"), ("dynamic_2", "Salary")]);
        let discovered = connections::discover(&bench.ctx, bench.connection).await.unwrap();
        let [run] = discovered.runs[..] else { panic!("{:?}", discovered.runs) };
        // Readers do not see it from this moment on.
        let seen = bench.present(Stream::Employees).await;
        assert_eq!(seen.len(), 8);
        assert!(seen.iter().all(|record| record.attributes.is_empty()));
        carry_out(&bench, run).await;
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1"}));
    }

    async fn an_attribute_that_is_offered_anew_arrives_with_the_next_run(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::hours(30));
        bench.run(sync, RunMode::Incremental).await;
        let long_ago = bench.now() - TimeDelta::hours(30);
        bench.advance(TimeDelta::hours(30));
        for id in 1..9 {
            bench.vendor.change(Stream::Employees, &id.to_string(), long_ago, |employee| {
                employee.attributes.insert("dynamic_3".into(), json!("42"));
            });
        }
        bench.vendor.account().catalogue =
            Some(vec![("dynamic_1", "Shirt size"), ("dynamic_2", "Salary"), ("dynamic_3", "Shoe size")]);
        bench.run(sync, RunMode::Incremental).await;
        for record in bench.present(Stream::Employees).await {
            assert_eq!(record.attributes.get("dynamic_3"), Some(&json!("42")), "{}", record.external.id);
        }
        bench.run(sync, RunMode::Incremental).await;
        let last = bench.vendor.account().calls.last().unwrap().mode;
        assert!(matches!(last, ReadMode::Since(_)), "from then on changes are enough again: {last:?}");
    }

    async fn readers_see_no_more_than_the_choice_leaves_before_a_run_has_applied_it(db: TestDb) {
        let bench = Bench::on(db).await;
        hired_with_salaries(&bench).await;
        assert!(bench.record(Stream::Employees, "1").await.sensitive.unwrap().contains_key("dynamic_2"));
        select_salary(&bench, false).await.unwrap();
        let seen = |record: &RecordView| record.sensitive.clone().unwrap();
        assert!(bench.present(Stream::Employees).await.iter().all(|record| seen(record).is_empty()));
        let id = bench.record(Stream::Employees, "1").await.id;
        assert!(seen(&records::get(&bench.ctx, Stream::Employees, id).await.unwrap()).is_empty());
        let plain = bench.with_permissions(&[Scope::RecordsRead]);
        assert_eq!(records::get(&plain, Stream::Employees, id).await.unwrap().attributes["dynamic_1"], json!("L"));
    }

    async fn a_key_that_no_index_takes_is_not_offered_and_stops_no_discovery(db: TestDb) {
        let bench = Bench::on(db).await;
        let long: &'static str = long_key(2_001).leak();
        let longest: &'static str = long_key(2_000).leak();
        bench.vendor.account().catalogue = Some(vec![("dynamic_1", "Shirt size"), (long, "Long"), (longest, "Longest")]);
        let discovered = connections::discover(&bench.ctx, bench.connection).await.unwrap();
        assert_eq!((discovered.n_attributes, discovered.added), (2, vec![longest.to_owned()]));
        bench.vendor.hire(1..2, bench.now());
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.attributes.insert(long.into(), json!("canary-long"));
        });
        let sync = bench.sync(Stream::Employees).await;
        assert_eq!(bench.run(sync, RunMode::Full).await.state, RunState::Completed);
        assert!(Needle::new("canary-long").find_in(bench.db.dump().await.as_bytes()).is_empty());
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1", "dynamic_1": "L"}));
    }
}

/// Nine employees with their salaries sealed, read once.
async fn hired_with_salaries(bench: &Bench) -> SyncId {
    bench.vendor.hire(1..10, bench.now());
    select_salary(bench, true).await;
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    sync
}

async fn carry_out(bench: &Bench, run: SyncRunId) {
    let fence = bench.claim().await.unwrap();
    assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
    bench.ack(fence, Outcome::Done).await;
}

async fn fail(bench: &Bench, run: SyncRunId, fence: gangway_app::queue::JobFence) {
    syncs::fail(&bench.ctx, run, &fence, &Error::new(Code::VendorUnavailable, "It is away.")).await.unwrap();
    bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
}

/// A key that does not compress: an index would take one of a repeated letter.
fn long_key(length: usize) -> String {
    let mut state = 7_u32;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from((state >> 24) % 26).unwrap())
    });
    letters.take(length).collect()
}
