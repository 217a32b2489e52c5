//! What an admin should look at although the connection works: attributes that the tenant keeps and the vendor shows no more.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use gangway_domain::{
    connection::Connection,
    id::{AttributeId, ConnectionId},
};

use crate::{Ctx, Result};

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `attribute.removed`: the account no longer lists it; `attribute.restricted`: listed, yet on nobody's record.
    pub code: &'static str,
    /// The attribute.
    pub attribute: AttributeId,
    /// The vendor's key.
    pub key: String,
    /// What happened and what to do.
    pub message: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// The warnings of these connections. Asks no permission: whoever shows a connection has asked for theirs.
pub async fn warnings(ctx: &Ctx, connections: &[Connection]) -> Result<HashMap<ConnectionId, Vec<Warning>>> {
    let ids: Vec<ConnectionId> = connections.iter().map(|connection| connection.id).collect();
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let missing = tx.attributes().list_missing(&ids).await?;
    tx.commit().await?;
    let mut warnings: HashMap<ConnectionId, Vec<Warning>> = HashMap::new();
    for attribute in missing {
        let connection = connections.iter().find(|connection| connection.id == attribute.connection);
        let connector = connection.and_then(|connection| super::connector(ctx.app(), &connection.connector));
        let permission = connector
            .and_then(|connector| connector.manifest().stream(attribute.stream).map(|it| it.requires_permission))
            .unwrap_or("the right to read it");
        let label = &attribute.label;
        let (code, what, since) = match (attribute.removed_at, attribute.restricted_at) {
            (Some(since), _) => ("attribute.removed", "is no longer listed by the account", since),
            (None, Some(since)) => ("attribute.restricted", "comes on nobody's record any more", since),
            (None, None) => continue,
        };
        let message = format!(
            "`{label}` {what}; the last values are kept. If that was not meant, permit it at the vendor ({permission}). If it was, \
             deselect the attribute, and its values are deleted."
        );
        let warning = Warning { code, attribute: attribute.id, key: attribute.key, message, since };
        warnings.entry(attribute.connection).or_default().push(warning);
    }
    Ok(warnings)
}
