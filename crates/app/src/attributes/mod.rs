//! Attributes: what a connection's account offers, how each is classed, and which the tenant wants stored.
//!
//! Data minimisation lives here: [`classify()`] decides what is sensitive (unsure = sensitive), [`Selection`] is what the
//! sync engine obeys, and `note_seen` takes up keys that no list named, closed until somebody selects them.

mod choose;
mod classify;
mod harmless_words;
#[cfg(test)]
mod language_tests;
mod refresh;
mod selection;
mod sensitive_words;
#[cfg(test)]
mod tests;
mod words;

use gangway_domain::{
    connection::Connection,
    id::{AttributeId, ConnectionId},
    principal::Scope,
};
pub use gangway_storage::attributes::Attribute;
use gangway_storage::{Page, PageRequest, TenantTx};
use serde_json::Value;

use crate::{
    Ctx, Error, Result,
    events::{self, Draft},
    seal::TenantKeys,
};

pub use choose::{Choice, Chosen, choose};
pub use classify::classify;
pub use refresh::{Refreshed, discover, refresh};
pub(crate) use refresh::{event_data, forget_account, listed_keys, note_seen};
pub use selection::{Selection, Treatment, selection};
pub(crate) use words::words;

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

/// A page of them, in the same order, from the place that the attribute `page.after` has now.
///
/// # Errors
/// `object.not-found`; `request.invalid` when the page begins after what is no attribute of the connection.
pub async fn page(ctx: &Ctx, connection: ConnectionId, page: PageRequest<AttributeId>) -> Result<Page<Attribute>> {
    let PageRequest { limit, after } = page;
    // Cut from the whole: an account has some hundred at most, and their order is not that of their ids.
    let all = list(ctx, connection).await?;
    let start = match after {
        None => 0,
        Some(after) => {
            let place = all.iter().position(|attribute| attribute.id == after);
            place.ok_or_else(|| Error::invalid("after", "must be the `next` of a page of this listing"))? + 1
        }
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = all.len() - start > limit;
    Ok(Page { items: all.into_iter().skip(start).take(limit).collect(), has_more })
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
