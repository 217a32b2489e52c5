//! Who leaves, and who comes back under another number.

use gangway_domain::{record::Stream, sync::RunMode};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::{support::Bench, vendor::employee};

on_both_databases! {
    async fn who_left_stays_as_a_record_and_is_no_deletion(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.change(Stream::Employees, "4", bench.now(), |it| {
            it.fields.insert("status".into(), json!("inactive"));
            it.fields.insert("termination_date".into(), json!("2026-11-30"));
        });
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.counts.updated, run.counts.deleted), (1, 0));
        assert_eq!(bench.present(Stream::Employees).await.len(), 8);
        let told = bench.events().await.into_iter().find(|event| event.fact.kind == "employee.updated").unwrap();
        assert_eq!(told.fact.data["changes"]["status"], json!({"old": "active", "new": "inactive"}));
    }

    async fn a_rehired_person_is_the_same_person_under_a_new_record(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let before = bench.record(Stream::Employees, "4").await;
        let left = bench.record(Stream::Employees, "5").await;
        bench.vendor.remove(Stream::Employees, &["4"]);
        bench.vendor.change(Stream::Employees, "5", bench.now(), |it| {
            it.fields.insert("status".into(), json!("inactive"));
        });
        bench.run(sync, RunMode::Full).await;
        for (id, email) in [(104, "Person4@Example.org"), (105, "Person5@Example.org"), (106, "Person6@Example.org")] {
            let mut back = employee(id, bench.now());
            back.fields.insert("email".into(), json!(email));
            bench.vendor.add(Stream::Employees, back);
        }
        bench.run(sync, RunMode::Full).await;
        for (old, new) in [(before, "104"), (left, "105")] {
            let after = bench.record(Stream::Employees, new).await;
            assert_ne!(after.id, old.id);
            assert_eq!(after.person, old.person, "{new}");
        }
        // Somebody who is there has that address: nobody can tell who the new one is.
        let six = bench.record(Stream::Employees, "6").await;
        assert_ne!(bench.record(Stream::Employees, "106").await.person, six.person);
        let told: Vec<_> =
            bench.events().await.into_iter().filter(|event| event.fact.kind == "employee.created").collect();
        let of = |event: &gangway_domain::event::Event| event.fact.data["rehire_of"].clone();
        let named = told.iter().filter(|event| of(event).as_str().is_some_and(|id| id.starts_with("emp_")));
        assert_eq!((told.len(), named.count()), (3, 2));
    }
}
