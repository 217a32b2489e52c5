//! Leases: keeping those of live jobs, and taking back those of dead workers.
//!
//! Both skip locked rows: a row locked by its job's page is alive, and a renewal that waited for it would be late for the
//! others. Times are the database's own.

use chrono::{DateTime, Utc};
use gangway_domain::job::JobState;

use super::{
    JobFence, SystemQueue,
    ack::{Return, Running, fail, send_back},
    sql::{Binds, Dialect, execute, query},
};
use crate::{Result, micros::to_micros};

/// Expired leases taken back in one transaction.
const REAP_AT_MOST: i64 = 200;

/// Leases per statement.
const CHUNK: usize = 500;

/// The leases that a worker holds.
pub type Held = Vec<JobFence>;

/// What a reap did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Back in the queue.
    pub n_returned: u64,
    /// Out of tries.
    pub n_failed: u64,
}

impl SystemQueue<'_> {
    /// Prolongs leases that are still held. Rows of the owner that are not named expire: their claim's answer was lost.
    pub async fn renew(&self, held: &[JobFence], lease_micros: i64) -> Result<u64> {
        let tx = self.0.raw();
        let Dialect { now, skip_locked, .. } = Dialect::of(tx);
        let mut n_renewed = 0;
        for chunk in held.chunks(CHUNK) {
            let mut binds = Binds::default();
            let lease = binds.add(lease_micros);
            let rows: Vec<_> =
                chunk.iter().map(|fence| format!("({}, {})", binds.add(fence.job.uuid()), fence.epoch)).collect();
            let sql = format!(
                "WITH held (job_id, job_epoch) AS (VALUES {rows}), alive AS MATERIALIZED (
                   SELECT id FROM job JOIN held ON id = job_id AND epoch = job_epoch WHERE state = 'running' {skip_locked})
                 UPDATE job SET lease_until = {now} + {lease} WHERE id IN (SELECT id FROM alive)",
                rows = rows.join(", "),
            );
            n_renewed += execute(tx, &sql, binds.0).await?.rows_affected();
        }
        Ok(n_renewed)
    }

    /// Lets every lease expire. Only for a process that knows itself to be the sole one: the next reap returns the jobs.
    pub async fn expire_leases(&self) -> Result<u64> {
        let sql = "UPDATE job SET lease_until = 0 WHERE state = 'running'";
        Ok(execute(self.0.raw(), sql, Vec::new()).await?.rows_affected())
    }

    /// Returns jobs whose lease expired to the queue, with their place in it, or fails them when their tries are used up.
    pub async fn reap(&self, at: DateTime<Utc>) -> Result<Reaped> {
        let tx = self.0.raw();
        let Dialect { now, skip_locked, .. } = Dialect::of(tx);
        let sql = format!(
            "SELECT id, epoch, attempts, max_attempts, run_at, not_before FROM job
             WHERE state = 'running' AND lease_until < {now} ORDER BY lease_until, id LIMIT $1 {skip_locked}"
        );
        let expired: Vec<Running> = query(tx, &sql, vec![REAP_AT_MOST.into()]).await?;
        let mut reaped = Reaped::default();
        for row in expired {
            let error = "the worker that ran it died or was cut off: its lease expired";
            if row.attempts >= row.max_attempts {
                fail(tx, &row, error, to_micros(at)).await?;
                reaped.n_failed += 1;
            } else {
                let back = Return {
                    state: JobState::Pending,
                    run_at: row.run_at,
                    not_before: row.not_before,
                    attempts: row.attempts,
                    error: Some(error.to_owned()),
                    now: to_micros(at),
                };
                send_back(tx, &row, back).await?;
                reaped.n_returned += 1;
            }
        }
        Ok(reaped)
    }
}
