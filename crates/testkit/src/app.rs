//! The whole platform in one process: application, API on a free port, sandbox vendor, and a worker when asked for.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use gangway_api::Quotas;
use gangway_app::{App, Config, OperatorCtx, config::VendorLimits, ctx::Parts, keys, keys::NewKey, seal::Keys};
use gangway_connector::WindowLimit;
use gangway_domain::{
    Clock, ManualClock, SystemClock,
    id::TenantId,
    principal::{KeyKind, Principal, Scope},
};
use gangway_egress::Origin;
use gangway_limits::{Budgets, Settings};
use gangway_sandbox::Sandbox;
use gangway_vault::{KeyRing, MasterKey};
use gangway_worker::WorkerConfig;
use rand::{SeedableRng as _, rngs::StdRng};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Client, TestDb, eventually};

const LOOK: Duration = Duration::from_millis(25);

/// What a [`TestApp`] is made of.
pub struct TestAppBuilder {
    db: TestDb,
    sandbox: gangway_sandbox::Config,
    clock: Option<ManualClock>,
    config: Config,
    vendor_timeout: Option<Duration>,
    quotas: Quotas,
    master_key: Option<MasterKey>,
}

impl TestAppBuilder {
    /// The key under which what the database holds was sealed; a new one unless said otherwise.
    ///
    /// # Panics
    /// When the text is no key.
    #[must_use]
    pub fn master_key(mut self, base64: &str) -> Self {
        let key = MasterKey::from_base64("the test's key", &SecretString::from(base64)).expect("32 bytes in base64");
        self.master_key = Some(key);
        self
    }

    /// How often keys and addresses may ask; as often as they like unless said otherwise.
    #[must_use]
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// How long a whole request to the vendor may take.
    #[must_use]
    pub fn vendor_timeout_s(mut self, seconds: u64) -> Self {
        self.vendor_timeout = Some(Duration::from_secs(seconds));
        self
    }

    /// The vendor to speak to.
    #[must_use]
    pub fn sandbox(mut self, config: gangway_sandbox::Config) -> Self {
        self.sandbox = config;
        self
    }

    /// Time that moves only when told, for the platform and the sandbox.
    #[must_use]
    pub fn clock_at(mut self, at: DateTime<Utc>) -> Self {
        self.clock = Some(ManualClock::new(at));
        self
    }

    /// Settings of the use cases; the sandbox's origin is added.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The vendor is asked as fast as it answers. Tests of budgets must not say so.
    #[must_use]
    pub fn unpaced(mut self) -> Self {
        self.config.limits.insert("personio".to_owned(), plenty());
        self
    }

    /// Starts everything but the worker.
    ///
    /// # Panics
    /// When a part does not start.
    pub async fn start(self) -> TestApp {
        let Self { db, mut sandbox, clock, mut config, vendor_timeout, quotas, master_key } = self;
        let time: Arc<dyn Clock> = match &clock {
            Some(clock) => {
                sandbox = sandbox.with_clock(Arc::new(clock.clone()));
                Arc::new(clock.clone())
            }
            None => Arc::new(SystemClock),
        };
        let sandbox = Sandbox::bind(sandbox).expect("a free port can be had");
        let origin: Origin = sandbox.base_url().parse().expect("a sandbox has an origin");
        config.connector_origins.push(origin);
        let mut egress = config.vendor_client();
        egress.request_timeout = vendor_timeout.unwrap_or(egress.request_timeout);
        let app = App::new(Parts {
            db: db.connect().await,
            keys: Keys::new(KeyRing::new(master_key.unwrap_or_else(MasterKey::generate), Vec::new())),
            registry: gangway_connector::registry(),
            egress: gangway_egress::Client::with_clock(egress, Arc::clone(&time)).expect("TLS can be set up"),
            budgets: Budgets::with_clock(Settings::default(), Arc::clone(&time)),
            clock: time,
            config,
            rng: Mutex::new(StdRng::seed_from_u64(7)),
        });
        let api = gangway_api::Config { quotas, ..gangway_api::Config::new(([127, 0, 0, 1], 0).into()) };
        let gangway_api::Server { addr, handle, run } =
            gangway_api::bind(app.clone(), api).expect("a free port can be had");
        let client = Client::new(format!("http://{addr}"));
        let tasks = TaskTracker::new();
        tasks.spawn(run);
        TestApp { app, db, sandbox, client, clock, api: handle, tasks }
    }
}

/// The platform; see the module.
pub struct TestApp {
    /// The use cases.
    pub app: App,
    /// Its database.
    pub db: TestDb,
    /// The vendor.
    pub sandbox: Sandbox,
    /// Speaks to the API.
    pub client: Client,
    /// Its clock, when it is a manual one.
    pub clock: Option<ManualClock>,
    api: gangway_api::Handle,
    tasks: TaskTracker,
}

/// A tenant with a connection to the sandbox, set up through the API.
#[derive(Debug, Clone)]
pub struct Onboarded {
    /// `ten_…`
    pub tenant: String,
    /// `gwt_…`
    pub key: String,
    /// `con_…`
    pub connection: String,
}

/// Limits of a vendor that nobody waits for: budgets are spread over real time.
pub fn plenty() -> VendorLimits {
    let plenty = Some(WindowLimit::new(60_000, 60));
    VendorLimits { credential: plenty, paths: Some(Vec::new()), authentication: plenty, ..VendorLimits::default() }
}

