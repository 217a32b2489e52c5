//! A small account, tenants that read it, and processes that work for them until they are killed.

use std::{os::unix::process::ExitStatusExt as _, process::Stdio, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::{
    App, Ctx, OperatorCtx,
    connections::{self, NewConnection},
    queue,
    syncs::{self, NewSync},
    tenants::{self, NewTenant},
};
use gangway_domain::{
    ManualClock,
    id::{ConnectionId, SyncId},
    principal::{Principal, Scope},
    record::Stream,
    sync::RunMode,
};
use gangway_sandbox::{Config, Handle, Sandbox};
use gangway_testkit::TestDb;
use sea_orm::{ConnectionTrait as _, Database};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

use super::platform::{self, Settings};

/// Generous: the machine may build something beside.
const PATIENCE: Duration = Duration::from_secs(90);
const SIGKILL: i32 = 9;
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Everything a test needs.
pub(super) struct Stage {
    pub(super) db: TestDb,
    pub(super) app: App,
    clock: ManualClock,
    sandbox: Sandbox,
    settings: Settings,
}

/// A tenant and its sync of employees.
pub(super) struct Tenant {
    pub(super) ctx: Ctx,
    pub(super) connection: ConnectionId,
    pub(super) sync: SyncId,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At its moment.
    Killed,
    /// There was no such moment any more.
    Done,
}

impl Stage {
    pub(super) async fn on(db: TestDb, n_people: usize) -> Self {
        let now: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        let clock = ManualClock::new(now);
        let config = Config::new(n_people, 3).without_rate_limit().with_clock(Arc::new(clock.clone()));
        let sandbox = Sandbox::bind(config).unwrap();
        let settings = Settings {
            url: db.url().to_owned(),
            master_key: MASTER_KEY.to_owned(),
            vendor: sandbox.base_url(),
            now,
            moment: None,
        };
        let app = platform::app(&settings, &clock).await;
        Self { db, app, clock, sandbox, settings }
    }

    pub(super) fn vendor(&self) -> Handle {
        self.sandbox.handle()
    }

    pub(super) fn pass(&self, time: TimeDelta) {
        self.clock.advance(time);
    }

    /// A tenant that has connected and read nothing. It has a vendor token already.
    pub(super) async fn tenant(&self, name: &str) -> Tenant {
        let operator = OperatorCtx::new(self.app.clone(), Principal::Cli, Scope::ALL.to_vec());
        let new = NewTenant { name: name.to_owned(), time_zone: Some("UTC".to_owned()) };
        let tenant = tenants::create(&operator, new).await.unwrap();
        let ctx = operator.for_tenant(tenant.id).await.unwrap();
        let credential = json!({
            "client_id": self.sandbox.client_id(),
            "client_secret": self.sandbox.client_secret().expose_secret(),
        });
        let new = NewConnection {
            connector: "personio".to_owned(),
            name: "HR".to_owned(),
            config: json!({"base_url": self.sandbox.base_url(), "page_size": 10}),
            credential: SecretString::from(credential.to_string()),
        };
        let connection = connections::create(&ctx, new).await.unwrap().id;
        connections::check(&ctx, connection).await.unwrap();
        connections::discover(&ctx, connection).await.unwrap();
        let new = NewSync { connection, stream: Stream::Employees, schedule: None };
        let sync = syncs::create(&ctx, new).await.unwrap().id;
        Tenant { ctx, connection, sync }
    }

    /// Orders a run.
    pub(super) async fn order(&self, tenant: &Tenant, mode: RunMode) {
        syncs::start_run(&tenant.ctx, tenant.sync, mode).await.unwrap();
    }

    /// Orders a run of one tenant, which a process begins and is killed at this moment, and another ends so much later.
    pub(super) async fn run_killed(&self, tenant: &Tenant, mode: RunMode, moment: u64, later: TimeDelta) -> End {
        self.order(tenant, mode).await;
        let end = self.process(Some(moment)).await;
        if end == End::Killed {
            queue::take_over(&self.app).await.unwrap();
            self.pass(later);
            if self.db.is_postgres() {
                self.end_logins().await;
            }
            assert_eq!(self.process(None).await, End::Done);
        }
        end
    }

    /// Orders a run of one tenant and carries it out undisturbed.
    pub(super) async fn run(&self, tenant: &Tenant, mode: RunMode) {
        self.order(tenant, mode).await;
        platform::work(&self.app).await;
    }

    /// A login's lease, which others may hold rightly, runs on the server's clock: it ends as if its time had come.
    async fn end_logins(&self) {
        let owner = Database::connect(self.db.owner_url()).await.unwrap();
        owner.execute_unprepared("UPDATE vendor_token SET lease_until = 0").await.unwrap();
        owner.close().await.unwrap();
    }

    /// Lets a process work until nothing is due.
    pub(super) async fn process(&self, moment: Option<u64>) -> End {
        let settings = Settings { now: self.app.now(), moment, ..self.settings.clone() };
        let mut child = spawn();
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("{}\n", serde_json::to_string(&settings).unwrap()).as_bytes()).await.unwrap();
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("the process ends").unwrap();
        match (output.status.signal(), output.status.code()) {
            (Some(SIGKILL), _) => End::Killed,
            (_, Some(0)) => End::Done,
            _ => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
        }
    }
}

fn spawn() -> Child {
    Command::new(env!("CARGO_BIN_EXE_gangway-killed-under-test"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
