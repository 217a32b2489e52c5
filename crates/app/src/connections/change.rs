//! Rename, reconfigure and delete.

use gangway_domain::{
    Code,
    connection::{Connection, ConnectionState},
    id::ConnectionId,
    principal::Scope,
};
use gangway_storage::credentials::Credential;
use serde_json::{Value, json};

use super::{
    check_config, connector,
    credential::{seal, unknown_connector},
    name_taken,
    open::unseal,
    origin,
    parting::Parting,
    require_version,
};
use crate::{Ctx, Error, FieldError, Result, attributes, audit, names, syncs};

/// How often a change that names no version begins anew because another one was faster; each time one of them gets through.
pub(super) const MOST_OVERTAKEN: usize = 20;

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
/// What says nothing new changes nothing, not the version either. Another origin makes a new credential version of the same
/// secret: token, proof and budget belong to the server that gave them, and whoever still works with the old version stays with
/// the old server. Its account is another one: runs begin anew.
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
    for _ in 0..MOST_OVERTAKEN {
        match update_once(ctx, id, if_version, patch.clone()).await {
            // Who names no version wants the change whatever others did meanwhile.
            Err(error) if error.code == Code::VersionStale && if_version.is_none() => {}
            done => return done,
        }
    }
    update_once(ctx, id, if_version, patch).await
}

async fn update_once(
    ctx: &Ctx,
    id: ConnectionId,
    if_version: Option<i64>,
    patch: ConnectionPatch,
) -> Result<Connection> {
    let ConnectionPatch { name, config } = patch;
    let app = ctx.app();
    let name = name.map(|name| names::check(&name)).transpose();
    // Sealed before the transaction begins: sealing may read keys in one of its own, and SQLite has one writer.
    let judged = match &config {
        Some(config) => Some(judge(ctx, id, config).await.map_err(|error| and_name(error, name.as_ref().err()))?),
        None => None,
    };
    let name = name.map_err(|problem| Error::invalid_fields(vec![problem]))?;
    let mut tx = app.db.begin(ctx.scope()).await?;
    let before = match name {
        // What refers to the row by its unique columns, such as a name, holds up who changes them.
        Some(_) => tx.connections().get_for_delete(id).await?,
        None => tx.connections().get_for_update(id).await?,
    };
    require_version(&before, if_version)?;
    let mut connection = before.clone();
    if config.as_ref().is_some_and(|config| *config != connection.config) {
        // Syncs are locked before attributes.
        syncs::end_pause(ctx, &tx, &connection).await?;
        (connection.failures, connection.paused_until) = (0, None);
    }
    if let Some(Judged { seen, moved }) = judged {
        // Somebody may have changed its origin meanwhile, or the secret: then the judgement is of something else.
        if (&seen.config, seen.credential_version) != (&connection.config, connection.credential_version) {
            return Err(gangway_storage::Error::Stale.into());
        }
        if let Some(credential) = moved {
            connection.credential_version = credential.version;
            tx.credentials().create(&credential).await?;
            // Nothing that was read of the old account says what is new at the other.
            tx.syncs().delete_cursors(id, app.now()).await?;
            attributes::forget_account(ctx, &mut tx, id).await?;
        }
    }
    if let Some(config) = config
        && config != connection.config
    {
        connection.config = config;
        connection.state = ConnectionState::Unchecked;
        connection.state_reason = None;
    }
    if let Some(name) = name {
        connection.name = name;
    }
    if connection == before {
        return Ok(before);
    }
    connection.updated_at = app.now();
    let name = connection.name.clone();
    connection.version = tx.connections().update(&connection).await.map_err(|error| name_taken(error, &name))?;
    let detail = json!({ "version": connection.version, "credential_version": connection.credential_version });
    audit::record(ctx, &tx, "connection.update", &id.to_string(), detail).await?;
    tx.commit().await?;
    Ok(connection)
}

/// A config's mistakes, and the name's with them.
fn and_name(mut error: Error, name: Option<&FieldError>) -> Error {
    if error.code == Code::RequestInvalid {
        error.fields.extend(name.cloned());
    }
    error
}

/// A new config that may be stored.
struct Judged {
    /// The connection that it was compared with.
    seen: Connection,
    /// The credential for another origin, if it names one.
    moved: Option<Credential>,
}

/// Judges a new config, and seals the credential anew when its requests go to another origin.
async fn judge(ctx: &Ctx, id: ConnectionId, config: &Value) -> Result<Judged> {
    let app = ctx.app();
    let tx = app.db.begin_read(ctx.scope()).await?;
    let mut connection = tx.connections().get(id).await?;
    let credential = tx.credentials().get(id, connection.credential_version).await?;
    tx.commit().await?;
    let connector = connector(app, &connection.connector).ok_or_else(|| unknown_connector(&connection.connector))?;
    check_config(app, connector.as_ref(), config)?;
    let to = origin(connector.as_ref(), config)?;
    if origin(connector.as_ref(), &connection.config).is_ok_and(|from| from == to) {
        return Ok(Judged { seen: connection, moved: None });
    }
    let seen = connection.clone();
    connection.config = config.clone();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin_read(ctx.scope()).await?;
    let secret = unseal(&keys, &tx, &credential).await?;
    tx.commit().await?;
    let credential = seal(ctx, connector.as_ref(), &connection, credential.version + 1, &secret).await?;
    Ok(Judged { seen, moved: Some(credential) })
}

/// Deletes a connection with its credentials, tokens, attributes, syncs and records. A token that the vendor takes back is given back.
///
/// # Errors
/// `object.not-found`, `object.stale`.
pub async fn delete(ctx: &Ctx, id: ConnectionId, if_version: Option<i64>) -> Result<()> {
    ctx.require(Scope::ConnectionsWrite)?;
    let parting = Box::pin(Parting::prepare(ctx, id)).await;
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    let connection = tx.connections().get_for_delete(id).await?;
    require_version(&connection, if_version)?;
    tx.connections().delete(id).await?;
    tx.persons().delete_orphans().await?;
    let detail = json!({ "connector": connection.connector });
    audit::record(ctx, &tx, "connection.delete", &id.to_string(), detail).await?;
    tx.commit().await?;
    if let Some(parting) = parting {
        Box::pin(parting.give_back()).await;
    }
    Ok(())
}
