//! Our apalis `Backend` over `app::queue`.
//!
//! A fetcher fills free slots and never claims more, a keeper renews leases independently of the worker's poll loop, and an
//! acknowledger writes results in batches. Shutdown: the fetcher is joined, then what was claimed and never started goes back
//! without counting a try. The stock storages fail in the cases that `docs/jobs.md` lists; each has a test here.

mod ack;
mod fetcher;
mod keeper;
mod leased;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use apalis::prelude::{Task, WorkerContext};
use apalis_core::backend::{Backend, BackendConfig, finalize::Ephemeral};
use futures::{FutureExt as _, future::BoxFuture};
use gangway_app::{
    App,
    queue::{self, Ack, JobFence, Outcome, TenantShare},
};
use gangway_domain::id::TenantId;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::WorkerConfig;

use ack::AckLayer;
pub(crate) use leased::{Leased, cut_off};

/// Tries to give unstarted jobs back at the end; their leases expire otherwise.
const GIVE_BACK_ROUNDS: u32 = 3;

/// What the parts of one backend share.
#[derive(Debug)]
struct Shared {
    app: App,
    queue: &'static str,
    owner: String,
    config: WorkerConfig,
    slots: Arc<Semaphore>,
    /// Claimed and not acknowledged. Only these are renewed: a claim whose answer was lost must expire.
    held: Mutex<HashMap<JobFence, Lease>>,
    /// Told when a job has run: its tenant's share has room again.
    freed: Notify,
    /// Told when a result put a job back that may run at once.
    returned: Notify,
}

/// A claimed job.
#[derive(Debug, Clone, Copy)]
struct Lease {
    tenant: TenantId,
    /// It has a slot; else it has run, and its result is being written.
    has_slot: bool,
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, HashMap<JobFence, Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each tenant has of the slots, and may have.
    fn share(&self) -> TenantShare {
        let mut held: BTreeMap<TenantId, usize> = BTreeMap::new();
        for lease in self.held().values().filter(|lease| lease.has_slot) {
            *held.entry(lease.tenant).or_default() += 1;
        }
        TenantShare::of_slots(self.config.concurrency, held)
    }

    /// The job has run: its slot is the next one's while its result is written.
    fn give_up_slot(&self, fence: &JobFence, slot: Arc<OwnedSemaphorePermit>) {
        if let Some(lease) = self.held().get_mut(fence) {
            lease.has_slot = false;
        }
        drop(slot);
        self.freed.notify_one();
    }
}

/// One queue's jobs for one apalis worker.
pub(crate) struct QueueBackend {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    /// The process wants to end.
    stop: CancellationToken,
    /// This backend ends: stops the keeper.
    ended: CancellationToken,
    acks: AckLayer,
    started: Option<Started>,
    closing: Option<BoxFuture<'static, ()>>,
}

struct Started {
    jobs: mpsc::Receiver<Task<Leased>>,
    fetcher: JoinHandle<()>,
}

/// apalis wants an error type; ours never fails a poll: trouble is logged and tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Never {}

impl QueueBackend {
    pub(crate) fn new(
        app: App,
        queue: &'static str,
        owner: &str,
        config: WorkerConfig,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let shared = Arc::new(Shared {
            app,
            queue,
            owner: owner.to_owned(),
            slots: Arc::new(Semaphore::new(config.concurrency.max(1))),
            config,
            held: Mutex::default(),
            freed: Notify::new(),
            returned: Notify::new(),
        });
        let acks = AckLayer::start(Arc::clone(&shared), &tasks);
        Self { shared, tasks, stop, ended: CancellationToken::new(), acks, started: None, closing: None }
    }

    fn start(&mut self) -> &mut Started {
        let Self { shared, tasks, stop, ended, .. } = self;
        self.started.get_or_insert_with(|| {
            let (sender, jobs) = mpsc::channel(shared.config.concurrency.max(1));
            tasks.spawn(keeper::keep(Arc::clone(shared), ended.clone()));
            let fetcher = tasks.spawn(fetcher::fetch(Arc::clone(shared), sender, stop.clone()));
            Started { jobs, fetcher }
        })
    }
}

impl Drop for QueueBackend {
    fn drop(&mut self) {
        self.ended.cancel();
        if let Some(started) = &self.started {
            started.fetcher.abort();
        }
    }
}

impl Backend for QueueBackend {
    type Task = Task<Leased>;
    type Error = Never;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Never>> {
        self.start();
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Task<Leased>, Never>>> {
        let stopping = self.stop.is_cancelled();
        let next = self.start().jobs.poll_recv(cx);
        match next {
            // Not started any more: it goes back in `poll_close`.
            Poll::Ready(Some(_)) if stopping => Poll::Ready(None),
            other => other.map(|job| job.map(Ok)),
        }
    }

    /// Called when nothing is in flight and every result is written: what is held now was never started.
    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Never>> {
        let Self { shared, started, closing, stop, .. } = self;
        let close = closing.get_or_insert_with(|| {
            stop.cancel();
            close(Arc::clone(shared), started.take()).boxed()
        });
        close.poll_unpin(cx).map(Ok)
    }
}

impl BackendConfig for QueueBackend {
    type Args = Leased;
    type Id = String;
    type Kind = Ephemeral;
    type Config = WorkerConfig;
    type Layer = AckLayer;

    fn config(&self) -> &WorkerConfig {
        &self.shared.config
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> AckLayer {
        self.acks.clone()
    }
}

async fn close(shared: Arc<Shared>, started: Option<Started>) {
    if let Some(Started { jobs, fetcher }) = started {
        // The fetcher may be in the middle of a claim: its jobs must be in `held` before they are given back.
        drop(jobs);
        if let Err(error) = fetcher.await {
            tracing::warn!(%error, "the fetcher of a queue ended with a panic");
        }
    }
    let unstarted: Vec<_> =
        shared.held().keys().map(|fence| Ack { fence: *fence, attempt: 0, outcome: Outcome::GiveBack }).collect();
    if unstarted.is_empty() {
        return;
    }
    for _ in 0..GIVE_BACK_ROUNDS {
        match queue::ack(&shared.app, &unstarted).await {
            Ok(_) => break,
            Err(error) => tracing::warn!(%error, "unstarted jobs are not given back; their leases will expire"),
        }
    }
    shared.held().clear();
}
