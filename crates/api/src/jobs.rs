//! `/v1/jobs`: a tenant's background work, and repeating what failed.

use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use gangway_app::queue;
use gangway_domain::{
    id::JobId,
    job::{JobClass, JobState, JobView as Job},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{
        Authorized, ConnectionsRead, ConnectionsWrite, FromParams, IdempotencyKey, PageQuery, Params, PathId, Query,
    },
    idempotent::{self, Created},
    problem::Result,
};

/// Background work.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// Identity.
    #[schema(example = "job_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    queue: String,
    /// What it does.
    #[schema(example = "run-sync")]
    kind: String,
    #[schema(value_type = JobClassView)]
    class: JobClass,
    #[schema(value_type = JobStateView)]
    state: JobState,
    /// Tries so far.
    attempts: i32,
    max_attempts: i32,
    /// When it is due.
    run_at: DateTime<Utc>,
    /// Why the last try failed.
    last_error: Option<String>,
    /// The job this one repeats.
    retry_of: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

/// Where a job stands.
#[derive(ToSchema)]
#[schema(as = JobState, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum JobStateView {
    Scheduled,
    Pending,
    Running,
    Done,
    Failed,
    Superseded,
}

/// Priority of a job.
#[derive(ToSchema)]
#[schema(as = JobClass, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum JobClassView {
    Interactive,
    Normal,
    Bulk,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let Job {
            id,
            tenant: _,
            queue,
            kind,
            class,
            state,
            attempts,
            max_attempts,
            run_at,
            last_error,
            retry_of,
            created_at,
            finished_at,
        } = job;
        Self {
            id: id.to_string(),
            queue,
            kind,
            class,
            state,
            attempts,
            max_attempts,
            run_at,
            last_error,
            retry_of: retry_of.map(|id| id.to_string()),
            created_at,
            finished_at,
        }
    }
}

/// Which jobs.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobFilter {
    /// Only in this state.
    #[param(value_type = Option<JobStateView>)]
    state: Option<JobState>,
}

/// Which page of which jobs.
pub(crate) struct JobQuery {
    filter: JobFilter,
    page: PageQuery,
}

impl FromParams for JobQuery {
    fn from_params(params: &mut Params) -> Self {
        let wanted = "must be `scheduled`, `pending`, `running`, `done`, `failed` or `superseded`";
        let state = params.parsed("state", wanted, JobState::parse);
        Self { filter: JobFilter { state }, page: PageQuery::from_params(params) }
    }
}

/// List jobs
#[utoipa::path(tag = "jobs", operation_id = "list_jobs", params(JobFilter, PageQuery),
    responses((status = 200, description = "A page, oldest first", body = Listing<JobView>)))]
#[get("/jobs")]
pub(crate) async fn list(who: Authorized<ConnectionsRead>, query: Query<JobQuery>) -> Result<HttpResponse> {
    let JobQuery { filter, page } = query.0;
    let page = queue::list_jobs(&who.ctx, filter.state, page.page()?).await?;
    Ok(Listing::of(page, JobView::from, |job| job.id.to_string()))
}

/// Read a job
#[utoipa::path(tag = "jobs", operation_id = "get_job", params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView)))]
#[get("/jobs/{id}")]
pub(crate) async fn read(who: Authorized<ConnectionsRead>, id: PathId<JobId>) -> Result<HttpResponse> {
    Ok(answer::plain(&JobView::from(queue::get_job(&who.ctx, id.0).await?)))
}

/// Retry a failed job
///
/// Makes a new job that names the failed one in `retry_of`; or answers the one that already waits to do the same.
#[utoipa::path(tag = "jobs", operation_id = "retry_job", params(("id" = String, Path, description = "The failed job")),
    responses((status = 201, description = "The new job", body = JobView)))]
#[post("/jobs/{id}/retry")]
pub(crate) async fn retry(
    who: Authorized<ConnectionsWrite>,
    id: PathId<JobId>,
    key: IdempotencyKey,
) -> Result<HttpResponse> {
    let job = id.0;
    idempotent::once(
        who.ctx,
        "POST /v1/jobs/{id}/retry",
        key,
        job.to_string().as_bytes(),
        async move |ctx| retried(queue::retry_job(&ctx, job).await?),
        async |ctx, new| retried(queue::get_job(&ctx, new).await?),
    )
    .await
}

fn retried(job: Job) -> Result<Created> {
    let view = JobView::from(job);
    Created::at(format!("/v1/jobs/{}", view.id), None, &view)
}
