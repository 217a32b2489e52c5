//! Job payloads: what a queued row says. One file per job; its runner is `worker::jobs`'s file of the same name.
//!
//! A payload holds ids only, never secrets or personal data: rows are readable and kept. Rows outlive deployments, so new
//! fields need `#[serde(default)]` and a kind is never reused for something else. `docs/adding-a-job.md` has the steps.

pub mod apply_choice;
pub mod chain_audit;
pub mod prune;
pub mod release_held;
pub mod remap_records;
pub mod resume_jobs;
pub mod rotate_keys;
pub mod run_sync;

use chrono::{DateTime, Utc};
use gangway_domain::{id::JobId, job::JobClass};
use gangway_storage::{SystemReason, SystemTx, TenantTx, queue::NewJob};
use serde::{Serialize, de::DeserializeOwned};

use crate::{App, Ctx, Error, Result, queue::trace};

pub use apply_choice::ApplyChoice;
pub use chain_audit::ChainAudit;
pub use prune::PruneJobs;
pub use release_held::ReleaseHeld;
pub use remap_records::RemapRecords;
pub use resume_jobs::ResumeJobs;
pub use rotate_keys::RotateKeys;
pub use run_sync::RunSync;

/// Every kind there is; a test checks that each has a runner.
pub const KINDS: &[&str] = &[
    ApplyChoice::KIND,
    ChainAudit::KIND,
    PruneJobs::KIND,
    ReleaseHeld::KIND,
    RemapRecords::KIND,
    ResumeJobs::KIND,
    RotateKeys::KIND,
    RunSync::KIND,
];

/// Every queue that one of them is in.
pub const QUEUES: &[&str] = &["mappings", "platform", "syncs"];

/// A payload.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stable name, kebab case.
    const KIND: &'static str;
    /// Queue; each has slots of its own, so that a flood in one does not block another.
    const QUEUE: &'static str;
    /// Tries before it counts as failed.
    const MAX_ATTEMPTS: i32;
    /// Priority.
    fn class(&self) -> JobClass;
    /// Jobs of a tenant and queue with the same key wait once. The key is free again as soon as the job starts.
    fn dedupe_key(&self) -> Option<String>;
}

/// Enqueues a job, due at once, when `tx` commits. The id is not to be relied on: a job that waits already may stand for it.
pub fn enqueue<J: Job>(ctx: &Ctx, tx: &mut TenantTx, job: &J) -> Result<JobId> {
    enqueue_at(ctx, tx, job, ctx.app().now())
}

/// Enqueues a job, due at a time, when `tx` commits.
pub fn enqueue_at<J: Job>(ctx: &Ctx, tx: &mut TenantTx, job: &J, at: DateTime<Utc>) -> Result<JobId> {
    let row = row(ctx.app(), ctx.app().new_id(), job, at)?;
    let id = row.id;
    tx.enqueue(row);
    Ok(id)
}

/// Enqueues a job of the platform tenant under a fixed id: however many processes call, it is added once.
pub async fn enqueue_platform_once<J: Job>(app: &App, id: JobId, job: &J) -> Result<()> {
    let row = row(app, id, job, app.now())?;
    let tx = app.db.begin_system(SystemReason::Queue).await?;
    tx.queue().enqueue(vec![row]).await?;
    tx.commit().await?;
    Ok(())
}

/// Enqueues a job of the platform tenant when `tx` commits.
pub async fn enqueue_platform<J: Job>(app: &App, tx: &SystemTx, job: &J) -> Result<()> {
    let row = row(app, app.new_id(), job, app.now())?;
    Ok(tx.queue().enqueue(vec![row]).await?)
}

fn row<J: Job>(app: &App, id: JobId, job: &J, run_at: DateTime<Utc>) -> Result<NewJob> {
    Ok(NewJob {
        id,
        queue: J::QUEUE.to_owned(),
        kind: J::KIND.to_owned(),
        payload: serde_json::to_string(job).map_err(Error::internal)?,
        class: job.class(),
        run_at,
        max_attempts: J::MAX_ATTEMPTS,
        dedupe_key: job.dedupe_key(),
        traceparent: trace::current(),
        retry_of: None,
        created_at: app.now(),
    })
}
