//! `POST /v1/connections/{id}/resume`.

use actix_web::{HttpResponse, post};
use gangway_app::connections;
use gangway_domain::id::ConnectionId;

use super::ConnectionView;
use crate::{
    answer,
    extract::{Authorized, ConnectionsWrite, PathId},
    problem::Result,
};

/// Resume a connection
///
/// Ends the pause after failed runs: what waited for it starts at once. A connection that is not paused stays as it is.
#[utoipa::path(tag = "connections", operation_id = "resume_connection",
    params(("id" = String, Path, description = "The connection")),
    responses((status = 200, description = "The connection, not paused", body = ConnectionView)))]
#[post("/connections/{id}/resume")]
pub(crate) async fn resume(who: Authorized<ConnectionsWrite>, id: PathId<ConnectionId>) -> Result<HttpResponse> {
    let connection = connections::resume(&who.ctx, id.0).await?;
    Ok(answer::plain(&ConnectionView::of(&who.ctx, connection).await?))
}
