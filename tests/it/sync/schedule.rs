//! Standing orders: made once per stream, and started by the clock once per time.

use chrono::TimeDelta;
use gangway_app::{
    queue::Outcome,
    syncs::{self, NewSync},
};
use gangway_domain::{
    Code,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_storage::PageRequest;
use gangway_testkit::on_both_databases;

use super::support::{Bench, everything, moment};

on_both_databases! {
    async fn a_stream_has_one_sync_and_a_sync_one_run_at_a_time(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        let again = NewSync { connection: bench.connection, stream: Stream::Employees, schedule: None };
        let taken = syncs::create(&bench.ctx, again).await.unwrap_err();
        assert_eq!((taken.code, taken.existing), (Code::SyncExists, Some(sync.to_string())));

        let (run, _) = bench.begin(sync, RunMode::Full).await;
        let running = syncs::start_run(&bench.ctx, sync, RunMode::Full).await.unwrap_err();
        assert_eq!((running.code, running.existing), (Code::SyncRunning, Some(run.to_string())));
    }

    async fn a_wrong_order_is_refused_with_its_reason(db: TestDb) {
        let bench = Bench::on(db).await;
        let create = |stream, schedule: Option<&str>| {
            let schedule = schedule.map(str::to_owned);
            syncs::create(&bench.ctx, NewSync { connection: bench.connection, stream, schedule })
        };
        let wrong = create(Stream::Employees, Some("every 5s")).await.unwrap_err();
        assert_eq!((wrong.code, wrong.fields[0].pointer.as_str()), (Code::RequestInvalid, "/schedule"));
        let never = create(Stream::Employees, Some("0 0 30 2 *")).await.unwrap_err();
        assert_eq!(never.code, Code::RequestInvalid);
        assert_eq!(create(Stream::Attendances, None).await.unwrap_err().code, Code::Unsupported);
        let nowhere = gangway_domain::id::ConnectionId::from_uuid(uuid::Uuid::nil());
        let nowhere = NewSync { connection: nowhere, stream: Stream::Employees, schedule: None };
        assert_eq!(syncs::create(&bench.ctx, nowhere).await.unwrap_err().code, Code::NotFound);
        assert!(syncs::list(&bench.ctx, None, everything()).await.unwrap().items.is_empty());
    }

    async fn a_due_sync_is_started_once_by_any_number_of_processes(db: TestDb) {
        let bench = Bench::on(db).await;
        let other = bench.other_process().await;
        let new = NewSync {
            connection: bench.connection,
            stream: Stream::Employees,
            schedule: Some("every  1h".to_owned()),
        };
        let sync = syncs::create(&bench.ctx, new).await.unwrap();
        assert_eq!(sync.schedule.as_deref(), Some("every 1h"));
        bench.advance(TimeDelta::minutes(10));
        let looks = (0..6).map(|look| {
            let app = if look % 2 == 0 { bench.app.clone() } else { other.clone() };
            async move { syncs::start_due(&app).await.unwrap() }
        });
        let started: usize = futures::future::join_all(looks).await.into_iter().sum();
        assert_eq!(started, 1);
        let runs = syncs::list_runs(&bench.ctx, sync.id, everything()).await.unwrap().items;
        assert_eq!((runs.len(), runs[0].state, runs[0].mode), (1, RunState::Running, RunMode::Full));
        let after = syncs::get(&bench.ctx, sync.id).await.unwrap();
        assert!(after.next_run_at.unwrap() > bench.now());
        assert_eq!(bench.db.count("job").await, 1);
    }

    async fn a_run_under_way_lets_its_time_pass_and_sweeps_come_daily(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.scheduled("every 1h").await;
        let mut modes = Vec::new();
        bench.advance(TimeDelta::hours(1));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
        bench.advance(TimeDelta::hours(1));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 0);
        for _ in 0..26 {
            let fence = bench.claim().await.unwrap();
            let run = syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
            bench.execute(run, &fence).await.unwrap();
            bench.ack(fence, Outcome::Done).await;
            modes.push(bench.read_run(run).await.mode);
            bench.advance(TimeDelta::hours(1));
            assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
        }
        assert_eq!(modes.iter().filter(|mode| **mode == RunMode::Full).count(), 2);
        assert_eq!(modes[0], RunMode::Full);
    }

    async fn a_sweep_that_is_not_believed_is_repeated_ever_more_rarely(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..5, bench.now());
        let sync = bench.scheduled("every 1h").await;
        let mut sweeps = Vec::new();
        for hour in 1..97 {
            bench.advance(TimeDelta::hours(1));
            // From the first afternoon on for two days and a half, the vendor claims others.
            bench.vendor.account().claimed_total = (12..73).contains(&hour).then_some(7);
            syncs::start_due(&bench.app).await.unwrap();
            let run = bench.run_started(sync).await;
            if run.mode == RunMode::Full {
                sweeps.push((hour, run.error_message.is_none()));
            }
        }
        let believed = |wanted: bool| -> Vec<i32> {
            sweeps.iter().filter(|(_, is_believed)| *is_believed == wanted).map(|(hour, _)| *hour).collect()
        };
        assert_eq!(believed(false), [24, 25, 27, 31, 39, 55], "after an hour, two, four and so on");
        assert_eq!(believed(true), [1, 78], "daily in the end");
    }

    async fn a_schedule_is_changed_and_taken_away(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        let daily = syncs::update(&bench.ctx, sync, Some(1), Some("0 6 * * *".to_owned())).await.unwrap();
        // Six in the morning in Berlin, at most five minutes late.
        let next = daily.next_run_at.unwrap() - moment("2026-11-24T05:00:00Z");
        assert!((TimeDelta::zero()..=TimeDelta::minutes(5)).contains(&next), "{next}");
        let stale = syncs::update(&bench.ctx, sync, Some(1), None).await.unwrap_err();
        assert_eq!(stale.code, Code::VersionStale);
        let by_hand = syncs::update(&bench.ctx, sync, Some(2), None).await.unwrap();
        assert_eq!((by_hand.schedule, by_hand.next_run_at), (None, None));
        bench.advance(TimeDelta::days(2));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 0);
        syncs::delete(&bench.ctx, sync, Some(3)).await.unwrap();
        assert_eq!(syncs::get(&bench.ctx, sync).await.unwrap_err().code, Code::NotFound);
    }

    async fn an_endless_schedule_is_refused_and_goes_nowhere(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        let endless = format!("{} * * * *", vec!["0"; 5_000].join(","));
        let refused = syncs::update(&bench.ctx, sync, Some(1), Some(endless)).await.unwrap_err();
        assert_eq!(refused.code, Code::RequestInvalid);
        assert!(refused.fields[0].message.contains("200"), "{refused:?}");
        assert!(!bench.db.dump().await.contains("0,0,0,0"));
    }

    async fn runs_are_listed_newest_first(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Employees).await;
        let first = bench.run(sync, RunMode::Full).await;
        let second = bench.run(sync, RunMode::Incremental).await;
        let page = syncs::list_runs(&bench.ctx, sync, PageRequest { limit: 1, after: None }).await.unwrap();
        assert_eq!((page.items[0].id, page.has_more), (second.id, true));
        let page = syncs::list_runs(&bench.ctx, sync, PageRequest { limit: 1, after: Some(second.id) }).await.unwrap();
        assert_eq!((page.items[0].id, page.has_more), (first.id, false));
    }
}