impl TestApp {
    /// On a database, with a sandbox of 12 people without limits.
    pub fn on(db: TestDb) -> TestAppBuilder {
        let sandbox = gangway_sandbox::Config::new(12, 1).without_rate_limit();
        TestAppBuilder {
            db,
            sandbox,
            clock: None,
            config: Config::default(),
            vendor_timeout: None,
            quotas: Quotas::NONE,
            master_key: None,
        }
    }

    /// Acts as the operator.
    pub fn operator(&self) -> OperatorCtx {
        OperatorCtx::new(self.app.clone(), Principal::Cli, Scope::ALL.to_vec())
    }

    /// A new operator key.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn operator_key(&self) -> String {
        let new = NewKey { name: "test".to_owned(), scopes: None, expires_at: None };
        let (_, text) = keys::create_operator(&self.operator(), new).await.expect("an operator may make keys");
        text.expose_secret().to_owned()
    }

    /// A new key of a tenant with these scopes.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn tenant_key(&self, tenant: &str, scopes: &[Scope]) -> String {
        let tenant: TenantId = tenant.parse().expect("a tenant's id");
        let ctx = self.operator().for_tenant(tenant).await.expect("the tenant is there");
        let scopes =
            if scopes.is_empty() { Scope::defaults(KeyKind::Tenant) } else { scopes.iter().copied().collect() };
        let new = NewKey { name: "test".to_owned(), scopes: Some(scopes), expires_at: None };
        let (_, text): (_, SecretString) = keys::create(&ctx, new).await.expect("an operator may make keys");
        text.expose_secret().to_owned()
    }

    /// Sets a tenant up through the API: tenant, key, connection, check, discovery.
    ///
    /// # Panics
    /// When a step is refused.
    pub async fn onboard(&self, name: &str) -> Onboarded {
        let operator = self.operator_key().await;
        let body = json!({"name": name, "time_zone": "Europe/Berlin"});
        let tenant = text_of(&self.client.post(&operator, "/v1/tenants", &body).await.expect(201), "id");
        let key = self.tenant_key(&tenant, &[]).await;
        let connection = self.connect(&key, "Personio").await;
        self.client.post(&key, &format!("/v1/connections/{connection}/check"), &json!({})).await.expect(200);
        self.client.post(&key, &format!("/v1/connections/{connection}/discover"), &json!({})).await.expect(200);
        Onboarded { tenant, key, connection }
    }

    /// Connects the sandbox.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(&self, key: &str, name: &str) -> String {
        let body = json!({
            "connector": "personio",
            "name": name,
            "config": {"base_url": self.sandbox.base_url()},
            "credential": {
                "client_id": self.sandbox.client_id(),
                "client_secret": self.sandbox.client_secret().expose_secret(),
            },
        });
        text_of(&self.client.post(key, "/v1/connections", &body).await.expect(201), "id")
    }

    /// Syncs a stream through the API until its run has ended, and answers the run.
    ///
    /// # Panics
    /// When a step is refused.
    pub async fn sync(&self, tenant: &Onboarded, stream: &str, mode: &str) -> Value {
        let Onboarded { key, connection, .. } = tenant;
        let body = json!({"connection_id": connection, "stream": stream, "schedule": null});
        let created = self.client.post(key, "/v1/syncs", &body).await;
        let sync = match created.status {
            409 => text_of(&created.body, "existing"),
            _ => text_of(&created.expect(201), "id"),
        };
        let run = self.client.post(key, &format!("/v1/syncs/{sync}/runs"), &json!({"mode": mode})).await;
        assert!(matches!(run.status, 201 | 202), "{}", run.body);
        let run = text_of(&run.body, "id");
        self.run_jobs_until_idle().await;
        self.client.get(key, &format!("/v1/sync-runs/{run}")).await.expect(200)
    }

    /// Runs a worker until no job is due or running. Jobs for later are left.
    ///
    /// # Panics
    /// When the queue does not become idle.
    pub async fn run_jobs_until_idle(&self) {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let config = WorkerConfig { poll: LOOK, lease: Duration::from_secs(5), ..WorkerConfig::default() };
        let worker = tasks.spawn(gangway_worker::run_queues(
            self.app.clone(),
            gangway_worker::Registry::standard(),
            config,
            stop.clone(),
        ));
        eventually("the queue to be idle", async || {
            // A job that comes again at once is scheduled for now.
            let now = self.app.now().timestamp_micros();
            let waits = format!("state IN ('pending', 'running') OR (state = 'scheduled' AND run_at <= {now})");
            self.db.count_where("job", &waits).await == 0
        })
        .await;
        stop.cancel();
        worker.await.expect("the worker does not panic").expect("the worker ends well");
    }

    /// Ends every part in order; the database goes with the answer.
    pub async fn stop(self) -> TestDb {
        let Self { app, db, sandbox, client: _, clock: _, api, tasks } = self;
        api.stop().await;
        tasks.close();
        tasks.wait().await;
        sandbox.stop().await;
        drop(app);
        db
    }
}

/// A text in a JSON object.
fn text_of(object: &Value, field: &str) -> String {
    let text = object.get(field).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("there is no {field} in {object}")).to_owned()
}
