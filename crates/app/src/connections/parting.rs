//! Giving a connection's token back to the vendor when the connection is deleted, so that nobody can use it any more.
//!
//! A favour, not a condition: a vendor that is away, or takes nothing back, keeps no connection from being deleted. The token ends by
//! itself then.

use std::time::Duration;

use gangway_connector::StoredToken;
use gangway_domain::{Code, id::ConnectionId};
use gangway_egress::Class;

use super::{
    open::{Opened, open},
    tokens::SealedTokens,
};
use crate::{Ctx, Result};

/// Whoever deletes waits no longer for the vendor.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is given back once the connection is gone.
pub(super) struct Parting {
    opened: Opened,
    token: StoredToken,
}

impl Parting {
    /// Looks for a token that can be given back. To be called before the transaction that deletes it.
    pub(super) async fn prepare(ctx: &Ctx, id: ConnectionId) -> Option<Self> {
        let found = Self::find(ctx, id).await;
        found.unwrap_or_else(|error| {
            if error.code != Code::NotFound {
                tracing::info!("connection.id" = %id, "the token of a connection that is deleted cannot be given back: {error}");
            }
            None
        })
    }

    async fn find(ctx: &Ctx, id: ConnectionId) -> Result<Option<Self>> {
        let opened = open(ctx, id, Class::Interactive).await?;
        let Some(revocation) = opened.remote.revocation() else { return Ok(None) };
        let token = SealedTokens::new(ctx.clone(), opened.credential, None).find(revocation.api()).await?;
        let token = token.filter(|token| token.expires_at > ctx.app().now());
        Ok(token.map(|token| Self { opened, token }))
    }

    /// Gives it back. To be called after the commit.
    pub(super) async fn give_back(self) {
        let Self { opened, token } = self;
        let Some(revocation) = opened.remote.revocation() else { return };
        let given_back = tokio::time::timeout(PATIENCE, revocation.revoke(&token, Class::Interactive)).await;
        let reason = match given_back {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the vendor did not answer in time".to_owned(),
        };
        tracing::info!(
            "connection.id" = %opened.connection.id, "token.expires_at" = %token.expires_at,
            "the token of a deleted connection was not given back, and ends by itself: {reason}"
        );
    }
}
