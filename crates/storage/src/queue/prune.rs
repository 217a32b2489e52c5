//! Removing what is over, and counting what is there.

use chrono::{DateTime, Utc};
use gangway_domain::job::{JobClass, JobState};
use sea_orm::FromQueryResult;

use super::{
    SystemQueue, class_of,
    sql::{execute, query},
};
use crate::{Error, Result, micros::to_micros};

/// Until when ended jobs are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Done and superseded jobs that ended before are removed.
    pub done_before: DateTime<Utc>,
    /// Failed jobs that ended before are removed.
    pub failed_before: DateTime<Utc>,
    /// Stored idempotent answers from before are removed.
    pub answers_before: DateTime<Utc>,
    /// Rows at most per table, so that a transaction stays short.
    pub limit: i64,
}

/// How many jobs stand where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    /// Queue.
    pub queue: String,
    /// Priority.
    pub class: JobClass,
    /// State.
    pub state: JobState,
    /// How many.
    pub n_jobs: i64,
}

#[derive(FromQueryResult)]
struct Row {
    queue: String,
    class: i16,
    state: String,
    n_jobs: i64,
}

impl SystemQueue<'_> {
    /// Removes ended jobs and old idempotent answers; answers how many rows. Call again while it removes something.
    pub async fn prune(&self, retention: &Retention) -> Result<u64> {
        let tx = self.0.raw();
        let mut n_removed = 0;
        for (states, before) in [("'done', 'superseded'", retention.done_before), ("'failed'", retention.failed_before)]
        {
            let sql = format!(
                "DELETE FROM job WHERE id IN (
                   SELECT id FROM job WHERE state IN ({states}) AND finished_at < $1 LIMIT $2)"
            );
            n_removed +=
                execute(tx, &sql, vec![to_micros(before).into(), retention.limit.into()]).await?.rows_affected();
        }
        let sql = "DELETE FROM idempotent_answer WHERE (tenant_id, principal, route, key) IN (
               SELECT tenant_id, principal, route, key FROM idempotent_answer WHERE created_at < $1 LIMIT $2)";
        let values = vec![to_micros(retention.answers_before).into(), retention.limit.into()];
        n_removed += execute(tx, sql, values).await?.rows_affected();
        Ok(n_removed)
    }

    /// Counts jobs that wait, run or have failed.
    pub async fn depths(&self) -> Result<Vec<Depth>> {
        let sql = "SELECT queue, class, state, count(*) AS n_jobs FROM job
             WHERE state IN ('pending', 'scheduled', 'running', 'failed')
             GROUP BY queue, class, state ORDER BY queue, class, state";
        let rows: Vec<Row> = query(self.0.raw(), sql, vec![]).await?;
        rows.into_iter()
            .map(|row| {
                Ok(Depth {
                    queue: row.queue,
                    class: class_of(row.class)?,
                    state: JobState::parse(&row.state).ok_or_else(|| Error::corrupt("job", "unknown state"))?,
                    n_jobs: row.n_jobs,
                })
            })
            .collect()
    }
}
