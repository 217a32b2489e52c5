//! Leases: keeping those of live jobs, and taking back those of dead workers.
//!
//! Both skip locked rows: a row locked by its job's page is alive, and a renewal that waited for it would be late for the
//! others. Those are waited for one by one: a job that reads page after page holds its row most of the time. Times are the
//! database's own.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, Utc};
use gangway_domain::job::JobState;
use sea_orm::{ConnectionTrait as _, DbBackend};
use uuid::Uuid;

use super::{
    JobFence, SystemQueue,
    ack::{Return, Running, fail, send_back},
    sql::{Binds, Dialect, Id, execute, query},
};
use crate::{Result, micros::to_micros, sqlstate};

/// Expired leases taken back in one transaction.
const REAP_AT_MOST: i64 = 200;

/// Leases per statement.
const CHUNK: usize = 500;

/// What PostgreSQL calls a lock that did not come in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

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
    /// Prolongs leases that are still held, and answers those that are too, but whose rows are locked. Rows of the owner that are not
    /// named expire: their claim's answer was lost.
    pub async fn renew(&self, held: &[JobFence], lease_micros: i64) -> Result<Vec<JobFence>> {
        let tx = self.0.raw();
        let Dialect { now, skip_locked, .. } = Dialect::of(tx);
        let mut locked = Vec::new();
        for chunk in held.chunks(CHUNK) {
            let mut binds = Binds::default();
            let lease = binds.add(lease_micros);
            let rows: Vec<_> =
                chunk.iter().map(|fence| format!("({}, {})", binds.add(fence.job.uuid()), fence.epoch)).collect();
            let sql = format!(
                "WITH held (job_id, job_epoch) AS (VALUES {rows}), alive AS MATERIALIZED (
                   SELECT id FROM job JOIN held ON id = job_id AND epoch = job_epoch WHERE state = 'running' {skip_locked})
                 UPDATE job SET lease_until = {now} + {lease} WHERE id IN (SELECT id FROM alive) RETURNING id",
                rows = rows.join(", "),
            );
            let renewed: Vec<Id> = query(tx, &sql, binds.0).await?;
            let renewed: HashSet<Uuid> = renewed.into_iter().map(|row| row.id).collect();
            for fence in chunk.iter().filter(|fence| !renewed.contains(&fence.job.uuid())) {
                let sql = "SELECT id FROM job WHERE id = $1 AND epoch = $2 AND state = 'running'";
                let ours: Vec<Id> = query(tx, sql, vec![fence.job.uuid().into(), fence.epoch.into()]).await?;
                locked.extend(ours.first().map(|_| *fence));
            }
        }
        Ok(locked)
    }

    /// Prolongs one lease, and waits for the row's lock, but not longer than `patience`; answers whether it was prolonged.
    pub async fn renew_locked(&self, fence: JobFence, lease_micros: i64, patience: Duration) -> Result<bool> {
        let tx = self.0.raw();
        if tx.get_database_backend() == DbBackend::Postgres {
            let milliseconds = patience.as_millis().max(1).to_string();
            execute(tx, "SELECT set_config('lock_timeout', $1, true)", vec![milliseconds.into()]).await?;
        }
        let Dialect { now, .. } = Dialect::of(tx);
        let sql = format!("UPDATE job SET lease_until = {now} + $1 WHERE id = $2 AND epoch = $3 AND state = 'running'");
        let values = vec![lease_micros.into(), fence.job.uuid().into(), fence.epoch.into()];
        match execute(tx, &sql, values).await {
            Ok(done) => Ok(done.rows_affected() > 0),
            Err(error) if sqlstate(&error).as_deref() == Some(LOCK_NOT_AVAILABLE) => Ok(false),
            Err(error) => Err(error),
        }
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
