//! A change of what is kept reaches every record, whatever happens in between.

use chrono::TimeDelta;
use gangway_app::{
    Error,
    attributes::{self, Choice},
    queue::Outcome,
    syncs,
};
use gangway_connector::ReadMode;
use gangway_domain::{
    Code,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;

use super::{sensitive::select_salary, support::Bench};

on_both_databases! {
    async fn a_choice_is_not_made_when_its_full_run_cannot_be_started(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::seconds(1));
        let choice = Choice { key: Some("dynamic_2".to_owned()), selected: Some(true), ..Choice::default() };
        bench.db.execute("ALTER TABLE job RENAME TO job_away").await;
        assert!(attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.is_err());
        bench.db.execute("ALTER TABLE job_away RENAME TO job").await;
        let known = attributes::list(&bench.ctx, bench.connection).await.unwrap();
        assert!(!known.iter().any(|attribute| attribute.key == "dynamic_2" && attribute.selected));

        let run = select_salary(&bench, true).await.expect("the choice, made again, starts the run");
        let fence = bench.claim().await.unwrap();
        bench.execute(run, &fence).await.unwrap();
        assert!(bench.record(Stream::Employees, "1").await.sensitive.unwrap().contains_key("dynamic_2"));
    }

    async fn a_choice_made_while_a_run_reads_outlives_the_runs_failure(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        // Whom nothing happened to since then, no vendor tells about any more.
        bench.advance(TimeDelta::hours(30));
        bench.run(sync, RunMode::Incremental).await;
        bench.advance(TimeDelta::hours(30));
        let (run, fence) = bench.begin(sync, RunMode::Incremental).await;
        assert!(select_salary(&bench, true).await.is_none(), "a run is under way");
        syncs::fail(&bench.ctx, run, &fence, &Error::new(Code::VendorUnavailable, "It is away.")).await.unwrap();
        bench.ack(fence, Outcome::Fail { error: "no".into() }).await;

        bench.run(sync, RunMode::Incremental).await;
        for record in bench.present(Stream::Employees).await {
            assert!(record.sensitive.unwrap().contains_key("dynamic_2"), "{}", record.external.id);
        }
        // From then on changes are enough again.
        bench.run(sync, RunMode::Incremental).await;
        let last = bench.vendor.account().calls.last().unwrap().mode;
        assert!(matches!(last, ReadMode::Since(_)), "{last:?}");
    }

    async fn a_choice_taken_back_while_a_run_reads_reaches_the_pages_before(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 1).await.unwrap();
        assert!(select_salary(&bench, true).await.is_none());
        bench.execute_pages(run, &fence, 1).await.unwrap();
        assert!(select_salary(&bench, false).await.is_none());
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, Outcome::Done).await;

        let fence = bench.claim().await.expect("one more full run");
        let next = syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
        bench.execute(next, &fence).await.unwrap();
        for record in bench.present(Stream::Employees).await {
            assert_eq!(record.sensitive, Some([].into()), "{}", record.external.id);
        }
    }

    async fn an_attribute_whose_label_turns_sensitive_leaves_the_records_that_did_not_change(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        assert!(bench.record(Stream::Employees, "1").await.attributes.contains_key("dynamic_1"));
        bench.advance(TimeDelta::hours(30));
        bench.run(sync, RunMode::Incremental).await;
        bench.advance(TimeDelta::hours(30));
        bench.vendor.account().catalogue = Some(vec![("dynamic_1", "Religion"), ("dynamic_2", "Salary")]);
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!((run.state, run.since), (RunState::Completed, None));
        for record in bench.present(Stream::Employees).await {
            assert!(record.attributes.is_empty(), "{}", record.external.id);
        }
    }
}
