//! Credential versions: judged, sealed, never answered again.

use gangway_connector::AnyConnector;
use gangway_domain::{
    Code,
    connection::{Connection, ConnectionState},
    id::{ConnectionId, CredentialId},
    principal::Scope,
};
use gangway_storage::credentials::Credential;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{change::MOST_OVERTAKEN, connector, fields, require_version};
use crate::{Ctx, Error, FieldError, Result, attributes, audit, budgets, syncs};

/// What the sealed bytes are bound to, beside tenant and credential id.
pub(super) const SEAL_KIND: &str = "credential";
pub(super) const SEAL_FIELD: &str = "secret";

/// Replaces the credential by a new version. `secret` is JSON text by the connector's credential schema.
///
/// Another client is taken for another account: syncs read it from its start. A new secret of the same client goes on.
///
/// # Errors
/// `object.not-found`, `object.stale`, `request.invalid` naming every wrong value.
pub async fn put_credential(
    ctx: &Ctx,
    id: ConnectionId,
    if_version: Option<i64>,
    secret: SecretString,
) -> Result<Connection> {
    ctx.require(Scope::ConnectionsWrite)?;
    for _ in 0..MOST_OVERTAKEN {
        match put_once(ctx, id, if_version, &secret).await {
            // Who names no version wants the credential stored whatever others did meanwhile.
            Err(error) if error.code == Code::VersionStale && if_version.is_none() => {}
            done => return done,
        }
    }
    put_once(ctx, id, if_version, &secret).await
}

async fn put_once(ctx: &Ctx, id: ConnectionId, if_version: Option<i64>, secret: &SecretString) -> Result<Connection> {
    let app = ctx.app();
    let before = super::get_unchecked(ctx, id).await?;
    let connector = connector(app, &before.connector).ok_or_else(|| unknown_connector(&before.connector))?;
    let problems = problems(connector.as_ref(), secret, "");
    if !problems.is_empty() {
        return Err(Error::invalid_fields(problems));
    }
    require_version(&before, if_version)?;
    let credential = seal(ctx, connector.as_ref(), &before, before.credential_version + 1, secret).await?;

    let mut tx = app.db.begin(ctx.scope()).await?;
    let mut connection = tx.connections().get_for_update(id).await?;
    require_version(&connection, if_version)?;
    // Somebody may have stored another credential or changed the origin while this one was sealed.
    if (&before.config, before.credential_version) != (&connection.config, connection.credential_version) {
        return Err(gangway_storage::Error::Stale.into());
    }
    // Syncs are locked before attributes.
    syncs::end_pause(ctx, &tx, &connection).await?;
    (connection.failures, connection.paused_until) = (0, None);
    if !is_same_account(&tx.credentials().get(id, before.credential_version).await?, &credential) {
        tx.syncs().delete_cursors(id, app.now()).await?;
        attributes::forget_account(ctx, &mut tx, id).await?;
    }
    connection.credential_version = credential.version;
    connection.state = ConnectionState::Unchecked;
    connection.state_reason = None;
    connection.updated_at = app.now();
    tx.credentials().create(&credential).await?;
    connection.version = tx.connections().update(&connection).await?;
    let detail = json!({ "credential_version": credential.version });
    audit::record(ctx, &tx, "connection.put-credential", &id.to_string(), detail).await?;
    tx.commit().await?;
    Ok(connection)
}

/// Whether two versions open the same account: the same client at the same origin, which is what names the budget.
pub(crate) fn is_same_account(one: &Credential, other: &Credential) -> bool {
    one.budget_key == other.budget_key
}

/// Every mistake in a credential; no message repeats a value.
pub(super) fn problems(connector: &dyn AnyConnector, secret: &SecretString, prefix: &str) -> Vec<FieldError> {
    let whole = |message: &str| vec![FieldError { pointer: prefix.to_owned(), message: message.to_owned() }];
    let Ok(value) = serde_json::from_str::<Value>(secret.expose_secret()) else { return whole("must be JSON") };
    if !value.is_object() {
        return whole("must be an object");
    }
    connector.check_credential(&value).err().map(|problems| fields(prefix, problems)).unwrap_or_default()
}

/// Seals one version under a new id. Its budget is that of the account at the connection's origin.
pub(super) async fn seal(
    ctx: &Ctx,
    connector: &dyn AnyConnector,
    connection: &Connection,
    version: i32,
    secret: &SecretString,
) -> Result<Credential> {
    let app = ctx.app();
    let id: CredentialId = app.new_id();
    let identity = connector.credential_identity(secret)?;
    let origin = super::origin(connector, &connection.config)?;
    let budget_key = app.keys.budget_key(app, &budgets::shared_identity(connector.id(), &origin, &identity)).await?;
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    Ok(Credential {
        id,
        connection: connection.id,
        version,
        sealed: keys.seal(SEAL_KIND, id.uuid(), SEAL_FIELD, secret.expose_secret().as_bytes()),
        budget_key,
        authenticated_at: None,
        created_at: app.now(),
    })
}

/// A stored connection whose connector is not part of this build.
pub(super) fn unknown_connector(id: &str) -> Error {
    Error::new(Code::Unsupported, format!("The connector `{id}` is not part of this installation."))
}
