//! A tenant in Berlin, connected to the fake vendor, and the turns of a worker made one by one.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::{
    App, Config, Ctx, Error, OperatorCtx,
    connections::{self, NewConnection},
    ctx::Parts,
    events,
    queue::{self, Ack, ClaimRequest, JobFence, Outcome},
    records::{self, RecordQuery, RecordView},
    seal::Keys,
    syncs::{self, NewSync, Progress},
    tenants::{self, NewTenant},
};
use gangway_domain::{
    Clock, ManualClock,
    event::Event,
    id::{ConnectionId, SyncId, SyncRunId},
    principal::{Principal, Scope},
    record::{RecordState, Stream},
    sync::{RunMode, SyncRun},
};
use gangway_egress::{Client, ClientConfig};
use gangway_limits::{Budgets, Settings};
use gangway_storage::PageRequest;
use gangway_testkit::TestDb;
use gangway_vault::{KeyRing, MasterKey};
use rand::{SeedableRng as _, rngs::StdRng};
use secrecy::SecretString;
use serde_json::json;

use super::vendor::Vendor;

/// Everything a test of the engine needs.
pub(super) struct Bench {
    pub(super) db: TestDb,
    pub(super) app: App,
    pub(super) clock: ManualClock,
    pub(super) vendor: Vendor,
    pub(super) ctx: Ctx,
    pub(super) connection: ConnectionId,
}

pub(super) const ALL: u64 = 1_000;

/// The whole listing.
pub(super) const fn everything<K>() -> PageRequest<K> {
    PageRequest { limit: ALL, after: None }
}

pub(super) fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

impl Bench {
    pub(super) async fn on(db: TestDb) -> Self {
        // Half past eleven in the evening in UTC is tomorrow in Berlin.
        let clock = ManualClock::new(moment("2026-11-23T23:30:00Z"));
        let vendor = Vendor::new();
        let app = process(&db, &clock, &vendor).await;
        let operator = operator(&app);
        let new = NewTenant { name: "Acme".to_owned(), time_zone: Some("Europe/Berlin".to_owned()) };
        let tenant = tenants::create(&operator, new).await.unwrap();
        let ctx = operator.for_tenant(tenant.id).await.unwrap();
        let mut bench = Self { db, app, clock, vendor, ctx, connection: ConnectionId::from_uuid(uuid::Uuid::nil()) };
        bench.connection = bench.connect("HR").await;
        bench
    }

    /// Another connection to the same vendor.
    pub(super) async fn connect(&self, name: &str) -> ConnectionId {
        self.connect_as(&self.ctx, name).await
    }

    /// The operator.
    pub(super) fn operator(&self) -> OperatorCtx {
        operator(&self.app)
    }

    /// A connection of any tenant to the vendor.
    pub(super) async fn connect_as(&self, ctx: &Ctx, name: &str) -> ConnectionId {
        let new = NewConnection {
            connector: "fake".to_owned(),
            name: name.to_owned(),
            config: json!({}),
            credential: SecretString::from("{}"),
        };
        let connection = connections::create(ctx, new).await.unwrap();
        connections::discover(ctx, connection.id).await.unwrap();
        connection.id
    }

    /// Another process on the same database; it cannot open what this one seals.
    pub(super) async fn other_process(&self) -> App {
        process(&self.db, &self.clock, &self.vendor).await
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.app.now()
    }

    pub(super) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// The tenant's context with these permissions only.
    pub(super) fn with_permissions(&self, permissions: &[Scope]) -> Ctx {
        Ctx::new(self.app.clone(), Principal::Cli, *self.ctx.scope(), permissions.to_vec())
    }

    pub(super) async fn sync(&self, stream: Stream) -> SyncId {
        self.sync_of(self.connection, stream).await
    }

    pub(super) async fn sync_of(&self, connection: ConnectionId, stream: Stream) -> SyncId {
        syncs::create(&self.ctx, NewSync { connection, stream, schedule: None }).await.unwrap().id
    }

    /// A sync of employees that runs by itself.
    pub(super) async fn scheduled(&self, schedule: &str) -> SyncId {
        let schedule = Some(schedule.to_owned());
        let new = NewSync { connection: self.connection, stream: Stream::Employees, schedule };
        syncs::create(&self.ctx, new).await.unwrap().id
    }

    /// Starts a run and claims its job.
    pub(super) async fn begin(&self, sync: SyncId, mode: RunMode) -> (SyncRunId, JobFence) {
        // Runs are ordered by their ids, which begin with the millisecond.
        self.advance(TimeDelta::seconds(1));
        let run = syncs::start_run(&self.ctx, sync, mode).await.unwrap();
        (run.id, self.claim().await.unwrap())
    }

