//! A worker that loses its lease while it looks for what is gone: it leaves nothing behind, and the next one judges alone.

use gangway_app::{
    Error,
    queue::{JobFence, Outcome},
    syncs::Progress,
};
use gangway_connector::ErrorKind;
use gangway_domain::{
    id::{SyncId, SyncRunId},
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;

use super::{
    support::Bench,
    vendor::{Gate, absence},
};

on_both_databases! {
    async fn what_single_reads_found_is_not_kept_by_who_lost_the_lease(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        bench.vendor.remove(Stream::Absences, &["3"]);
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        let (error, fence) = lose_lease_at_a_single_read(&bench, run, fence).await;
        assert_eq!(cause(&error), "the job's lease was lost");
        assert_eq!(bench.db.count("sweep_finding").await, 0);
        ends_with_one_deletion(&bench, run, fence).await;
    }

    async fn what_two_sweeps_missed_is_not_kept_by_who_lost_the_lease(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = filled(&bench).await;
        bench.vendor.remove(Stream::Absences, &["3"]);
        bench.vendor.account().no_single_reads = true;
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 0);

        // A turn has begun with single reads before the next one learns that there are none: it compares the sweeps at once.
        bench.vendor.account().no_single_reads = false;
        bench.vendor.account().single_failures = [Some(ErrorKind::Unavailable)].into();
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        assert!(bench.execute(run, &fence).await.unwrap_err().is_transient);
        bench.vendor.account().no_single_reads = true;
        let (error, fence) = lose_lease_at_a_single_read(&bench, run, fence).await;
        assert_eq!(cause(&error), "the job's lease was lost");
        assert_eq!(bench.db.count("sweep_finding").await, 0);
        ends_with_one_deletion(&bench, run, fence).await;
    }
}

/// Six absences, which can be asked for one by one, swept once.
async fn filled(bench: &Bench) -> SyncId {
    bench.vendor.account().confirms_absences = true;
    for id in 1..7 {
        bench.vendor.add(Stream::Absences, absence(id, 1, "2026-11-24", bench.now()));
    }
    let sync = bench.sync(Stream::Absences).await;
    bench.run(sync, RunMode::Full).await;
    sync
}

/// A turn during whose first single read another worker gets the job; how it ended, and the other's lease.
async fn lose_lease_at_a_single_read(bench: &Bench, run: SyncRunId, fence: JobFence) -> (Error, JobFence) {
    let gate = Gate::default();
    bench.vendor.account().single_gate = Some(gate.clone());
    let losing = async {
        gate.reached.notified().await;
        bench.ack(fence, Outcome::Again).await;
        let next = bench.claim().await.unwrap();
        gate.opened.notify_one();
        next
    };
    let (turn, next) = tokio::join!(bench.execute(run, &fence), losing);
    (turn.unwrap_err(), next)
}

async fn ends_with_one_deletion(bench: &Bench, run: SyncRunId, fence: JobFence) {
    assert_eq!(bench.execute(run, &fence).await.unwrap(), Progress::Done);
    bench.ack(fence, Outcome::Done).await;
    let ended = bench.read_run(run).await;
    assert_eq!((ended.state, ended.counts.deleted), (RunState::Completed, 1));
    assert_eq!(bench.present(Stream::Absences).await.len(), 5);
}

fn cause(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
