//! What one tenant's state and slowness mean for its jobs and for those of the others.

use std::time::Duration;

use gangway_domain::{
    job::JobState,
    tenant::{Tenant, TenantState},
};
use gangway_storage::{
    SystemReason,
    queue::{NewJob, TenantShare, Verdict},
};
use gangway_worker::WorkerConfig;

use super::{
    on_both_databases,
    support::{Act, Bench, LEDGER, Probe, Worker, config, eventually},
};

on_both_databases! {
    a_suspended_tenants_jobs_rest_until_it_is_resumed
    a_suspended_tenants_backlog_keeps_nobody_from_working
    one_tenant_leaves_a_slot_to_the_others
    a_tenant_with_all_its_slots_waits_while_another_is_served
    a_tenant_whose_vendor_hangs_does_not_stop_the_others
    a_tenant_alone_is_served_at_once_when_its_slots_come_free
}

async fn set_state(bench: &Bench, state: TenantState) {
    let tx = bench.app.db.begin_system(SystemReason::ManageTenants).await.unwrap();
    let tenant = tx.tenants().find(bench.tenant_a.tenant()).await.unwrap().unwrap();
    tx.tenants().update(&Tenant { state, version: tenant.version + 1, ..tenant }).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_suspended_tenants_jobs_rest_until_it_is_resumed(bench: Bench) {
    let later = NewJob { run_at: bench.now() + chrono::TimeDelta::seconds(1), ..bench.job() };
    bench.enqueue(&bench.tenant_a, [bench.job(), later]).await;
    bench.enqueue(&bench.tenant_b, [bench.job()]).await;
    set_state(&bench, TenantState::Suspended).await;
    bench.advance(1);
    let claimed = bench.claim(8).await;
    assert_eq!(claimed.iter().map(|job| job.scope).collect::<Vec<_>>(), [bench.tenant_b]);
    assert!(bench.jobs(&bench.tenant_a).await.iter().all(|job| job.attempts == 0));
    set_state(&bench, TenantState::Active).await;
    let claimed = bench.claim(8).await;
    assert_eq!(claimed.iter().map(|job| job.scope).collect::<Vec<_>>(), [bench.tenant_a; 2]);
}

async fn a_suspended_tenants_backlog_keeps_nobody_from_working(bench: Bench) {
    use gangway_domain::job::JobClass;
    let urgent = || NewJob { class: JobClass::Interactive, ..bench.job() };
    bench.enqueue(&bench.tenant_a, (0..1_000).map(|_| urgent())).await;
    set_state(&bench, TenantState::Suspended).await;
    // In a lower class: the slots that the rested ones would have had are theirs.
    bench.enqueue(&bench.tenant_b, (0..3).map(|_| bench.job())).await;
    for _ in 0..3 {
        assert_eq!(bench.claim(1).await.len(), 1);
    }
}

async fn one_tenant_leaves_a_slot_to_the_others(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..20).map(|_| bench.job())).await;
    let mut share = TenantShare { at_most: 3, ..TenantShare::default() };
    let claimed = bench.claim_within(4, &share).await;
    assert_eq!(claimed.len(), 3);
    share.held.insert(bench.tenant_a.tenant(), 3);
    assert!(bench.claim_within(1, &share).await.is_empty());
    bench.ack(claimed[0].fence, Verdict::Done).await;
    share.held.insert(bench.tenant_a.tenant(), 2);
    assert_eq!(bench.claim_within(2, &share).await.len(), 1);
}

async fn a_tenant_with_all_its_slots_waits_while_another_is_served(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..2_000).map(|_| bench.job())).await;
    let mut share = TenantShare { at_most: 7, ..TenantShare::default() };
    assert_eq!(bench.claim_within(8, &share).await.len(), 7);
    bench.enqueue(&bench.tenant_b, (0..3).map(|_| bench.job())).await;
    share.held.insert(bench.tenant_a.tenant(), 7);
    for _ in 0..3 {
        let claimed = bench.claim_within(1, &share).await;
        assert_eq!(claimed.iter().map(|job| job.scope).collect::<Vec<_>>(), [bench.tenant_b]);
    }
}

async fn a_tenant_whose_vendor_hangs_does_not_stop_the_others(bench: Bench) {
    let slow = Probe::new("slow", Act::WaitForGate);
    for _ in 0..6 {
        bench.enqueue_probe(&slow).await;
    }
    let worker = Worker::start(&bench.app, config());
    bench.wait_for(JobState::Running, 3).await;
    let payload = serde_json::to_string(&Probe::new("quick", Act::Succeed)).unwrap();
    bench.enqueue(&bench.tenant_b, (0..5).map(|_| NewJob { payload: payload.clone(), ..bench.job() })).await;
    eventually("the other tenant's jobs to end", async || {
        bench.jobs(&bench.tenant_b).await.iter().all(|job| job.state == JobState::Done)
    })
    .await;
    assert_eq!(bench.count(JobState::Running).await, 3);
    assert_eq!(LEDGER.runs(&slow.name).len(), 3);
    eventually("every slow job to end", async || {
        LEDGER.open_gate(&slow.name);
        bench.count(JobState::Done).await == 6
    })
    .await;
    worker.finish().await;
}

async fn a_tenant_alone_is_served_at_once_when_its_slots_come_free(bench: Bench) {
    for _ in 0..20 {
        bench.enqueue_probe(&Probe::new("one of many", Act::Succeed)).await;
    }
    // The poll must not be what finds the next one.
    let worker = Worker::start(&bench.app, WorkerConfig { concurrency: 2, poll: Duration::from_hours(1), ..config() });
    bench.wait_for(JobState::Done, 20).await;
    worker.finish().await;
}
