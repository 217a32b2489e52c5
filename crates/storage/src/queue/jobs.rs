//! Jobs as their tenant sees them. Read only: repeating a failed job adds a new row, and its state is the worker's to change.

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{JobId, TenantId},
    job::{JobState, JobView},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{NewJob, class_of, job_id};
use crate::{
    Error, Page, PageRequest, Result, TenantTx,
    micros::{from_micros, from_micros_opt},
};

const COLUMNS: &str = "id, tenant_id, queue, kind, class, state, attempts, max_attempts, run_at, last_error, retry_of, \
                       created_at, finished_at";

/// A tenant's jobs.
#[derive(Debug)]
pub struct Jobs<'a>(pub(crate) &'a TenantTx);

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    queue: String,
    kind: String,
    class: i16,
    state: String,
    attempts: i32,
    max_attempts: i32,
    run_at: i64,
    last_error: Option<String>,
    retry_of: Option<Uuid>,
    created_at: i64,
    finished_at: Option<i64>,
}

#[derive(FromQueryResult)]
struct Payload {
    payload: String,
    dedupe_key: Option<String>,
}

impl Jobs<'_> {
    /// Jobs in order of their ids, which is the order of their creation.
    pub async fn list(&self, state: Option<JobState>, page: PageRequest<JobId>) -> Result<Page<JobView>> {
        let limit = i64::try_from(page.limit.saturating_add(1)).unwrap_or(i64::MAX);
        let mut values = vec![self.0.tenant().uuid().into(), limit.into()];
        let mut filters = vec!["tenant_id = $1".to_owned()];
        if let Some(state) = state {
            values.push(state.as_str().into());
            filters.push(format!("state = ${}", values.len()));
        }
        if let Some(after) = page.after {
            values.push(after.uuid().into());
            filters.push(format!("id > ${}", values.len()));
        }
        let sql = format!("SELECT {COLUMNS} FROM job WHERE {} ORDER BY id LIMIT $2", filters.join(" AND "));
        let rows: Vec<Row> = self.0.query(&sql, values).await?;
        let views = rows.into_iter().map(view).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_overfetch(views, page.limit))
    }

    /// One job.
    pub async fn find(&self, id: JobId) -> Result<Option<JobView>> {
        let sql = format!("SELECT {COLUMNS} FROM job WHERE tenant_id = $1 AND id = $2");
        let rows: Vec<Row> = self.0.query(&sql, vec![self.0.tenant().uuid().into(), id.uuid().into()]).await?;
        rows.into_iter().next().map(view).transpose()
    }

    /// One job.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the tenant has no such job.
    pub async fn get(&self, id: JobId) -> Result<JobView> {
        self.find(id).await?.ok_or(Error::NotFound("job"))
    }

    /// The job that waits under a key.
    pub async fn find_waiting(&self, queue: &str, dedupe_key: &str) -> Result<Option<JobView>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job WHERE tenant_id = $1 AND queue = $2 AND dedupe_key = $3
             AND state IN ('pending', 'scheduled')"
        );
        let values = vec![self.0.tenant().uuid().into(), queue.into(), dedupe_key.into()];
        let rows: Vec<Row> = self.0.query(&sql, values).await?;
        rows.into_iter().next().map(view).transpose()
    }

    /// A new job that repeats this one, with all its tries ahead, to be enqueued by the caller.
    pub async fn repetition_of(&self, job: &JobView, id: JobId, now: DateTime<Utc>) -> Result<NewJob> {
        let sql = "SELECT payload, dedupe_key FROM job WHERE tenant_id = $1 AND id = $2";
        let rows: Vec<Payload> = self.0.query(sql, vec![self.0.tenant().uuid().into(), job.id.uuid().into()]).await?;
        let Payload { payload, dedupe_key } = rows.into_iter().next().ok_or(Error::NotFound("job"))?;
        Ok(NewJob {
            id,
            queue: job.queue.clone(),
            kind: job.kind.clone(),
            payload,
            class: job.class,
            run_at: now,
            max_attempts: job.max_attempts,
            dedupe_key,
            traceparent: None,
            retry_of: Some(job.id),
            created_at: now,
        })
    }
}

fn view(row: Row) -> Result<JobView> {
    Ok(JobView {
        id: job_id(row.id),
        tenant: TenantId::from_uuid(row.tenant_id),
        queue: row.queue,
        kind: row.kind,
        class: class_of(row.class)?,
        state: JobState::parse(&row.state).ok_or_else(|| Error::corrupt("job", "unknown state"))?,
        attempts: row.attempts,
        max_attempts: row.max_attempts,
        run_at: from_micros(row.run_at)?,
        last_error: row.last_error,
        retry_of: row.retry_of.map(job_id),
        created_at: from_micros(row.created_at)?,
        finished_at: from_micros_opt(row.finished_at)?,
    })
}
