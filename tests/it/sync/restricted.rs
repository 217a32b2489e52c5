//! An attribute that nobody's record carries any more: the values stay, and the tenant is told.

use gangway_app::connections;
use gangway_domain::{record::Stream, sync::RunMode};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::support::{Bench, everything};

on_both_databases! {
    async fn an_attribute_gone_for_everyone_is_told_once_and_told_again_when_it_is_back(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = read_with_shirts(&bench).await;
        bench.vendor.account().unsent = vec!["dynamic_1"];
        bench.run(sync, RunMode::Full).await;
        bench.run(sync, RunMode::Full).await;
        let kinds = bench.kinds().await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "attribute.restricted").count(), 1, "{kinds:?}");
        let told = bench.events().await.into_iter().find(|event| event.fact.kind == "attribute.restricted").unwrap();
        assert_eq!((&told.fact.data["key"], &told.fact.data["label"]), (&json!("dynamic_1"), &json!("Shirt size")));
        assert!(told.fact.data["message"].as_str().unwrap().contains("read"), "{}", told.fact.data);
        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!((&record.attributes["dynamic_1"], record.stale.as_slice()), (&json!("L"), &["attributes.dynamic_1".to_owned()][..]));

        let warnings = warnings(&bench).await;
        assert_eq!(warnings.len(), 1);
        assert_eq!((warnings[0].code, warnings[0].key.as_str()), ("attribute.restricted", "dynamic_1"));
        assert!(warnings[0].message.contains("Shirt size") && warnings[0].message.contains("read"));

        bench.vendor.account().unsent.clear();
        bench.run(sync, RunMode::Full).await;
        assert!(self::warnings(&bench).await.is_empty());
        let back = bench.events().await.into_iter().rfind(|event| event.fact.kind == "attribute.added").unwrap();
        assert_eq!((&back.fact.data["key"], &back.fact.data["restored"]), (&json!("dynamic_1"), &json!(true)));
        assert!(bench.record(Stream::Employees, "1").await.stale.is_empty());
    }

    async fn what_only_a_leaver_had_is_not_restricted(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        for id in 2..21 {
            bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |it| drop(it.attributes.remove("dynamic_1")));
        }
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["1"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.counts.deleted, run.error_message), (1, None));
        assert!(!bench.kinds().await.contains(&"attribute.restricted".to_owned()));
    }

    async fn a_right_lost_together_with_people_makes_the_view_doubtful_once(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = read_with_shirts(&bench).await;
        bench.vendor.account().unsent = vec!["dynamic_1"];
        bench.vendor.remove(Stream::Employees, &["4"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!(run.counts.deleted, 0);
        assert!(run.error_message.unwrap().contains("may have lost a right"));
        assert!(bench.kinds().await.contains(&"attribute.restricted".to_owned()));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn an_attribute_no_longer_listed_is_a_warning_until_it_is_deselected(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = read_with_shirts(&bench).await;
        bench.vendor.account().catalogue = Some(vec![("dynamic_2", "Salary")]);
        bench.vendor.account().unsent = vec!["dynamic_1"];
        bench.run(sync, RunMode::Full).await;
        let found = warnings(&bench).await;
        assert_eq!(found.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["attribute.removed"]);
        let choice = gangway_app::attributes::Choice { id: Some(found[0].attribute), selected: Some(false), ..Default::default() };
        gangway_app::attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
        assert!(warnings(&bench).await.is_empty());
    }
}

/// Twenty people, whose shirt sizes are kept.
async fn read_with_shirts(bench: &Bench) -> gangway_domain::id::SyncId {
    bench.vendor.hire(1..21, bench.now());
    let sync = bench.sync(Stream::Employees).await;
    let shirt = gangway_app::attributes::list(&bench.ctx, bench.connection).await.unwrap();
    let shirt = shirt.iter().find(|attribute| attribute.key == "dynamic_1").unwrap().id;
    let choice = gangway_app::attributes::Choice { id: Some(shirt), selected: Some(true), ..Default::default() };
    gangway_app::attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
    if let Some(fence) = bench.claim().await {
        let run = gangway_app::syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, gangway_app::queue::Outcome::Done).await;
    } else {
        bench.run(sync, RunMode::Full).await;
    }
    sync
}

async fn warnings(bench: &Bench) -> Vec<connections::Warning> {
    let all = connections::list(&bench.ctx, everything()).await.unwrap().items;
    connections::warnings(&bench.ctx, &all).await.unwrap().remove(&bench.connection).unwrap_or_default()
}
