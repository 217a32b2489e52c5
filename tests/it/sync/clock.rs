//! A clock that goes back, or was ahead for a while: order and freshness do not hang on it.

use chrono::TimeDelta;
use gangway_app::{queue::Outcome, syncs};
use gangway_domain::{
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::support::{Bench, everything};

on_both_databases! {
    async fn the_newest_batch_is_the_last_one_though_the_clock_went_back(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["1", "2", "3", "4"]);
        let first = bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::hours(-1));
        bench.vendor.remove(Stream::Employees, &["5"]);
        let second = bench.run(sync, RunMode::Full).await;
        assert_eq!((first.state, second.state), (RunState::Held, RunState::Held));
        assert_eq!(syncs::held(&bench.ctx, sync, everything()).await.unwrap().batch.run, second.id);
        let listed = syncs::list_runs(&bench.ctx, sync, everything()).await.unwrap().items;
        assert_eq!(listed[0].id, second.id);
        assert!(second.created_at < first.created_at);
    }

    async fn two_sweeps_agree_though_the_clock_went_back_between_them(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::hours(2));
        bench.vendor.account().no_single_reads = true;
        bench.vendor.remove(Stream::Employees, &["4"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);
        bench.advance(TimeDelta::hours(-1));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn whoever_was_found_after_the_clock_went_back_was_not_missed_before(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        bench.vendor.account().no_single_reads = true;
        let sync = bench.sync(Stream::Employees).await;
        bench.advance(TimeDelta::hours(2));
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::hours(-1));
        bench.vendor.hire(21..22, bench.now());
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.remove(Stream::Employees, &["21"]);
        bench.advance(TimeDelta::hours(2));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn changes_are_seen_after_the_clock_was_days_ahead(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..5, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::days(3));
        bench.run(sync, RunMode::Incremental).await;
        bench.advance(TimeDelta::days(-3));
        bench.advance(TimeDelta::minutes(5));
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| {
            one.fields.insert("first_name".to_owned(), json!("Changed"));
        });
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!((run.since, run.counts.updated), (None, 1));
        // And from then on by changes again.
        let after = bench.run(sync, RunMode::Incremental).await;
        assert!(after.since.is_some_and(|since| since < bench.now()), "{:?}", after.since);
        assert!(syncs::get(&bench.ctx, sync).await.unwrap().cursor.unwrap() <= bench.now());
    }

    async fn a_schedule_goes_on_after_the_clock_was_days_ahead(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..5, bench.now());
        let sync = bench.scheduled("every 1h").await;
        bench.advance(TimeDelta::days(3));
        carry_out(&bench, sync).await;
        bench.advance(TimeDelta::days(-3));
        let mut modes = Vec::new();
        for _ in 0..26 {
            bench.advance(TimeDelta::hours(1));
            modes.extend(carry_out(&bench, sync).await);
        }
        assert!(modes.len() >= 25, "{modes:?}");
        let n_full = modes.iter().filter(|mode| **mode == RunMode::Full).count();
        assert!((1..=2).contains(&n_full), "the daily sweep does not wait for the clock: {modes:?}");
    }

    async fn a_pause_is_never_longer_than_a_day_whatever_the_clock_said(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..5, bench.now());
        let sync = bench.scheduled("every 1h").await;
        bench.advance(TimeDelta::days(3));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
        let (fence, run) = (bench.claim().await.unwrap(), syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap());
        let error = gangway_app::Error::new(gangway_domain::Code::VendorUnavailable, "It is away.");
        syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
        bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
        bench.advance(TimeDelta::days(-3));
        let mut n_runs = 0;
        for _ in 0..26 {
            bench.advance(TimeDelta::hours(1));
            n_runs += carry_out(&bench, sync).await.iter().len();
        }
        assert!(n_runs >= 2, "{n_runs}");
    }
}

/// Starts what is due and carries it out; answers what was read.
async fn carry_out(bench: &Bench, sync: gangway_domain::id::SyncId) -> Option<RunMode> {
    syncs::start_due(&bench.app).await.unwrap();
    let last = syncs::get(&bench.ctx, sync).await.unwrap().last_run?;
    if bench.read_run(last).await.state != RunState::Running {
        return None;
    }
    Some(bench.run_started(sync).await.mode)
}
