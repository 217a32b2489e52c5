//! A process that calls the vendor for all it is worth, and dies without a word when told to.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use gangway_domain::SystemClock;
use gangway_limits::{
    Ask, BudgetKey, Budgets, Class, Connected, Permit, Policy, ScriptConnection, ScriptServer, Settings, StoreError,
    StoreScript,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, sleep},
};

use tokio_util::task::TaskTracker;

use super::vendor::Vendor;

/// The longest wait inside a call; a longer one comes back later.
const PATIENCE: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// After a refusal.
const PENALTY: Duration = Duration::from_secs(5);

/// What all processes share.
pub(super) struct Scene {
    pub(super) vendor: Arc<Vendor>,
    pub(super) policy: Arc<Policy>,
    pub(super) namespace: String,
    pub(super) sent: TaskTracker,
    /// When each interactive call came, and how long it waited for its slot.
    pub(super) waits: Mutex<Vec<(Instant, Duration)>>,
}

/// Where a process counts; `is_cut` ends its connections for ever.
struct Cut {
    server: Arc<dyn ScriptServer>,
    is_cut: Arc<AtomicBool>,
}

impl ScriptServer for Cut {
    fn connect<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Connected, StoreError>> {
        Box::pin(async move {
            let (connection, wakes) = self.server.connect(channel).await?;
            let connection = CutConnection { connection, is_cut: Arc::clone(&self.is_cut) };
            Ok((Box::new(connection) as Box<dyn ScriptConnection>, wakes))
        })
    }
}

struct CutConnection {
    connection: Box<dyn ScriptConnection>,
    is_cut: Arc<AtomicBool>,
}

impl ScriptConnection for CutConnection {
    fn run<'a>(
        &'a self,
        script: &'a StoreScript,
        key: &'a str,
        request: String,
    ) -> BoxFuture<'a, Result<String, StoreError>> {
        if self.is_cut.load(Ordering::Relaxed) {
            return Box::pin(async { Err(StoreError::Closed) });
        }
        self.connection.run(script, key, request)
    }
}

/// One of the processes.
pub(super) struct Process {
    budgets: Budgets,
    calls: JoinSet<()>,
    is_cut: Arc<AtomicBool>,
    scene: Arc<Scene>,
}

impl Process {
    /// Starts with so many workers, half of them of the lowest class.
    pub(super) async fn start(
        server: Arc<dyn ScriptServer>,
        scene: &Arc<Scene>,
        n_workers: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let shared = (scene.namespace.as_str(), Duration::from_secs(1));
        let is_cut = Arc::new(AtomicBool::new(false));
        let server = Arc::new(Cut { server, is_cut: Arc::clone(&is_cut) });
        let budgets = Budgets::on_server(Settings::default(), Arc::new(SystemClock), server, shared).await?;
        let mut calls = JoinSet::new();
        for number in 0..n_workers {
            let (budgets, scene) = (budgets.clone(), Arc::clone(scene));
            let class = if number % 2 == 0 { Class::Incremental } else { Class::Sweep };
            let seed = seed.wrapping_mul(1_000).wrapping_add(u64::try_from(number)?);
            calls.spawn(async move {
                let mut random = StdRng::seed_from_u64(seed);
                loop {
                    call(&budgets, &scene, class, &mut random).await;
                }
            });
        }
        Ok(Self { budgets, calls, is_cut, scene: Arc::clone(scene) })
    }

    /// Somebody asks through it.
    pub(super) fn ask(&mut self, seed: u64) {
        let (budgets, scene) = (self.budgets.clone(), Arc::clone(&self.scene));
        self.calls.spawn(async move {
            let came = Instant::now();
            let mut random = StdRng::seed_from_u64(seed);
            let waited = call(&budgets, &scene, Class::Interactive, &mut random).await;
            scene.waits.lock().unwrap_or_else(PoisonError::into_inner).push((came, waited));
        });
        while self.calls.try_join_next().is_some() {}
    }

    /// It dies: nobody hears of it again.
    pub(super) fn kill(mut self) {
        self.is_cut.store(true, Ordering::Relaxed);
        self.calls.abort_all();
    }
}

fn ask(policy: &Arc<Policy>, class: Class) -> Ask<'_> {
    Ask {
        key: BudgetKey::new([7; 32]),
        policy,
        template: "/v1/people",
        host: "https://vendor.example",
        class,
        is_authentication: false,
        request_timeout: REQUEST_TIMEOUT,
    }
}

/// Sends one request as soon as it may; answers how long it waited for that.
async fn call(budgets: &Budgets, scene: &Scene, class: Class, random: &mut StdRng) -> Duration {
    let came = Instant::now();
    let permit = loop {
        match budgets.acquire(&ask(&scene.policy, class), PATIENCE).await {
            Ok(permit) => break permit,
            Err(wait) => sleep(wait.retry_after).await,
        }
    };
    let waited = came.elapsed();
    request(scene, permit, latency(random), latency(random)).await;
    waited
}

/// Mostly some tens of milliseconds, once in a hundred a second.
fn latency(random: &mut StdRng) -> Duration {
    let seconds = if random.random_bool(0.99) {
        0.02 - random.random_range(f64::MIN_POSITIVE..1.0).ln() / 50.0
    } else {
        random.random_range(0.5..1.5)
    };
    Duration::from_secs_f64(seconds)
}

async fn request(scene: &Scene, permit: Permit, there: Duration, back: Duration) {
    let (sender, receiver) = oneshot::channel();
    let vendor = Arc::clone(&scene.vendor);
    // What was sent arrives, whatever becomes of its sender.
    scene.sent.spawn(async move {
        sleep(there).await;
        sender.send(vendor.hit()).ok();
    });
    let is_accepted = receiver.await.unwrap_or(true);
    sleep(back).await;
    if !is_accepted {
        permit.penalise(PENALTY);
    }
    permit.finish();
}
