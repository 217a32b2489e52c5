//! A migrated database with two tenants, a clock that moves when told, and jobs that do what their test says.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::{App, Ctx, jobs::Job};
use gangway_domain::{
    Clock as _, ManualClock, SystemClock,
    id::{JobId, TenantId},
    job::{JobClass, JobState, JobView},
    principal::{Principal, Scope},
    tenant::{Tenant, TenantState},
};
use gangway_migrations::{Migrator, MigratorTrait as _};
use gangway_storage::{
    PageRequest, SystemReason, TenantScope,
    queue::{Ack, ClaimRequest, Claimed, JobFence, NewJob, TenantShare, Verdict},
};
use gangway_testkit::eventually;
use gangway_worker::{Finish, JobError, JobRun, Registry, Run, WorkerConfig, run_queues};
use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::work::app_on;

/// The queue of the tests.
pub(super) const QUEUE: &str = "probe";

/// Far longer than any of these tests needs on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A database of its own, and everything to use it with.
pub(super) struct Bench {
    pub(super) app: App,
    pub(super) clock: ManualClock,
    pub(super) tenant_a: TenantScope,
    pub(super) tenant_b: TenantScope,
    url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Bench {
    pub(super) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("queue.db").display());
        Self::migrated(url, Some(folder)).await
    }

    pub(super) async fn postgres() -> Option<Self> {
        let base = gangway_testkit::postgres_url()?;
        let name = format!("queue_{}", new_id().uuid().simple());
        let server = Database::connect(&base).await.unwrap();
        server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        server.close().await.unwrap();
        let (server, _) = base.rsplit_once('/').unwrap();
        Some(Self::migrated(format!("{server}/{name}"), None).await)
    }

    /// On an empty database that somebody else made.
    pub(super) async fn on(url: String) -> Self {
        Self::migrated(url, None).await
    }

    async fn migrated(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let connection = Database::connect(&url).await.unwrap();
        Migrator::up(&connection, None).await.unwrap();
        connection.close().await.unwrap();
        let clock = ManualClock::new(SystemClock.now());
        let app = app_on(&url, Arc::new(clock.clone())).await;
        let tenant_a = create_tenant(&app, "A").await;
        let tenant_b = create_tenant(&app, "B").await;
        Self { app, clock, tenant_a, tenant_b, url, _folder: folder }
    }

    /// Another process: the same database through pools of its own.
    pub(super) async fn other_process(&self) -> App {
        app_on(&self.url, Arc::new(self.clock.clone())).await
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until somebody waits for a lock, on PostgreSQL.
    pub(super) async fn wait_for_a_lock(&self) {
        let connection = Database::connect(&self.url).await.unwrap();
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("somebody to wait for a lock", async || {
            let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
            !rows.unwrap().is_empty()
        })
        .await;
    }

    /// A context of tenant A.
    pub(super) fn ctx(&self) -> Ctx {
        Ctx::new(self.app.clone(), Principal::Cli, self.tenant_a, Scope::ALL.to_vec())
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.app.now()
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// A job of the test queue, due now. Jobs sort in the order of their making.
    pub(super) fn job(&self) -> NewJob {
        self.clock.advance(TimeDelta::milliseconds(1));
        let now = self.now();
        NewJob {
            id: self.app.new_id(),
            queue: QUEUE.to_owned(),
            kind: Probe::KIND.to_owned(),
            payload: "{}".to_owned(),
            class: JobClass::Normal,
            run_at: now,
            max_attempts: 3,
            dedupe_key: None,
            traceparent: None,
            retry_of: None,
            created_at: now,
        }
    }

    pub(super) fn keyed_job(&self, key: &str) -> NewJob {
        NewJob { dedupe_key: Some(key.to_owned()), ..self.job() }
    }

    pub(super) async fn enqueue(&self, scope: &TenantScope, jobs: impl IntoIterator<Item = NewJob>) {
        let mut tx = self.app.db.begin(scope).await.unwrap();
        for job in jobs {
            tx.enqueue(job);
        }
        tx.commit().await.unwrap();
    }

    pub(super) async fn enqueue_probe(&self, probe: &Probe) {
        self.clock.advance(TimeDelta::milliseconds(1));
        let mut tx = self.app.db.begin(&self.tenant_a).await.unwrap();
        gangway_app::jobs::enqueue(&self.ctx(), &mut tx, probe).unwrap();
        tx.commit().await.unwrap();
    }

    /// Claims with a lease of a minute.
    pub(super) async fn claim(&self, slots: usize) -> Vec<Claimed> {
        self.claim_for(slots, 0, Duration::from_mins(1)).await
    }

    pub(super) async fn claim_for(&self, slots: usize, turn: usize, lease: Duration) -> Vec<Claimed> {
        claim(&self.app, self.now(), slots, turn, lease).await
    }

    /// Claims for a process in which each tenant has its share.
    pub(super) async fn claim_within(&self, slots: usize, share: &TenantShare) -> Vec<Claimed> {
        claim_within(&self.app, self.now(), slots, 0, Duration::from_mins(1), share).await
    }

    pub(super) async fn ack(&self, fence: JobFence, verdict: Verdict) -> Vec<JobId> {
        let tx = self.app.db.begin_system(SystemReason::Queue).await.unwrap();
        let lost = tx.queue().ack(&[Ack { fence, verdict }], self.now()).await.unwrap();
        tx.commit().await.unwrap();
        lost
    }

    /// Takes back leases that are over, once there are `n` of them.
    pub(super) async fn reap(&self, n: u64) {
        eventually("leases to expire", async || {
            let reaped = gangway_app::queue::reap(&self.app).await.unwrap();
            reaped.n_returned + reaped.n_failed == n
        })
        .await;
    }

    /// Every job of a tenant in creation order.
    pub(super) async fn jobs(&self, scope: &TenantScope) -> Vec<JobView> {
        let tx = self.app.db.begin_read(scope).await.unwrap();
        let page = tx.jobs().list(None, PageRequest { limit: 100_000, after: None }).await.unwrap();
        tx.commit().await.unwrap();
        page.items
    }

    pub(super) async fn find(&self, id: JobId) -> JobView {
        let tx = self.app.db.begin_read(&self.tenant_a).await.unwrap();
        let job = tx.jobs().get(id).await.unwrap();
        tx.commit().await.unwrap();
        job
    }

    pub(super) async fn count(&self, state: JobState) -> usize {
        self.jobs(&self.tenant_a).await.iter().filter(|job| job.state == state).count()
    }

    /// Waits until tenant A's first job has failed so often and waits for its next try.
    pub(super) async fn wait_for_backoff(&self, attempts: i32) {
        eventually("the job to wait for its next try", async || {
            let job = &self.jobs(&self.tenant_a).await[0];
            job.state == JobState::Scheduled && job.attempts == attempts
        })
        .await;
    }

    /// Waits until tenant A has so many jobs in a state.
    pub(super) async fn wait_for(&self, state: JobState, n_jobs: usize) {
        eventually(&format!("{n_jobs} jobs to be {}", state.as_str()), async || self.count(state).await == n_jobs)
            .await;
    }
}

pub(super) async fn claim(app: &App, now: DateTime<Utc>, slots: usize, turn: usize, lease: Duration) -> Vec<Claimed> {
    claim_within(app, now, slots, turn, lease, &TenantShare::default()).await
}

async fn claim_within(
    app: &App,
    now: DateTime<Utc>,
    slots: usize,
    turn: usize,
    lease: Duration,
    share: &TenantShare,
) -> Vec<Claimed> {
    let request = ClaimRequest {
        queue: QUEUE.to_owned(),
        owner: "test".to_owned(),
        slots,
        turn,
        share: share.clone(),
        lease_micros: i64::try_from(lease.as_micros()).unwrap(),
        now,
    };
    let tx = app.db.begin_system(SystemReason::Queue).await.unwrap();
    let claimed = tx.queue().claim(&request).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

async fn create_tenant(app: &App, name: &str) -> TenantScope {
    let tenant = Tenant {
        id: app.new_id(),
        name: name.to_owned(),
        time_zone: "UTC".parse().unwrap(),
        state: TenantState::Active,
        version: 1,
        created_at: app.now(),
        updated_at: app.now(),
    };
    let tx = app.db.begin_system(SystemReason::ManageTenants).await.unwrap();
    tx.tenants().create(&tenant).await.unwrap();
    tx.commit().await.unwrap();
    app.db.scope_for_operator(tenant.id).await.unwrap()
}

/// An id that is unique across processes: databases of a run are named after it.
pub(super) fn new_id() -> TenantId {
    use std::hash::{BuildHasher as _, RandomState};
    let [a, b] = [RandomState::new().hash_one(0).to_le_bytes(), RandomState::new().hash_one(1).to_le_bytes()];
    TenantId::new(SystemClock.now(), std::array::from_fn(|i| if i < 8 { a[i] } else { b[i - 8] }))
}

/// A running worker.
pub(super) struct Worker {
    pub(super) stop: CancellationToken,
    handle: JoinHandle<Result<(), gangway_worker::Error>>,
}

impl Worker {
    /// A worker for probes.
    pub(super) fn start(app: &App, config: WorkerConfig) -> Self {
        Self::start_with(app, Registry::default().with::<Probe>(), config)
    }

    pub(super) fn start_with(app: &App, registry: Registry, config: WorkerConfig) -> Self {
        let stop = CancellationToken::new();
        let run = run_queues(app.clone(), registry, config, stop.clone());
        #[expect(clippy::disallowed_methods, reason = "`finish` waits for it")]
        let handle = tokio::spawn(run);
        Self { stop, handle }
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.handle.is_finished()
    }

    /// Stops it and waits until it has drained.
    pub(super) async fn finish(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.handle).await.expect("the worker ends").unwrap().unwrap();
    }
}

/// Quick enough for tests, slow enough for a busy machine.
pub(super) fn config() -> WorkerConfig {
    WorkerConfig {
        concurrency: 4,
        lease: Duration::from_secs(10),
        poll: Duration::from_millis(20),
        job_timeout: PATIENCE,
        shutdown_timeout: PATIENCE,
        ..WorkerConfig::default()
    }
}

/// A job that does as its test says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Probe {
    pub(super) name: String,
    pub(super) acts: Act,
}

