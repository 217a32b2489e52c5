//! Ending the pause of a connection by hand.

use gangway_domain::{
    connection::{Connection, Pause},
    id::ConnectionId,
    principal::Scope,
};
use serde_json::json;

use crate::{Ctx, Result, audit, syncs};

/// Ends the pause after failed runs; scheduled runs that waited for its end are due at once. A connection that is not paused
/// stays as it is.
///
/// # Errors
/// `object.not-found`.
pub async fn resume(ctx: &Ctx, id: ConnectionId) -> Result<Connection> {
    ctx.require(Scope::ConnectionsWrite)?;
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    let connection = tx.connections().get_for_update(id).await?;
    if connection.pause() != Pause::None {
        syncs::end_pause(ctx, &tx, &connection).await?;
        let detail = json!({ "failures": connection.failures });
        audit::record(ctx, &tx, "connection.resume", &id.to_string(), detail).await?;
    }
    let connection = tx.connections().get(id).await?;
    tx.commit().await?;
    Ok(connection)
}
