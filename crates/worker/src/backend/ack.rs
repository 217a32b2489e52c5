//! Writing results: a layer around every job hands them to one task that writes them in batches.
//!
//! The layer waits until its result is written, so a drained worker has nothing left to say; but the job's slot is free before,
//! so that the next job runs meanwhile. The task does not depend on the worker's poll loop, so it never waits for it.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use apalis::prelude::{AbortError, BoxDynError, Task};
use futures::future::BoxFuture;
use gangway_app::{
    jobs::KINDS,
    queue::{self, Ack, Outcome},
};
use gangway_metrics::{
    bounded,
    jobs::{ACTIVE, LEASES, TURNS},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use tower::{Layer, Service, timeout::error::Elapsed};

use super::{Leased, Shared};
use crate::{Finish, JobError, error::Chain};

/// Results written in one transaction at most, and waiting for it: jobs whose results find no room keep their slots.
const BATCH: usize = 128;

/// With the doubling wait this outlasts a database restart of half a minute; later the lease has expired anyway.
const ROUNDS: u32 = 9;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A result on its way to the table.
#[derive(Debug)]
struct Pending {
    ack: Ack,
    written: oneshot::Sender<()>,
}

/// Wraps each job: awaits it, then has its result written.
#[derive(Debug, Clone)]
pub(crate) struct AckLayer {
    shared: Arc<Shared>,
    results: mpsc::Sender<Pending>,
}

impl AckLayer {
    /// Starts the writing task; it ends when the last clone of the layer is gone.
    pub(super) fn start(shared: Arc<Shared>, tasks: &TaskTracker) -> Self {
        let (results, pending) = mpsc::channel(BATCH);
        tasks.spawn(write(Arc::clone(&shared), pending));
        Self { shared, results }
    }
}

impl<S> Layer<S> for AckLayer {
    type Service = AckService<S>;

    fn layer(&self, inner: S) -> AckService<S> {
        AckService { inner, shared: Arc::clone(&self.shared), results: self.results.clone() }
    }
}

/// A job's service with its acknowledgement.
#[derive(Debug, Clone)]
pub(crate) struct AckService<S> {
    inner: S,
    shared: Arc<Shared>,
    results: mpsc::Sender<Pending>,
}

impl<S> Service<Task<Leased>> for AckService<S>
where
    S: Service<Task<Leased>, Response = Finish>,
    S::Future: Send + 'static,
    S::Error: Into<BoxDynError>,
{
    type Response = Finish;
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<Finish, BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Leased>) -> Self::Future {
        let Leased { job, slot } = task.args.clone();
        let (shared, results) = (Arc::clone(&self.shared), self.results.clone());
        let run = self.inner.call(task);
        Box::pin(async move {
            let (begun, kind) = (Instant::now(), bounded::one_of(KINDS, &job.kind));
            let _active = ACTIVE.enter([kind]);
            let result = run.await.map_err(Into::into);
            let outcome = outcome(&result);
            let name = outcome.as_str();
            if let Outcome::Fail { error } | Outcome::Retry { error, .. } = &outcome {
                let chain = result.as_ref().err().map(|error| Chain(&**error).to_string());
                tracing::warn!(
                    "job.id" = %job.fence.job, "job.kind" = job.kind.as_str(), "job.attempt" = job.attempt,
                    "tenant.id" = %job.scope.tenant(), cause = chain.as_deref().unwrap_or(error),
                    final_failure = matches!(outcome, Outcome::Fail { .. }) || job.attempt >= job.max_attempts,
                    "job failed: {error}"
                );
            }
            if let Outcome::Later { error, .. } = &outcome {
                tracing::info!(
                    "job.id" = %job.fence.job, "job.kind" = job.kind.as_str(), "tenant.id" = %job.scope.tenant(),
                    "job goes on later: {error}"
                );
            }
            let (written, wait) = oneshot::channel();
            let ack = Ack { fence: job.fence, attempt: job.attempt, outcome };
            let is_taken = results.send(Pending { ack, written }).await.is_ok();
            shared.give_up_slot(&job.fence, slot);
            if !is_taken || wait.await.is_err() {
                tracing::warn!("job.id" = %job.fence.job, "the result was not written; the lease will expire");
            }
            TURNS.record(begun.elapsed(), [kind, name]);
            result
        })
    }
}

fn outcome(result: &Result<Finish, BoxDynError>) -> Outcome {
    let error = match result {
        Ok(Finish::Done) => return Outcome::Done,
        Ok(Finish::Again) => return Outcome::Again,
        Err(error) => error,
    };
    if let Some(error) = error.downcast_ref::<JobError>() {
        error.outcome()
    } else if error.is::<AbortError>() {
        // The panic's own text may hold anything; it is in the log of the panic hook.
        Outcome::Fail { error: "the job panicked".to_owned() }
    } else if error.is::<Elapsed>() {
        Outcome::Retry { error: "the job took too long and was cancelled".to_owned(), after: None }
    } else {
        Outcome::Retry { error: "the job was cut off".to_owned(), after: None }
    }
}

async fn write(shared: Arc<Shared>, mut pending: mpsc::Receiver<Pending>) {
    let mut batch = Vec::new();
    while pending.recv_many(&mut batch, BATCH).await > 0 {
        let acks: Vec<_> = batch.iter().map(|pending| pending.ack.clone()).collect();
        if !write_batch(&shared, &acks).await && acks.len() > 1 {
            // One result that the database refuses must not take the others with it.
            for ack in &acks {
                write_batch(&shared, std::slice::from_ref(ack)).await;
            }
        }
        let returns = batch.iter().any(|pending| matches!(pending.ack.outcome, Outcome::Again | Outcome::GiveBack));
        for Pending { ack, written } in batch.drain(..) {
            shared.held().remove(&ack.fence);
            if written.send(()).is_err() {
                tracing::debug!("job.id" = %ack.fence.job, "nobody waits for this result any more");
            }
        }
        if returns {
            shared.returned.notify_one();
        }
    }
}

/// Writes, with patience as long as the database is away. Answers whether it was written.
async fn write_batch(shared: &Shared, acks: &[Ack]) -> bool {
    let mut wait = FIRST_WAIT;
    for _ in 0..ROUNDS {
        match queue::ack(&shared.app, acks).await {
            Ok(lost) => {
                for job in lost {
                    LEASES.add(1, ["lost"]);
                    tracing::warn!("job.id" = %job, "the lease was lost: another worker has the job, this result is void");
                }
                return true;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), n_jobs = acks.len(), "results cannot be written");
                if !error.is_transient {
                    return false;
                }
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    false
}
