//! How leased jobs end: done, failed, or back in the queue.
//!
//! Only the holder of the current epoch may say so; what others say is void. A job that goes back while its key is taken
//! ends as superseded, and the waiting row takes the higher attempt count and the earlier due time, never earlier than a
//! Retry-After that either of them was given.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use gangway_domain::{id::JobId, job::JobState};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    JobFence, SystemQueue, job_id,
    sql::{Binds, Dialect, Id, execute, query},
};
use crate::{Result, micros::to_micros, transaction::Transaction};

/// What became of a leased job.
#[derive(Debug, Clone)]
pub struct Ack {
    /// The lease.
    pub fence: JobFence,
    /// The result.
    pub verdict: Verdict,
}

/// What becomes of the tries so far of a job that goes back without having failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// This one does not count: it waited for something of ours.
    Uncounted,
    /// None counts: the job moved on, so that what comes next is new trouble.
    Forgotten,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Succeeded.
    Done,
    /// Once more at `run_at`; fails for good when its tries are used up.
    Retry {
        /// Why; no secrets, no personal data.
        error: String,
        /// When, from our own backoff.
        run_at: DateTime<Utc>,
        /// Not earlier, whoever asks: a vendor's Retry-After.
        not_before: Option<DateTime<Utc>>,
    },
    /// Once more at `run_at`, however often: no try was in vain.
    Later {
        /// Why; no secrets, no personal data.
        error: String,
        /// When, from our own backoff.
        run_at: DateTime<Utc>,
        /// Not earlier, whoever asks.
        not_before: Option<DateTime<Utc>>,
        /// What becomes of the tries so far.
        tries: Tries,
    },
    /// Moved on and wants another turn: no try is counted, failures so far are forgotten.
    Again,
    /// Never started: no try is counted, its place is kept.
    GiveBack,
    /// Gave up.
    Fail {
        /// Why; no secrets, no personal data.
        error: String,
    },
}

#[derive(FromQueryResult)]
pub(super) struct Running {
    pub(super) id: Uuid,
    pub(super) epoch: i64,
    pub(super) attempts: i32,
    pub(super) max_attempts: i32,
    pub(super) run_at: i64,
    pub(super) not_before: i64,
}

/// How a running row goes back.
pub(super) struct Return {
    /// Pending keeps the virtual start; scheduled gets a new one when due.
    pub(super) state: JobState,
    pub(super) run_at: i64,
    pub(super) not_before: i64,
    pub(super) attempts: i32,
    pub(super) error: Option<String>,
    pub(super) now: i64,
}

impl Return {
    /// The same after a pause.
    fn after(self, run_at: DateTime<Utc>, not_before: Option<DateTime<Utc>>, error: &str) -> Self {
        let not_before = not_before.map_or(self.not_before, |at| to_micros(at).max(self.not_before));
        Self { run_at: to_micros(run_at).max(not_before), not_before, error: Some(error.to_owned()), ..self }
    }
}

impl SystemQueue<'_> {
    /// Writes results, and answers the jobs whose lease was lost before: their results are void.
    ///
    /// # Errors
    /// [`crate::Error::Taken`] when another transaction enqueued a returning job's key at the same moment; nothing is
    /// written then, and the same call succeeds when repeated.
    pub async fn ack(&self, acks: &[Ack], now: DateTime<Utc>) -> Result<Vec<JobId>> {
        let tx = self.0.raw();
        let now = to_micros(now);
        let (done, rest): (Vec<_>, Vec<_>) = acks.iter().partition(|ack| ack.verdict == Verdict::Done);
        let mut lost = finish_done(tx, &done, now).await?;
        let mut running: BTreeMap<Uuid, Running> = lock_running(tx, &rest).await?;
        for ack in rest {
            let id = ack.fence.job.uuid();
            let Some(row) = running.remove(&id).filter(|row| row.epoch == ack.fence.epoch) else {
                lost.push(ack.fence.job);
                continue;
            };
            apply(tx, &row, &ack.verdict, now).await?;
        }
        Ok(lost)
    }
}

async fn apply(tx: &Transaction, row: &Running, verdict: &Verdict, now: i64) -> Result<()> {
    let back = Return {
        state: JobState::Scheduled,
        run_at: now,
        not_before: row.not_before,
        attempts: row.attempts,
        error: None,
        now,
    };
    match verdict {
        Verdict::Done => Ok(()),
        Verdict::Fail { error } => fail(tx, row, error, now).await,
        Verdict::Retry { error, .. } if row.attempts >= row.max_attempts => fail(tx, row, error, now).await,
        Verdict::Retry { error, run_at, not_before } => {
            send_back(tx, row, back.after(*run_at, *not_before, error)).await
        }
        Verdict::Later { error, run_at, not_before, tries } => {
            let attempts = match tries {
                Tries::Uncounted => (row.attempts - 1).max(0),
                Tries::Forgotten => 0,
            };
            send_back(tx, row, Return { attempts, ..back.after(*run_at, *not_before, error) }).await
        }
        Verdict::Again => send_back(tx, row, Return { attempts: 0, ..back }).await,
        Verdict::GiveBack => {
            let attempts = (row.attempts - 1).max(0);
            send_back(tx, row, Return { state: JobState::Pending, run_at: row.run_at, attempts, ..back }).await
        }
    }
}

