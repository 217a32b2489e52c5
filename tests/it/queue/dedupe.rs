//! Keys: work that waits already is not queued twice, and no notice is lost.

use chrono::TimeDelta;
use gangway_domain::job::JobState;
use gangway_storage::queue::{NewJob, Verdict};

use super::{on_both_databases, support::Bench};

on_both_databases! {
    a_key_waits_once_also_within_one_transaction
    a_notice_that_comes_while_its_job_runs_is_not_lost
    a_tenants_key_does_not_swallow_a_neighbours_job
    an_earlier_notice_pulls_the_waiting_job_forward
    a_notice_does_not_overrule_a_retry_after
    a_returning_job_is_superseded_by_the_one_that_waits
    a_pending_job_takes_over_a_retry_after
    a_fixed_id_is_enqueued_once_for_good
    concurrent_enqueues_of_one_key_leave_one_job
}

async fn a_key_waits_once_also_within_one_transaction(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k"), bench.keyed_job("k")]).await;
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k"), bench.keyed_job("l")]).await;
    assert_eq!(bench.jobs(&bench.tenant_a).await.len(), 2);
}

async fn a_notice_that_comes_while_its_job_runs_is_not_lost(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    let running = bench.claim(1).await.remove(0);
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    bench.ack(running.fence, Verdict::Done).await;
    let second = bench.claim(2).await;
    assert_eq!(second.len(), 1);
    assert_ne!(second[0].fence.job, running.fence.job);
}

async fn a_tenants_key_does_not_swallow_a_neighbours_job(bench: Bench) {
    bench.enqueue(&bench.tenant_b, [bench.keyed_job("k")]).await;
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    assert_eq!(bench.claim(5).await.len(), 2);
    assert_eq!(bench.jobs(&bench.tenant_a).await.len(), 1);
}

async fn an_earlier_notice_pulls_the_waiting_job_forward(bench: Bench) {
    let start = bench.now();
    let at = |seconds| start + TimeDelta::seconds(seconds);
    bench.enqueue(&bench.tenant_a, [NewJob { run_at: at(600), ..bench.keyed_job("k") }]).await;
    bench.enqueue(&bench.tenant_a, [NewJob { run_at: at(900), ..bench.keyed_job("k") }]).await;
    assert_eq!(bench.jobs(&bench.tenant_a).await[0].run_at, at(600));
    bench.enqueue(&bench.tenant_a, [NewJob { run_at: at(60), ..bench.keyed_job("k") }]).await;
    assert_eq!(bench.jobs(&bench.tenant_a).await[0].run_at, at(60));
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    assert_eq!(bench.claim(2).await.len(), 1);
}

async fn a_notice_does_not_overrule_a_retry_after(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    let claimed = bench.claim(1).await.remove(0);
    let floor = bench.now() + TimeDelta::seconds(30);
    let verdict = Verdict::Retry {
        error: "429".to_owned(),
        run_at: bench.now() + TimeDelta::seconds(90),
        not_before: Some(floor),
    };
    bench.ack(claimed.fence, verdict).await;
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    let jobs = bench.jobs(&bench.tenant_a).await;
    assert_eq!((jobs.len(), jobs[0].run_at), (1, floor));
}

async fn a_returning_job_is_superseded_by_the_one_that_waits(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    let first = bench.claim(1).await.remove(0);
    let late = bench.now() + TimeDelta::seconds(600);
    bench.enqueue(&bench.tenant_a, [NewJob { run_at: late, ..bench.keyed_job("k") }]).await;
    let early = bench.now() + TimeDelta::seconds(5);
    bench.ack(first.fence, Verdict::Retry { error: "no".to_owned(), run_at: early, not_before: None }).await;

    let jobs = bench.jobs(&bench.tenant_a).await;
    assert_eq!((jobs[0].state, jobs[0].attempts), (JobState::Superseded, 1));
    assert!(jobs[0].finished_at.is_some());
    assert_eq!((jobs[1].state, jobs[1].attempts, jobs[1].run_at), (JobState::Scheduled, 1, early));
    bench.advance(5);
    assert_eq!(bench.claim(2).await.into_iter().map(|job| job.attempt).collect::<Vec<_>>(), [2]);
}

async fn a_pending_job_takes_over_a_retry_after(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    let first = bench.claim(1).await.remove(0);
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    let floor = bench.now() + TimeDelta::seconds(30);
    let verdict = Verdict::Retry { error: "429".to_owned(), run_at: floor, not_before: Some(floor) };
    bench.ack(first.fence, verdict).await;
    let jobs = bench.jobs(&bench.tenant_a).await;
    assert_eq!(jobs[0].state, JobState::Superseded);
    assert_eq!((jobs[1].state, jobs[1].run_at), (JobState::Scheduled, floor));
    assert!(bench.claim(2).await.is_empty());
}

async fn a_fixed_id_is_enqueued_once_for_good(bench: Bench) {
    let job = bench.job();
    bench.enqueue(&bench.tenant_a, [job.clone()]).await;
    let claimed = bench.claim(1).await.remove(0);
    bench.ack(claimed.fence, Verdict::Done).await;
    bench.enqueue(&bench.tenant_a, [job]).await;
    assert!(bench.claim(1).await.is_empty());
}

async fn concurrent_enqueues_of_one_key_leave_one_job(bench: Bench) {
    let enqueues = (0..8).map(|_| bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]));
    futures::future::join_all(enqueues).await;
    assert_eq!(bench.jobs(&bench.tenant_a).await.len(), 1);
}
