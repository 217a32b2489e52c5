//! An account that changes, the engine that reads it, and the hands that act on both.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use chrono::TimeDelta;
use futures::FutureExt as _;
use gangway_app::{
    App, Ctx, attributes, connections,
    mapping::{self, FieldFeed},
    queue::{self, Ack, ClaimRequest, Claimed, Outcome},
    settings::{self, SettingsPatch},
    syncs::{self, NewSync, Verb},
    tenants::{self, NewTenant},
};
use gangway_domain::{
    Code,
    held::HeldState,
    id::{ConnectionId, SyncId},
    record::Stream,
    sync::{RunMode, SyncRun},
};
use gangway_worker::Registry;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        support::{Bench, everything},
        vendor::{Gate, Object},
    },
    history::History,
    oracle::Oracle,
    steps::Step,
};

pub(super) const STREAM: Stream = Stream::Employees;
/// Listed by the account; the second one is sensitive.
pub(super) const CATALOGUE: [(&str, &str); 2] = [("dynamic_1", "Shirt size"), ("dynamic_2", "Salary")];
/// Deletions that are believed at once when nobody has said otherwise.
const MOST_BELIEVED: u32 = 10;
/// Jobs in a row at most: more is a job that feeds on itself.
const MOST_JOBS: usize = 200;

/// One tenant with one account.
pub(super) struct World<'a> {
    pub(super) bench: &'a Bench,
    pub(super) ctx: Ctx,
    pub(super) sync: SyncId,
    connection: ConnectionId,
    registry: Registry,
    /// Everybody who was deleted.
    pub(super) gone: Vec<Object>,
    /// Whom somebody released last, by their vendor ids.
    pub(super) released: Mutex<BTreeSet<String>>,
    /// Whom listings leave out, or left out when the last sweep ended.
    pub(super) unlisted: Mutex<BTreeSet<String>>,
    /// The most deletions that were ever believed at once.
    pub(super) most_believed: u32,
    /// What everybody has had.
    pub(super) history: History,
    /// The tenant changed its choice of attributes, or its mapping.
    pub(super) has_chosen: bool,
    /// The salary is selected.
    pub(super) is_selected: bool,
    /// The size feeds a field.
    pub(super) is_mapped: bool,
    pub(super) n_people: u32,
    pub(super) n_changes: u32,
    oracle: tokio::sync::Mutex<Oracle>,
}

impl<'a> World<'a> {
    pub(super) async fn begin(bench: &'a Bench, seed: u64) -> Self {
        bench.vendor.reset();
        bench.vendor.account().sends_fields = true;
        let operator = bench.operator();
        let new = NewTenant {
            name: format!("Seed {seed} {}", bench.app.new_id::<gangway_domain::id::EventId>()),
            time_zone: None,
        };
        let tenant = tenants::create(&operator, new).await.unwrap();
        let ctx = operator.for_tenant(tenant.id).await.unwrap();
        let connection = bench.connect_as(&ctx, "HR").await;
        let new = NewSync { connection, stream: STREAM, schedule: Some("every 1d".to_owned()) };
        let sync = syncs::create(&ctx, new).await.unwrap().id;
        // What a human refused is asked about again before the quiet time is over.
        let patch = SettingsPatch { refused_days: Some(1), ..SettingsPatch::default() };
        settings::update(&ctx, None, patch).await.unwrap();
        let registry = Registry::standard();
        Self {
            bench,
            ctx,
            sync,
            connection,
            registry,
            gone: Vec::new(),
            released: Mutex::default(),
            unlisted: Mutex::default(),
            most_believed: MOST_BELIEVED,
            history: History::default(),
            has_chosen: false,
            is_selected: false,
            is_mapped: false,
            n_people: 0,
            n_changes: 0,
            oracle: tokio::sync::Mutex::default(),
        }
    }

