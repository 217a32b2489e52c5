//! Fair between tenants, and no class starves.

use chrono::TimeDelta;
use gangway_domain::job::JobClass;
use gangway_storage::queue::{NewJob, Verdict};
use std::time::Duration;

use super::{on_both_databases, support::Bench};

on_both_databases! {
    a_small_tenant_does_not_wait_for_a_large_ones_backlog
    jobs_that_become_due_together_do_not_overtake_newcomers
    a_flood_of_interactive_jobs_does_not_starve_bulk
    an_idle_tenant_saves_up_no_credit
}

async fn a_small_tenant_does_not_wait_for_a_large_ones_backlog(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..5_000).map(|_| bench.job())).await;
    assert_eq!(bench.claim(50).await.len(), 50);
    bench.enqueue(&bench.tenant_b, [bench.job()]).await;
    let next = bench.claim(3).await;
    assert!(next.iter().any(|job| job.scope == bench.tenant_b), "the newcomer is among the next three");
}

async fn jobs_that_become_due_together_do_not_overtake_newcomers(bench: Bench) {
    let due = bench.now() + TimeDelta::seconds(10);
    bench.enqueue(&bench.tenant_a, (0..400).map(|_| NewJob { run_at: due, ..bench.job() })).await;
    // The queue's time moves on meanwhile.
    bench.enqueue(&bench.tenant_b, (0..100).map(|_| bench.job())).await;
    for job in bench.claim(100).await {
        bench.ack(job.fence, Verdict::Done).await;
    }
    bench.advance(10);
    assert!(bench.claim(10).await.iter().all(|job| job.scope == bench.tenant_a));
    bench.enqueue(&bench.tenant_b, [bench.job()]).await;
    let next = bench.claim(3).await;
    assert!(next.iter().any(|job| job.scope == bench.tenant_b));
}

async fn a_flood_of_interactive_jobs_does_not_starve_bulk(bench: Bench) {
    let of = |class, n: usize| (0..n).map(|_| NewJob { class, ..bench.job() }).collect::<Vec<_>>();
    bench.enqueue(&bench.tenant_a, of(JobClass::Interactive, 100)).await;
    bench.enqueue(&bench.tenant_a, of(JobClass::Normal, 100)).await;
    bench.enqueue(&bench.tenant_a, of(JobClass::Bulk, 100)).await;
    let mut classes = Vec::new();
    for turn in 0..8 {
        classes.push(bench.claim_for(1, turn, Duration::from_mins(1)).await.remove(0).class);
    }
    let count = |class| classes.iter().filter(|other| **other == class).count();
    assert_eq!([JobClass::Interactive, JobClass::Normal, JobClass::Bulk].map(count), [5, 2, 1]);
    assert_eq!(classes[0], JobClass::Interactive);
}

async fn an_idle_tenant_saves_up_no_credit(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..1_000).map(|_| bench.job())).await;
    for _ in 0..10 {
        bench.claim(50).await;
    }
    // Having been idle for 500 turns is worth one turn, not 500.
    bench.enqueue(&bench.tenant_b, (0..100).map(|_| bench.job())).await;
    let next = bench.claim(50).await;
    let n_b = next.iter().filter(|job| job.scope == bench.tenant_b).count();
    assert!((20..=30).contains(&n_b), "{n_b} of 50");
}
