//! Leases and epochs: a worker that was cut off changes nothing any more.

use std::time::Duration;

use gangway_domain::job::JobState;
use gangway_storage::{Error, SystemReason, queue::Verdict};
use gangway_testkit::eventually;

use super::{on_both_databases, support::Bench};

const SHORT: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);

on_both_databases! {
    a_stalled_workers_late_commit_is_refused
    a_stalled_workers_late_result_is_void
    a_renewed_lease_is_not_taken_back
    a_lease_is_renewed_although_its_job_writes_page_after_page
    a_sole_process_takes_over_at_once
    a_job_whose_workers_keep_dying_fails
    a_reaped_job_keeps_its_place
    a_fence_of_another_tenant_does_not_hold
}

async fn a_stalled_workers_late_commit_is_refused(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let stalled = bench.claim_for(1, 0, SHORT).await.remove(0);
    bench.reap(1).await;
    let current = bench.claim(1).await.remove(0);
    assert_eq!(current.fence.job, stalled.fence.job);

    let tx = bench.app.db.begin(&stalled.scope).await.unwrap();
    assert!(matches!(tx.fence(&stalled.fence).await, Err(Error::LeaseLost)));
    drop(tx);
    let mut tx = bench.app.db.begin(&current.scope).await.unwrap();
    tx.fence(&current.fence).await.unwrap();
    tx.enqueue(bench.job());
    tx.commit().await.unwrap();
}

async fn a_stalled_workers_late_result_is_void(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let stalled = bench.claim_for(1, 0, SHORT).await.remove(0);
    bench.reap(1).await;
    let current = bench.claim(1).await.remove(0);
    for verdict in [Verdict::Done, Verdict::Fail { error: "late".to_owned() }, Verdict::GiveBack] {
        assert_eq!(bench.ack(stalled.fence, verdict).await, [stalled.fence.job]);
    }
    assert_eq!(bench.find(current.fence.job).await.state, JobState::Running);
    assert_eq!(bench.ack(current.fence, Verdict::Done).await, []);
    assert_eq!(bench.find(current.fence.job).await.state, JobState::Done);
}

async fn a_sole_process_takes_over_at_once(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let former = bench.claim(1).await.remove(0);
    assert_eq!(gangway_app::queue::take_over(&bench.app).await.unwrap(), 1);
    bench.reap(1).await;
    assert_eq!(bench.claim(1).await.remove(0).fence.job, former.fence.job);
}

async fn a_renewed_lease_is_not_taken_back(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job(), bench.job()]).await;
    let claimed = bench.claim_for(2, 0, SHORT).await;
    let kept = claimed[0].fence;
    let tx = bench.app.db.begin_system(SystemReason::Queue).await.unwrap();
    assert_eq!(tx.queue().renew(&[kept], 60_000_000).await.unwrap(), []);
    tx.commit().await.unwrap();
    bench.reap(1).await;
    assert_eq!(bench.find(kept.job).await.state, JobState::Running);
    assert_eq!(bench.find(claimed[1].fence.job).await.state, JobState::Pending);
}

async fn a_lease_is_renewed_although_its_job_writes_page_after_page(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let claimed = bench.claim_for(1, 0, SHORT).await.remove(0);
    let page = async || {
        let tx = bench.app.db.begin(&claimed.scope).await.unwrap();
        tx.fence(&claimed.fence).await.unwrap();
        tx
    };
    let held = [claimed.fence];
    let mut renewal = Box::pin(gangway_app::queue::renew(&bench.app, &held, MINUTE));
    if bench.app.db.is_postgres() {
        let first = page().await;
        // It meets the page's lock, and is still there when the page is committed.
        let is_early = tokio::select! {
            biased;
            _ = &mut renewal => true,
            () = bench.wait_for_a_lock() => false,
        };
        assert!(!is_early, "the lease was left to expire");
        first.commit().await.unwrap();
    }
    renewal.await.unwrap();
    bench.reap(0).await;
    page().await.commit().await.unwrap();
}

async fn a_job_whose_workers_keep_dying_fails(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    for _ in 0..3 {
        assert_eq!(bench.claim_for(1, 0, SHORT).await.len(), 1);
        bench.reap(1).await;
    }
    let job = &bench.jobs(&bench.tenant_a).await[0];
    assert_eq!((job.state, job.attempts), (JobState::Failed, 3));
    assert!(job.last_error.as_deref().unwrap().contains("lease expired"));
}

async fn a_reaped_job_keeps_its_place(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..50).map(|_| bench.job())).await;
    let first = bench.claim_for(1, 0, SHORT).await.remove(0);
    bench.reap(1).await;
    assert_eq!(bench.claim(1).await[0].fence.job, first.fence.job);
}

async fn a_fence_of_another_tenant_does_not_hold(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let claimed = bench.claim(1).await.remove(0);
    eventually("the other tenant to be refused", async || {
        let tx = bench.app.db.begin(&bench.tenant_b).await.unwrap();
        matches!(tx.fence(&claimed.fence).await, Err(Error::LeaseLost))
    })
    .await;
}
