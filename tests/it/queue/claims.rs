//! Enqueueing, claiming and ending.

use std::{collections::HashSet, time::Duration};

use chrono::TimeDelta;
use gangway_domain::job::{JobClass, JobState};
use gangway_storage::{
    SystemReason,
    queue::{NewJob, Retention, Tries, Verdict},
};

use super::{
    on_both_databases,
    support::{Bench, claim},
};

on_both_databases! {
    a_rolled_back_transaction_leaves_no_job
    three_processes_never_claim_the_same_job
    future_jobs_wait_for_their_time
    failures_are_counted_until_the_job_fails
    another_turn_counts_no_try_and_a_job_given_back_keeps_its_place
    tries_that_were_not_in_vain_are_not_counted
    a_retry_after_is_a_floor
    more_jobs_than_a_statement_takes_are_enqueued_at_once
    ended_jobs_are_pruned_by_age
}

async fn a_rolled_back_transaction_leaves_no_job(bench: Bench) {
    let mut tx = bench.app.db.begin(&bench.tenant_a).await.unwrap();
    tx.enqueue(bench.job());
    drop(tx);
    assert_eq!(bench.jobs(&bench.tenant_a).await, []);
}

async fn three_processes_never_claim_the_same_job(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..300).map(|_| bench.job())).await;
    let processes = [bench.app.clone(), bench.other_process().await, bench.other_process().await];
    let now = bench.now();
    let claims = processes.iter().map(|app| async move {
        let mut mine = Vec::new();
        loop {
            let claimed = claim(app, now, 7, 0, Duration::from_mins(1)).await;
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed);
        }
    });
    let claimed: Vec<_> = futures::future::join_all(claims).await.into_iter().flatten().collect();
    let distinct: HashSet<_> = claimed.iter().map(|job| job.fence.job).collect();
    assert_eq!((claimed.len(), distinct.len()), (300, 300));
    assert!(claimed.iter().all(|job| job.attempt == 1 && job.fence.epoch == 1));
}

async fn future_jobs_wait_for_their_time(bench: Bench) {
    let later = NewJob { run_at: bench.now() + TimeDelta::seconds(60), ..bench.job() };
    bench.enqueue(&bench.tenant_a, [later]).await;
    assert_eq!(bench.jobs(&bench.tenant_a).await[0].state, JobState::Scheduled);
    assert!(bench.claim(1).await.is_empty());
    bench.advance(60);
    assert_eq!(bench.claim(1).await.len(), 1);
}

async fn failures_are_counted_until_the_job_fails(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    for attempt in 1..=3 {
        let claimed = bench.claim(1).await;
        assert_eq!(claimed[0].attempt, attempt);
        let verdict = Verdict::Retry { error: "no".to_owned(), run_at: bench.now(), not_before: None };
        bench.ack(claimed[0].fence, verdict).await;
    }
    let job = &bench.jobs(&bench.tenant_a).await[0];
    assert_eq!((job.state, job.attempts, job.last_error.as_deref()), (JobState::Failed, 3, Some("no")));
    assert!(job.finished_at.is_some());
    assert!(bench.claim(1).await.is_empty());
}

async fn another_turn_counts_no_try_and_a_job_given_back_keeps_its_place(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job(), bench.job()]).await;
    let first = bench.claim(1).await.remove(0);
    bench.ack(first.fence, Verdict::GiveBack).await;
    let again = bench.claim(1).await.remove(0);
    assert_eq!((again.fence.job, again.attempt), (first.fence.job, 1));
    assert_ne!(again.fence.epoch, first.fence.epoch);

    // Another turn comes after those who wait.
    bench.ack(again.fence, Verdict::Again).await;
    let order: Vec<_> =
        bench.claim(2).await.into_iter().map(|job| (job.fence.job == first.fence.job, job.attempt)).collect();
    assert_eq!(order, [(false, 1), (true, 1)]);
}

async fn tries_that_were_not_in_vain_are_not_counted(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let retry = Verdict::Retry { error: "no".to_owned(), run_at: bench.now(), not_before: None };
    bench.ack(bench.claim(1).await[0].fence, retry.clone()).await;
    let later = |tries| Verdict::Later {
        error: "not now".to_owned(),
        run_at: bench.now(),
        not_before: Some(bench.now() + TimeDelta::seconds(9)),
        tries,
    };
    // One try counted so far, of three; what waits comes back as the second, however often.
    for _ in 0..5 {
        let claimed = bench.claim(1).await.remove(0);
        assert_eq!(claimed.attempt, 2);
        bench.ack(claimed.fence, later(Tries::Uncounted)).await;
        assert!(bench.claim(1).await.is_empty());
        bench.advance(9);
    }
    bench.ack(bench.claim(1).await[0].fence, later(Tries::Forgotten)).await;
    bench.advance(9);
    assert_eq!(bench.claim(1).await[0].attempt, 1);
    let job = &bench.jobs(&bench.tenant_a).await[0];
    assert_eq!((job.state, job.last_error.as_deref()), (JobState::Running, Some("not now")));
}

async fn a_retry_after_is_a_floor(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let claimed = bench.claim(1).await.remove(0);
    let not_before = Some(bench.now() + TimeDelta::seconds(30));
    bench.ack(claimed.fence, Verdict::Retry { error: "429".to_owned(), run_at: bench.now(), not_before }).await;
    bench.advance(29);
    assert!(bench.claim(1).await.is_empty());
    bench.advance(1);
    assert_eq!(bench.claim(1).await[0].attempt, 2);
}

async fn more_jobs_than_a_statement_takes_are_enqueued_at_once(bench: Bench) {
    let jobs = (0..1_201).map(|n| bench.keyed_job(&format!("key-{}", n % 1_200)));
    bench.enqueue(&bench.tenant_a, jobs).await;
    assert_eq!(bench.jobs(&bench.tenant_a).await.len(), 1_200);
}

async fn ended_jobs_are_pruned_by_age(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..3).map(|_| bench.job())).await;
    let claimed = bench.claim(2).await;
    bench.ack(claimed[0].fence, Verdict::Done).await;
    bench.ack(claimed[1].fence, Verdict::Fail { error: "no".to_owned() }).await;
    bench.advance(100);
    let ages = |done: i64, failed: i64| Retention {
        done_before: bench.now() - TimeDelta::seconds(done),
        failed_before: bench.now() - TimeDelta::seconds(failed),
        answers_before: bench.now(),
        limit: 10,
    };
    let prune = async |retention: Retention| {
        let tx = bench.app.db.begin_system(SystemReason::Queue).await.unwrap();
        let n_removed = tx.queue().prune(&retention).await.unwrap();
        tx.commit().await.unwrap();
        n_removed
    };
    assert_eq!(prune(ages(101, 101)).await, 0);
    assert_eq!(prune(ages(99, 101)).await, 1);
    assert_eq!(prune(ages(99, 99)).await, 1);
    let left = bench.jobs(&bench.tenant_a).await;
    assert_eq!((left.len(), left[0].state, left[0].class), (1, JobState::Pending, JobClass::Normal));
}
