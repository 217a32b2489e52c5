//! `POST /v1/connections/{id}/check`.

use actix_web::{HttpResponse, post};
use gangway_app::connections::{self, Checked};
use gangway_domain::id::ConnectionId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ConnectionView;
use crate::{
    answer,
    extract::{Authorized, ConnectionsWrite, PathId},
    problem::Result,
};

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckView {
    /// The credential works and the main stream can be read.
    ok: bool,
    /// What is worth saying, worst first: `level` (`error`, `warning`, `info`), a stable `code`, `message`, and `action`
    /// in the words of the vendor's screens.
    #[schema(value_type = Vec<Object>)]
    findings: Value,
    /// Each stream: whether it can be read, and why not.
    #[schema(value_type = Vec<Object>)]
    streams: Value,
    /// The connection with its new state.
    connection: ConnectionView,
}

/// Check a connection
///
/// Asks the vendor whether the credential works and what it may read. A refused credential is a result (`ok` is false), not
/// a problem; a vendor that cannot be asked is one.
#[utoipa::path(tag = "connections", operation_id = "check_connection",
    params(("id" = String, Path, description = "The connection")),
    responses((status = 200, description = "What was found", body = CheckView)))]
#[post("/connections/{id}/check")]
pub(crate) async fn check(who: Authorized<ConnectionsWrite>, id: PathId<ConnectionId>) -> Result<HttpResponse> {
    let Checked { connection, report } = connections::check(&who.ctx, id.0).await?;
    Ok(answer::plain(&CheckView {
        ok: report.ok,
        findings: serde_json::to_value(&report.findings).map_err(gangway_app::Error::internal)?,
        streams: serde_json::to_value(&report.streams).map_err(gangway_app::Error::internal)?,
        connection: ConnectionView::of(&who.ctx, connection).await?,
    }))
}