    /// Lets a step happen.
    pub(super) async fn take(&mut self, step: Step) {
        match step {
            Step::Start { .. }
            | Step::Work { .. }
            | Step::Drain
            | Step::Crash
            | Step::Stall
            | Step::Pass { .. }
            | Step::Jump { .. } => self.drive(step).await,
            Step::Choose { .. } | Step::Map { .. } | Step::Believe { .. } | Step::Release | Step::Refuse => {
                self.decide(step).await;
            }
            _ => self.change(step),
        }
    }

    /// The engine moves.
    async fn drive(&self, step: Step) {
        match step {
            Step::Start { is_full } => {
                let mode = if is_full { RunMode::Full } else { RunMode::Incremental };
                // One may be under way.
                drop(syncs::start_run(&self.ctx, self.sync, mode).await);
                self.bench.advance(TimeDelta::seconds(1));
            }
            Step::Work { calls } => drop(self.work(Some(calls as usize)).await),
            Step::Drain => {
                self.drain().await;
                if self.is_selected {
                    self.oracle.lock().await.note_salaries(self).await;
                }
            }
            Step::Crash => self.interrupt(false).await,
            Step::Stall => self.interrupt(true).await,
            Step::Pass { hours } => self.pass(TimeDelta::hours(hours.into())).await,
            Step::Jump { is_back } => self.bench.advance(TimeDelta::hours(if is_back { -1 } else { 1 })),
            _ => {}
        }
    }

    pub(super) async fn pass(&self, time: TimeDelta) {
        self.bench.advance(time);
        syncs::start_due(self.app()).await.unwrap();
    }

    pub(super) async fn drain(&self) {
        let mut n_jobs = 0;
        while self.work(None).await {
            n_jobs += 1;
            assert!(n_jobs < MOST_JOBS, "the queue never becomes empty");
        }
    }

    /// Carries one job out; answers whether there was one.
    async fn work(&self, calls: Option<usize>) -> bool {
        let Some(job) = self.claim("worker").await else { return false };
        let stop = CancellationToken::new();
        self.bench.vendor.account().stop_after = calls.map(|calls| (calls, stop.clone()));
        let outcome = self.registry.attempt(self.app(), &job, &stop).await;
        self.bench.vendor.account().stop_after = None;
        self.ack(&job, outcome).await;
        true
    }

    /// A worker that asked for a page dies, or stalls until another one has ended its job.
    async fn interrupt(&self, comes_back: bool) {
        let Some(job) = self.claim("first").await else { return };
        let gate = Gate::default();
        self.bench.vendor.account().gate = Some(gate.clone());
        let stop = CancellationToken::new();
        let mut first = Box::pin(self.registry.attempt(self.app(), &job, &stop));
        tokio::select! {
            outcome = &mut first => {
                self.bench.vendor.account().gate = None;
                return self.ack(&job, outcome).await;
            }
            () = gate.reached.notified() => {}
        }
        queue::take_over(self.app()).await.unwrap();
        queue::reap(self.app()).await.unwrap();
        if comes_back {
            self.bench.advance(TimeDelta::hours(1));
            if let Some(again) = self.claim("second").await {
                let outcome = self.registry.attempt(self.app(), &again, &stop).await;
                self.ack(&again, outcome).await;
            }
            gate.opened.notify_one();
            let outcome = first.await;
            self.ack(&job, outcome).await;
        }
    }

    async fn claim(&self, owner: &str) -> Option<Claimed> {
        for queue in ["syncs", "mappings"] {
            let (owner, lease) = (owner.to_owned(), Duration::from_hours(100));
            let request = ClaimRequest { queue: queue.to_owned(), owner, slots: 1, turn: 0, lease };
            if let Some(job) = queue::claim(self.app(), &request).await.unwrap().pop() {
                return Some(job);
            }
        }
        None
    }

    async fn ack(&self, job: &Claimed, outcome: Outcome) {
        // A lost lease is no matter of the one who lost it.
        queue::ack(self.app(), &[Ack { fence: job.fence, attempt: job.attempt, outcome }]).await.unwrap();
        self.bench.advance(TimeDelta::seconds(1));
        self.judge().await;
    }

