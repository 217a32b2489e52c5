//! What is kept of records that could not be read, how many, and for how long; and of persons nobody is any more.

use chrono::TimeDelta;
use gangway_app::connections;
use gangway_domain::{
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::{Value, json};

use super::{
    support::{Bench, everything},
    vendor::absence,
};

on_both_databases! {
    async fn an_unreadable_employee_is_kept_without_values(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        bench.vendor.account().unreadable.push("2".into());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        assert_eq!(kept(&bench).await, [json!({"id": "", "dynamic_1": "", "dynamic_2": ""})]);
    }

    async fn an_unreadable_absence_is_kept_whole(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.add(Stream::Absences, absence(1, 7, "2026-11-24", bench.now()));
        bench.vendor.account().unreadable.push("1".into());
        let sync = bench.sync(Stream::Absences).await;
        bench.run(sync, RunMode::Full).await;
        let kept = kept(&bench).await;
        assert_eq!((kept.len(), &kept[0]["comment"]), (1, &json!("canary-comment")));
    }

    async fn an_employee_set_aside_for_its_id_is_kept_without_values(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        bench.vendor.change(Stream::Employees, "1", bench.now(), |it| it.id.push('\0'));
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        // No later choice would take a value out of it again.
        assert_eq!(kept(&bench).await, [json!({"id": "", "dynamic_1": "", "dynamic_2": ""})]);
    }

    async fn an_absence_set_aside_for_its_id_is_kept_whole(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.add(Stream::Absences, absence(1, 7, "2026-11-24", bench.now()));
        bench.vendor.change(Stream::Absences, "1", bench.now(), |it| it.id.push('\0'));
        let sync = bench.sync(Stream::Absences).await;
        bench.run(sync, RunMode::Full).await;
        assert_eq!(kept(&bench).await[0]["comment"], "canary-comment");
    }

    async fn at_most_a_thousand_are_kept_and_the_others_only_counted(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..1_011, bench.now());
        {
            let mut account = bench.vendor.account();
            account.page_size = 600;
            account.unreadable = (1..1_011).map(|id| id.to_string()).collect();
        }
        let sync = bench.sync(Stream::Employees).await;
        for _ in 0..2 {
            let run = bench.run(sync, RunMode::Full).await;
            assert_eq!((run.state, run.counts.quarantined), (RunState::Completed, 1_010));
            assert_eq!(bench.db.count("quarantined_record").await, 1_000);
        }
    }

    async fn what_is_settled_or_not_seen_for_a_month_goes_at_the_end_of_a_full_run(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        bench.vendor.account().unreadable = vec!["1".into(), "2".into()];
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().unreadable = vec!["2".into()];
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.db.count("quarantined_record").await, 1, "the other could be read");

        bench.vendor.remove(Stream::Employees, &["2"]);
        bench.advance(TimeDelta::days(29));
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.db.count("quarantined_record").await, 1);
        bench.advance(TimeDelta::days(2));
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.db.count("quarantined_record").await, 0);
    }

    async fn persons_without_a_record_go_at_the_end_of_a_full_run(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        let first = bench.sync(Stream::Employees).await;
        bench.run(first, RunMode::Full).await;
        let second = bench.connect("HR again").await;
        bench.vendor.remove(Stream::Employees, &["3"]);
        let sync = bench.sync_of(second, Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.db.count("person").await, 3, "shared by email");

        let tx = bench.app.db.begin(bench.ctx.scope()).await.unwrap();
        tx.connections().delete(bench.connection).await.unwrap();
        tx.commit().await.unwrap();
        assert!(connections::get(&bench.ctx, bench.connection).await.is_err());
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.db.count("person").await, 2);
        assert!(bench.present(Stream::Employees).await.iter().all(|record| record.person.is_some()));
    }
}

/// What is kept of the records set aside.
async fn kept(bench: &Bench) -> Vec<Value> {
    let keys = bench.app.keys.tenant(&bench.app, bench.ctx.scope()).await.unwrap();
    let tx = bench.app.db.begin_read(bench.ctx.scope()).await.unwrap();
    let rows = tx.quarantine().list(bench.connection, everything()).await.unwrap().items;
    let mut kept = Vec::new();
    for row in rows {
        let opened = keys.open(&tx, "quarantine", row.id.uuid(), "payload", &row.payload).await.unwrap();
        kept.push(serde_json::from_slice(&opened).unwrap());
    }
    tx.commit().await.unwrap();
    kept
}
