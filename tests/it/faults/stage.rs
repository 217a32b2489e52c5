//! A tenant whose account of 25 people is read in pages of ten, and a worker for whom time passes when there is nothing to do.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::{
    Ctx, PageRequest,
    connections::{self, ConnectionPatch},
    events, queue,
    records::{self, RecordQuery, RecordView},
    syncs::{self, NewSync},
};
use gangway_domain::{
    connection::{Connection, ConnectionState, Pause},
    id::{ConnectionId, SyncId, SyncRunId},
    job::JobState,
    record::{RecordState, Stream},
    sync::{RunMode, RunState, SyncRun},
};
use gangway_sandbox::{Config, Fault, Handle};
use gangway_testkit::{Onboarded, TestApp, TestDb, eventually};
use gangway_worker::WorkerConfig;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(super) const LIST: &str = "/v1/company/employees";
pub(super) const ONE: &str = "/v1/company/employees/{id}";
pub(super) const LOGIN: &str = "/v1/auth";
const N_PEOPLE: usize = 25;

/// Everything a test of a fault needs.
pub(super) struct Stage {
    pub(super) app: TestApp,
    pub(super) ctx: Ctx,
    pub(super) connection: ConnectionId,
    pub(super) sync: SyncId,
    pub(super) tenant: Onboarded,
}

impl Stage {
    /// Onboarded, with a sync of employees that has not run.
    pub(super) async fn empty(db: TestDb) -> Self {
        let now: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        let sandbox = Config::new(N_PEOPLE, 3).without_rate_limit();
        let app = TestApp::on(db).clock_at(now).sandbox(sandbox).vendor_timeout_s(2).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let ctx = app.operator().for_tenant(tenant.tenant.parse().unwrap()).await.unwrap();
        let connection: ConnectionId = tenant.connection.parse().unwrap();
        let config = json!({"base_url": app.sandbox.base_url(), "page_size": 10});
        let patch = ConnectionPatch { name: None, config: Some(config) };
        connections::update(&ctx, connection, None, patch).await.unwrap();
        connections::check(&ctx, connection).await.unwrap();
        let new = NewSync { connection, stream: Stream::Employees, schedule: None };
        let sync = syncs::create(&ctx, new).await.unwrap().id;
        let stage = Self { app, ctx, connection, sync, tenant };
        stage.pass(TimeDelta::minutes(2));
        stage
    }

    /// The same, with everybody read once.
    pub(super) async fn filled(db: TestDb) -> Self {
        let stage = Self::empty(db).await;
        stage.run_well().await;
        stage.pass(TimeDelta::minutes(2));
        stage
    }

    pub(super) async fn stop(self) {
        self.app.stop().await;
    }

    pub(super) fn vendor(&self) -> Handle {
        self.app.sandbox.handle()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.app.app.now()
    }

    pub(super) fn pass(&self, time: TimeDelta) {
        self.app.clock.as_ref().unwrap().advance(time);
    }

    /// Orders a fault as the admin endpoint takes it, until [`Stage::recover`] unless `times` says otherwise.
    pub(super) fn order(&self, path: &str, effect: Value) {
        let mut fault = json!({"path": path, "times": null});
        fault["effect"] = effect;
        self.order_as(&fault);
    }

    pub(super) fn order_as(&self, fault: &Value) {
        let fault: Fault = serde_json::from_value(fault.clone()).unwrap();
        self.vendor().add_fault(fault).unwrap();
    }

    /// Takes every fault away; each must have hit somebody.
    pub(super) fn recover(&self) {
        for standing in self.vendor().faults() {
            assert!(standing.n_hit > 0, "{standing:?} hit nobody");
        }
        self.vendor().remove_faults();
    }

    /// Carries a run out to its end; whenever nothing is to do, it is as late as the next try.
    pub(super) async fn run(&self, mode: RunMode) -> SyncRun {
        self.run_of(self.sync, mode).await
    }

    pub(super) async fn run_of(&self, sync: SyncId, mode: RunMode) -> SyncRun {
        let run = self.start(sync, mode).await;
        self.finish(run).await.0
    }

    pub(super) async fn start(&self, sync: SyncId, mode: RunMode) -> SyncRunId {
        self.pass(TimeDelta::seconds(1));
        syncs::start_run(&self.ctx, sync, mode).await.unwrap().id
    }

