//! Attributes that come to light while pages are read: told by the log once, and not by the first load.

use gangway_domain::{event::Event, record::Stream, sync::RunMode};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::support::Bench;

on_both_databases! {
    async fn an_attribute_that_appears_in_a_page_after_the_first_load_is_told_once(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        give_all(&bench, "dynamic_9");
        let run = bench.run(sync, RunMode::Incremental).await;
        assert!(run.counts.pages > 1, "more than one page shows it");
        // The list goes on leaving it out, which is no sign that it is gone.
        bench.run(sync, RunMode::Full).await;

        let told = about_attributes(&bench).await;
        let kinds: Vec<&str> = told.iter().map(|event| event.fact.kind.as_str()).collect();
        assert_eq!(kinds, ["attribute.added"]);
        let known = gangway_app::attributes::list(&bench.ctx, bench.connection).await.unwrap();
        let attribute = known.iter().find(|attribute| attribute.key == "dynamic_9").unwrap();
        let fact = &told[0].fact;
        assert_eq!((fact.subject_label.clone(), fact.run), (Some(attribute.id.to_string()), Some(run.id)));
        assert_eq!((fact.connection, fact.credential_version), (Some(bench.connection), Some(1)));
        let data = json!({
            "stream": "employees", "key": "dynamic_9", "label": "dynamic_9", "class": "sensitive", "selected": false,
        });
        assert_eq!(fact.data, data);
    }

    async fn it_is_told_once_where_attributes_cannot_be_listed(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.account().catalogue = None;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        give_all(&bench, "dynamic_9");
        bench.run(sync, RunMode::Incremental).await;
        bench.run(sync, RunMode::Full).await;
        // Listed at last, it is the same attribute.
        bench.vendor.account().catalogue =
            Some(vec![("dynamic_1", "Shirt size"), ("dynamic_2", "Salary"), ("dynamic_9", "Locker")]);
        bench.run(sync, RunMode::Full).await;
        let kinds: Vec<String> = about_attributes(&bench).await.into_iter().map(|event| event.fact.kind).collect();
        assert_eq!(kinds, ["attribute.added"]);
    }

    async fn an_empty_list_is_no_proof_that_every_attribute_is_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let listed = bench.vendor.account().catalogue.replace(Vec::new());
        bench.run(sync, RunMode::Full).await;
        assert_eq!(about_attributes(&bench).await, []);
        assert_eq!(bench.record(Stream::Employees, "1").await.attributes.len(), 1);
        // Control: a list that names something is believed about the rest.
        bench.vendor.account().catalogue = listed.map(|mut listed| listed.split_off(1));
        bench.run(sync, RunMode::Full).await;
        let kinds: Vec<String> = about_attributes(&bench).await.into_iter().map(|event| event.fact.kind).collect();
        assert_eq!(kinds, ["attribute.removed"]);
    }

    async fn keys_that_a_vendor_makes_up_have_an_end(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        for id in 1..9 {
            bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |employee| {
                employee.attributes.extend((0..200).map(|n| (format!("made_up_{id}_{n}"), json!(n))));
            });
        }
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!((run.counts.seen, run.counts.quarantined), (8, 0));
        assert_eq!(bench.db.count("attribute").await, 1_002, "two are listed");
        assert_eq!(bench.db.count("event").await, 1_001, "and the end of the first load");
    }

    async fn what_the_first_load_finds_is_told_by_no_event(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        give_all(&bench, "dynamic_9");
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.run(sync, RunMode::Full).await;
        assert_eq!(about_attributes(&bench).await, []);
    }
}

/// Gives every employee a value of an attribute.
fn give_all(bench: &Bench, key: &str) {
    for id in 1..9 {
        bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |employee| {
            employee.attributes.insert(key.to_owned(), json!("canary-unlisted"));
        });
    }
}

async fn about_attributes(bench: &Bench) -> Vec<Event> {
    bench.events().await.into_iter().filter(|event| event.fact.kind.starts_with("attribute.")).collect()
}
