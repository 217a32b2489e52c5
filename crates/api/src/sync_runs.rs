//! `/v1/sync-runs/{id}`: what a run did so far.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, NaiveDate, Utc};
use gangway_app::syncs;
use gangway_domain::{
    id::SyncRunId,
    record::Stream,
    sync::{RunCounts, RunMode, RunState, SyncRun, Window},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer,
    extract::{Authorized, ConnectionsRead, PathId},
    problem::Result,
    records::StreamView,
};

/// One execution of a sync.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncRun)]
pub(crate) struct RunView {
    /// Identity.
    #[schema(example = "run_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    pub(crate) id: String,
    sync_id: String,
    connection_id: String,
    #[schema(value_type = StreamView)]
    stream: Stream,
    #[schema(value_type = RunModeView)]
    mode: RunMode,
    /// `running` from when it is queued; `held`: deletions wait for a human.
    #[schema(value_type = RunStateView)]
    state: RunState,
    counts: CountsView,
    /// The vendor's total, when it gives one.
    total: Option<i64>,
    /// Changes since this moment were read.
    since: Option<DateTime<Utc>>,
    /// The days read, for absences and attendances.
    window: Option<WindowView>,
    /// Why it failed.
    error: Option<RunErrorView>,
    /// What a run that did not fail has to say: why deletions wait, or why none were looked for, and what to do.
    note: Option<String>,
    /// Version of the credential it began with.
    credential_version: i32,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

/// What a run did so far.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RunCounts)]
pub(crate) struct CountsView {
    pages: i64,
    /// Records read.
    seen: i64,
    created: i64,
    updated: i64,
    unchanged: i64,
    deleted: i64,
    /// Records set aside because they could not be read.
    quarantined: i64,
}

/// A range of days, both included.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Window)]
pub(crate) struct WindowView {
    from: NaiveDate,
    to: NaiveDate,
}

/// Why a run failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RunError)]
pub(crate) struct RunErrorView {
    /// Stable code, as in problems.
    code: String,
    /// What happened and what to do.
    message: Option<String>,
}

/// What a run reads.
#[derive(ToSchema)]
#[schema(as = RunMode, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
pub(crate) enum RunModeView {
    Incremental,
    Full,
}

/// Where a run stands.
#[derive(ToSchema)]
#[schema(as = RunState, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum RunStateView {
    Running,
    Completed,
    Failed,
    Held,
}

impl From<SyncRun> for RunView {
    fn from(run: SyncRun) -> Self {
        let SyncRun {
            id,
            sync,
            connection,
            stream,
            mode,
            state,
            counts,
            total,
            since,
            window,
            checkpoint: _,
            error_code,
            error_message,
            credential_version,
            created_at,
            started_at,
            finished_at,
        } = run;
        let RunCounts { pages, seen, created, updated, unchanged, deleted, quarantined } = counts;
        Self {
            id: id.to_string(),
            sync_id: sync.to_string(),
            connection_id: connection.to_string(),
            stream,
            mode,
            state,
            counts: CountsView { pages, seen, created, updated, unchanged, deleted, quarantined },
            total,
            since,
            window: window.map(|Window { from, to }| WindowView { from, to }),
            note: error_message.clone().filter(|_| error_code.is_none()),
            error: error_code.map(|code| RunErrorView { code, message: error_message }),
            credential_version,
            created_at,
            started_at,
            finished_at,
        }
    }
}

/// Read a run
#[utoipa::path(tag = "syncs", operation_id = "get_run", params(("id" = String, Path, description = "The run")),
    responses((status = 200, description = "The run", body = RunView)))]
#[get("/sync-runs/{id}")]
pub(crate) async fn read(who: Authorized<ConnectionsRead>, id: PathId<SyncRunId>) -> Result<HttpResponse> {
    Ok(answer::plain(&RunView::from(syncs::get_run(&who.ctx, id.0).await?)))
}
