//! `POST /v1/connections/{id}/check`.

use actix_web::{HttpResponse, post};
use gangway_app::connections::{self, Checked};
use gangway_domain::{id::ConnectionId, record::Stream};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ConnectionView;
use crate::{
    answer,
    extract::{Authorized, ConnectionsWrite, PathId},
    problem::Result,
    records::StreamView,
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
    /// Each stream: whether it can be read, why not, and through which version of the vendor's API; what may be written; and each
    /// canonical field.
    #[schema(value_type = Vec<StreamCheckView>)]
    streams: Value,
    /// The rights that the vendor named with its tokens, in one spelling (`persons:read`); empty where it named none.
    granted: Vec<String>,
    /// Whether the vendor can be told to send webhooks; null where it has none.
    #[schema(value_type = Option<AccessView>, required)]
    webhooks: Value,
    /// The connection with its new state.
    connection: ConnectionView,
}

/// Whether a stream can be read, and what may be done with it.
#[derive(ToSchema)]
#[schema(as = StreamCheck)]
#[expect(dead_code, reason = "it describes what the connector's report serialises to")]
pub(crate) struct StreamCheckView {
    #[schema(value_type = StreamView)]
    stream: Stream,
    /// It can be read.
    readable: bool,
    /// Why not.
    #[schema(required)]
    reason: Option<String>,
    /// The version of the vendor's API that it is read through (`v1`, `v2` of Personio).
    #[schema(required)]
    api_version: Option<String>,
    /// What may be written; null where the stream could not be read.
    #[schema(required)]
    write: Option<WriteAccessView>,
    /// Each canonical field; none where the stream could not be read.
    fields: Vec<FieldAccessView>,
}

/// What may be done with the records of a stream.
#[derive(ToSchema)]
#[schema(as = WriteAccess)]
#[expect(dead_code, reason = "it describes what the connector's report serialises to")]
pub(crate) struct WriteAccessView {
    create: AccessView,
    change: AccessView,
    delete: AccessView,
}

/// What may be done with one canonical field.
#[derive(ToSchema)]
#[schema(as = FieldAccess)]
#[expect(dead_code, reason = "it describes what the connector's report serialises to")]
pub(crate) struct FieldAccessView {
    /// The field.
    #[schema(example = "department")]
    field: String,
    /// The vendor's key of the attribute that feeds it, where there is one to permit.
    #[schema(required)]
    attribute: Option<String>,
    read: AccessView,
    /// With a new record.
    create: AccessView,
    change: AccessView,
}

/// Whether something may be done.
#[derive(ToSchema)]
#[schema(as = Access)]
#[expect(dead_code, reason = "it describes what the connector's report serialises to")]
pub(crate) struct AccessView {
    /// `unknown` shows when it is tried.
    allowed: AllowedView,
    /// Why not, or why nobody knows.
    #[schema(required)]
    reason: Option<String>,
    /// What to permit for it, in the words of the vendor's screens; null where no right would help.
    #[schema(required)]
    permission: Option<String>,
}

/// Whether.
#[derive(ToSchema)]
#[schema(as = Allowed, rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes what the connector's report serialises to")]
pub(crate) enum AllowedView {
    Yes,
    No,
    Unknown,
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
        webhooks: serde_json::to_value(&report.webhooks).map_err(gangway_app::Error::internal)?,
        granted: report.granted,
        connection: ConnectionView::of(&who.ctx, connection).await?,
    }))
}
