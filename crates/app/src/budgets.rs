//! Vendor budgets: which one a connection draws on, by which limits, and how it looks right now.

use std::{sync::Arc, time::Duration};

use gangway_connector::{Manifest, WindowLimit};
use gangway_domain::{
    id::{ConnectionId, TenantId},
    principal::Scope,
};
use gangway_egress::{BudgetKey, Limit, Origin, PathLimit, Policy};
pub use gangway_limits::{BudgetView, WaitingByClass};
use gangway_storage::credentials::Credential;

use crate::{App, Ctx, Error, Result, connectors};

/// Logins that a tenant may try with what it never proved to own: enough to correct a mistyped secret, too few to guess one.
const UNPROVEN: Limit = Limit::new(5, Duration::from_mins(1));

/// The budget of a connection's credential in use.
pub async fn view(ctx: &Ctx, connection: ConnectionId) -> Result<BudgetView> {
    ctx.require(Scope::ConnectionsRead)?;
    let app = ctx.app();
    let tx = app.db.begin_read(ctx.scope()).await?;
    let found = tx.connections().find(connection).await?.ok_or_else(|| Error::not_found("connection"))?;
    let credential = tx.credentials().get(found.id, found.credential_version).await?;
    tx.commit().await?;
    let manifest = connectors::get(app, &found.connector)?;
    let Budget { key, policy } = of(app, ctx.tenant(), &credential, &manifest).await?;
    Ok(app.budgets.snapshot(key).unwrap_or_else(|| BudgetView::idle(&policy)))
}

/// What a credential version draws on: a budget and its limits.
#[derive(Clone)]
pub(crate) struct Budget {
    /// Which.
    pub(crate) key: BudgetKey,
    /// Its limits.
    pub(crate) policy: Arc<Policy>,
}

/// The budget of a credential version: the vendor account's shared one only after its first successful authentication, so
/// that nobody drains a neighbour's by entering its id.
///
/// Until then all that a tenant stores for the same account share one of the tenant's own: a new version or another
/// connection gives no new tries, so guessing is bounded, and the logins it takes from whoever owns the account are few.
pub(crate) async fn of(app: &App, tenant: TenantId, credential: &Credential, manifest: &Manifest) -> Result<Budget> {
    let Credential { budget_key, authenticated_at, .. } = credential;
    if authenticated_at.is_some() {
        return Ok(shared(credential, manifest));
    }
    let account: Vec<String> = budget_key.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = BudgetKey::new(app.keys.budget_key(app, &format!("unproven\0{tenant}\0{}", account.concat())).await?);
    let proven = policy(manifest);
    let authentication = if proven.authentication.limit > UNPROVEN.limit { UNPROVEN } else { proven.authentication };
    Ok(Budget { key, policy: Arc::new(Policy { authentication, ..proven }) })
}

/// The vendor account's shared budget, which a credential version draws on once the vendor has accepted it.
pub(crate) fn shared(credential: &Credential, manifest: &Manifest) -> Budget {
    Budget { key: BudgetKey::new(credential.budget_key), policy: Arc::new(policy(manifest)) }
}

/// The name under which a vendor account's shared budget is made. The origin is part of it: what one server accepts says
/// nothing about the account of that id at another.
pub(crate) fn shared_identity(connector: &str, origin: &Origin, identity: &str) -> String {
    format!("{connector}\0{origin}\0{identity}")
}

/// A connector's limits as the budget wants them.
fn policy(manifest: &Manifest) -> Policy {
    let limits = &manifest.limits;
    Policy {
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
    }
}

const fn limit(limit: WindowLimit) -> Limit {
    Limit::new(limit.requests, span(limit))
}

const fn span(limit: WindowLimit) -> Duration {
    Duration::from_secs(limit.window_seconds as u64)
}
