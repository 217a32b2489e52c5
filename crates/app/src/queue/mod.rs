//! The queue as use cases: workers claim, renew, reap and acknowledge; a tenant lists its jobs and repeats a failed one.
//!
//! Thin over `storage::queue`, where the rules live. Enqueueing is in [`crate::jobs`]; running is `worker`'s. Nothing here
//! reads a payload.

mod backoff;
mod relay;
pub mod trace;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use gangway_domain::{
    Code,
    id::JobId,
    job::{JobState, JobView},
    principal::Scope,
};
use gangway_metrics::jobs::LEASES;
use gangway_storage::{self as storage, Page, PageRequest, SystemReason, queue as stored};

use tokio::time::Instant;

pub use backoff::backoff;
pub use relay::relay;
pub use stored::{Alone, Claimed, Depth, JobFence, Reaped, TenantShare, Tries, wakes};

use crate::{
    App, Ctx, Error, Result, audit, idempotency,
    jobs::{Job as _, RunSync},
    syncs,
};

/// How often results are written again when a returning job's key was taken at the same moment.
const ACK_ROUNDS: u32 = 5;

/// Leases that wait for their rows' locks at once, each on a connection.
const LOCKED_AT_ONCE: usize = 4;

/// Characters of an error that are stored.
const LONGEST_ERROR: usize = 2_000;

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// From which queue.
    pub queue: String,
    /// Who takes them.
    pub owner: String,
    /// Free slots.
    pub slots: usize,
    /// How many slots this worker has filled before.
    pub turn: usize,
    /// For how long.
    pub lease: Duration,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Succeeded.
    Done,
    /// Moved on and wants another turn; counts no try.
    Again,
    /// Never started; counts no try and keeps its place.
    GiveBack,
    /// Failed, may succeed later.
    Retry {
        /// Why; no secrets, no personal data.
        error: String,
        /// Not earlier than this from now (a vendor's Retry-After); else our own backoff.
        after: Option<Duration>,
    },
    /// Could not go on, though no try was in vain.
    Later {
        /// Why; no secrets, no personal data.
        error: String,
        /// Not earlier than this from now; else our own first pause.
        after: Option<Duration>,
        /// What becomes of the tries so far.
        tries: Tries,
    },
    /// Failed for good.
    Fail {
        /// Why; no secrets, no personal data.
        error: String,
    },
}

impl Outcome {
    /// Stable name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::GiveBack => "given_back",
            Self::Retry { .. } => "retried",
            Self::Later { .. } => "later",
            Self::Fail { .. } => "failed",
        }
    }
}

/// The result of one leased job.
#[derive(Debug, Clone)]
pub struct Ack {
    /// The lease.
    pub fence: JobFence,
    /// Which try it was, from 1.
    pub attempt: i32,
    /// The result.
    pub outcome: Outcome,
}

/// Leases due jobs, at most as many as there are free slots, whosever they are.
pub async fn claim(app: &App, request: &ClaimRequest) -> Result<Vec<Claimed>> {
    claim_within(app, request, TenantShare::default()).await
}

