//! Vendor budgets: which one a connection draws on, by which limits, and how it looks right now.

use std::{sync::Arc, time::Duration};

use gangway_connector::{Manifest, ManifestLimits, WindowLimit};
use gangway_domain::{
    id::{ConnectionId, TenantId},
    principal::Scope,
};
use gangway_egress::{BudgetKey, Limit, Origin, PathLimit, Policy};
pub use gangway_limits::{BudgetView, WaitingByClass};
use gangway_storage::credentials::Credential;

use crate::{App, Ctx, Error, Result, audit::hex, config::VendorLimits, connectors};

/// Logins that a tenant may try with what it never proved to own: enough to correct a mistyped secret, too few to guess one. A vendor of
/// two APIs takes two for each try.
const UNPROVEN: Limit = Limit::new(10, Duration::from_mins(1));

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
    Ok(app.budgets.look(key).await.unwrap_or_else(|| BudgetView::idle(&policy)))
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
        return Ok(shared(app, credential, manifest));
    }
    let identity = format!("unproven\0{tenant}\0{}", hex(budget_key));
    let key = BudgetKey::new(app.keys.budget_key(app, &identity).await?);
    let proven = policy(app, manifest);
    let authentication = stricter(proven.authentication, UNPROVEN);
    Ok(Budget { key, policy: Arc::new(Policy { authentication, ..proven }) })
}

/// The vendor account's shared budget, which a credential version draws on once the vendor has accepted it.
pub(crate) fn shared(app: &App, credential: &Credential, manifest: &Manifest) -> Budget {
    Budget { key: BudgetKey::new(credential.budget_key), policy: Arc::new(policy(app, manifest)) }
}

/// The part of a budget that readings passed through may take: half of each of its limits. They go before all work in the background, which a caller
/// that never stops asking would otherwise bring to a standstill.
pub(crate) async fn of_readings(app: &App, whole: &Budget) -> Result<Budget> {
    let key = app.keys.budget_key(app, &format!("readings\0{}", hex(whole.key.as_bytes()))).await?;
    Ok(Budget { key: BudgetKey::new(key), policy: Arc::new(half(&whole.policy)) })
}

fn half(whole: &Policy) -> Policy {
    let Policy { ceiling, window, pacing: _, max_in_flight, paths, authentication, address: _ } = whole;
    let half = |path: &PathLimit| PathLimit::new(path.template.clone(), (path.limit / 2).max(1), path.window);
    Policy {
        ceiling: (ceiling / 2).max(1),
        window: *window,
        pacing: false,
        max_in_flight: (max_in_flight / 2).max(1),
        paths: paths.iter().map(half).collect(),
        authentication: *authentication,
        address: None,
    }
}

/// The name under which a vendor account's shared budget is made. The origin is part of it: what one server accepts says
/// nothing about the account of that id at another.
pub(crate) fn shared_identity(connector: &str, origin: &Origin, identity: &str) -> String {
    format!("{connector}\0{origin}\0{identity}")
}

/// A connector's limits as the budget wants them, with the operator's word over the manifest's.
fn policy(app: &App, manifest: &Manifest) -> Policy {
    match app.config.limits.get(manifest.id) {
        Some(limits) => merged(&manifest.limits, limits),
        None => merged(&manifest.limits, &VendorLimits::default()),
    }
}

fn merged(manifest: &ManifestLimits, configured: &VendorLimits) -> Policy {
    let VendorLimits { credential, paths, authentication, address, in_flight } = configured;
    let credential = credential.unwrap_or(manifest.credential);
    let paths = match paths {
        Some(paths) => paths.iter().map(|(template, limit)| path(template, *limit)).collect(),
        None => manifest.paths.iter().map(|of| path(of.template, of.limit)).collect(),
    };
    Policy {
        ceiling: credential.requests,
        window: span(credential),
        pacing: true,
        max_in_flight: in_flight.unwrap_or(manifest.in_flight),
        paths,
        authentication: limit(authentication.unwrap_or(manifest.authentication)),
        address: address.or(manifest.address).map(limit),
    }
}

fn path(template: &str, limit: WindowLimit) -> PathLimit {
    PathLimit::new(template, limit.requests, span(limit))
}

