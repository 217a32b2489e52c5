//! Scheduled sweeps of absences read the last days, then one slice of the rest.

use chrono::{NaiveDate, TimeDelta};
use gangway_app::{
    queue::Outcome,
    settings::{self, Change, SettingsPatch},
    syncs::{self, NewSync, Progress},
};
use gangway_domain::{
    id::SyncId,
    record::Stream,
    sync::{RunMode, RunState, SyncRun},
};
use gangway_testkit::on_both_databases;

use super::{
    support::{Bench, everything},
    vendor::absence,
};

on_both_databases! {
    async fn a_daily_sweep_reads_the_last_days_and_a_slice(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench).await;
        let cursor = syncs::get(&bench.ctx, sync).await.unwrap().cursor;
        let runs = day(&bench, sync).await;
        assert_eq!(runs.iter().map(|run| run.mode).collect::<Vec<_>>(), [RunMode::Full, RunMode::Full]);
        let windows: Vec<(i64, i64)> = runs.iter().map(|run| days(&bench, run)).collect();
        assert_eq!(windows, [(-14, 0), (-400, -373)]);
        let after = syncs::get(&bench.ctx, sync).await.unwrap();
        assert_eq!(after.cursor, cursor, "who read some of the days says nothing about the others");
        let next = day(&bench, sync).await;
        assert_eq!(days(&bench, &next[1]), (-373, -346));
    }

    async fn a_deletion_in_a_slice_is_believed_when_two_sweeps_of_it_agree(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench).await;
        // In the first slice, and no single read confirms it.
        bench.vendor.remove(Stream::Absences, &["900"]);
        let first = day(&bench, sync).await;
        assert_eq!(first[1].counts.deleted, 0);
        let second = day(&bench, sync).await;
        assert_eq!(second[1].window, first[1].window, "the slice is read again");
        assert_eq!(second[1].counts.deleted, 1);
        let third = day(&bench, sync).await;
        assert!(third[1].window.unwrap().from > second[1].window.unwrap().to);
        assert_eq!(bench.gone(Stream::Absences).await.len(), 1);
    }

    async fn a_sweep_whose_sightings_are_forgotten_is_no_witness(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench).await;
        // By the third day nothing is left of what the first, whole sweep saw.
        for _ in 0..2 {
            day(&bench, sync).await;
        }
        let date = today(&bench) - TimeDelta::days(338);
        bench.vendor.add(Stream::Absences, absence(950, 1, &date.to_string(), bench.now()));
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.remove(Stream::Absences, &["950"]);
        let third = day(&bench, sync).await;
        let window = third[1].window.unwrap();
        assert!(window.from <= date && date <= window.to, "control");
        assert_eq!(third[1].counts.deleted, 0, "missing once");
        assert_eq!(day(&bench, sync).await[1].counts.deleted, 1);
    }

    async fn a_recent_deletion_is_believed_after_two_days(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench).await;
        bench.vendor.remove(Stream::Absences, &["901"]);
        assert_eq!(day(&bench, sync).await[0].counts.deleted, 0);
        assert_eq!(day(&bench, sync).await[0].counts.deleted, 1);
    }

    async fn a_whole_cycle_sweeps_every_day_and_deletes_nothing_that_is_there(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench).await;
        let present = bench.present(Stream::Absences).await.len();
        let mut swept = std::collections::BTreeSet::new();
        for _ in 0..30 {
            for run in day(&bench, sync).await {
                assert_eq!((run.state, run.counts.deleted, &run.error_message), (RunState::Completed, 0, &None));
                let window = run.window.unwrap();
                swept.extend(window.from.iter_days().take_while(|date| *date <= window.to));
            }
        }
        let today = today(&bench);
        let missed = (-371..=400).map(|day| today + TimeDelta::days(day)).find(|date| !swept.contains(date));
        // The last days of the window came into it while the cycle went on.
        assert!(missed.is_none_or(|date| date > today + TimeDelta::days(370)), "{missed:?}");
        assert_eq!(bench.present(Stream::Absences).await.len(), present);
        assert!(bench.db.count("sweep_sighting").await < 60, "sightings are pruned");
    }

    async fn a_window_that_is_changed_meanwhile_makes_no_whole_sweep_of_a_part(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench).await;
        let cursor = syncs::get(&bench.ctx, sync).await.unwrap().cursor;
        bench.vendor.account().page_size = 1;
        bench.advance(TimeDelta::days(1));
        syncs::start_due(&bench.app).await.unwrap();
        let fence = bench.claim().await.unwrap();
        let run = syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
        assert_eq!(bench.execute_pages(run, &fence, 1).await.unwrap(), Progress::Yield);
        // A whole window of ten days is less than the fifteen that the sweep reads.
        let patch = SettingsPatch { window_days: Change::To(5), ..SettingsPatch::default() };
        settings::update(&bench.ctx, None, patch).await.unwrap();
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        bench.ack(fence, Outcome::Done).await;
        let after = syncs::get(&bench.ctx, sync).await.unwrap();
        assert_eq!((bench.read_run(run).await.state, after.cursor), (RunState::Completed, cursor));
        assert_ne!(after.last_run, Some(run), "a slice follows");
    }

    async fn a_run_by_hand_reads_the_whole_window(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench).await;
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!(days(&bench, &run), (-400, 400));
    }
}

/// A scheduled sync of absences that has read everything once: one absence a fortnight, and two that tests remove.
async fn scheduled(bench: &Bench) -> SyncId {
    bench.vendor.account().tells_changes = true;
    let today = today(bench);
    for fortnight in 0..28_u32 {
        let date = today + TimeDelta::days(i64::from(fortnight) * 14 - 195);
        bench.vendor.add(Stream::Absences, absence(fortnight + 1, 1, &date.to_string(), bench.now()));
    }
    for (id, day) in [(900, -390), (901, -3)] {
        let date = today + TimeDelta::days(day);
        bench.vendor.add(Stream::Absences, absence(id, 1, &date.to_string(), bench.now()));
    }
    let new = NewSync { connection: bench.connection, stream: Stream::Absences, schedule: Some("every 1d".to_owned()) };
    let sync = syncs::create(&bench.ctx, new).await.unwrap().id;
    let run = bench.run(sync, RunMode::Full).await;
    assert_eq!(run.state, RunState::Completed);
    sync
}

/// Lets a day pass, and carries out what the clock starts; answers the day's runs, the first one first.
async fn day(bench: &Bench, sync: SyncId) -> Vec<SyncRun> {
    let before = syncs::list_runs(&bench.ctx, sync, everything()).await.unwrap().items.len();
    bench.advance(TimeDelta::days(1));
    syncs::start_due(&bench.app).await.unwrap();
    while let Some(fence) = bench.claim().await {
        let run = syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
        // Runs are ordered by their ids, which begin with the millisecond.
        bench.advance(TimeDelta::seconds(1));
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        bench.ack(fence, Outcome::Done).await;
    }
    let mut runs = syncs::list_runs(&bench.ctx, sync, everything()).await.unwrap().items;
    runs.reverse();
    runs.split_off(before)
}

fn today(bench: &Bench) -> NaiveDate {
    // The tenant is in Berlin, and it is winter.
    (bench.now() + TimeDelta::hours(1)).date_naive()
}

/// A run's days, counted from today.
fn days(bench: &Bench, run: &SyncRun) -> (i64, i64) {
    let window = run.window.unwrap();
    ((window.from - today(bench)).num_days(), (window.to - today(bench)).num_days())
}
