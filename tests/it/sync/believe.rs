//! What a sweep may conclude when turns die, rights come back, people are seen again, and nobody is left.

use chrono::TimeDelta;
use gangway_app::{
    queue::Outcome,
    settings::{self, SettingsPatch},
    syncs::{self, Progress, Verb},
};
use gangway_domain::{
    Code,
    held::HeldState,
    id::SyncId,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;

use super::{
    support::{Bench, everything},
    vendor::{absence, employee},
};

on_both_databases! {
    async fn what_two_sweeps_missed_is_forgotten_when_single_reads_say_otherwise(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 10).await;
        let missing = ["1", "2", "3", "4"];
        {
            let mut account = bench.vendor.account();
            account.no_single_reads = true;
            account.unlisted = missing.map(str::to_owned).into();
        }
        bench.run(sync, RunMode::Full).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        // The turn dies when all that is missing is the end of the run.
        bench.db.execute("ALTER TABLE event RENAME TO event_away").await;
        bench.execute(run, &fence).await.unwrap_err();
        bench.db.execute("ALTER TABLE event_away RENAME TO event").await;
        bench.vendor.account().no_single_reads = false;
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        let ended = bench.read_run(run).await;
        assert_eq!((ended.state, ended.counts.deleted), (RunState::Completed, 0));
        assert_eq!(bench.present(Stream::Employees).await.len(), 10);
        assert_eq!(bench.db.count("sweep_finding").await, 0);
    }

    async fn a_release_spares_whom_any_run_has_seen_since(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 20).await;
        bench.vendor.remove(Stream::Employees, &["1", "2", "3", "4"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!(run.state, RunState::Held);
        // A sweep that is not believed sees two of them as they were, and another one does not.
        let back = [1, 2].map(|id| employee(id, run.created_at - TimeDelta::days(1)));
        for one in back {
            bench.vendor.add(Stream::Employees, one);
        }
        bench.vendor.account().claimed_total = Some(40);
        assert!(bench.run(sync, RunMode::Full).await.error_message.unwrap().contains("total"));
        bench.vendor.account().unlisted = ["1", "2"].map(str::to_owned).into();
        assert!(bench.run(sync, RunMode::Full).await.error_message.unwrap().contains("total"));

        let batch = syncs::held(&bench.ctx, sync, everything()).await.unwrap();
        assert_eq!((batch.batch.n_missing, batch.batch.n_settled, batch.records.items.len()), (4, 2, 2));
        release(&bench, sync).await;
        let mut gone: Vec<String> = bench.gone(Stream::Employees).await.into_iter().map(|it| it.external.id).collect();
        gone.sort_unstable();
        assert_eq!(gone, ["3", "4"]);
        let batch = syncs::held(&bench.ctx, sync, everything()).await.unwrap().batch;
        assert_eq!((batch.state, batch.n_settled), (HeldState::Released, 4));
    }

    async fn a_batch_whose_people_are_all_back_waits_no_more(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 20).await;
        bench.vendor.remove(Stream::Employees, &["1", "2", "3", "4"]);
        let run = bench.run(sync, RunMode::Full).await;
        bench.vendor.hire(1..5, bench.now());
        bench.vendor.account().claimed_total = Some(40);
        bench.run(sync, RunMode::Incremental).await;
        let batch = syncs::held(&bench.ctx, sync, everything()).await.unwrap().batch;
        assert_eq!((batch.run, batch.state), (run.id, HeldState::Superseded));
        assert_eq!(bench.read_run(run.id).await.state, RunState::Completed);
        let outdated = syncs::decide(&bench.ctx, sync, run.id, Verb::Release, "so").await.unwrap_err();
        assert_eq!(outdated.code, Code::HeldOutdated);
        assert!(outdated.message.contains("seen again"), "{}", outdated.message);
    }

    async fn the_last_ones_of_an_account_wait_for_a_human_beside_those_somebody_kept(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 5).await;
        bench.vendor.remove(Stream::Employees, &["1", "2", "3", "4"]);
        let run = bench.run(sync, RunMode::Full).await;
        syncs::decide(&bench.ctx, sync, run.id, Verb::Refuse, "a mistake").await.unwrap();
        bench.vendor.remove(Stream::Employees, &["5"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Held, 0));
        assert_eq!(bench.present(Stream::Employees).await.len(), 5);
    }

    async fn many_deletions_are_carried_out_some_at_a_time(db: TestDb) {
        let bench = Bench::on(db).await;
        let patch = SettingsPatch { periods_least: Some(1_000), ..Default::default() };
        settings::update(&bench.ctx, None, patch).await.unwrap();
        bench.vendor.account().page_size = 500;
        for id in 1..=500 {
            bench.vendor.add(Stream::Absences, absence(id, 1, "2026-11-24", bench.now()));
        }
        let sync = bench.sync(Stream::Absences).await;
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::seconds(1));
        let gone: Vec<String> = (1..=450).map(|id: u32| id.to_string()).collect();
        bench.vendor.remove(Stream::Absences, &gone.iter().map(String::as_str).collect::<Vec<_>>());
        bench.run(sync, RunMode::Full).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        let mut left = Vec::new();
        // The page first.
        let mut asked = 2;
        while bench.execute_pages(run, &fence, asked).await.unwrap() == Progress::Yield {
            left.push(bench.present(Stream::Absences).await.len());
            asked = 1;
        }
        assert_eq!(left, [300, 100]);
        let ended = bench.read_run(run).await;
        assert_eq!((ended.state, ended.counts.deleted), (RunState::Completed, 450));
        let kinds = bench.kinds().await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "absence.deleted").count(), 450);
        assert_eq!(kinds.last().unwrap(), "sync.completed");
        assert_eq!(bench.db.count("sweep_finding").await, 0);
    }

    async fn a_release_whose_job_failed_for_good_is_taken_up_again(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 20).await;
        bench.vendor.remove(Stream::Employees, &["1", "2", "3", "4"]);
        let run = bench.run(sync, RunMode::Full).await.id;
        syncs::decide(&bench.ctx, sync, run, Verb::Release, "so").await.unwrap();
        lose_release(&bench).await;
        assert!(bench.claim().await.is_none());
        // By the same word again, once however often it is said.
        for _ in 0..2 {
            syncs::decide(&bench.ctx, sync, run, Verb::Release, "so").await.unwrap();
        }
        lose_release(&bench).await;
        assert!(bench.claim().await.is_none());
        // Or by the next sweep.
        bench.run(sync, RunMode::Full).await;
        let fence = bench.claim().await.expect("a job that releases");
        assert_eq!(syncs::release(&bench.ctx, run, &fence, &|| false).await.unwrap(), Progress::Done);
        assert_eq!(bench.gone(Stream::Employees).await.len(), 4);
    }
}

async fn hired(bench: &Bench, n: u32) -> SyncId {
    bench.vendor.hire(1..n + 1, bench.now());
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    bench.advance(TimeDelta::seconds(1));
    sync
}

/// Says yes to the batch of a sync, and carries it out.
async fn release(bench: &Bench, sync: SyncId) {
    let run = syncs::held(&bench.ctx, sync, everything()).await.unwrap().batch.run;
    syncs::decide(&bench.ctx, sync, run, Verb::Release, "a site closed").await.unwrap();
    let fence = bench.claim().await.unwrap();
    assert_eq!(syncs::release(&bench.ctx, run, &fence, &|| false).await.unwrap(), Progress::Done);
    bench.ack(fence, Outcome::Done).await;
}

/// The job that releases fails for good.
async fn lose_release(bench: &Bench) {
    let fence = bench.claim().await.expect("a job that releases");
    bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
}
