//! A stream that goes over to another version of the vendor's API: nothing happened in the company, so nothing is told.

use chrono::TimeDelta;
use gangway_app::{
    queue::Outcome,
    syncs::{self, Progress},
};
use gangway_connector::{ErrorKind, ReadMode};
use gangway_domain::{
    Code,
    event::Event,
    id::SyncId,
    record::Stream::{Absences, Employees},
    sync::{MIXED, RunMode, RunState, SyncRun},
};
use gangway_testkit::on_both_databases;
use serde_json::{Value, json};

use super::{
    support::Bench,
    vendor::absence,
    versions::{ONE, TWO},
};

on_both_databases! {
    async fn others_take_the_place_of_records_without_a_word(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        assert_eq!(version(&bench, sync).await.as_deref(), Some(ONE));
        allow(&bench, &[TWO]);
        let n_told = bench.events().await.len();

        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!((run.mode, run.since, run.counts.created, run.counts.deleted), (RunMode::Full, None, 10, 0));
        assert!(run.error_message.unwrap().contains("another version"));
        assert_eq!(names(&bench).await, halves(1..6));
        assert_eq!(bench.gone(Absences).await.len(), 5);
        assert_eq!(version(&bench, sync).await.as_deref(), Some(TWO));
        let told: Vec<Event> = bench.events().await.into_iter().skip(n_told).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].fact.data["rebased"], json!({"from": ONE, "to": TWO, "replaced": 5}));

        let next = bench.run(sync, RunMode::Full).await;
        assert_eq!((next.counts.unchanged, next.counts.deleted, next.error_message), (10, 0, None));
        bench.vendor.add(Absences, absence(9, 3, "2026-11-20", bench.now()));
        bench.run(sync, RunMode::Full).await;
        let told: Vec<String> = bench.kinds().await.into_iter().filter(|kind| kind.starts_with("absence.")).collect();
        assert_eq!(told, ["absence.created", "absence.created"], "what happens afterwards is told");
    }

    async fn there_and_back_they_are_the_same_records(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        let ids = || async { bench.present(Absences).await.into_iter().map(|record| record.id).collect::<Vec<_>>() };
        let before = ids().await;
        for versions in [[TWO], [ONE]] {
            allow(&bench, &versions);
            bench.run(sync, RunMode::Incremental).await;
        }
        assert_eq!(ids().await, before);
        assert_eq!(bench.gone(Absences).await.len(), 10);
        assert!(!bench.kinds().await.iter().any(|kind| kind.starts_with("absence.")));
    }

    async fn people_stay_who_they_are_and_what_is_not_told_any_more_is_no_lost_right(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..7, bench.now());
        allow(&bench, &[ONE, TWO]);
        let sync = bench.sync(Employees).await;
        bench.run(sync, RunMode::Full).await;
        let before = bench.record(Employees, "1").await;
        allow(&bench, &[TWO]);
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!((run.counts.created, run.counts.updated), (0, 6));
        let after = bench.record(Employees, "1").await;
        assert_eq!((after.id, &after.fields["last_name"]), (before.id, &json!("PERSON")));
        assert!(after.stale.contains(&"first_name".to_owned()), "{:?}", after.stale);

        bench.vendor.remove(Employees, &["6"]);
        bench.vendor.change(Employees, "2", bench.now(), |it| drop(it.fields.insert("status".to_owned(), json!("leave"))));
        let next = bench.run(sync, RunMode::Full).await;
        assert_eq!((next.counts.updated, next.counts.deleted, next.error_message), (1, 1, None));
        let told: Vec<String> = bench.kinds().await.into_iter().filter(|kind| !kind.starts_with("sync.")).collect();
        assert_eq!(told, ["employee.updated", "employee.deleted"]);
    }

    async fn what_happened_in_the_company_meanwhile_is_told(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..7, bench.now());
        allow(&bench, &[ONE, TWO]);
        bench.vendor.account().kept = &["status", "email"];
        let sync = bench.sync(Employees).await;
        bench.run(sync, RunMode::Full).await;
        let n_told = bench.events().await.len();
        allow(&bench, &[TWO]);
        bench.vendor.hire(7..8, bench.now());
        bench.vendor.change(Employees, "2", bench.now(), |it| drop(it.fields.insert("status".to_owned(), json!("leave"))));
        for _ in 0..2 {
            bench.run(sync, RunMode::Full).await;
        }
        let told: Vec<Event> = bench.events().await.into_iter().skip(n_told).collect();
        let told: Vec<_> = told.iter().filter(|event| !event.fact.kind.starts_with("sync.")).collect();
        let mut kinds: Vec<&str> = told.iter().map(|event| event.fact.kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["employee.created", "employee.updated"]);
        let changed = told.iter().find(|event| event.fact.kind == "employee.updated").unwrap();
        let changes = changed.fact.data["changes"].as_object().unwrap();
        assert_eq!(changes.keys().collect::<Vec<_>>(), ["status"], "the last name differs by the version alone");
    }

    async fn records_of_another_time_of_the_day_are_not_in_their_place(db: TestDb) {
        let bench = Bench::on(db).await;
        go_over_with_one_shift_of_three(&bench, None).await;
        assert_eq!(rebased(&bench).await["replaced"], 1);
        assert_eq!(names(&bench).await, ["1-a", "1-b", "2", "3"]);
    }

    async fn a_record_with_a_nul_is_no_hindrance(db: TestDb) {
        let bench = Bench::on(db).await;
        go_over_with_one_shift_of_three(&bench, Some(2)).await;
        let left = names(&bench).await;
        assert!(left.starts_with(&["1-a".to_owned(), "1-b".to_owned()]) && left.contains(&"3".to_owned()), "{left:?}");
    }

    async fn records_that_a_process_of_before_read_are_of_an_unknown_version(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        // It knows of no versions, and the schema is ahead of it.
        bench.db.execute("UPDATE sync SET api_version = NULL").await;
        allow(&bench, &[TWO, ONE]);
        bench.run(sync, RunMode::Full).await;
        assert_eq!(rebased(&bench).await, json!({"from": MIXED, "to": TWO, "replaced": 5}));
        assert_eq!((names(&bench).await, version(&bench, sync).await.as_deref()), (halves(1..6), Some(TWO)));
        assert!(!bench.kinds().await.iter().any(|kind| kind.starts_with("absence.")));
    }

    async fn pages_that_a_process_of_before_read_are_read_again(db: TestDb) {
        let bench = Bench::on(db).await;
        for id in 1..6 {
            bench.vendor.add(Absences, absence(id, id, &format!("2026-11-1{id}"), bench.now()));
        }
        let sync = bench.sync(Absences).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        assert_eq!(bench.execute_pages(run, &fence, 1).await.unwrap(), Progress::Yield);
        allow(&bench, &[TWO, ONE]);
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        bench.ack(fence, Outcome::Done).await;
        assert_eq!(names(&bench).await, halves(1..6));
    }

    async fn a_version_that_has_ended_gives_way_to_the_other(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        bench.vendor.account().ended = vec![ONE];
        let (run, fence) = bench.begin(sync, RunMode::Incremental).await;
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Yield);
        assert_eq!(version(&bench, sync).await.as_deref(), Some(MIXED));
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        bench.ack(fence, Outcome::Done).await;
        assert_eq!(rebased(&bench).await, json!({"from": ONE, "to": TWO, "replaced": 5}));
        assert_eq!(names(&bench).await, halves(1..6));
        bench.vendor.account().ended.clear();
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(version(&bench, sync).await.as_deref(), Some(TWO), "it keeps to what it holds");
    }

    async fn a_run_that_was_stopped_on_the_way_goes_on(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        allow(&bench, &[TWO]);
        let (run, fence) = bench.begin(sync, RunMode::Incremental).await;
        for turn in 0..20 {
            match bench.execute_pages(run, &fence, 1).await.unwrap() {
                Progress::Done => break,
                Progress::Yield => assert!(turn < 19),
            }
        }
        bench.ack(fence, Outcome::Done).await;
        let run = bench.read_run(run).await;
        assert_eq!((run.counts.pages, run.counts.created), (2, 10));
        assert_eq!(rebased(&bench).await["replaced"], 5);
        assert_eq!(names(&bench).await, halves(1..6));
    }

    async fn one_that_failed_on_the_way_leaves_a_mixture_that_the_next_one_clears_up(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        allow(&bench, &[TWO]);
        bench.vendor.account().failures = [None, Some(ErrorKind::Forbidden)].into();
        let (run, fence) = bench.begin(sync, RunMode::Incremental).await;
        let error = bench.execute(run, &fence).await.unwrap_err();
        syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
        bench.ack(fence, Outcome::Done).await;
        assert_eq!((version(&bench, sync).await.as_deref(), bench.present(Absences).await.len()), (Some(MIXED), 11));

        allow(&bench, &[ONE]);
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!(run.mode, RunMode::Full);
        assert_eq!(rebased(&bench).await, json!({"from": MIXED, "to": ONE, "replaced": 6}));
        assert_eq!(names(&bench).await, ["1", "2", "3", "4", "5"]);
        assert!(!bench.kinds().await.iter().any(|kind| kind.starts_with("absence.")));
    }

    async fn who_changes_the_version_while_a_run_reads_has_it_read_from_its_start(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        assert_eq!(bench.execute_pages(run, &fence, 1).await.unwrap(), Progress::Yield);
        allow(&bench, &[TWO]);
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
        bench.ack(fence, Outcome::Done).await;
        assert_eq!(names(&bench).await, halves(1..6));
        assert_eq!(rebased(&bench).await["replaced"], 5);
    }

    async fn a_record_in_whose_place_there_is_none_waits_for_the_sweeps(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        allow(&bench, &[TWO]);
        bench.vendor.remove(Absences, &["5"]);
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(rebased(&bench).await["replaced"], 4);
        assert!(names(&bench).await.contains(&"5".to_owned()), "nobody has said yet that it is gone");
        bench.advance(TimeDelta::days(1));
        bench.run(sync, RunMode::Full).await;
        bench.advance(TimeDelta::days(1));
        bench.run(sync, RunMode::Full).await;
        assert_eq!(names(&bench).await, halves(1..5));
        assert_eq!(bench.kinds().await.iter().filter(|kind| *kind == "absence.deleted").count(), 1);
    }

    async fn pages_that_moved_are_not_the_end_of_it(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        allow(&bench, &[TWO]);
        let n_calls = bench.vendor.account().calls.len();
        bench.vendor.account().total_changes_on = (n_calls..n_calls + 9).collect();
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(version(&bench, sync).await.as_deref(), Some(MIXED));
        bench.vendor.account().total_changes_on.clear();
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!((version(&bench, sync).await.as_deref(), names(&bench).await), (Some(TWO), halves(1..6)));
    }

    async fn a_vendor_that_changes_from_page_to_page_is_refused(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = absences_of_one(&bench).await;
        bench.vendor.account().flaps_to = Some(TWO);
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Yield);
        let error = bench.execute(run, &fence).await.unwrap_err();
        assert_eq!(error.code, Code::VendorProtocol, "{error:?}");
    }

    async fn changes_are_asked_for_as_ever_once_it_has_gone_over(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.account().tells_changes = true;
        let sync = absences_of_one(&bench).await;
        allow(&bench, &[TWO]);
        for is_all in [true, false] {
            bench.run(sync, RunMode::Incremental).await;
            let mode = bench.vendor.account().calls.last().unwrap().mode;
            assert_eq!(matches!(mode, ReadMode::All), is_all);
        }
    }
}

