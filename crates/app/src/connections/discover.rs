//! Ask the vendor what the account offers, and store it with its classes.

use gangway_domain::{
    connection::Connection,
    id::{ConnectionId, SyncRunId},
    principal::Scope,
    schema::DiscoveryMethod,
};
use gangway_egress::Class;

use super::open;
use crate::{Ctx, Error, Result, attributes};

/// What a discovery found.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The connection with its new `discovered_at`.
    pub connection: Connection,
    /// How the attributes were found.
    pub method: DiscoveryMethod,
    /// How many the account shows.
    pub n_attributes: usize,
    /// Keys not seen before.
    pub added: Vec<String>,
    /// Keys the account no longer shows.
    pub removed: Vec<String>,
    /// Full runs started, since other values are kept now.
    pub runs: Vec<SyncRunId>,
}

/// Discovers the attributes of a connection. Where that changes what is kept of them, full runs are started.
///
/// # Errors
/// `object.not-found`, `connection.unsupported`; `connection.…` as the vendor failed.
pub async fn discover(ctx: &Ctx, id: ConnectionId) -> Result<Discovered> {
    ctx.require(Scope::ConnectionsWrite)?;
    let opened = open(ctx, id, Class::Interactive).await?;
    super::note_asking(ctx, "connection.discover", id).await?;
    let outcome = attributes::discover(ctx, &opened).await?;
    let attributes::Refreshed { method, n_attributes, added, removed, runs } = outcome
        .ok_or_else(|| Error::new(gangway_domain::Code::Unsupported, "The connector has no attributes to discover."))?;
    let connection = super::get_unchecked(ctx, id).await?;
    Ok(Discovered { connection, method, n_attributes, added, removed, runs })
}
