//! Pass a reading through to the vendor, within the account's budget.

use std::time::Duration;

use gangway_connector::{NotPassed, Pass, Passed, ProxyPath};
use gangway_domain::{Code, id::ConnectionId, principal::Scope};
use gangway_egress::Class;
use gangway_limits::{Ask, Permit, Wait};
use serde_json::json;

use super::{Opened, open};
use crate::{Ctx, Error, Result, audit, budgets};

/// Stands for every host: how many readings there are is counted here alone, not how often a host is called.
const HOST: &str = "readings";
/// The longest that a reading can take, its login included.
const LONGEST: Duration = Duration::from_mins(2);
/// Characters of a name that are told.
const LONGEST_NAME: usize = 100;

/// Sends one GET to the vendor and gives back what it says, also when that is a refusal.
///
/// The answer can hold whatever the credential may read, so it needs `sensitive:read` beside its own scope, and is noted before it
/// is sent: the path, not the parameters, which can name people.
///
/// # Errors
/// `object.not-found`; `request.invalid` for what the connector does not pass through; `connection.…` when the vendor cannot be asked;
/// `connection.vendor-limited` when readings have had their half of the budget.
pub async fn proxy(ctx: &Ctx, id: ConnectionId, path: &str) -> Result<Passed> {
    ctx.require(Scope::ProxyRead)?;
    ctx.require(Scope::SensitiveRead)?;
    let opened = open(ctx, id, Class::Interactive).await?;
    let proxy = opened
        .remote
        .proxy()
        .ok_or_else(|| Error::new(Code::Unsupported, "The connector passes no readings through."))?;
    let pass = Pass::of(&opened.manifest.proxy, path, opened.class)
        .map_err(|reason| not_passed(&opened.manifest.proxy, opened.manifest.id, path, reason))?;
    let permit = permit(ctx, &opened, &pass).await?;
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    audit::record(ctx, &tx, "connection.proxy", &id.to_string(), json!({ "path": pass.path })).await?;
    tx.commit().await?;
    let passed = proxy.pass(pass).await.map_err(Error::from);
    match &passed {
        Err(error) if error.is_of_own_budget() => permit.put_back(),
        Ok(_) | Err(_) => permit.finish(),
    }
    passed
}

/// A place in the part of the budget that readings may take.
async fn permit(ctx: &Ctx, opened: &Opened, pass: &Pass) -> Result<Permit> {
    let app = ctx.app();
    let budgets::Budget { key, policy } = budgets::of_readings(app, &opened.budget).await?;
    let ask = Ask {
        key,
        policy: &policy,
        template: pass.template,
        host: HOST,
        class: opened.class,
        is_authentication: false,
        request_timeout: LONGEST,
    };
    let wait = Duration::from_secs(app.config.budget_wait_seconds);
    app.budgets.acquire(&ask, wait).await.map_err(|Wait { retry_after }| {
        let (ceiling, in_flight) = (policy.ceiling, policy.max_in_flight);
        let message = format!(
            "Readings passed through may take half of each of the vendor's limits ({ceiling} in {} s of all calls, {in_flight} at \
             once, and half of what the path may have); the rest is for syncs.",
            policy.window.as_secs()
        );
        Error::new(Code::VendorLimited, message).with_retry_after(retry_after)
    })
}

fn not_passed(paths: &[ProxyPath], connector: &str, asked: &str, reason: NotPassed) -> Error {
    let message = match reason {
        NotPassed::Malformed => {
            "must be a path that begins with a single slash, of plain segments: letters, digits and `-._~`, with a query where \
             needed"
                .to_owned()
        }
        NotPassed::Unknown => {
            format!("is not passed through; `proxy` of `GET /v1/connectors/{connector}` lists the paths that are")
        }
        NotPassed::Parameter(name) => {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            let known = Pass::of(paths, asked.split('?').next().unwrap_or_default(), Class::Interactive)
                .ok()
                .and_then(|pass| paths.iter().find(|path| path.template == pass.template))
                .map_or(&[][..], |path| path.query);
            let known = if known.is_empty() { "none".to_owned() } else { format!("`{}`", known.join("`, `")) };
            format!("has the parameter `{name}`, which is not passed through; those of this path: {known}")
        }
    };
    Error::invalid("path", message)
}
