//! Rename, reconfigure and delete.

use gangway_domain::{
    connection::{Connection, ConnectionState},
    id::ConnectionId,
    principal::Scope,
};
use serde_json::{Value, json};

use super::{check_config, check_name, connector, credential::unknown_connector, name_taken, require_version};
use crate::{Ctx, Error, Result, audit};

/// What may change.
#[derive(Debug, Clone, Default)]
pub struct ConnectionPatch {
    /// New name.
    pub name: Option<String>,
    /// New config, as a whole.
    pub config: Option<Value>,
}

/// Changes a connection; `if_version` is the version the caller has seen.
///
/// # Errors
/// `object.not-found`, `object.stale`, `request.invalid`, `connection.origin-forbidden`, `object.name-taken`.
pub async fn update(
    ctx: &Ctx,
    id: ConnectionId,
    if_version: Option<i64>,
    patch: ConnectionPatch,
) -> Result<Connection> {
    ctx.require(Scope::ConnectionsWrite)?;
    let ConnectionPatch { name, config } = patch;
    let app = ctx.app();
    let tx = app.db.begin(ctx.scope()).await?;
    let mut connection = tx.connections().get_for_update(id).await?;
    if let Some(config) = config {
        let connector =
            connector(app, &connection.connector).ok_or_else(|| unknown_connector(&connection.connector))?;
        check_config(app, connector.as_ref(), &config)?;
        if config != connection.config {
            connection.config = config;
            connection.state = ConnectionState::Unchecked;
            connection.state_reason = None;
        }
    }
    if let Some(name) = name {
        connection.name = check_name(&name).map_err(|problem| Error::invalid_fields(vec![problem]))?;
    }
    require_version(&connection, if_version)?;
    connection.updated_at = app.now();
    let name = connection.name.clone();
    connection.version = tx.connections().update(&connection).await.map_err(|error| name_taken(error, &name))?;
    audit::record(ctx, &tx, "connection.update", &id.to_string(), json!({ "version": connection.version })).await?;
    tx.commit().await?;
    Ok(connection)
}

/// Deletes a connection with its credentials, tokens, attributes, syncs and records.
///
/// # Errors
/// `object.not-found`, `object.stale`.
pub async fn delete(ctx: &Ctx, id: ConnectionId, if_version: Option<i64>) -> Result<()> {
    ctx.require(Scope::ConnectionsWrite)?;
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    let connection = tx.connections().get_for_update(id).await?;
    require_version(&connection, if_version)?;
    tx.connections().delete(id).await?;
    let detail = json!({ "connector": connection.connector });
    audit::record(ctx, &tx, "connection.delete", &id.to_string(), detail).await?;
    tx.commit().await?;
    Ok(())
}
