//! Vendor budgets: which one a connection draws on, by which limits, and how it looks right now.

use std::{sync::Arc, time::Duration};

use gangway_connector::{Manifest, WindowLimit};
use gangway_domain::{id::ConnectionId, principal::Scope};
use gangway_egress::{BudgetKey, Limit, PathLimit, Policy};
pub use gangway_limits::{BudgetView, WaitingByClass};
use gangway_storage::credentials::Credential;

use crate::{App, Ctx, Error, Result, connectors};

/// The budget of a connection's credential in use.
pub async fn view(ctx: &Ctx, connection: ConnectionId) -> Result<BudgetView> {
    ctx.require(Scope::ConnectionsRead)?;
    let app = ctx.app();
    let tx = app.db.begin_read(ctx.scope()).await?;
    let found = tx.connections().find(connection).await?.ok_or_else(|| Error::not_found("connection"))?;
    let credential = tx.credentials().get(found.id, found.credential_version).await?;
    tx.commit().await?;
    let key = key(app, &credential).await?;
    let manifest = connectors::get(app, &found.connector)?;
    Ok(app.budgets.snapshot(key).unwrap_or_else(|| BudgetView::idle(&policy(&manifest))))
}

/// The budget that a credential version draws on: the vendor account's shared one only after its first successful
/// authentication, so that nobody drains a neighbour's by entering its id.
pub(crate) async fn key(app: &App, credential: &Credential) -> Result<BudgetKey> {
    if credential.authenticated_at.is_some() {
        return Ok(BudgetKey::new(credential.budget_key));
    }
    Ok(BudgetKey::new(app.keys.budget_key(app, &format!("unproven\0{}", credential.id)).await?))
}

/// The name under which a vendor account's shared budget is made.
pub(crate) fn shared_identity(connector: &str, identity: &str) -> String {
    format!("{connector}\0{identity}")
}

/// A connector's limits as the budget wants them.
pub(crate) fn policy(manifest: &Manifest) -> Arc<Policy> {
    let limits = &manifest.limits;
    Arc::new(Policy {
        ceiling: limits.credential.requests,
        window: span(limits.credential),
        pacing: true,
        max_in_flight: limits.in_flight,
        paths: limits
            .paths
            .iter()
            .map(|path| PathLimit::new(path.template, path.limit.requests, span(path.limit)))
            .collect(),
        authentication: limit(limits.authentication),
        address: limits.address.map(limit),
    })
}

const fn limit(limit: WindowLimit) -> Limit {
    Limit::new(limit.requests, span(limit))
}

const fn span(limit: WindowLimit) -> Duration {
    Duration::from_secs(limit.window_seconds as u64)
}
