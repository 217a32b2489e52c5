//! Getting a token of either version of the API: the one at hand, or a new one under the store's lease.

use crate::contract::{Api, LoginFailure, Refresh, Result, Runtime, StoredToken};

/// A token other than `rejected`. `login` asks the vendor for one; it is not begun unless the store says so.
pub(super) async fn token(
    runtime: &Runtime,
    api: Api,
    rejected: Option<&StoredToken>,
    login: impl Future<Output = Result<StoredToken>>,
) -> Result<StoredToken> {
    if rejected.is_none()
        && let Some(token) = runtime.tokens.get(api).await?
        && token.expires_at > runtime.clock.now()
    {
        return Ok(token);
    }
    let lease = match runtime.tokens.begin_refresh(api, rejected).await? {
        Refresh::Fresh(token) => return Ok(token),
        Refresh::Authenticate(lease) => lease,
    };
    match login.await {
        Ok(token) => {
            runtime.tokens.complete(api, lease, token.clone()).await?;
            Ok(token)
        }
        Err(error) => {
            runtime.tokens.fail(api, lease, LoginFailure::of(&error)).await?;
            Err(error)
        }
    }
}
