//! What one tenant's state and slowness mean for its jobs and for those of the others.

use std::time::Duration;

use gangway_app::{
    OperatorCtx,
    jobs::resume_jobs::{ResumeJobs, resume_jobs},
    tenants::{self, TenantPatch},
};
use gangway_domain::{
    job::JobState,
    principal::{Principal, Scope},
    tenant::{Tenant, TenantState},
};
use gangway_storage::{
    SystemReason, TenantScope,
    queue::{ClaimRequest, NewJob, TenantShare, Verdict},
};
use gangway_testkit::eventually;
use gangway_worker::{Registry, WorkerConfig};
use sea_orm::{ConnectionTrait as _, Database, Statement};

use super::{
    on_both_databases,
    support::{Act, Bench, LEDGER, Probe, QUEUE, Worker, config},
};

on_both_databases! {
    a_suspended_tenants_jobs_rest_until_it_is_resumed
    a_suspended_tenants_backlog_keeps_nobody_from_working
    a_suspended_tenants_backlog_is_read_once_and_keeps_its_order
    a_resumed_tenants_backlog_overtakes_nobody_and_waits_for_nobody
    a_tenant_suspended_again_keeps_its_jobs_aside
    resuming_a_tenant_enqueues_what_puts_its_jobs_back
    a_suspended_tenant_whose_jobs_stand_in_no_way_is_not_held
    a_tenant_resumed_while_its_jobs_are_set_aside_gets_them_all_back
    one_tenant_leaves_a_slot_to_the_others
    a_tenant_with_all_its_slots_waits_while_another_is_served
    a_tenant_whose_vendor_hangs_does_not_stop_the_others
    a_tenant_alone_is_served_at_once_when_its_slots_come_free
}

async fn set_state(bench: &Bench, state: TenantState) {
    set_state_of(bench, bench.tenant_a, state).await;
}

/// Puts tenant A's jobs back, as the job does that comes with its resuming.
async fn put_back(bench: &Bench) -> u64 {
    let job = ResumeJobs { tenant: bench.tenant_a.tenant() };
    resume_jobs(&bench.app, &job, &|| false).await.unwrap()
}

async fn set_state_of(bench: &Bench, tenant: TenantScope, state: TenantState) {
    let tx = bench.app.db.begin_system(SystemReason::ManageTenants).await.unwrap();
    let tenant = tx.tenants().find(tenant.tenant()).await.unwrap().unwrap();
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
    put_back(&bench).await;
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

async fn a_suspended_tenants_backlog_is_read_once_and_keeps_its_order(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..4_500).map(|_| bench.job())).await;
    let order: Vec<_> = bench.jobs(&bench.tenant_a).await.into_iter().map(|job| job.id).collect();
    set_state(&bench, TenantState::Suspended).await;
    let mut in_the_way = Vec::new();
    for _ in 0..4 {
        assert!(bench.claim(8).await.is_empty());
        in_the_way.push(count_in_the_way(&bench).await);
    }
    assert_eq!(in_the_way, [2_500, 500, 0, 0]);
    // What comes to it meanwhile rests as well, and others are served.
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    bench.enqueue(&bench.tenant_b, [bench.job()]).await;
    let claimed = bench.claim(8).await;
    assert_eq!(claimed.iter().map(|job| job.scope).collect::<Vec<_>>(), [bench.tenant_b]);
    assert_eq!(count_in_the_way(&bench).await, 0);

    set_state(&bench, TenantState::Active).await;
    assert_eq!(put_back(&bench).await, 4_501);
    assert_eq!(count_in_the_way(&bench).await, 4_501);
    assert_eq!(put_back(&bench).await, 0, "nothing is put back twice");
    let mut claimed: Vec<_> = bench.claim(4_600).await.into_iter().map(|job| job.fence.job).collect();
    claimed.pop();
    assert_eq!(claimed, order);
}

