//! Single reads of what a full run did not see: how far they have come survives a turn, and what they find is kept.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use gangway_app::syncs::Progress;
use gangway_connector::ErrorKind;
use gangway_domain::{
    id::SyncId,
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::{support::Bench, vendor::absence};

on_both_databases! {
    async fn a_turn_goes_on_with_the_single_reads_that_the_one_before_left(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench, 260).await;
        // There when asked for one by one, though no listing shows them.
        bench.vendor.account().unlisted = (1..201).map(|id: u32| id.to_string()).collect();
        let gone: Vec<String> = (201..241).map(|id: u32| id.to_string()).collect();
        bench.vendor.remove(Stream::Absences, &gone.iter().map(String::as_str).collect::<Vec<_>>());
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        let mut n_turns = 0;
        while bench.execute_pages(run, &fence, 20).await.unwrap() == Progress::Yield {
            n_turns += 1;
            assert!(n_turns < 30, "the run does not come to an end");
        }
        let ended = bench.read_run(run).await;
        assert_eq!((ended.state, ended.counts.deleted), (RunState::Completed, 40));
        assert_eq!(bench.present(Stream::Absences).await.len(), 220);
        let asked = asked(&bench);
        assert_eq!(asked.len(), 240);
        assert!(asked.values().all(|times| *times == 1), "{asked:?}");
    }

    async fn a_failing_single_read_costs_none_of_those_before_it(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench, 20).await;
        bench.vendor.remove(Stream::Absences, &["3", "4", "5", "6", "7", "8"]);
        bench.vendor.account().single_failures = [None, None, None, Some(ErrorKind::Unavailable)].into();
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        assert!(bench.execute(run, &fence).await.unwrap_err().is_transient);
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        assert_eq!(bench.read_run(run).await.counts.deleted, 6);
        // Three, the one that failed, that one again, and two more.
        let asked = asked(&bench);
        assert_eq!((asked.len(), asked.values().sum::<usize>()), (6, 7));
    }

    async fn no_more_is_asked_than_shows_that_a_human_must_look(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..41, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().objects.clear();
        assert_eq!(bench.run(sync, RunMode::Full).await.state, RunState::Held);
        assert_eq!(asked(&bench).len(), 4);
    }

    async fn an_answer_that_cannot_be_read_is_no_word_that_a_record_is_gone(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench, 20).await;
        bench.vendor.remove(Stream::Absences, &["3", "4"]);
        bench.vendor.account().single_failures = [Some(ErrorKind::Protocol)].into();
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 1));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1);
    }

    async fn an_absence_that_left_the_window_gets_its_new_days(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled_with_absences(&bench, 6).await;
        bench.advance(TimeDelta::hours(1));
        bench.vendor.change(Stream::Absences, "3", bench.now(), |object| {
            object.fields.insert("starts_on".into(), json!("2030-05-02"));
            object.fields.insert("ends_on".into(), json!("2030-05-09"));
        });
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted, run.counts.updated), (RunState::Completed, 0, 1));
        let moved = bench.record(Stream::Absences, "3").await;
        assert_eq!((&moved.fields["starts_on"], &moved.fields["ends_on"]), (&json!("2030-05-02"), &json!("2030-05-09")));
        let told = bench.events().await.into_iter().rfind(|event| event.fact.kind == "absence.updated").unwrap();
        assert_eq!(told.fact.data["changes"]["starts_on"]["new"], json!("2030-05-02"));

        // Outside the window it is nobody's candidate.
        bench.run(sync, RunMode::Full).await;
        assert_eq!(asked(&bench), [("3".to_owned(), 1)].into());
    }
}

/// How often each record was asked for by itself.
fn asked(bench: &Bench) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for id in &bench.vendor.account().single_reads {
        *asked.entry(id.clone()).or_default() += 1;
    }
    asked
}

/// So many absences on today's date, which can be asked for one by one, swept once.
async fn filled_with_absences(bench: &Bench, n: u32) -> SyncId {
    bench.vendor.account().confirms_absences = true;
    bench.vendor.account().page_size = 500;
    for id in 1..=n {
        bench.vendor.add(Stream::Absences, absence(id, 1, "2026-11-24", bench.now()));
    }
    let sync = bench.sync(Stream::Absences).await;
    bench.run(sync, RunMode::Full).await;
    sync
}