/// Five absences of five people, read through [`ONE`] in two pages; [`TWO`] may be read as well.
async fn absences_of_one(bench: &Bench) -> SyncId {
    for id in 1..6 {
        bench.vendor.add(Absences, absence(id, id, &format!("2026-11-1{id}"), bench.now()));
    }
    allow(bench, &[ONE, TWO]);
    let sync = bench.sync(Absences).await;
    let SyncRun { counts, .. } = bench.run(sync, RunMode::Full).await;
    assert_eq!((counts.created, counts.pages), (5, 2), "control");
    sync
}

/// Three shifts of one day, of which [`TWO`] shows the first only; `nul` has a NUL in a text.
async fn go_over_with_one_shift_of_three(bench: &Bench, nul: Option<u32>) {
    for (id, start, end) in [(1, "08:00", "09:30"), (2, "10:00", "12:00"), (3, "13:00", "17:00")] {
        let mut shift = absence(id, 1, "2026-11-11", bench.now());
        shift.fields.extend([("starts_at".to_owned(), json!(start)), ("ends_at".to_owned(), json!(end))]);
        if nul == Some(id) {
            shift.fields.insert("type".to_owned(), json!({"id": "1", "name": "a\0b"}));
        }
        bench.vendor.add(Absences, shift);
    }
    allow(bench, &[ONE, TWO]);
    let sync = bench.sync(Absences).await;
    bench.run(sync, RunMode::Full).await;
    allow(bench, &[TWO]);
    bench.vendor.remove(Absences, &["2", "3"]);
    let run = bench.run(sync, RunMode::Incremental).await;
    assert_eq!(run.state, RunState::Completed, "{run:?}");
}

fn allow(bench: &Bench, versions: &[&'static str]) {
    bench.vendor.account().versions = versions.to_vec();
}

async fn version(bench: &Bench, sync: SyncId) -> Option<String> {
    syncs::get(&bench.ctx, sync).await.unwrap().api_version
}

/// What the log says of the newest run that went over.
async fn rebased(bench: &Bench) -> Value {
    let told = bench.events().await.into_iter().rfind(|event| event.fact.data.get("rebased").is_some());
    told.expect("a run went over").fact.data["rebased"].clone()
}

/// The vendor's ids of all absences that are present.
async fn names(bench: &Bench) -> Vec<String> {
    let mut names: Vec<String> = bench.present(Absences).await.into_iter().map(|record| record.external.id).collect();
    names.sort();
    names
}

fn halves(ids: std::ops::Range<u32>) -> Vec<String> {
    ids.flat_map(|id| [format!("{id}-a"), format!("{id}-b")]).collect()
}
