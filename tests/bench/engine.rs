//! The platform's own queue in this process, with a job that does nothing but say that it began.

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gangway_app::{App, Config, ctx::Parts, jobs::Job, seal::Keys};
use gangway_domain::{
    SystemClock,
    job::JobClass,
    tenant::{Tenant, TenantState},
};
use gangway_egress::{Client, ClientConfig};
use gangway_limits::{Budgets, Settings};
use gangway_storage::{Config as DbConfig, Db, SystemReason, TenantScope, queue::NewJob};
use gangway_vault::{KeyRing, MasterKey};
use gangway_worker::{Finish, JobError, JobRun, Registry, Run, WorkerConfig, run_queues};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::platform::MASTER_KEY;

/// Jobs at once, here and in the peer.
pub(crate) const CONCURRENCY: usize = 8;

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
static N_BEGUN: AtomicUsize = AtomicUsize::new(0);
static WAITS: Mutex<Vec<f64>> = Mutex::new(Vec::new());

/// Does nothing.
#[derive(Serialize, Deserialize)]
pub(crate) struct Noop {
    /// When it was enqueued, in microseconds of this process; waits of others are not noted.
    at: Option<u64>,
}

impl Job for Noop {
    const KIND: &'static str = "noop";
    const QUEUE: &'static str = "noop";
    const MAX_ATTEMPTS: i32 = 3;

    fn class(&self) -> JobClass {
        JobClass::Normal
    }

    fn dedupe_key(&self) -> Option<String> {
        None
    }
}

impl Run for Noop {
    async fn run(&self, _: &gangway_app::Ctx, _: &JobRun) -> Result<Finish, JobError> {
        if let Some(at) = self.at {
            let waited = EPOCH.elapsed().saturating_sub(Duration::from_micros(at));
            WAITS.lock().expect("nobody panicked").push(waited.as_secs_f64());
        }
        N_BEGUN.fetch_add(1, Ordering::Relaxed);
        Ok(Finish::Done)
    }
}

/// The platform on a database.
pub(crate) async fn app_on(url: &str) -> anyhow::Result<App> {
    let master = MasterKey::from_base64("the bench's master key", &MASTER_KEY.into())?;
    Ok(App::new(Parts {
        db: Db::connect(&DbConfig::new(url)).await?,
        keys: Keys::new(KeyRing::new(master, Vec::new())),
        registry: gangway_connector::registry(),
        egress: Client::new(ClientConfig::default())?,
        budgets: Budgets::new(Settings::default()),
        clock: Arc::new(SystemClock),
        config: Config::default(),
        rng: Mutex::new(App::system_rng()),
    }))
}

/// A tenant that has nothing but jobs.
pub(crate) async fn tenant(app: &App, name: &str) -> anyhow::Result<TenantScope> {
    let tenant = Tenant {
        id: app.new_id(),
        name: name.to_owned(),
        time_zone: "UTC".parse().map_err(|_| anyhow::anyhow!("UTC is a zone"))?,
        state: TenantState::Active,
        version: 1,
        created_at: app.now(),
        updated_at: app.now(),
    };
    let tx = app.db.begin_system(SystemReason::ManageTenants).await?;
    tx.tenants().create(&tenant).await?;
    tx.commit().await?;
    Ok(app.db.scope_for_operator(tenant.id).await?)
}

/// Enqueues so many in one transaction; whether their waits are noted.
pub(crate) async fn enqueue(app: &App, scope: &TenantScope, n: usize, is_noted: bool) -> anyhow::Result<()> {
    let now = app.now();
    let mut tx = app.db.begin(scope).await?;
    for _ in 0..n {
        let at = is_noted.then(|| u64::try_from(EPOCH.elapsed().as_micros()).unwrap_or_default());
        tx.enqueue(NewJob {
            id: app.new_id(),
            queue: Noop::QUEUE.to_owned(),
            kind: Noop::KIND.to_owned(),
            payload: serde_json::to_string(&Noop { at })?,
            class: JobClass::Normal,
            run_at: now,
            max_attempts: Noop::MAX_ATTEMPTS,
            dedupe_key: None,
            traceparent: None,
            retry_of: None,
            created_at: now,
        });
    }
    Ok(tx.commit().await?)
}

/// A worker that runs until it is stopped.
pub(crate) struct Working {
    stop: CancellationToken,
    task: JoinHandle<Result<(), gangway_worker::Error>>,
}

impl Working {
    pub(crate) fn begin(app: &App) -> Self {
        LazyLock::force(&EPOCH);
        let stop = CancellationToken::new();
        let config = WorkerConfig { concurrency: CONCURRENCY, ..WorkerConfig::default() };
        let registry = Registry::default().with::<Noop>();
        let run = run_queues(app.clone(), registry, config, stop.clone());
        #[expect(clippy::disallowed_methods, reason = "it is awaited when it is stopped")]
        let task = tokio::spawn(run);
        Self { stop, task }
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await??)
    }
}

/// How many jobs have begun in this process.
pub(crate) fn n_begun() -> usize {
    N_BEGUN.load(Ordering::Relaxed)
}

/// The noted waits in seconds, since the last call.
pub(crate) fn take_waits() -> Vec<f64> {
    std::mem::take(&mut *WAITS.lock().expect("nobody panicked"))
}