    /// Claims the one job that is due, if any.
    pub(super) async fn claim(&self) -> Option<JobFence> {
        let request = ClaimRequest {
            queue: "syncs".to_owned(),
            owner: "test".to_owned(),
            slots: 1,
            turn: 0,
            lease: Duration::from_hours(1),
        };
        queue::claim(&self.app, &request).await.unwrap().first().map(|claimed| claimed.fence)
    }

    pub(super) async fn ack(&self, fence: JobFence, outcome: Outcome) {
        queue::ack(&self.app, &[Ack { fence, attempt: 1, outcome }]).await.unwrap();
    }

    /// A turn without interruption.
    pub(super) async fn execute(&self, run: SyncRunId, fence: &JobFence) -> Result<Progress, Error> {
        syncs::execute(&self.ctx, run, fence, &|| false).await.map_err(|interrupted| interrupted.error)
    }

    /// A turn that is asked to stop after this many pages.
    pub(super) async fn execute_pages(
        &self,
        run: SyncRunId,
        fence: &JobFence,
        pages: usize,
    ) -> Result<Progress, Error> {
        let asked = AtomicUsize::new(0);
        let turn = syncs::execute(&self.ctx, run, fence, &|| asked.fetch_add(1, Ordering::Relaxed) >= pages).await;
        turn.map_err(|interrupted| interrupted.error)
    }

    /// Starts a run, carries it out and answers how it ended.
    pub(super) async fn run(&self, sync: SyncId, mode: RunMode) -> SyncRun {
        let (run, fence) = self.begin(sync, mode).await;
        assert_eq!(self.execute(run, &fence).await.unwrap(), Progress::Done);
        self.ack(fence, Outcome::Done).await;
        self.read_run(run).await
    }

    /// Carries out the run that something else has started, and answers how it ended.
    pub(super) async fn run_started(&self, sync: SyncId) -> SyncRun {
        let fence = self.claim().await.expect("a run was started");
        let run = syncs::get(&self.ctx, sync).await.unwrap().last_run.expect("a sync with a run names it");
        assert_eq!(self.execute(run, &fence).await.unwrap(), Progress::Done);
        self.ack(fence, Outcome::Done).await;
        self.read_run(run).await
    }

    pub(super) async fn read_run(&self, run: SyncRunId) -> SyncRun {
        syncs::get_run(&self.ctx, run).await.unwrap()
    }

    pub(super) async fn events(&self) -> Vec<Event> {
        events::list(&self.ctx, &[], everything()).await.unwrap().items
    }

    /// The types of the log in order.
    pub(super) async fn kinds(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.fact.kind).collect()
    }

    pub(super) async fn present(&self, stream: Stream) -> Vec<RecordView> {
        self.list(stream, RecordQuery::default()).await
    }

    pub(super) async fn gone(&self, stream: Stream) -> Vec<RecordView> {
        self.in_state(stream, RecordState::Deleted).await
    }

    pub(super) async fn in_state(&self, stream: Stream, state: RecordState) -> Vec<RecordView> {
        self.list(stream, RecordQuery { state: Some(state), ..RecordQuery::default() }).await
    }

    pub(super) async fn list(&self, stream: Stream, query: RecordQuery) -> Vec<RecordView> {
        records::list(&self.ctx, stream, query, everything()).await.unwrap().items
    }

    /// The record of a vendor id.
    pub(super) async fn record(&self, stream: Stream, external_id: &str) -> RecordView {
        let mut found = self.present(stream).await;
        found.extend(self.gone(stream).await);
        found.into_iter().find(|record| record.external.id == external_id).unwrap()
    }

    /// What the vendor holds, as far as records show it: ids with first names.
    pub(super) async fn shown(&self, stream: Stream) -> Vec<(String, String)> {
        let mut shown: Vec<(String, String)> = self
            .present(stream)
            .await
            .into_iter()
            .map(|record| {
                (record.external.id, record.fields.get("first_name").cloned().unwrap_or_default().to_string())
            })
            .collect();
        shown.sort();
        shown
    }
}

fn operator(app: &App) -> OperatorCtx {
    OperatorCtx::new(app.clone(), Principal::Cli, Scope::ALL.to_vec())
}

async fn process(db: &TestDb, clock: &ManualClock, vendor: &Vendor) -> App {
    let time: Arc<dyn Clock> = Arc::new(clock.clone());
    App::new(Parts {
        db: db.connect().await,
        keys: Keys::new(KeyRing::new(MasterKey::generate(), Vec::new())),
        registry: vendor.registry(),
        egress: Client::with_clock(ClientConfig::default(), Arc::clone(&time)).unwrap(),
        budgets: Budgets::with_clock(Settings::default(), Arc::clone(&time)),
        clock: time,
        config: Config::default(),
        rng: Mutex::new(StdRng::seed_from_u64(7)),
    })
}
