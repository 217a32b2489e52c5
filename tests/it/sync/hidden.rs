//! Who may not be seen any more is not gone; and a view is not believed when what it may show changed.

use gangway_domain::{
    record::{RecordState, Stream},
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::{
    support::{Bench, everything},
    vendor::employee,
};

on_both_databases! {
    async fn whom_the_vendor_refuses_to_show_is_hidden_rather_than_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4", "9"]);
        bench.vendor.account().hidden = vec!["9".into()];
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 2));
        let kinds = bench.kinds().await;
        assert_eq!(kinds, ["sync.completed", "employee.deleted", "employee.hidden", "sync.completed"]);
        assert_eq!(bench.gone(Stream::Employees).await[0].external.id, "4");
        let hidden = bench.in_state(Stream::Employees, RecordState::Hidden).await;
        assert_eq!((hidden.len(), hidden[0].external.id.as_str()), (1, "9"));

        bench.vendor.account().hidden.clear();
        bench.vendor.add(Stream::Employees, employee(9, bench.now()));
        bench.run(sync, RunMode::Full).await;
        let back = bench.events().await.into_iter().rfind(|event| event.fact.kind == "employee.created").unwrap();
        assert_eq!((&back.fact.data["reappeared"], &back.fact.data["was"]), (&json!(true), &json!("hidden")));
        assert_eq!(bench.present(Stream::Employees).await.len(), 19);
    }

    async fn an_account_that_shows_nobody_by_itself_needs_two_sweeps(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().hidden = vec!["*".into()];
        bench.vendor.remove(Stream::Employees, &["4"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
        assert_eq!(bench.gone(Stream::Employees).await[0].external.id, "4");
        assert!(bench.in_state(Stream::Employees, RecordState::Hidden).await.is_empty());
    }

    async fn many_hidden_at_once_wait_for_a_human(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let lost = ["1", "2", "3", "4", "5"];
        bench.vendor.remove(Stream::Employees, &lost);
        bench.vendor.account().hidden = lost.map(str::to_owned).into();
        assert_eq!(bench.run(sync, RunMode::Full).await.state, RunState::Held);
        let held = gangway_app::syncs::held(&bench.ctx, sync, everything()).await.unwrap();
        let hidden = held.records.items.iter().filter(|held| held.finding == gangway_domain::held::Finding::Hidden);
        assert_eq!((held.batch.n_missing, hidden.count()), (5, 4));
    }

    async fn a_list_of_attributes_that_changes_while_it_is_read_makes_the_view_doubtful(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4"]);
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 3).await.unwrap();
        bench.vendor.account().catalogue.as_mut().unwrap().pop();
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, gangway_app::queue::Outcome::Done).await;
        let run = bench.read_run(run).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 0));
        assert!(run.error_message.unwrap().contains("attributes that the credential may read changed"));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1, "what is steady is believed");
    }
}
