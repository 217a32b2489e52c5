//! What the log tells when the choice of attributes changes: nothing about people to whom nothing happened, and everything that
//! did happen to the others.

use chrono::TimeDelta;
use gangway_app::{
    attributes::{self, Choice},
    queue::Outcome,
    records::RecordView,
    syncs::Progress,
};
use gangway_domain::{
    id::SyncId,
    record::Stream,
    schema::AttributeClass,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::{Value, json};

use super::support::Bench;

on_both_databases! {
    async fn an_attribute_that_is_selected_has_not_changed_for_anybody(db: TestDb) {
        let bench = Bench::on(db).await;
        let before = loaded(&bench).await;
        choose(&bench, select("dynamic_2", true)).await;
        let after = bench.record(Stream::Employees, "1").await;
        assert_eq!(after.sensitive.unwrap()["dynamic_2"], json!("canary-salary-1"), "the control: it is kept now");
        assert_eq!(updates(&bench).await, Vec::<Value>::new());
        assert_eq!((after.changed_at, after.version), (before.changed_at, before.version + 1));
    }

    async fn an_attribute_in_clear_that_is_selected_again_has_not_changed_either(db: TestDb) {
        let bench = Bench::on(db).await;
        let before = loaded(&bench).await;
        choose(&bench, select("dynamic_1", false)).await;
        assert_eq!(bench.record(Stream::Employees, "1").await.attributes, [].into());
        choose(&bench, select("dynamic_1", true)).await;
        let after = bench.record(Stream::Employees, "1").await;
        assert_eq!((&after.attributes, after.changed_at), (&before.attributes, before.changed_at));
        assert_eq!(updates(&bench).await, Vec::<Value>::new());
    }

    async fn an_attribute_that_the_account_offers_anew_has_not_changed_for_anybody(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = load(&bench).await;
        for id in 1..4 {
            bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |employee| {
                employee.attributes.insert("dynamic_3".into(), json!("42"));
            });
        }
        bench.vendor.account().catalogue =
            Some(vec![("dynamic_1", "Shirt size"), ("dynamic_2", "Salary"), ("dynamic_3", "Shoe size")]);
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(bench.record(Stream::Employees, "1").await.attributes["dynamic_3"], json!("42"));
        assert_eq!(updates(&bench).await, Vec::<Value>::new());
    }

    async fn a_class_that_changes_is_no_change_of_a_value(db: TestDb) {
        let bench = Bench::on(db).await;
        let before = loaded(&bench).await;
        choose(&bench, class("dynamic_1", AttributeClass::Sensitive)).await;
        let sealed = bench.record(Stream::Employees, "1").await;
        assert_eq!((sealed.attributes, sealed.sensitive.unwrap()["dynamic_1"].clone()), ([].into(), json!("L")));
        choose(&bench, class("dynamic_1", AttributeClass::Standard)).await;
        let clear = bench.record(Stream::Employees, "1").await;
        assert_eq!((clear.attributes, clear.changed_at), (before.attributes, before.changed_at));
        assert_eq!(updates(&bench).await, Vec::<Value>::new());
    }

    async fn what_happened_to_a_person_is_told_beside_the_choice(db: TestDb) {
        let bench = Bench::on(db).await;
        load(&bench).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.fields.insert("first_name".into(), json!("Renamed"));
            employee.attributes.insert("dynamic_1".into(), json!("XL"));
        });
        bench.vendor.change(Stream::Employees, "2", bench.now(), |employee| {
            employee.fields.insert("team".into(), json!({"id": "3", "name": "New"}));
        });
        choose(&bench, select("dynamic_2", true)).await;
        let shirt = json!({"old": "L", "new": "XL"});
        let team = json!({"old": null, "new": {"id": "3", "name": "New"}});
        assert_eq!(updates(&bench).await, [
            json!({"changes": {"first_name": {"old": "First1", "new": "Renamed"}, "attributes.dynamic_1": shirt}}),
            json!({"changes": {"team": team}}),
        ]);
    }

    async fn a_value_that_changed_while_it_was_sealed_or_opened_is_only_said_to_have_changed(db: TestDb) {
        let bench = Bench::on(db).await;
        load(&bench).await;
        for (shirt, class_now) in [("canary-xl", AttributeClass::Sensitive), ("canary-xxl", AttributeClass::Standard)] {
            bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
                employee.attributes.insert("dynamic_1".into(), json!(shirt));
            });
            choose(&bench, class("dynamic_1", class_now)).await;
        }
        let told = json!({"changes": {"attributes.dynamic_1": {"changed": true}}});
        assert_eq!(updates(&bench).await, [told.clone(), told]);
    }

    async fn a_value_that_is_no_longer_sent_follows_its_class(db: TestDb) {
        let bench = Bench::on(db).await;
        load(&bench).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| drop(employee.attributes.remove("dynamic_1")));
        choose(&bench, class("dynamic_1", AttributeClass::Sensitive)).await;
        let sealed = bench.record(Stream::Employees, "1").await;
        assert_eq!((sealed.attributes, sealed.sensitive.unwrap()), ([].into(), shirt()));
        assert_eq!(sealed.stale, ["attributes.dynamic_1"]);
        choose(&bench, class("dynamic_1", AttributeClass::Standard)).await;
        let clear = bench.record(Stream::Employees, "1").await;
        assert_eq!((clear.attributes, clear.sensitive.unwrap()), (shirt(), [].into()));
        assert_eq!(clear.stale, ["attributes.dynamic_1"]);
        assert_eq!(updates(&bench).await, Vec::<Value>::new());
    }
}

fn shirt() -> std::collections::BTreeMap<String, Value> {
    [("dynamic_1".to_owned(), json!("L"))].into()
}

/// Three employees, read once.
async fn load(bench: &Bench) -> SyncId {
    bench.vendor.hire(1..4, bench.now());
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    sync
}

/// The first of them.
async fn loaded(bench: &Bench) -> RecordView {
    load(bench).await;
    bench.record(Stream::Employees, "1").await
}

fn select(key: &str, selected: bool) -> Choice {
    Choice { key: Some(key.to_owned()), selected: Some(selected), ..Choice::default() }
}

fn class(key: &str, class: AttributeClass) -> Choice {
    Choice { key: Some(key.to_owned()), class: Some(class), ..Choice::default() }
}

/// Makes a choice and carries out the run that it starts.
async fn choose(bench: &Bench, choice: Choice) {
    bench.advance(TimeDelta::seconds(1));
    let chosen = attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
    let fence = bench.claim().await.unwrap();
    assert_eq!(bench.execute(chosen.runs[0], &fence).await.unwrap(), Progress::Done);
    bench.ack(fence, Outcome::Done).await;
    assert_eq!(bench.read_run(chosen.runs[0]).await.state, RunState::Completed);
}

/// What the log says about changed employees.
async fn updates(bench: &Bench) -> Vec<Value> {
    let told = bench.events().await.into_iter().filter(|event| event.fact.kind == "employee.updated");
    told.map(|event| event.fact.data).collect()
}
