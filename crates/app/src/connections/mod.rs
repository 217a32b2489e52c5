//! Connections: create, list, read, change, delete; their credentials; check, discover and pass through; and [`open`].
//!
//! [`open`] is the only place where a credential is opened in clear.

mod change;
mod check;
mod create;
mod credential;
mod discover;
mod open;
mod parting;
mod proxy;
mod resume;
mod tokens;
mod warnings;

use gangway_domain::{connection::Connection, id::ConnectionId, principal::Scope};
use gangway_egress::Origin;
use gangway_storage::{Page, PageRequest};
use serde_json::Value;

use crate::{App, Ctx, Error, FieldError, Result, audit};

pub use change::{ConnectionPatch, delete, update};
pub use check::{Checked, check};
pub use create::{NewConnection, create};
pub(crate) use credential::is_same_account;
pub use credential::put_credential;
pub use discover::{Discovered, discover};
pub use gangway_connector::Passed;
pub use open::{Opened, open};
pub use proxy::proxy;
pub use resume::resume;
pub use warnings::{Warning, warnings};

/// Characters of an address.
const LONGEST_BASE_URL: usize = 2_048;

/// One connection.
///
/// # Errors
/// `object.not-found`.
pub async fn get(ctx: &Ctx, id: ConnectionId) -> Result<Connection> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let found = tx.connections().find(id).await?;
    tx.commit().await?;
    found.ok_or_else(|| Error::not_found("connection"))
}

/// The tenant's connections in creation order.
pub async fn list(ctx: &Ctx, page: PageRequest<ConnectionId>) -> Result<Page<Connection>> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let page = tx.connections().list(page).await?;
    tx.commit().await?;
    Ok(page)
}

/// The connector of that id.
fn connector<'a>(app: &'a App, id: &str) -> Option<&'a std::sync::Arc<dyn gangway_connector::AnyConnector>> {
    app.registry.get(id)
}

/// Judges a config: by its schema, then whether its address is one a credential may go to.
fn check_config(app: &App, connector: &dyn gangway_connector::AnyConnector, config: &Value) -> Result<()> {
    // Before anything reads it: a parser's message could repeat all of it.
    if config.get("base_url").and_then(Value::as_str).is_some_and(|text| text.chars().count() > LONGEST_BASE_URL) {
        let message = format!("may have {LONGEST_BASE_URL} characters at most");
        let mut found = vec![FieldError { pointer: "/config/base_url".to_owned(), message }];
        found.extend(fields("/config", connector.check_config(&without_base_url(config)).err().unwrap_or_default()));
        return Err(Error::invalid_fields(found));
    }
    if let Err(problems) = connector.check_config(config) {
        return Err(Error::invalid_fields(fields("/config", problems)));
    }
    let base_url = connector.base_url(config)?;
    let forbidden = |message: String| {
        let mut error = Error::new(gangway_domain::Code::OriginForbidden, message.clone());
        error.fields.push(FieldError { pointer: "/config/base_url".to_owned(), message });
        error
    };
    let origin = Origin::of(&base_url).map_err(|error| forbidden(format!("The address is not usable: {error}.")))?;
    let own = connector.manifest().origins;
    if own.iter().any(|own| own.parse::<Origin>().is_ok_and(|own| own == origin))
        || app.config.connector_origins.contains(&origin)
    {
        return Ok(());
    }
    Err(forbidden(format!(
        "A credential of this connector may go only to {}; an operator can allow {origin} in `connector.allowed_origins`.",
        own.join(", ")
    )))
}

fn without_base_url(config: &Value) -> Value {
    let mut rest = config.clone();
    if let Some(members) = rest.as_object_mut() {
        members.remove("base_url");
    }
    rest
}

fn fields(prefix: &str, problems: Vec<gangway_connector::FieldProblem>) -> Vec<FieldError> {
    problems
        .into_iter()
        .map(|problem| FieldError { pointer: format!("{prefix}{}", problem.pointer), message: problem.message })
        .collect()
}

/// The name is unique in the tenant.
fn name_taken(error: gangway_storage::Error, name: &str) -> Error {
    match error {
        gangway_storage::Error::Taken => Error::new(
            gangway_domain::Code::NameTaken,
            format!("The tenant has a connection named `{name}` already; choose another name."),
        ),
        other => other.into(),
    }
}

/// Refuses unless the caller has seen the newest version.
fn require_version(connection: &Connection, seen: Option<i64>) -> Result<()> {
    if seen.is_none_or(|seen| seen == connection.version) { Ok(()) } else { Err(gangway_storage::Error::Stale.into()) }
}

/// Where the requests of a connection with this config go.
fn origin(connector: &dyn gangway_connector::AnyConnector, config: &Value) -> Result<Origin> {
    Origin::of(&connector.base_url(config)?).map_err(Error::internal)
}

/// Notes that somebody has the vendor asked. Before it is asked: what is refused or fails was tried all the same.
async fn note_asking(ctx: &Ctx, action: &str, id: ConnectionId) -> Result<()> {
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    audit::record(ctx, &tx, action, &id.to_string(), Value::Null).await?;
    tx.commit().await?;
    Ok(())
}

/// One connection, for use cases that have asked for their own permission.
async fn get_unchecked(ctx: &Ctx, id: ConnectionId) -> Result<Connection> {
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let found = tx.connections().find(id).await?;
    tx.commit().await?;
    found.ok_or_else(|| Error::not_found("connection"))
}
