//! `/v1/syncs`: standing orders to keep a stream fresh, and their runs.

use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use gangway_app::{
    FieldError,
    syncs::{self, NewSync},
};
use gangway_domain::{
    id::{ConnectionId, SyncId},
    record::Stream,
    sync::{RunMode, Sync, SyncRun},
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{
        Authorized, Body, ConnectionsRead, ConnectionsWrite, FromParams, IdempotencyKey, IfMatch, PageQuery, Params,
        PathId, Query,
    },
    idempotent::{self, Created},
    problem::{Problem, Result},
    records::StreamView,
    sync_runs::{RunModeView, RunView},
};

/// The standing order to keep a stream fresh.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sync)]
pub(crate) struct SyncView {
    /// Identity.
    #[schema(example = "syn_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    connection_id: String,
    #[schema(value_type = StreamView)]
    stream: Stream,
    /// `every 15m`, a five-field cron expression, or null (by hand).
    schedule: Option<String>,
    /// Up to when changes have been read.
    cursor: Option<DateTime<Utc>>,
    /// When the first complete run ended; until then records come without events.
    first_completed_at: Option<DateTime<Utc>>,
    /// When the schedule next starts a run.
    next_run_at: Option<DateTime<Utc>>,
    /// The newest run.
    last_run_id: Option<String>,
    /// The version of the vendor's API that its records are read through (`v1`, `v2` of Personio); `mixed` while it goes over to
    /// another, null before the first page.
    api_version: Option<String>,
    /// Raised when the schedule changes; the `ETag` is `"v<version>"`.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Sync> for SyncView {
    fn from(sync: Sync) -> Self {
        let Sync {
            id,
            connection,
            stream,
            schedule,
            cursor,
            first_completed_at,
            next_run_at,
            last_run,
            api_version,
            version,
            created_at,
            updated_at,
        } = sync;
        Self {
            id: id.to_string(),
            connection_id: connection.to_string(),
            stream,
            schedule,
            cursor,
            first_completed_at,
            next_run_at,
            last_run_id: last_run.map(|run| run.to_string()),
            api_version,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A new sync.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyncCreate {
    #[schema(value_type = String, example = "con_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    connection_id: ConnectionId,
    #[schema(value_type = StreamView)]
    stream: Stream,
    /// `every 15m`, a five-field cron expression in the tenant's zone, or null (by hand). An interval, however long, has its
    /// first run within five minutes.
    #[schema(example = "every 15m", max_length = 200)]
    schedule: Option<String>,
}

/// A new schedule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyncUpdate {
    /// `every 15m`, a five-field cron expression in the tenant's zone, or null (by hand).
    #[serde(deserialize_with = "required")]
    #[schema(required, max_length = 200)]
    schedule: Option<String>,
}

/// Characters of a schedule at most.
const LONGEST_SCHEDULE: usize = 200;

/// Before it is parsed: a parser's message could repeat all of it.
fn capped(schedule: Option<String>) -> Result<Option<String>> {
    if schedule.as_ref().is_some_and(|text| text.chars().count() > LONGEST_SCHEDULE) {
        let message = format!("must have at most {LONGEST_SCHEDULE} characters");
        return Err(Problem::invalid(vec![FieldError { pointer: "/schedule".to_owned(), message }]));
    }
    Ok(schedule)
}

/// Null is a value here, so a missing member is a mistake.
fn required<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// Which run to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunCreate {
    /// `incremental` reads what changed; `full` reads everything and finds what is gone.
    #[schema(value_type = RunModeView)]
    mode: RunMode,
}

/// Which syncs.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SyncFilter {
    /// Only of this connection.
    #[param(value_type = Option<String>)]
    connection_id: Option<ConnectionId>,
}

/// Which page of which syncs.
pub(crate) struct SyncQuery {
    filter: SyncFilter,
    page: PageQuery,
}

impl FromParams for SyncQuery {
    fn from_params(params: &mut Params) -> Self {
        let connection_id =
            params.parsed("connection_id", "must be a connection's id (`con_…`)", |text| text.parse().ok());
        Self { filter: SyncFilter { connection_id }, page: PageQuery::from_params(params) }
    }
}

/// Create a sync
///
/// One per connection and stream: a second one answers 409 with the id of the first in `existing`.
#[utoipa::path(tag = "syncs", operation_id = "create_sync", request_body = SyncCreate,
    responses((status = 201, description = "Created", body = SyncView)))]
#[post("/syncs")]
pub(crate) async fn create(
    who: Authorized<ConnectionsWrite>,
    key: IdempotencyKey,
    body: Body<SyncCreate>,
) -> Result<HttpResponse> {
    let SyncCreate { connection_id, stream, schedule } = body.value;
    let schedule = capped(schedule)?;
    let new = NewSync { connection: connection_id, stream, schedule };
    idempotent::once(
        who.ctx,
        "POST /v1/syncs",
        key,
        &body.canonical,
        async move |ctx| created(syncs::create(&ctx, new).await?),
        async |ctx, id| created(syncs::get(&ctx, id).await?),
    )
    .await
}

