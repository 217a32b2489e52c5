//! Pass a reading through to the vendor, within the account's budget.

use gangway_connector::{NotPassed, Pass, Passed, ProxyPath};
use gangway_domain::{Code, id::ConnectionId, principal::Scope};
use gangway_egress::Class;
use serde_json::json;

use super::open;
use crate::{Ctx, Error, Result, audit};

/// Characters of a name that are told.
const LONGEST_NAME: usize = 100;

/// Sends one GET to the vendor and gives back what it says, also when that is a refusal.
///
/// The answer can hold whatever the credential may read, so it needs `sensitive:read` beside its own scope, and is noted before it
/// is sent: the path, not the parameters, which can name people.
///
/// # Errors
/// `object.not-found`; `request.invalid` for what the connector does not pass through; `connection.…` when the vendor cannot be asked.
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
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    audit::record(ctx, &tx, "connection.proxy", &id.to_string(), json!({ "path": pass.path })).await?;
    tx.commit().await?;
    Ok(proxy.pass(pass).await?)
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
