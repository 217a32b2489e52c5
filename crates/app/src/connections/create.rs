//! Connect a vendor account: config and credential are judged together, the credential is sealed. Sends nothing.

use std::fmt;

use gangway_domain::{
    connection::{Connection, ConnectionState},
    principal::Scope,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{check_config, connector, credential, name_taken};
use crate::{Ctx, Error, FieldError, Result, audit, idempotency, names};

/// What a new connection needs.
pub struct NewConnection {
    /// Which connector.
    pub connector: String,
    /// Display name, unique in the tenant.
    pub name: String,
    /// By the connector's config schema.
    pub config: Value,
    /// JSON text, by the connector's credential schema.
    pub credential: SecretString,
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection").field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// Stores a connection with version 1 of its credential.
///
/// # Errors
/// `request.invalid` naming every wrong value, `connection.origin-forbidden`, `object.name-taken`.
pub async fn create(ctx: &Ctx, new: NewConnection) -> Result<Connection> {
    ctx.require(Scope::ConnectionsWrite)?;
    let NewConnection { connector: connector_id, name, config, credential: secret } = new;
    let app = ctx.app();
    let mut problems: Vec<FieldError> = Vec::new();
    let name = names::check(&name).map_err(|problem| problems.push(problem));
    let Some(connector) = connector(app, &connector_id) else {
        let known: Vec<&str> = app.registry.list().map(|connector| connector.id()).collect();
        let message = format!("is not a connector of this installation; there are: {}", known.join(", "));
        // Config and credential are a connector's to judge.
        problems.insert(0, FieldError { pointer: "/connector".to_owned(), message });
        return Err(Error::invalid_fields(problems));
    };
    problems.extend(credential::problems(connector.as_ref(), &secret, "/credential"));
    match check_config(app, connector.as_ref(), &config) {
        // An address that may not be used has a code of its own.
        Err(error) if problems.is_empty() => return Err(error),
        Err(error) => problems.extend(error.fields),
        Ok(()) => {}
    }
    let Ok(name) = name else { return Err(Error::invalid_fields(problems)) };
    if !problems.is_empty() {
        return Err(Error::invalid_fields(problems));
    }

    let now = app.now();
    let connection = Connection {
        id: app.new_id(),
        connector: connector_id,
        name,
        config,
        state: ConnectionState::Unchecked,
        state_reason: None,
        credential_version: 1,
        checked_at: None,
        discovered_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
        failures: 0,
        paused_until: None,
    };
    let credential = credential::seal(ctx, connector.as_ref(), &connection, 1, &secret).await?;
    let tx = app.db.begin(ctx.scope()).await?;
    tx.connections().create(&connection).await.map_err(|error| name_taken(error, &connection.name))?;
    tx.credentials().create(&credential).await?;
    let detail = json!({ "connector": connection.connector });
    audit::record(ctx, &tx, "connection.create", &connection.id.to_string(), detail).await?;
    idempotency::made(ctx, &tx, &connection.id).await?;
    tx.commit().await?;
    Ok(connection)
}