fn created(sync: Sync) -> Result<Created> {
    let view = SyncView::from(sync);
    Created::at(format!("/v1/syncs/{}", view.id), Some(view.version), &view)
}

/// List syncs
#[utoipa::path(tag = "syncs", operation_id = "list_syncs", params(SyncFilter, PageQuery),
    responses((status = 200, description = "A page, oldest first", body = Listing<SyncView>)))]
#[get("/syncs")]
pub(crate) async fn list(who: Authorized<ConnectionsRead>, query: Query<SyncQuery>) -> Result<HttpResponse> {
    let SyncQuery { filter, page } = query.0;
    let page = syncs::list(&who.ctx, filter.connection_id, page.page()?).await?;
    Ok(Listing::of(page, SyncView::from, |sync| sync.id.to_string()))
}

/// Read a sync
#[utoipa::path(tag = "syncs", operation_id = "get_sync", params(("id" = String, Path, description = "The sync")),
    responses((status = 200, description = "The sync", body = SyncView)))]
#[get("/syncs/{id}")]
pub(crate) async fn read(who: Authorized<ConnectionsRead>, id: PathId<SyncId>) -> Result<HttpResponse> {
    let sync = syncs::get(&who.ctx, id.0).await?;
    Ok(answer::versioned(sync.version, &SyncView::from(sync)))
}

/// Reschedule a sync
#[utoipa::path(tag = "syncs", operation_id = "update_sync", params(("id" = String, Path, description = "The sync")),
    request_body = SyncUpdate, responses((status = 200, description = "The changed sync", body = SyncView)))]
#[patch("/syncs/{id}")]
pub(crate) async fn update(
    who: Authorized<ConnectionsWrite>,
    id: PathId<SyncId>,
    seen: IfMatch,
    body: Body<SyncUpdate>,
) -> Result<HttpResponse> {
    let schedule = capped(body.value.schedule)?;
    let sync = syncs::update(&who.ctx, id.0, seen.0, schedule).await?;
    Ok(answer::versioned(sync.version, &SyncView::from(sync)))
}

/// Delete a sync
///
/// With its runs. Records and events stay.
#[utoipa::path(tag = "syncs", operation_id = "delete_sync", params(("id" = String, Path, description = "The sync")),
    responses((status = 204, description = "Deleted")))]
#[delete("/syncs/{id}")]
pub(crate) async fn remove(
    who: Authorized<ConnectionsWrite>,
    id: PathId<SyncId>,
    seen: IfMatch,
) -> Result<HttpResponse> {
    syncs::delete(&who.ctx, id.0, seen.0).await?;
    Ok(answer::nothing())
}

/// Start a run
///
/// Watch it at `Location`. While a run is under way another one answers 409 with its id in `existing`.
#[utoipa::path(tag = "syncs", operation_id = "start_run", params(("id" = String, Path, description = "The sync")),
    request_body = RunCreate, responses((status = 202, description = "Queued", body = RunView)))]
#[post("/syncs/{id}/runs")]
pub(crate) async fn start(
    who: Authorized<ConnectionsWrite>,
    id: PathId<SyncId>,
    key: IdempotencyKey,
    body: Body<RunCreate>,
) -> Result<HttpResponse> {
    let RunCreate { mode } = body.value;
    let sync = id.0;
    // The key names one sync's run: the id is part of what must be the same.
    let mut canonical = sync.to_string().into_bytes();
    canonical.extend_from_slice(&body.canonical);
    idempotent::once(
        who.ctx,
        "POST /v1/syncs/{id}/runs",
        key,
        &canonical,
        async move |ctx| started(syncs::start_run(&ctx, sync, mode).await?),
        async |ctx, id| started(syncs::get_run(&ctx, id).await?),
    )
    .await
}

fn started(run: SyncRun) -> Result<Created> {
    let view = RunView::from(run);
    Created::accepted(format!("/v1/sync-runs/{}", view.id), &view)
}

/// List a sync's runs
#[utoipa::path(tag = "syncs", operation_id = "list_runs", params(("id" = String, Path, description = "The sync"), PageQuery),
    responses((status = 200, description = "A page, newest first", body = Listing<RunView>)))]
#[get("/syncs/{id}/runs")]
pub(crate) async fn list_runs(
    who: Authorized<ConnectionsRead>,
    id: PathId<SyncId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse> {
    let page = syncs::list_runs(&who.ctx, id.0, query.0.page()?).await?;
    Ok(Listing::of(page, RunView::from, |run| run.id.to_string()))
}
