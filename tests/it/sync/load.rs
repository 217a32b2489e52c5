//! The first load, and reading the same again.

use gangway_domain::{
    record::Stream,
    sync::{RunCounts, RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::support::Bench;

on_both_databases! {
    async fn a_first_load_brings_every_record_and_one_event(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let run = bench.run(sync, RunMode::Incremental).await;

        assert_eq!(run.state, RunState::Completed);
        assert_eq!(run.counts, RunCounts { pages: 3, seen: 8, created: 8, ..RunCounts::default() });
        assert_eq!(bench.present(Stream::Employees).await.len(), 8);
        assert_eq!(bench.kinds().await, ["sync.completed"]);
        let event = bench.events().await.remove(0);
        assert_eq!(event.sequence, 1);
        assert_eq!(event.fact.data["first"], json!(true));
        assert_eq!(event.fact.data["counts"]["created"], json!(8));
    }

    async fn an_unchanged_stream_writes_no_record_and_no_event(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Incremental).await;
        let before = rows(&bench, "record").await;

        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!(run.counts, RunCounts { pages: 3, seen: 8, unchanged: 8, ..RunCounts::default() });
        assert_eq!(rows(&bench, "record").await, before);
        assert_eq!(bench.db.count("event").await, 1);
    }

    async fn what_a_vendor_touches_without_meaning_is_no_change(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.fields.insert("updated_at".into(), json!("2030-01-01T00:00:00Z"));
        });
        assert_eq!(bench.run(sync, RunMode::Incremental).await.counts.unchanged, 1);
    }

    async fn of_an_object_shown_twice_the_last_reading_counts(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        bench.vendor.hire(1..2, bench.now());
        // The second copy lies on the same page, the third on the next.
        bench.vendor.hire(2..3, bench.now());
        bench.vendor.hire(1..2, bench.now());
        bench.vendor.account().objects.get_mut(&Stream::Employees).unwrap()[1].fields.insert("position".into(), json!("A"));
        bench.vendor.account().objects.get_mut(&Stream::Employees).unwrap()[3].fields.insert("position".into(), json!("B"));
        let sync = bench.sync(Stream::Employees).await;
        let run = bench.run(sync, RunMode::Incremental).await;

        assert_eq!((run.counts.created, run.counts.updated), (2, 1));
        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.fields["position"], json!("B"));
        assert_eq!(bench.present(Stream::Employees).await.len(), 2);
    }

    async fn a_bad_record_is_set_aside_once_and_does_not_stop_its_page(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..5, bench.now());
        bench.vendor.account().unreadable.push("2".into());
        let sync = bench.sync(Stream::Employees).await;
        let first = bench.run(sync, RunMode::Full).await;
        bench.run(sync, RunMode::Full).await;
        assert_eq!((first.counts.created, first.counts.quarantined), (3, 1));
        assert_eq!(bench.db.count("quarantined_record").await, 1);
        assert_eq!(open(&bench).await, 1);

        bench.vendor.account().unreadable.clear();
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.present(Stream::Employees).await.len(), 4);
        assert_eq!(open(&bench).await, 0);
    }

    async fn a_person_is_shared_by_the_same_email_through_two_connections(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let second = bench.connect("HR again").await;
        bench.vendor.change(Stream::Employees, "2", bench.now(), |employee| {
            employee.fields.insert("email".into(), json!("someone.else@example.org"));
        });
        let sync = bench.sync_of(second, Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;

        let records = bench.present(Stream::Employees).await;
        let persons = |id: &str| {
            let mut persons: Vec<_> =
                records.iter().filter(|record| record.external.id == id).map(|record| record.person.unwrap()).collect();
            persons.sort();
            persons.dedup();
            persons.len()
        };
        assert_eq!((records.len(), persons("1"), persons("2")), (4, 1, 2));
        assert_eq!(bench.db.count("office").await, 2);
    }

    async fn a_page_that_leads_back_to_itself_is_an_error(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        bench.vendor.account().page_size = 0;
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        let first = bench.execute(run, &fence).await;
        assert_eq!(first.unwrap_err().code, gangway_domain::Code::VendorProtocol);
    }
}

/// Every row of a table.
async fn rows(bench: &Bench, table: &str) -> Vec<String> {
    let dump = bench.db.dump().await;
    let mut rows: Vec<String> =
        dump.lines().filter(|line| line.starts_with(&format!("{table}: "))).map(str::to_owned).collect();
    rows.sort();
    rows
}

/// How many records are set aside and were not readable since.
async fn open(bench: &Bench) -> usize {
    let tx = bench.app.db.begin_read(bench.ctx.scope()).await.unwrap();
    let open = tx.quarantine().list(bench.connection, super::support::everything()).await.unwrap();
    tx.commit().await.unwrap();
    open.items.len()
}