    /// The run's end, and how long was waited before each further try.
    pub(super) async fn finish(&self, run: SyncRunId) -> (SyncRun, Vec<TimeDelta>) {
        let stop = CancellationToken::new();
        let config =
            WorkerConfig { poll: Duration::from_millis(5), lease: Duration::from_mins(1), ..WorkerConfig::default() };
        let app = self.app.app.clone();
        let worker = gangway_worker::run_queues(app, gangway_worker::Registry::standard(), config, stop.clone());
        let waits = Mutex::new(Vec::new());
        let watching = async {
            eventually("the run to end", async || self.look(run, &waits).await).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(worker, watching);
        ended.unwrap();
        (syncs::get_run(&self.ctx, run).await.unwrap(), waits.into_inner().unwrap())
    }

    /// Whether the run has ended; when it waits for its next try, it is that late.
    async fn look(&self, run: SyncRunId, waits: &Mutex<Vec<TimeDelta>>) -> bool {
        if syncs::get_run(&self.ctx, run).await.unwrap().state != RunState::Running {
            return true;
        }
        let page = PageRequest { limit: 10, after: None };
        let jobs = queue::list_jobs(&self.ctx, Some(JobState::Scheduled), page).await.unwrap().items;
        let wait = jobs.iter().map(|job| job.run_at - self.now()).filter(|wait| *wait > TimeDelta::zero()).min();
        if let Some(wait) = wait {
            waits.lock().unwrap().push(wait);
            self.pass(wait);
        }
        false
    }

    /// A full run without trouble, after which everything is as the vendor has it.
    pub(super) async fn run_well(&self) {
        let run = self.run(RunMode::Full).await;
        assert_eq!((run.state, run.error_message.as_deref()), (RunState::Completed, None), "{run:?}");
        self.assert_right().await;
        let connection = self.connection().await;
        assert_eq!((connection.state, connection.pause()), (ConnectionState::Active, Pause::None), "{connection:?}");
        assert_eq!(connection.state_reason, None);
    }

    /// The fault goes, somebody resumes, and the next run brings everything right.
    pub(super) async fn recover_well(&self) {
        self.recover();
        connections::resume(&self.ctx, self.connection).await.unwrap();
        self.pass(TimeDelta::minutes(2));
        self.run_well().await;
    }

    /// A failed run with this code and words, and a connection that says so.
    pub(super) async fn assert_failed(&self, run: &SyncRun, code: &str, words: &[&str], pause: Pause) {
        assert_eq!((run.state, run.error_code.as_deref()), (RunState::Failed, Some(code)), "{run:?}");
        let connection = self.connection().await;
        let state = if pause == Pause::Open { ConnectionState::Failed } else { ConnectionState::Degraded };
        assert_eq!((connection.state, connection.pause(), connection.failures), (state, pause, 1), "{connection:?}");
        let reason = connection.state_reason.unwrap();
        for word in words {
            assert!(reason.contains(word), "{word} is not in: {reason}");
        }
        assert_eq!(self.n_events("connection.degraded").await, 1);
        assert_eq!(self.n_events("sync.failed").await, 1);
    }

    pub(super) async fn connection(&self) -> Connection {
        connections::get(&self.ctx, self.connection).await.unwrap()
    }

    pub(super) async fn n_events(&self, kind: &str) -> usize {
        let page = PageRequest { limit: 1_000, after: None };
        let log = events::list(&self.ctx, &[], page).await.unwrap().items;
        log.iter().filter(|event| event.fact.kind == kind).count()
    }

    pub(super) async fn present(&self) -> Vec<RecordView> {
        self.list(RecordState::Present).await
    }

    async fn list(&self, state: RecordState) -> Vec<RecordView> {
        let query = RecordQuery { state: Some(state), ..RecordQuery::default() };
        let page = PageRequest { limit: 1_000, after: None };
        records::list(&self.ctx, Stream::Employees, query, page).await.unwrap().items
    }

    /// The record of a person.
    pub(super) async fn record(&self, id: u64) -> RecordView {
        let id = id.to_string();
        self.present().await.into_iter().find(|record| record.external.id == id).unwrap()
    }

    /// Nobody was said to be gone.
    pub(super) async fn assert_nobody_deleted(&self) {
        assert!(self.list(RecordState::Deleted).await.is_empty());
        assert_eq!(self.n_events("employee.deleted").await, 0);
    }

    /// Everybody whom the vendor has is held as the vendor shows them, and nobody else is.
    pub(super) async fn assert_right(&self) {
        let held: BTreeMap<String, (Value, Value)> = self
            .present()
            .await
            .into_iter()
            .map(|record| {
                let field = |name: &str| record.fields.get(name).cloned().unwrap_or_default();
                assert!(record.stale.is_empty(), "{:?}", record.stale);
                let shown = (field("first_name"), field("position"));
                (record.external.id, shown)
            })
            .collect();
        let wanted: BTreeMap<String, (Value, Value)> = self
            .vendor()
            .people()
            .iter()
            .map(|person| (person["id"].to_string(), (person["first_name"].clone(), person["position"].clone())))
            .collect();
        assert_eq!(held, wanted);
    }

    /// The ids of the people at the vendor, in the order of its list.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.vendor().people().iter().map(|person| person["id"].as_u64().unwrap()).collect()
    }
}