    /// The tenant acts.
    async fn decide(&mut self, step: Step) {
        match step {
            Step::Choose { is_selected } => {
                self.has_chosen = true;
                self.oracle.get_mut().forget_salaries();
                self.is_selected = is_selected;
                let choice = attributes::Choice {
                    key: Some("dynamic_2".to_owned()),
                    selected: Some(is_selected),
                    ..attributes::Choice::default()
                };
                attributes::choose(&self.ctx, self.connection, vec![choice]).await.unwrap();
            }
            Step::Map { is_mapped } => {
                self.has_chosen = true;
                self.is_mapped = is_mapped;
                let feed = FieldFeed { field: "position".to_owned(), attribute: Some("dynamic_1".to_owned()) };
                let feeds = is_mapped.then_some(feed).into_iter().collect();
                mapping::update(&self.ctx, self.connection, None, feeds).await.unwrap();
            }
            Step::Believe { most } => {
                self.most_believed = self.most_believed.max(most);
                let patch = SettingsPatch {
                    employees_most: Some(most),
                    employees_least: Some(most.min(3)),
                    ..SettingsPatch::default()
                };
                settings::update(&self.ctx, None, patch).await.unwrap();
            }
            Step::Release => drop(self.settle(Verb::Release).await),
            Step::Refuse => drop(self.settle(Verb::Refuse).await),
            _ => {}
        }
    }

    /// Decides about what is held, if anything is; answers whether there was something.
    pub(super) async fn settle(&self, verb: Verb) -> bool {
        let held = match syncs::held(&self.ctx, self.sync, everything()).await {
            Err(error) if error.code == Code::NotFound => return false,
            held => held.unwrap(),
        };
        let is_decided = match syncs::decide(&self.ctx, self.sync, held.batch.run, verb, "the test said so").await {
            Err(error) if [Code::HeldOutdated, Code::HeldDecided].contains(&error.code) => false,
            decided => decided.map(|_| held.batch.state == HeldState::Open).unwrap(),
        };
        if is_decided && verb == Verb::Release {
            let named = held.records.items.into_iter().map(|held| held.external_id);
            *self.released.lock().unwrap() = named.collect();
        }
        is_decided
    }

    /// The account works and shows everything, and somebody has the connection checked and resumed.
    pub(super) async fn calm(&self) {
        {
            let mut account = self.bench.vendor.account();
            account.failures.clear();
            account.single_failures.clear();
            account.no_single_reads = false;
            account.budget_refusals = 0;
            account.claimed_total = None;
            account.unreadable.clear();
            account.unlisted.clear();
            account.hidden.clear();
            account.unsent.clear();
            account.catalogue = Some(CATALOGUE.into());
        }
        connections::check(&self.ctx, self.connection).await.unwrap();
        connections::resume(&self.ctx, self.connection).await.unwrap();
    }

    pub(super) async fn last_run(&self) -> SyncRun {
        let run = syncs::get(&self.ctx, self.sync).await.unwrap().last_run.unwrap();
        syncs::get_run(&self.ctx, run).await.unwrap()
    }

    async fn judge(&self) {
        self.oracle.lock().await.follow(self).await;
    }

    /// Compares everything with what the account holds.
    pub(super) async fn conclude(&self) {
        self.judge().await;
        let oracle = std::mem::take(&mut *self.oracle.lock().await);
        oracle.conclude(self).await;
    }

    /// What the account holds.
    pub(super) fn people(&self) -> Vec<Object> {
        self.bench.vendor.account().objects.get(&STREAM).cloned().unwrap_or_default()
    }

    pub(super) fn connection(&self) -> ConnectionId {
        self.connection
    }

    fn app(&self) -> &App {
        &self.bench.app
    }

    /// Takes the tenant out of everybody's way.
    pub(super) async fn end(&self) {
        let operator = self.bench.operator();
        let patch = tenants::TenantPatch {
            state: Some(gangway_domain::tenant::TenantState::Suspended),
            ..tenants::TenantPatch::default()
        };
        drop(tenants::update(&operator, self.ctx.tenant(), None, patch).boxed().await.unwrap());
    }
}