/// Leases due jobs, at most as many as there are free slots, and of each tenant at most its share.
pub async fn claim_within(app: &App, request: &ClaimRequest, share: TenantShare) -> Result<Vec<Claimed>> {
    let request = stored::ClaimRequest {
        queue: request.queue.clone(),
        owner: request.owner.clone(),
        slots: request.slots,
        turn: request.turn,
        share,
        lease_micros: micros(request.lease),
        now: app.now(),
    };
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    let claimed = tx.queue().claim(&request).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// Writes results in one transaction, and answers the jobs whose lease was lost before.
pub async fn ack(app: &App, acks: &[Ack]) -> Result<Vec<JobId>> {
    let stored: Vec<_> = acks.iter().map(|ack| stored::Ack { fence: ack.fence, verdict: verdict(app, ack) }).collect();
    let mut round = 0;
    loop {
        round += 1;
        let tx = app.db.begin_system(SystemReason::Queue).await?;
        match tx.queue().ack(&stored, app.now()).await {
            Ok(lost) => {
                tx.commit().await?;
                return Ok(lost);
            }
            // Somebody enqueued the key of a returning job meanwhile: the next round merges the two.
            Err(storage::Error::Taken) if round < ACK_ROUNDS => drop(tx),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Prolongs the leases that a worker still holds. Those whose jobs are writing a page follow when that is committed, or else at the next
/// call: it takes a third of a lease at most.
pub async fn renew(app: &App, held: &[JobFence], lease: Duration) -> Result<()> {
    if held.is_empty() {
        return Ok(());
    }
    let until = Instant::now() + lease / 3;
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    let locked = tx.queue().renew(held, micros(lease)).await?;
    tx.commit().await?;
    let waits = locked.into_iter().map(Ok);
    futures::stream::iter(waits)
        .try_for_each_concurrent(LOCKED_AT_ONCE, |fence| renew_locked(app, fence, lease, until))
        .await
}

async fn renew_locked(app: &App, fence: JobFence, lease: Duration, until: Instant) -> Result<()> {
    let patience = until.saturating_duration_since(Instant::now());
    if patience.is_zero() {
        return Ok(());
    }
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    if tx.queue().renew_locked(fence, micros(lease), patience).await? {
        tx.commit().await?;
    }
    Ok(())
}

/// Takes back at once what a former process held, where only one process can run (the embedded database with its lock
/// file), instead of waiting for leases to end: jobs, and on the embedded database the logins they were at.
pub async fn take_over(app: &App) -> Result<u64> {
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    let n_expired = tx.queue().expire_leases().await?;
    if !app.db.is_postgres() {
        tx.tokens().expire_leases().await?;
    }
    tx.commit().await?;
    Ok(n_expired)
}

/// Takes or prolongs the right to be the one process that works on the database.
pub async fn be_alone(app: &App, process: JobId, lease: Duration) -> Result<Alone> {
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    let alone = tx.queue().be_alone(process.uuid(), micros(lease)).await?;
    tx.commit().await?;
    Ok(alone)
}

/// Gives that right back, so that the next process need not wait for the end of the lease.
pub async fn leave(app: &App, process: JobId) -> Result<()> {
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    tx.queue().leave(process.uuid()).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes back what dead workers held.
pub async fn reap(app: &App) -> Result<Reaped> {
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    let reaped = tx.queue().reap(app.now()).await?;
    tx.commit().await?;
    for (n, outcome) in [(reaped.n_returned, "returned"), (reaped.n_failed, "failed")] {
        if n > 0 {
            LEASES.add(n, [outcome]);
        }
    }
    Ok(reaped)
}

/// Counts jobs that wait, run or have failed, for metrics and `doctor`.
pub async fn depths(app: &App) -> Result<Vec<Depth>> {
    let tx = app.db.begin_system(SystemReason::Doctor).await?;
    let depths = tx.queue().depths().await?;
    tx.commit().await?;
    Ok(depths)
}

/// A tenant's jobs, oldest first.
pub async fn list_jobs(ctx: &Ctx, state: Option<JobState>, page: PageRequest<JobId>) -> Result<Page<JobView>> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let jobs = tx.jobs().list(state, page).await?;
    tx.commit().await?;
    Ok(jobs)
}

/// One job of a tenant.
pub async fn get_job(ctx: &Ctx, id: JobId) -> Result<JobView> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let job = tx.jobs().get(id).await?;
    tx.commit().await?;
    Ok(job)
}

/// Repeats a failed job as a new one, and answers that; or the one that waits already, when the work has a key.
///
/// # Errors
/// `job.not-failed` unless the job has failed; as [`syncs::reopen`] for the job of a run.
pub async fn retry_job(ctx: &Ctx, id: JobId) -> Result<JobView> {
    ctx.require(Scope::ConnectionsWrite)?;
    let app = ctx.app();
    let mut tx = app.db.begin(ctx.scope()).await?;
    let failed = tx.jobs().get(id).await?;
    if failed.state != JobState::Failed {
        let message = format!("The job is {}; only a failed job can be retried.", failed.state.as_str());
        return Err(Error::new(Code::JobNotFailed, message));
    }
    let job = tx.jobs().repetition_of(&failed, app.new_id(), app.now()).await?;
    let (new, queue, key) = (job.id, job.queue.clone(), job.dedupe_key.clone());
    if job.kind == RunSync::KIND
        && let Ok(RunSync { run, .. }) = serde_json::from_str(&job.payload)
    {
        // The run ended with its job: the repetition goes on with it, or there is none.
        syncs::reopen(ctx, &tx, run).await?;
    }
    tx.enqueue(job);
    audit::record(ctx, &tx, "job.retry", &id.to_string(), serde_json::json!({ "job": new })).await?;
    // Where the work has a key, the one that waits already stays.
    let waiting = match &key {
        Some(key) => tx.jobs().find_waiting(&queue, key).await?,
        None => None,
    };
    idempotency::made(ctx, &tx, &waiting.map_or(new, |job| job.id)).await?;
    tx.commit().await?;

    let tx = app.db.begin_read(ctx.scope()).await?;
    let found = match (tx.jobs().find(new).await?, key) {
        (Some(job), _) => Some(job),
        (None, Some(key)) => tx.jobs().find_waiting(&queue, &key).await?,
        (None, None) => None,
    };
    tx.commit().await?;
    found.ok_or_else(|| Error::not_found("job"))
}

fn verdict(app: &App, ack: &Ack) -> stored::Verdict {
    match &ack.outcome {
        Outcome::Done => stored::Verdict::Done,
        Outcome::Again => stored::Verdict::Again,
        Outcome::GiveBack => stored::Verdict::GiveBack,
        Outcome::Fail { error } => stored::Verdict::Fail { error: storable(error) },
        Outcome::Retry { error, after } => {
            let Pause { run_at, not_before } = pause(app, *after, ack.attempt);
            stored::Verdict::Retry { error: storable(error), run_at, not_before }
        }
        Outcome::Later { error, after, tries } => {
            let Pause { run_at, not_before } = pause(app, *after, 1);
            stored::Verdict::Later { error: storable(error), run_at, not_before, tries: *tries }
        }
    }
}

/// When a job comes back.
struct Pause {
    run_at: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
}

fn pause(app: &App, after: Option<Duration>, attempt: i32) -> Pause {
    let now = app.now();
    // A little late is fine, a little early is not: jitter is added to what the vendor asked for.
    let wait = after
        .map_or_else(|| backoff(attempt, app.jitter()), |after| after + Duration::from_secs(1).mul_f64(app.jitter()));
    Pause { run_at: now + wait, not_before: after.map(|after| now + after) }
}

/// Without NUL, which PostgreSQL refuses (and with it the whole batch), and not endless.
fn storable(error: &str) -> String {
    error.chars().filter(|c| *c != '\0').take(LONGEST_ERROR).collect()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}
