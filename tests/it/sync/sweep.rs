//! What is gone: believed only when it was looked for completely, confirmed, and not too much at once.

use chrono::TimeDelta;
use gangway_app::syncs::Progress;
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
    async fn a_full_run_buries_whom_the_vendor_confirms_to_be_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4", "9"]);
        // Not in the listing, yet there when asked for by itself.
        bench.vendor.account().unlisted.push("7".into());
        let run = bench.run(sync, RunMode::Full).await;

        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 2));
        let mut asked = bench.vendor.account().single_reads.clone();
        asked.sort();
        assert_eq!(asked, ["4", "7", "9"]);
        let kinds = bench.kinds().await;
        assert_eq!(kinds, ["sync.completed", "employee.deleted", "employee.deleted", "sync.completed"]);
        assert_eq!(bench.events().await[1].fact.data, json!({"confirmed_by": "single_read"}));
        let gone = bench.gone(Stream::Employees).await;
        assert_eq!(gone.len(), 2);
        assert!(gone.iter().all(|record| record.deleted_at.is_some() && record.version == 2));
        assert_eq!(bench.present(Stream::Employees).await.len(), 18);
    }

    async fn an_incremental_run_buries_nobody(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..5, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4"]);
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(bench.present(Stream::Employees).await.len(), 4);
    }

    async fn whoever_comes_back_is_told_as_new_under_the_old_id(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..5, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let before = bench.record(Stream::Employees, "4").await;
        bench.vendor.remove(Stream::Employees, &["4"]);
        bench.run(sync, RunMode::Full).await;
        bench.vendor.add(Stream::Employees, employee(4, bench.now()));
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!(run.counts.created, 1);
        let after = bench.record(Stream::Employees, "4").await;
        assert_eq!((after.id, after.deleted_at, after.person), (before.id, None, before.person));
        let back = bench.events().await.into_iter().rfind(|event| event.fact.kind == "employee.created").unwrap();
        assert_eq!(back.fact.data["reappeared"], json!(true));
        assert_eq!(back.fact.data["changes"]["first_name"]["old"], json!(null));
    }

    async fn too_many_at_once_wait_for_a_human(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["1", "2", "3", "4"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Held, 0));
        assert!(run.error_message.unwrap().contains("4 of 20 employees"));
        assert_eq!(bench.kinds().await, ["sync.completed", "sync.held"]);
        assert_eq!(bench.present(Stream::Employees).await.len(), 20);
    }

    async fn an_emptied_account_waits_for_a_human(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["1", "2"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.state, RunState::Held);
        assert_eq!(bench.present(Stream::Employees).await.len(), 2);
    }

    async fn a_view_that_is_not_as_large_as_the_total_is_not_believed(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4"]);
        bench.vendor.account().claimed_total = Some(20);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 0));
        assert!(run.error_message.unwrap().contains("total"));
        assert!(bench.vendor.account().single_reads.is_empty());

        bench.vendor.account().claimed_total = None;
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn a_total_that_never_holds_still_is_not_believed(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4"]);
        bench.vendor.account().total_changes_on = (1..100).collect();
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.counts.pages, run.counts.deleted), (6, 0));
        assert_eq!(bench.present(Stream::Employees).await.len(), 8);
    }

    async fn whoever_cannot_be_read_is_not_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().unreadable = vec!["4".into(), "99".into()];
        bench.vendor.hire(99..100, bench.now());
        bench.vendor.remove(Stream::Employees, &["5"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.counts.quarantined, run.counts.deleted, run.error_message), (2, 1, None));
        assert_eq!(bench.present(Stream::Employees).await.len(), 7);
    }

    async fn a_sweep_stopped_while_it_confirms_goes_on_later(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["4", "9"]);
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        // Six pages and the first of two single reads.
        assert_eq!(bench.execute_pages(run, &fence, 7).await.unwrap(), Progress::Yield);
        assert_eq!(bench.present(Stream::Employees).await.len(), 20);
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        assert_eq!(bench.read_run(run).await.counts.deleted, 2);
    }

    async fn two_sweeps_stand_in_for_single_reads_that_an_account_lacks(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..21, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().no_single_reads = true;
        bench.vendor.remove(Stream::Employees, &["4"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 0));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
        assert_eq!(bench.gone(Stream::Employees).await[0].external.id, "4");
    }

    async fn absences_go_when_two_sweeps_agree(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench).await;
        bench.vendor.remove(Stream::Absences, &["3"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
        assert_eq!(bench.gone(Stream::Absences).await[0].external.id, "3");
        let deleted = bench.events().await.into_iter().find(|event| event.fact.kind == "absence.deleted").unwrap();
        assert_eq!(deleted.fact.data, json!({"confirmed_by": "two_sweeps"}));
    }

    async fn an_absence_seen_in_between_needs_two_sweeps_again(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench).await;
        bench.vendor.account().unlisted = vec!["3".into()];
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().unlisted.clear();
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().unlisted = vec!["3".into()];
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn an_absence_found_since_the_last_sweep_is_not_missed_by_it(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench).await;
        bench.vendor.add(Stream::Absences, absence(50, 1, "2026-11-25", bench.now()));
        bench.run(sync, RunMode::Incremental).await;
        bench.vendor.remove(Stream::Absences, &["50"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn an_absence_that_came_back_needs_two_sweeps_again(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench).await;
        bench.vendor.remove(Stream::Absences, &["3"]);
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
        bench.vendor.add(Stream::Absences, absence(3, 1, "2026-11-24", bench.now()));
        assert_eq!(bench.run(sync, RunMode::Incremental).await.counts.created, 1);
        bench.vendor.remove(Stream::Absences, &["3"]);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn leaving_the_window_is_not_a_deletion(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench).await;
        bench.advance(TimeDelta::days(402));
        for _ in 0..3 {
            let run = bench.run(sync, RunMode::Full).await;
            assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 0));
        }
        assert_eq!(bench.present(Stream::Absences).await.len(), 6);
    }

    async fn only_the_sightings_that_the_next_sweep_needs_are_kept(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench).await;
        for _ in 0..3 {
            bench.run(sync, RunMode::Full).await;
        }
        assert_eq!(bench.db.count("sweep_sighting").await, 12);
    }
}

/// Six absences on today's date, swept once.
async fn filled_with_absences(bench: &Bench) -> gangway_domain::id::SyncId {
    for id in 1..7 {
        bench.vendor.add(Stream::Absences, absence(id, 1, "2026-11-24", bench.now()));
    }
    let sync = bench.sync(Stream::Absences).await;
    bench.run(sync, RunMode::Full).await;
    sync
}