/// A limit that allows at once no more than the tighter of both, and in the long run no more than the slower.
fn stricter(one: Limit, other: Limit) -> Limit {
    let requests = one.limit.min(other.limit);
    let window = |limit: Limit| limit.window.saturating_mul(requests.max(1)) / limit.limit.max(1);
    Limit::new(requests, window(one).max(window(other)))
}

const fn limit(limit: WindowLimit) -> Limit {
    Limit::new(limit.requests, span(limit))
}

const fn span(limit: WindowLimit) -> Duration {
    Duration::from_secs(limit.window_seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> ManifestLimits {
        gangway_connector::registry().get("personio").unwrap().manifest().limits
    }

    #[test]
    fn without_a_setting_the_manifest_holds() {
        let policy = merged(&manifest(), &VendorLimits::default());
        assert_eq!((policy.ceiling, policy.window, policy.max_in_flight), (200, Duration::from_mins(1), 8));
        assert_eq!(policy.paths.first(), Some(&PathLimit::new("/v1/company/employees", 15, Duration::from_secs(1))));
        let paths = manifest().paths;
        assert_eq!(policy.paths, paths.iter().map(|of| path(of.template, of.limit)).collect::<Vec<_>>());
        assert_eq!(policy.authentication, Limit::new(60, Duration::from_mins(1)));
        assert_eq!(policy.address, Some(Limit::new(2_000, Duration::from_mins(1))));
    }

    #[test]
    fn readings_have_half_of_each_limit() {
        let paths =
            vec![PathLimit::new("/a", 15, Duration::from_secs(1)), PathLimit::new("/b", 1, Duration::from_secs(1))];
        let policy = half(&Policy { paths, ..merged(&manifest(), &VendorLimits::default()) });
        assert_eq!((policy.ceiling, policy.max_in_flight, policy.pacing, policy.address), (100, 4, false, None));
        assert_eq!(policy.paths.iter().map(|path| path.limit).collect::<Vec<_>>(), [7, 1], "one at least");
    }

    #[test]
    fn logins_without_proof_are_bounded_by_their_rate_and_not_by_their_number_alone() {
        let seconds = |requests, seconds| Limit::new(requests, Duration::from_secs(seconds));
        let unproven = |proven| stricter(proven, UNPROVEN);
        assert_eq!(unproven(seconds(60, 60)), UNPROVEN);
        assert_eq!(unproven(seconds(3, 1)), seconds(3, 18), "few at once, but far more in a minute");
        assert_eq!(unproven(seconds(10, 3_600)), seconds(10, 3_600), "slower than ours: theirs stays");
        assert_eq!(unproven(seconds(2, 60)), seconds(2, 60));
    }

    #[test]
    fn each_setting_replaces_its_own_limit_alone() {
        let half_minute = |requests| Some(WindowLimit::new(requests, 30));
        let untouched = merged(&manifest(), &VendorLimits::default());
        let paths = vec![("/v1/company/time-offs".to_owned(), WindowLimit::new(3, 30))];
        let limit = |requests| Limit::new(requests, Duration::from_secs(30));
        let cases = [
            (
                VendorLimits { credential: half_minute(5), ..VendorLimits::default() },
                Policy { ceiling: 5, window: Duration::from_secs(30), ..untouched.clone() },
            ),
            (
                VendorLimits { paths: Some(paths), ..VendorLimits::default() },
                Policy {
                    paths: vec![PathLimit::new("/v1/company/time-offs", 3, Duration::from_secs(30))],
                    ..untouched.clone()
                },
            ),
            (
                VendorLimits { authentication: half_minute(6), ..VendorLimits::default() },
                Policy { authentication: limit(6), ..untouched.clone() },
            ),
            (
                VendorLimits { address: half_minute(7), ..VendorLimits::default() },
                Policy { address: Some(limit(7)), ..untouched.clone() },
            ),
            (
                VendorLimits { in_flight: Some(2), ..VendorLimits::default() },
                Policy { max_in_flight: 2, ..untouched.clone() },
            ),
        ];
        for (configured, expected) in cases {
            assert_eq!(merged(&manifest(), &configured), expected);
        }
    }
}
