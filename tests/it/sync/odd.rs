//! Odd values: what a database cannot hold in a column or an index must neither stop a page nor get lost.

use gangway_app::{attributes, records::RecordQuery};
use gangway_domain::{
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::{support::Bench, vendor::absence};

on_both_databases! {
    async fn odd_values_are_kept_as_they_came_and_are_found_by_a_column_that_holds_them(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        let endless = random_text(20_000);
        bench.vendor.change(Stream::Employees, "1", bench.now(), |it| {
            it.fields.insert("email".into(), json!("Per\0son@example.org"));
            it.fields.insert("status".into(), json!("act\0ive"));
            it.fields.insert("office".into(), json!({"id": "7\0", "name": "Ber\0lin"}));
            it.fields.insert("supervisor".into(), json!({"id": "2\0"}));
            it.attributes.insert("dynamic_1".into(), json!("L\0"));
        });
        bench.vendor.change(Stream::Employees, "2", bench.now(), |it| {
            it.fields.insert("email".into(), json!(endless));
            it.fields.insert("status".into(), json!(endless));
            it.fields.insert("office".into(), json!({"id": endless, "name": endless}));
        });
        let sync = bench.sync(Stream::Employees).await;
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.created), (RunState::Completed, 3));

        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.fields["email"], json!("Per\0son@example.org"));
        assert_eq!(record.attributes["dynamic_1"], json!("L\0"));
        assert_eq!(bench.record(Stream::Employees, "2").await.fields["email"], json!(endless));
        let of = |query: RecordQuery| async {
            bench.list(Stream::Employees, query).await.into_iter().map(|it| it.external.id).collect::<Vec<_>>()
        };
        let email = Some("per\u{fffd}son@example.org".to_owned());
        assert_eq!(of(RecordQuery { email, ..RecordQuery::default() }).await, ["1"]);
        let status = Some(endless.chars().take(100).collect());
        assert_eq!(of(RecordQuery { status, ..RecordQuery::default() }).await, ["2"]);
    }

    async fn a_filter_that_no_column_can_hold_finds_nothing(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let email = Some("person1@example.org\0".to_owned());
        assert!(bench.list(Stream::Employees, RecordQuery { email, ..RecordQuery::default() }).await.is_empty());
        let status = Some("active\0".to_owned());
        assert!(bench.list(Stream::Employees, RecordQuery { status, ..RecordQuery::default() }).await.is_empty());
    }

    async fn an_id_that_no_column_can_hold_sets_its_record_aside(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..6, bench.now());
        let rename = |id: &str, to: String| bench.vendor.change(Stream::Employees, id, bench.now(), |it| it.id = to);
        rename("1", "1\0".to_owned());
        rename("2", random_text(501));
        rename("3", "3\0".to_owned());
        rename("4", "\u{1f600}".repeat(500));
        bench.vendor.account().unreadable.push("3\0".to_owned());
        let sync = bench.sync(Stream::Employees).await;
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.created, run.counts.quarantined), (RunState::Completed, 2, 3));
        assert_eq!(bench.db.count("quarantined_record").await, 3);
        assert_eq!(bench.run(sync, RunMode::Full).await.error_message, None);
    }

    async fn days_that_are_none_and_odd_employees_leave_their_columns_empty(db: TestDb) {
        let bench = Bench::on(db).await;
        for id in 1..4 {
            bench.vendor.add(Stream::Absences, absence(id, 1, "2026-11-24", bench.now()));
        }
        let endless = random_text(20_000);
        bench.vendor.change(Stream::Absences, "1", bench.now(), |it| it.employee = Some("1\0".to_owned()));
        bench.vendor.change(Stream::Absences, "2", bench.now(), |it| it.employee = Some(endless.clone()));
        bench.vendor.change(Stream::Absences, "3", bench.now(), |it| {
            it.fields.insert("ends_on".into(), json!(endless));
        });
        let sync = bench.sync(Stream::Absences).await;
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.created), (RunState::Completed, 3));
        let later = RecordQuery { from: "2026-11-24".parse().ok(), ..RecordQuery::default() };
        let mut found: Vec<_> =
            bench.list(Stream::Absences, later).await.into_iter().map(|it| it.external.id).collect();
        found.sort();
        assert_eq!(found, ["1", "2"]);
        assert_eq!(bench.record(Stream::Absences, "3").await.fields["ends_on"], json!(endless));
    }

    async fn keys_that_no_column_can_hold_are_not_offered_for_choosing(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        bench.vendor.change(Stream::Employees, "1", bench.now(), |it| {
            it.attributes.insert("dynamic\0".into(), json!(1));
            it.attributes.insert(random_text(20_000), json!(2));
            it.attributes.insert("dynamic_9".into(), json!(3));
        });
        let sync = bench.sync(Stream::Employees).await;
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.created), (RunState::Completed, 1));
        let known = attributes::list(&bench.ctx, bench.connection).await.unwrap();
        let mut keys: Vec<&str> = known.iter().map(|attribute| attribute.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["dynamic_1", "dynamic_2", "dynamic_9"]);
    }
}

/// Text that does not compress, always the same.
fn random_text(length: usize) -> String {
    let mut state: u64 = 7;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    };
    (0..length).map(|_| letter()).collect()
}
