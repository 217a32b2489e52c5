//! Redis servers for tests: the shared one of a test run, or one of its own that may be killed.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its part")]

use std::{
    future::Future,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicU32, atomic::Ordering},
    time::Duration,
};

use gangway_domain::SystemClock;
use gangway_limits::{Ask, BudgetKey, Budgets, Class, Permit, Policy, Settings, SharedStore, Wait};
use tokio::time::{Instant, interval, timeout};

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const KEY: BudgetKey = BudgetKey::new([1; 32]);
pub(crate) const HOST: &str = "https://vendor.example";
/// So quick that the death of a process is noticed within a test.
pub(crate) const BEAT: Duration = Duration::from_millis(200);

pub(crate) fn policy(ceiling: u32, window: Duration) -> Arc<Policy> {
    Arc::new(Policy { ceiling, window, pacing: false, max_in_flight: 8, ..Policy::default() })
}

pub(crate) fn ask(policy: &Arc<Policy>) -> Ask<'_> {
    Ask {
        key: KEY,
        policy,
        template: "/v1/people",
        host: HOST,
        class: Class::Incremental,
        is_authentication: false,
        request_timeout: SECOND * 30,
    }
}

pub(crate) async fn try_now(budgets: &Budgets, ask: &Ask<'_>) -> Result<Permit, Wait> {
    budgets.acquire(ask, Duration::ZERO).await
}

/// Waits until something holds, and fails when it never does.
pub(crate) async fn until<Check: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> Check) {
    let mut tick = interval(MILLISECOND * 5);
    let holds = async {
        while !check().await {
            tick.tick().await;
        }
    };
    assert!(timeout(SECOND * 20, holds).await.is_ok(), "it never came to it: {what}");
}

/// A deployment of its own on some server.
#[derive(Clone)]
pub(crate) struct Deployment {
    pub(crate) url: String,
    pub(crate) namespace: String,
}

static N_DEPLOYMENTS: AtomicU32 = AtomicU32::new(0);

impl Deployment {
    /// One on the server of this test run; none when there is none, which is said.
    pub(crate) async fn shared() -> Option<Self> {
        let url = setting("GANGWAY_TEST_REDIS_URL")?;
        let deployment = Self::on(&url);
        deployment.has_been_up_for_long().await;
        Some(deployment)
    }

    fn on(url: &str) -> Self {
        let number = N_DEPLOYMENTS.fetch_add(1, Ordering::Relaxed);
        Self { url: url.to_owned(), namespace: format!("test-{}-{number}", std::process::id()) }
    }

    /// Makes a store that is not new, so that nothing about it is unsure.
    async fn has_been_up_for_long(&self) {
        let mut marker = redis::cmd("HSET");
        marker.arg(format!("gangway:{{{}}}:store", self.namespace)).arg("id").arg("old");
        self.run::<()>(marker.arg("open_at").arg(0)).await;
    }

    pub(crate) async fn run<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> T {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        command.query_async(&mut connection).await.unwrap()
    }

    pub(crate) async fn keys(&self, pattern: &str) -> Vec<String> {
        self.run(redis::cmd("KEYS").arg(format!("gangway:{{{}}}:{pattern}", self.namespace))).await
    }

    pub(crate) async fn n_keys(&self, pattern: &str) -> usize {
        self.keys(pattern).await.len()
    }

    /// How many scripts the server has run.
    pub(crate) async fn n_scripts(&self) -> u64 {
        let stats: String = self.run(redis::cmd("INFO").arg("commandstats")).await;
        let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        calls.and_then(|calls| calls.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
    }

    pub(crate) async fn flush(&self) {
        self.run::<()>(&redis::cmd("FLUSHALL")).await;
    }

    /// The budgets of one more process. A machine that stalls is no server that hangs.
    pub(crate) async fn process(&self) -> Budgets {
        self.open(SECOND * 10).await
    }

    /// One that goes on alone as soon as a process in production.
    pub(crate) async fn impatient_process(&self) -> Budgets {
        self.open(SharedStore::at(&self.url).answer_timeout).await
    }

    async fn open(&self, answer_timeout: Duration) -> Budgets {
        let store =
            SharedStore { namespace: self.namespace.clone(), beat: BEAT, answer_timeout, ..SharedStore::at(&self.url) };
        Budgets::on_redis(Settings::default(), Arc::new(SystemClock), &store).await.unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the settings of a test run")]
#[expect(clippy::print_stdout, reason = "the test run must say what it left out")]
fn setting(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        assert!(std::env::var_os("GANGWAY_TEST_REQUIRE_DATABASES").is_none(), "{name} is not set; run make test");
        println!("skipped on Redis: {name} is not set (make test sets it)");
    }
    value
}

/// A server of its own, killed at the end.
pub(crate) struct Server {
    port: u16,
    folder: PathBuf,
    child: Option<Child>,
}

impl Server {
    /// None where this test run has no Redis.
    pub(crate) async fn start() -> Option<Self> {
        setting("GANGWAY_TEST_REDIS_URL")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("gangway-limits-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let mut server = Self { port, folder, child: None };
        server.restart().await;
        Some(server)
    }

    pub(crate) async fn restart(&mut self) {
        let port = self.port.to_string();
        let options = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"];
        let mut command = Command::new("redis-server");
        command.args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.current_dir(&self.folder).spawn().unwrap());
        let port = self.port;
        until(
            "the server answers",
            || async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() },
        )
        .await;
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn new_deployment(&self) -> Deployment {
        Deployment::on(&format!("redis://127.0.0.1:{}/", self.port))
    }

    pub(crate) async fn deployment(&self) -> Deployment {
        let deployment = self.new_deployment();
        deployment.has_been_up_for_long().await;
        deployment
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Judges independently: whatever a vendor counts, and wherever between sending and answering it counts it, no window may
/// hold more than the limit.
#[derive(Default)]
pub(crate) struct Judge(std::sync::Mutex<Vec<(Instant, Instant)>>);

impl Judge {
    pub(crate) fn record(&self, sent: Instant, answered: Instant) {
        self.0.lock().unwrap().push((sent, answered));
    }

    pub(crate) fn n_requests(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The most that any window can have counted.
    pub(crate) fn most(&self, window: Duration) -> usize {
        let requests = self.0.lock().unwrap();
        let counted = |from: Instant| {
            requests.iter().filter(|(sent, answered)| *answered >= from && *sent < from + window).count()
        };
        requests.iter().map(|(_, answered)| counted(*answered)).max().unwrap_or(0)
    }
}