async fn finish_done(tx: &Transaction, acks: &[&Ack], now: i64) -> Result<Vec<JobId>> {
    if acks.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let at = binds.add(now);
    let rows: Vec<_> = acks
        .iter()
        .map(|ack| format!("({}, {})", binds.add(ack.fence.job.uuid()), binds.add(ack.fence.epoch)))
        .collect();
    let sql = format!(
        "WITH acked (job_id, job_epoch) AS (VALUES {})
         UPDATE job SET state = 'done', finished_at = {at}, last_error = NULL, lease_owner = NULL, lease_until = NULL
         FROM acked WHERE id = acked.job_id AND epoch = acked.job_epoch AND state = 'running' RETURNING id",
        rows.join(", ")
    );
    let done: Vec<Id> = query(tx, &sql, binds.0).await?;
    let done: Vec<_> = done.into_iter().map(|row| job_id(row.id)).collect();
    Ok(acks.iter().map(|ack| ack.fence.job).filter(|job| !done.contains(job)).collect())
}

async fn lock_running(tx: &Transaction, acks: &[&Ack]) -> Result<BTreeMap<Uuid, Running>> {
    if acks.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut binds = Binds::default();
    let ids: Vec<_> = acks.iter().map(|ack| binds.add(ack.fence.job.uuid())).collect();
    let sql = format!(
        "SELECT id, epoch, attempts, max_attempts, run_at, not_before FROM job
         WHERE id IN ({}) AND state = 'running' ORDER BY id {}",
        ids.join(", "),
        Dialect::of(tx).for_update
    );
    let rows: Vec<Running> = query(tx, &sql, binds.0).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Ends a running row as failed.
pub(super) async fn fail(tx: &Transaction, row: &Running, error: &str, now: i64) -> Result<()> {
    let sql =
        "UPDATE job SET state = 'failed', last_error = $1, finished_at = $2, lease_owner = NULL, lease_until = NULL
         WHERE id = $3 AND epoch = $4 AND state = 'running'";
    execute(tx, sql, vec![error.into(), now.into(), row.id.into(), row.epoch.into()]).await.map(|_| ())
}

/// Puts a running row back, or merges it into the row that waits under its key.
pub(super) async fn send_back(tx: &Transaction, row: &Running, back: Return) -> Result<()> {
    let merged = merge_into_waiting(tx, row, &back).await?;
    let (state, finished_at) = if merged { (JobState::Superseded, Some(back.now)) } else { (back.state, None) };
    let sql = "UPDATE job SET state = $1, run_at = $2, not_before = $3, attempts = $4, last_error = $5,
           finished_at = $6, lease_owner = NULL, lease_until = NULL
         WHERE id = $7 AND epoch = $8 AND state = 'running'";
    let values = vec![
        state.as_str().into(),
        back.run_at.into(),
        back.not_before.into(),
        // A superseded row keeps the count it reached.
        (if merged { row.attempts } else { back.attempts }).into(),
        back.error.into(),
        finished_at.into(),
        row.id.into(),
        row.epoch.into(),
    ];
    execute(tx, sql, values).await.map(|_| ())
}

async fn merge_into_waiting(tx: &Transaction, row: &Running, back: &Return) -> Result<bool> {
    let Dialect { greatest, least, .. } = Dialect::of(tx);
    let not_before = format!("{greatest}(job.not_before, $3)");
    let run_at = format!("{greatest}({least}(job.run_at, $2), {not_before})");
    // A waiting row that must not run yet cannot stay pending.
    let sql = format!(
        "UPDATE job SET attempts = {greatest}(job.attempts, $1), run_at = {run_at}, not_before = {not_before},
           last_error = coalesce($4, job.last_error),
           state = CASE WHEN {run_at} > $5 THEN 'scheduled' ELSE job.state END
         FROM (SELECT tenant_id, queue, dedupe_key FROM job WHERE id = $6 AND dedupe_key IS NOT NULL) returning_job
         WHERE job.tenant_id = returning_job.tenant_id AND job.queue = returning_job.queue
           AND job.dedupe_key = returning_job.dedupe_key AND job.state IN ('pending', 'scheduled')"
    );
    let values = vec![
        back.attempts.into(),
        back.run_at.into(),
        back.not_before.into(),
        back.error.clone().into(),
        back.now.into(),
        row.id.into(),
    ];
    Ok(execute(tx, &sql, values).await?.rows_affected() > 0)
}
