//! The job queue: one table, the same statements on SQLite and PostgreSQL.
//!
//! A tenant's transaction may read its own jobs, fence one and add new ones ([`Jobs`], `TenantTx::enqueue`); every change of
//! state is made here by [`SystemQueue`], in a system transaction. No payload is read in this crate. The rules, with their
//! reasons, are in `docs/jobs.md`; who runs the jobs is `worker`'s business.
//!
//! Lock order: running rows, waiting rows, `fair_share` rows (by tenant, queue, class), `queue_clock` rows. Whoever looks for
//! work skips locked rows; only an enqueue waits for a waiting row, because a job that is just being claimed may have read
//! its data before this transaction commits.

mod ack;
mod alone;
mod claim;
mod fair;
mod insert;
mod jobs;
mod lease;
mod prune;
mod rest;
mod share;
mod sql;
mod wake;

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{JobId, TenantId},
    job::JobClass,
};
use uuid::Uuid;

use crate::{Error, Result, SystemTx, TenantTx};

pub use ack::{Ack, Tries, Verdict};
pub use alone::Alone;
pub use claim::{ClaimRequest, Claimed};
pub(crate) use insert::insert_all;
pub use jobs::Jobs;
pub use lease::{Held, Reaped};
pub use prune::{Depth, Retention};
pub(crate) use rest::ASIDE;
pub use share::TenantShare;
pub use wake::{Listener, enqueued, wakes};

/// A job to be enqueued.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Identity; a second job with the same id is dropped, so a fixed id fires once however many processes try.
    pub id: JobId,
    /// Queue; each has workers of its own.
    pub queue: String,
    /// Payload kind.
    pub kind: String,
    /// Payload, JSON with ids only.
    pub payload: String,
    /// Priority.
    pub class: JobClass,
    /// When it is due.
    pub run_at: DateTime<Utc>,
    /// Tries allowed.
    pub max_attempts: i32,
    /// Jobs of one tenant and queue with the same key wait once.
    pub dedupe_key: Option<String>,
    /// Trace of the enqueuing span (W3C `traceparent`).
    pub traceparent: Option<String>,
    /// The failed job this one repeats.
    pub retry_of: Option<JobId>,
    /// When it is enqueued.
    pub created_at: DateTime<Utc>,
}

/// Proof of a lease: the job and the epoch it was claimed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobFence {
    /// The job.
    pub job: JobId,
    /// Raised at each claim.
    pub epoch: i64,
}

/// The queue across tenants, for workers.
#[derive(Debug)]
pub struct SystemQueue<'a>(pub(crate) &'a SystemTx);

impl SystemQueue<'_> {
    /// Enqueues jobs of the platform tenant.
    pub async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<()> {
        // The transaction of the system role has no hook after its commit; the poll finds these jobs.
        insert::insert(self.0.raw(), gangway_domain::id::PLATFORM_TENANT, jobs).await.map(|_| ())
    }
}

/// Locks the job row and compares its epoch. The lock keeps renewals and reaps away until the page commits.
pub(crate) async fn check_fence(tx: &TenantTx, fence: &JobFence) -> Result<()> {
    let (sql, values) = fence_statement(tx.is_postgres(), tx.tenant(), fence);
    compare(fence, tx.query(&sql, values).await?.first())
}

/// The same in a transaction of the system role, for the job of a tenant.
pub(crate) async fn check_fence_of(tx: &SystemTx, tenant: TenantId, fence: &JobFence) -> Result<()> {
    let (sql, values) = fence_statement(tx.is_postgres(), tenant, fence);
    compare(fence, tx.query(&sql, values).await?.first())
}

fn fence_statement(is_postgres: bool, tenant: TenantId, fence: &JobFence) -> (String, Vec<sea_orm::Value>) {
    let lock = if is_postgres { "FOR UPDATE" } else { "" };
    let sql = format!("SELECT epoch FROM job WHERE id = $1 AND tenant_id = $2 AND state = 'running' {lock}");
    (sql, vec![fence.job.uuid().into(), tenant.uuid().into()])
}

fn compare(fence: &JobFence, row: Option<&sql::Epoch>) -> Result<()> {
    match row {
        Some(row) if row.epoch == fence.epoch => Ok(()),
        _ => Err(Error::LeaseLost),
    }
}

pub(crate) fn class_of(rank: i16) -> Result<JobClass> {
    JobClass::from_rank(rank).ok_or_else(|| Error::corrupt("job", "unknown class"))
}

fn job_id(id: Uuid) -> JobId {
    JobId::from_uuid(id)
}