/// What a probe does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Act {
    Succeed,
    /// Waits until the test opens the gate.
    WaitForGate,
    /// Waits for longer than any test takes.
    Hang,
    /// Works for so many milliseconds: leases are the database's time, which cannot be paused.
    WorkMillis(u64),
    Panic,
    FailTwice,
    FailWithNul,
    RetryAfterSeconds(u64),
    AgainTwice,
}

/// What the tests of this process see of their probes; names are unique per test.
#[derive(Default)]
pub(super) struct Ledger {
    runs: Mutex<HashMap<String, Vec<i32>>>,
    cancelled: Mutex<Vec<String>>,
    gate: Mutex<HashMap<String, Arc<Notify>>>,
}

pub(super) static LEDGER: LazyLock<Ledger> = LazyLock::new(Ledger::default);

impl Ledger {
    /// The attempt number of each run so far.
    pub(super) fn runs(&self, name: &str) -> Vec<i32> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    pub(super) fn was_cancelled(&self, name: &str) -> bool {
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|other| other == name)
    }

    /// Lets everybody pass who waits under this name.
    pub(super) fn open_gate(&self, name: &str) {
        self.gate(name).notify_waiters();
    }

    fn gate(&self, name: &str) -> Arc<Notify> {
        let mut gates = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(name.to_owned()).or_default())
    }

    fn record(&self, name: &str, attempt: i32) -> usize {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.entry(name.to_owned()).or_default();
        runs.push(attempt);
        runs.len()
    }
}

