//! Attributes: what a connection's account offers, how each is classed, and which the tenant wants stored.
//!
//! Data minimisation lives here: [`classify()`] decides what is sensitive (unsure = sensitive), [`Selection`] is what the
//! sync engine obeys, and [`note_seen`] takes up keys that no list named, closed until somebody selects them.

mod choose;
mod classify;
mod refresh;
mod selection;
#[cfg(test)]
mod tests;
mod vocabulary;

use gangway_domain::{
    connection::Connection,
    id::{AttributeId, ConnectionId},
    principal::Scope,
};
use gangway_storage::TenantTx;
pub use gangway_storage::attributes::Attribute;
use serde_json::Value;

use crate::{
    Ctx, Error, Result,
    events::{self, Draft},
    seal::TenantKeys,
};

pub use choose::{Choice, Chosen, choose};
pub use classify::classify;
pub use refresh::{Refreshed, discover, note_seen, refresh};
pub use selection::{Selection, Treatment, selection};

/// The attributes of a connection, by stream and in the vendor's order; those the account no longer shows are among them.
///
/// # Errors
/// `object.not-found`.
pub async fn list(ctx: &Ctx, connection: ConnectionId) -> Result<Vec<Attribute>> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    tx.connections().find(connection).await?.ok_or_else(|| Error::not_found("connection"))?;
    let attributes = tx.attributes().list(connection).await?;
    tx.commit().await?;
    Ok(attributes)
}

/// Appends an event about a connection or one of its attributes.
pub(crate) fn append_event(
    ctx: &Ctx,
    keys: &TenantKeys,
    tx: &mut TenantTx,
    connection: &Connection,
    kind: &str,
    attribute: Option<AttributeId>,
    data: Value,
) {
    let subject = match attribute {
        Some(id) => (id.uuid(), id.to_string()),
        None => (connection.id.uuid(), connection.id.to_string()),
    };
    let draft = Draft {
        kind: kind.to_owned(),
        subject: Some(subject),
        connection: Some(connection.id),
        run: None,
        credential_version: Some(connection.credential_version),
        data,
    };
    events::append(ctx, keys, tx, draft);
}
