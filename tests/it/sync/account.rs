//! A connection that is led to another account: nothing that was read of the old one stands for the new one.

use chrono::TimeDelta;
use gangway_app::{
    attributes,
    connections::{self, ConnectionPatch},
    queue::JobFence,
    syncs::{self, Progress},
};
use gangway_connector::ReadMode;
use gangway_domain::{
    Code,
    id::{SyncId, SyncRunId},
    record::Stream,
    schema::AttributeClass::{self, Sensitive, Standard},
    sync::{RunMode, RunState},
};
use gangway_egress::Class;
use gangway_testkit::on_both_databases;
use secrecy::SecretString;
use serde_json::json;

use super::{
    sensitive::select_salary,
    support::Bench,
    vendor::{Gate, OTHER_ORIGIN},
};

on_both_databases! {
    async fn a_run_reads_the_other_account_from_its_start(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        let (run, fence) = begin_and_read_two_pages(&bench, sync, RunMode::Incremental).await;
        move_to_other_origin(&bench).await;
        finish(&bench, run, &fence).await;
        assert_eq!(bench.read_run(run).await.state, RunState::Completed);
        assert_eq!(n_people_of_other_account(&bench).await, 18);
    }

    async fn another_client_is_another_account(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        let (run, fence) = begin_and_read_two_pages(&bench, sync, RunMode::Incremental).await;
        put_credential(&bench, r#"{"client_id": "another"}"#).await;
        show_other_account(&bench);
        finish(&bench, run, &fence).await;
        assert_eq!(n_people_of_other_account(&bench).await, 18);
    }

    async fn a_new_secret_of_the_same_client_lets_a_run_go_on(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        let cursor = syncs::get(&bench.ctx, sync).await.unwrap().cursor;
        let (run, fence) = begin_and_read_two_pages(&bench, sync, RunMode::Incremental).await;
        put_credential(&bench, r#"{"secret": "another"}"#).await;
        assert_eq!(syncs::get(&bench.ctx, sync).await.unwrap().cursor, cursor);
        finish(&bench, run, &fence).await;
        assert_eq!(bench.read_run(run).await.counts.pages, 6);
    }

    async fn the_next_run_asks_the_other_account_for_everything(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        move_to_other_origin(&bench).await;
        assert_eq!(syncs::get(&bench.ctx, sync).await.unwrap().cursor, None);
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(n_people_of_other_account(&bench).await, 18);
        assert!(bench.vendor.account().calls.iter().all(|call| matches!(call.mode, ReadMode::All)));
    }

    async fn another_client_s_account_is_asked_for_everything(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        put_credential(&bench, r#"{"client_id": "another"}"#).await;
        assert_eq!(syncs::get(&bench.ctx, sync).await.unwrap().cursor, None);
    }

    async fn a_page_of_the_old_account_is_not_committed_after_the_move(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |person| {
            person.fields.insert("first_name".into(), json!("Late"));
        });
        // The only page, and with it the end of the run.
        bench.vendor.account().page_size = 100;
        let (run, fence) = bench.begin(sync, RunMode::Incremental).await;
        let gate = Gate::default();
        bench.vendor.account().gate = Some(gate.clone());
        let moving = async {
            gate.reached.notified().await;
            connections::update(&bench.ctx, bench.connection, None, other_origin()).await.unwrap();
            gate.opened.notify_one();
        };
        let (turn, ()) = tokio::join!(bench.execute(run, &fence), moving);
        assert_eq!(turn.unwrap(), Progress::Yield);
        assert_eq!(bench.record(Stream::Employees, "1").await.fields["first_name"], json!("First1"));
        assert_eq!(syncs::get(&bench.ctx, sync).await.unwrap().cursor, None);
        show_other_account(&bench);
        finish(&bench, run, &fence).await;
        assert_eq!(n_people_of_other_account(&bench).await, 18);
    }

    async fn a_sweep_forgets_what_it_saw_of_the_old_account(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..19, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = begin_and_read_two_pages(&bench, sync, RunMode::Full).await;
        move_to_other_origin(&bench).await;
        finish(&bench, run, &fence).await;
        assert_eq!(bench.db.count("sweep_sighting").await, 18);
        // Six people of the old account were read, and nobody knows where they are.
        assert_eq!(bench.read_run(run).await.state, RunState::Held);
    }

    async fn a_run_that_begins_anew_counts_nothing_of_the_old_account(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..19, bench.now());
        bench.vendor.account().unreadable = vec!["2".into()];
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = begin_and_read_two_pages(&bench, sync, RunMode::Full).await;
        assert_eq!(bench.db.count("quarantined_record").await, 1);
        move_to_other_origin(&bench).await;
        finish(&bench, run, &fence).await;
        let counts = bench.read_run(run).await.counts;
        assert_eq!((counts.pages, counts.seen, counts.created, counts.quarantined), (6, 18, 18, 0));
        assert_eq!(bench.db.count("quarantined_record").await, 0);
    }

    async fn a_choice_about_one_accounts_own_attributes_says_nothing_about_anothers(db: TestDb) {
        let bench = Bench::on(db).await;
        select_salary(&bench, true).await;
        bench.vendor.account().catalogue = None;
        move_to_other_origin(&bench).await;
        let now = state(&bench).await;
        assert_eq!(now, [("dynamic_1".into(), false, Sensitive), ("dynamic_2".into(), false, Sensitive)]);

        // Where they mean something else, and where they are listed they are judged by that.
        bench.vendor.account().catalogue = Some(vec![("dynamic_1", "Religion"), ("dynamic_2", "Shoe size")]);
        connections::discover(&bench.ctx, bench.connection).await.unwrap();
        let now = state(&bench).await;
        assert_eq!(now, [("dynamic_1".into(), false, Sensitive), ("dynamic_2".into(), true, Standard)]);
    }

    async fn another_client_s_attributes_are_closed_too_and_a_new_secret_closes_none(db: TestDb) {
        let bench = Bench::on(db).await;
        select_salary(&bench, true).await;
        let before = state(&bench).await;
        put_credential(&bench, r#"{"secret": "another"}"#).await;
        assert_eq!(state(&bench).await, before);
        put_credential(&bench, r#"{"client_id": "another"}"#).await;
        assert!(state(&bench).await.iter().all(|(_, selected, class)| !selected && *class == Sensitive));
    }

    async fn a_list_of_the_old_account_is_not_stored_after_the_move(db: TestDb) {
        let bench = Bench::on(db).await;
        let opened = connections::open(&bench.ctx, bench.connection, Class::Interactive).await.unwrap();
        move_to_other_origin(&bench).await;
        let refused = attributes::discover(&bench.ctx, &opened).await.unwrap_err();
        assert_eq!(refused.code, Code::VersionStale);
        // A run's turn is taken again instead, with the new credential.
        let refused = attributes::refresh(&bench.ctx, &opened).await.unwrap_err();
        assert!(refused.is_transient);
        assert!(state(&bench).await.iter().all(|(_, selected, _)| !selected));
    }
}

/// Key, whether it is selected, and class of each attribute.
async fn state(bench: &Bench) -> Vec<(String, bool, AttributeClass)> {
    let attributes = attributes::list(&bench.ctx, bench.connection).await.unwrap();
    attributes.into_iter().map(|attribute| (attribute.key, attribute.selected, attribute.class)).collect()
}

/// Eighteen people who were read a month ago, so that only some of another account's would be asked for now.
async fn filled(bench: &Bench) -> SyncId {
    bench.vendor.hire(1..19, bench.now());
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    bench.advance(TimeDelta::days(30));
    for id in 1..19 {
        bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |_| {});
    }
    bench.vendor.account().calls.clear();
    sync
}

async fn begin_and_read_two_pages(bench: &Bench, sync: SyncId, mode: RunMode) -> (SyncRunId, JobFence) {
    let (run, fence) = bench.begin(sync, mode).await;
    assert_eq!(bench.execute_pages(run, &fence, 2).await.unwrap(), Progress::Yield);
    (run, fence)
}

async fn finish(bench: &Bench, run: SyncRunId, fence: &JobFence) {
    while bench.execute(run, fence).await.unwrap() == Progress::Yield {}
}

fn other_origin() -> ConnectionPatch {
    ConnectionPatch { config: Some(json!({ "base_url": OTHER_ORIGIN })), ..ConnectionPatch::default() }
}

async fn move_to_other_origin(bench: &Bench) {
    connections::update(&bench.ctx, bench.connection, None, other_origin()).await.unwrap();
    show_other_account(bench);
}

async fn put_credential(bench: &Bench, secret: &str) {
    connections::put_credential(&bench.ctx, bench.connection, None, SecretString::from(secret)).await.unwrap();
}

/// The vendor answers as the other account from now on: eighteen other people, none of whom changed for half a year.
fn show_other_account(bench: &Bench) {
    bench.vendor.account().objects.clear();
    bench.vendor.hire(101..119, bench.now() - TimeDelta::days(180));
}

async fn n_people_of_other_account(bench: &Bench) -> usize {
    bench.present(Stream::Employees).await.iter().filter(|person| person.external.id.len() == 3).count()
}