async fn a_resumed_tenants_backlog_overtakes_nobody_and_waits_for_nobody(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..300).map(|_| bench.job())).await;
    set_state(&bench, TenantState::Suspended).await;
    bench.enqueue(&bench.tenant_b, (0..400).map(|_| bench.job())).await;
    // Time goes on for the others.
    assert_eq!(bench.claim(100).await.len(), 100);
    set_state(&bench, TenantState::Active).await;
    assert_eq!(put_back(&bench).await, 300);
    let of_a = bench.claim(100).await.iter().filter(|job| job.scope == bench.tenant_a).count();
    assert!((45..=55).contains(&of_a), "{of_a} of 100");
    // What is enqueued from then on waits behind its own backlog and not behind starts that were never used.
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let last = bench.jobs(&bench.tenant_a).await.last().unwrap().id;
    let claimed: Vec<_> = bench.claim(600).await.into_iter().map(|job| job.fence.job).collect();
    let place = claimed.iter().position(|job| *job == last).unwrap();
    assert_eq!((claimed.len(), place > 400), (501, true), "{place}");
}

async fn a_tenant_suspended_again_keeps_its_jobs_aside(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..5).map(|_| bench.job())).await;
    set_state(&bench, TenantState::Suspended).await;
    assert!(bench.claim(8).await.is_empty());
    assert_eq!(put_back(&bench).await, 0);
    assert_eq!(count_in_the_way(&bench).await, 0);
}

async fn resuming_a_tenant_enqueues_what_puts_its_jobs_back(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..5).map(|_| bench.job())).await;
    let operator = OperatorCtx::new(bench.app.clone(), Principal::Cli, Scope::ALL.to_vec());
    let id = bench.tenant_a.tenant();
    let patch = |state| TenantPatch { state: Some(state), ..TenantPatch::default() };
    tenants::update(&operator, id, None, patch(TenantState::Suspended)).await.unwrap();
    assert!(bench.claim(8).await.is_empty());
    assert_eq!(count_in_the_way(&bench).await, 0);
    tenants::update(&operator, id, None, patch(TenantState::Active)).await.unwrap();
    assert_eq!(count_in_the_way(&bench).await, 1, "the job that does it");
    let worker = Worker::start_with(&bench.app, Registry::standard(), config());
    eventually("the jobs to be back", async || count_in_the_way(&bench).await == 5).await;
    worker.finish().await;
    assert_eq!(bench.claim(8).await.len(), 5);
}

async fn a_suspended_tenant_whose_jobs_stand_in_no_way_is_not_held(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..5).map(|_| bench.job())).await;
    set_state(&bench, TenantState::Suspended).await;
    set_state_of(&bench, bench.tenant_b, TenantState::Suspended).await;
    let looking = bench.app.db.begin_system(SystemReason::Queue).await.unwrap();
    assert!(looking.queue().claim(&request(&bench)).await.unwrap().is_empty());
    // SQLite has one writer: there everybody waits.
    if bench.app.db.is_postgres() {
        set_state_of(&bench, bench.tenant_b, TenantState::Active).await;
    }
    looking.commit().await.unwrap();
}

fn request(bench: &Bench) -> ClaimRequest {
    ClaimRequest {
        queue: QUEUE.to_owned(),
        owner: "test".to_owned(),
        slots: 8,
        turn: 0,
        share: TenantShare::default(),
        lease_micros: 60_000_000,
        now: bench.now(),
    }
}

async fn a_tenant_resumed_while_its_jobs_are_set_aside_gets_them_all_back(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..50).map(|_| bench.job())).await;
    set_state(&bench, TenantState::Suspended).await;
    let looking = bench.app.db.begin_system(SystemReason::Queue).await.unwrap();
    assert!(looking.queue().claim(&request(&bench)).await.unwrap().is_empty());
    tokio::join!(set_state(&bench, TenantState::Active), async {
        if bench.app.db.is_postgres() {
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN
                             (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
            eventually("the resuming to wait", async || count(&bench, waiting).await > 0).await;
        }
        looking.commit().await.unwrap();
    });
    put_back(&bench).await;
    assert_eq!(bench.claim(60).await.len(), 50);
}

/// How many waiting jobs lie where claims look.
async fn count_in_the_way(bench: &Bench) -> i64 {
    count(bench, "SELECT count(*) FROM job WHERE state = 'pending' AND fair_at < 1000000000").await
}

async fn count(bench: &Bench, sql: &str) -> i64 {
    let connection = Database::connect(bench.url()).await.unwrap();
    let row = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await.unwrap();
    connection.close().await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
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
