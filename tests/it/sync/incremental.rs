//! Changes: what is asked for, and what an event says about it.

use chrono::TimeDelta;
use gangway_app::syncs;
use gangway_connector::ReadMode;
use gangway_domain::{
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::{
    support::Bench,
    vendor::{absence, employee},
};

on_both_databases! {
    async fn pages_that_never_held_still_move_no_cursor(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let cursor = syncs::get(&bench.ctx, sync).await.unwrap().cursor;
        bench.advance(TimeDelta::days(3));
        bench.vendor.account().total_changes_on = (1..100).collect();
        for mode in [RunMode::Incremental, RunMode::Full] {
            let run = bench.run(sync, mode).await;
            assert_eq!(run.state, RunState::Completed);
            assert!(run.error_message.unwrap().contains("total"));
            assert_eq!(syncs::get(&bench.ctx, sync).await.unwrap().cursor, cursor);
        }
        bench.vendor.account().total_changes_on.clear();
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!(run.error_message, None);
        assert_eq!(run.since, cursor.map(|cursor| cursor - TimeDelta::hours(24)));
        assert_eq!(syncs::get(&bench.ctx, sync).await.unwrap().cursor, run.started_at);
    }

    async fn the_next_run_asks_for_changes_since_the_last_ones_start_less_a_day(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let first = bench.run(sync, RunMode::Incremental).await;
        bench.advance(TimeDelta::hours(30));
        let second = bench.run(sync, RunMode::Incremental).await;

        let modes: Vec<ReadMode> = bench.vendor.account().calls.iter().map(|call| call.mode).collect();
        let since = first.started_at.unwrap() - TimeDelta::hours(24);
        assert_eq!(modes, [ReadMode::All, ReadMode::Since(since)]);
        assert_eq!(second.since, Some(since));
    }

    async fn a_window_is_made_of_the_tenants_days(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.add(Stream::Absences, absence(1, 1, "2026-11-24", bench.now()));
        bench.vendor.add(Stream::Absences, absence(2, 1, "2020-01-01", bench.now()));
        let sync = bench.sync(Stream::Absences).await;
        let run = bench.run(sync, RunMode::Incremental).await;

        let window = run.window.unwrap();
        assert_eq!((window.from.to_string(), window.to.to_string()), ("2025-10-20".into(), "2027-12-29".into()));
        assert_eq!(bench.present(Stream::Absences).await.len(), 1);
        assert!(bench.vendor.account().calls.iter().all(|call| call.mode == ReadMode::All));
    }

    async fn an_event_tells_old_and_new_of_each_field(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.fields.insert("status".into(), json!("inactive"));
            employee.fields.insert("updated_at".into(), json!("2030-01-01T00:00:00Z"));
            employee.attributes.insert("dynamic_1".into(), json!("XL"));
        });
        let run = bench.run(sync, RunMode::Incremental).await;

        assert_eq!(bench.kinds().await, ["sync.completed", "employee.updated", "sync.completed"]);
        let record = bench.record(Stream::Employees, "1").await;
        let event = bench.events().await.remove(1).fact;
        let changes = json!({
            "status": {"old": "active", "new": "inactive"},
            "attributes.dynamic_1": {"old": "L", "new": "XL"},
        });
        assert_eq!(event.data, json!({ "changes": changes }));
        assert_eq!((event.run, event.credential_version), (Some(run.id), Some(1)));
        assert_eq!(event.subject, Some(record.id));
        assert!(event.subject_label.unwrap().starts_with("emp_"));
        assert_eq!(record.version, 2);
    }

    async fn a_new_record_after_the_first_load_is_an_event(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.hire(3..4, bench.now());
        bench.run(sync, RunMode::Incremental).await;
        let event = bench.events().await.remove(1).fact;
        assert_eq!(event.kind, "employee.created");
        assert_eq!(event.data["changes"]["first_name"], json!({"old": null, "new": "First3"}));
    }

    async fn a_field_no_longer_sent_keeps_its_value_and_is_stale(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.fields.remove("status");
            employee.attributes.remove("dynamic_1");
        });
        let run = bench.run(sync, RunMode::Incremental).await;
        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.stale, ["status", "attributes.dynamic_1"]);
        assert_eq!((&record.fields["status"], &record.attributes["dynamic_1"]), (&json!("active"), &json!("L")));
        assert_eq!(run.counts.updated, 1);
        assert!(!bench.kinds().await.contains(&"employee.updated".to_owned()));

        let again = bench.run(sync, RunMode::Incremental).await;
        assert_eq!(again.counts.unchanged, 1);

        bench.vendor.change(Stream::Employees, "1", bench.now(), |it| *it = employee(1, it.changed_at));
        bench.run(sync, RunMode::Incremental).await;
        assert!(bench.record(Stream::Employees, "1").await.stale.is_empty());
        assert!(!bench.kinds().await.contains(&"employee.updated".to_owned()));
    }

    async fn null_is_a_value(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.fields.insert("status".into(), json!(null));
        });
        bench.run(sync, RunMode::Incremental).await;
        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.fields["status"], json!(null));
        assert!(record.stale.is_empty());
        assert_eq!(bench.events().await[1].fact.data["changes"]["status"], json!({"old": "active", "new": null}));
    }

    async fn text_survives_as_it_came(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        let text = "a\u{0}b\u{1f}\u{7f}\u{feff} \"\\ 😀 ";
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.fields.insert("position".into(), json!(text));
        });
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(bench.record(Stream::Employees, "1").await.fields["position"], json!(text));
    }
}