impl Probe {
    /// A probe whose name nobody else has.
    pub(super) fn new(name: &str, acts: Act) -> Self {
        Self { name: format!("{name}-{}", new_id()), acts }
    }
}

impl Job for Probe {
    const KIND: &'static str = "probe";
    const QUEUE: &'static str = QUEUE;
    const MAX_ATTEMPTS: i32 = 3;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        None
    }
}

/// Notes that a run was dropped before its end.
struct Dropped<'a>(Option<&'a str>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.0 {
            LEDGER.cancelled.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        }
    }
}

impl Run for Probe {
    async fn run(&self, _: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        let gate = LEDGER.gate(&self.name);
        // Registered before the run is seen, so that an opened gate is not missed.
        let opened = gate.notified();
        tokio::pin!(opened);
        opened.as_mut().enable();
        let n_runs = LEDGER.record(&self.name, run.attempt);
        let mut dropped = Dropped(Some(&self.name));
        let result = match self.acts {
            Act::WaitForGate => {
                opened.await;
                Ok(Finish::Done)
            }
            Act::Hang => std::future::pending().await,
            Act::WorkMillis(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(Finish::Done)
            }
            Act::Panic => {
                dropped.0 = None;
                panic!("as the test wants it")
            }
            Act::FailTwice if n_runs <= 2 => Err(JobError::retry("not yet")),
            Act::FailWithNul => Err(JobError::fail("a\0b")),
            Act::RetryAfterSeconds(seconds) if n_runs == 1 => {
                Err(JobError::retry_after("slow down", Duration::from_secs(seconds)))
            }
            Act::AgainTwice if n_runs <= 2 => Ok(Finish::Again),
            Act::Succeed | Act::FailTwice | Act::RetryAfterSeconds(_) | Act::AgainTwice => Ok(Finish::Done),
        };
        dropped.0 = None;
        result
    }
}
