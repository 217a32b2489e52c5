//! `/v1/connections`: a tenant's configured uses of connectors.

pub(crate) mod attributes;
pub(crate) mod budget;
pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod credential;
pub(crate) mod discover;
pub(crate) mod mapping;
pub(crate) mod mapping_preview;
pub(crate) mod proxy;
pub(crate) mod resume;

use actix_web::{HttpResponse, delete, get, patch};
use chrono::{DateTime, Utc};
use gangway_app::{
    Ctx,
    connections::{self, ConnectionPatch, Warning},
};
use gangway_domain::{
    connection::{Connection, ConnectionState, Pause},
    id::ConnectionId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{Authorized, Body, ConnectionsRead, ConnectionsWrite, IfMatch, PageQuery, PathId, Query},
    problem::Result,
};

/// A connection, without its credential.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ConnectionView {
    /// Identity.
    #[schema(example = "con_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    /// Which connector.
    #[schema(example = "personio")]
    connector: String,
    /// Display name, unique in the tenant.
    name: String,
    /// By the connector's `config_schema`.
    #[schema(value_type = Object)]
    config: Value,
    /// Health; what it means and what to do is in `state_reason`.
    #[schema(value_type = ConnectionStateView)]
    state: ConnectionState,
    /// What happened and what to do.
    state_reason: Option<String>,
    /// Whether scheduled runs wait, because runs failed. `POST …/resume` ends it, as do a new credential and a new config; a run
    /// by hand may be started all the same.
    #[schema(value_type = PauseView)]
    pause: Pause,
    /// When the next scheduled run tries again; null unless `pause` is `timed`.
    paused_until: Option<DateTime<Utc>>,
    /// Tries in a row that failed; 0 when nothing is paused.
    failures: i32,
    /// Version of the credential in use, from 1.
    credential_version: i32,
    /// When the vendor last accepted the credential.
    checked_at: Option<DateTime<Utc>>,
    /// When the attributes were last discovered.
    discovered_at: Option<DateTime<Utc>>,
    /// What to look at although the connection works.
    warnings: Vec<WarningView>,
    /// Raised when name, config or credential change; the `ETag` is `"v<version>"`.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// An attribute that the tenant keeps and the vendor shows no more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionWarning)]
pub(crate) struct WarningView {
    /// `attribute.removed`: the account no longer lists it; `attribute.restricted`: it comes on nobody's record any more.
    code: String,
    attribute_id: String,
    /// The vendor's key.
    key: String,
    /// What happened and what to do.
    message: String,
    since: DateTime<Utc>,
}

/// Health of a connection.
#[derive(ToSchema)]
#[schema(as = ConnectionState, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum ConnectionStateView {
    Unchecked,
    Active,
    Degraded,
    Failed,
}

/// Whether scheduled runs wait: not, until `paused_until`, or (`open`) until somebody acts.
#[derive(ToSchema)]
#[schema(as = Pause, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum PauseView {
    None,
    Timed,
    Open,
}

impl ConnectionView {
    /// A connection as it is now.
    pub(crate) async fn of(ctx: &Ctx, connection: Connection) -> Result<Self> {
        let warnings = connections::warnings(ctx, std::slice::from_ref(&connection)).await?.remove(&connection.id);
        Ok(Self::with(connection, warnings.unwrap_or_default()))
    }

    fn with(connection: Connection, warnings: Vec<Warning>) -> Self {
        let pause = connection.pause();
        let Connection {
            id,
            connector,
            name,
            config,
            state,
            state_reason,
            credential_version,
            checked_at,
            discovered_at,
            version,
            created_at,
            updated_at,
            failures,
            paused_until,
        } = connection;
        Self {
            id: id.to_string(),
            connector,
            name,
            config,
            state,
            state_reason,
            pause,
            paused_until,
            failures,
            credential_version,
            checked_at,
            discovered_at,
            warnings: warnings.into_iter().map(WarningView::from).collect(),
            version,
            created_at,
            updated_at,
        }
    }
}

impl From<Warning> for WarningView {
    fn from(warning: Warning) -> Self {
        let Warning { code, attribute, key, message, since } = warning;
        Self { code: code.to_owned(), attribute_id: attribute.to_string(), key, message, since }
    }
}

/// What changes; members left out stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionUpdate {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The new config as a whole, by the connector's `config_schema`.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

/// List connections
#[utoipa::path(tag = "connections", operation_id = "list_connections", params(PageQuery),
    responses((status = 200, description = "A page, oldest first", body = Listing<ConnectionView>)))]
#[get("/connections")]
pub(crate) async fn list(who: Authorized<ConnectionsRead>, query: Query<PageQuery>) -> Result<HttpResponse> {
    let page = connections::list(&who.ctx, query.0.page()?).await?;
    let mut warnings = connections::warnings(&who.ctx, &page.items).await?;
    let view = |connection: Connection| {
        let own = warnings.remove(&connection.id).unwrap_or_default();
        ConnectionView::with(connection, own)
    };
    Ok(Listing::of(page, view, |connection| connection.id.to_string()))
}

/// Read a connection
#[utoipa::path(tag = "connections", operation_id = "get_connection",
    params(("id" = String, Path, description = "The connection")),
    responses((status = 200, description = "The connection", body = ConnectionView)))]
#[get("/connections/{id}")]
pub(crate) async fn read(who: Authorized<ConnectionsRead>, id: PathId<ConnectionId>) -> Result<HttpResponse> {
    let connection = connections::get(&who.ctx, id.0).await?;
    Ok(answer::versioned(connection.version, &ConnectionView::of(&who.ctx, connection).await?))
}

/// Change a connection
///
/// Renames it or replaces its config. The credential has a route of its own. A config that names another origin makes a new
/// version of the credential: the connection is unchecked again, and nothing that the old origin gave goes to the new one.
#[utoipa::path(tag = "connections", operation_id = "update_connection",
    params(("id" = String, Path, description = "The connection")), request_body = ConnectionUpdate,
    responses((status = 200, description = "The changed connection", body = ConnectionView)))]
#[patch("/connections/{id}")]
pub(crate) async fn update(
    who: Authorized<ConnectionsWrite>,
    id: PathId<ConnectionId>,
    seen: IfMatch,
    body: Body<ConnectionUpdate>,
) -> Result<HttpResponse> {
    let ConnectionUpdate { name, config } = body.value;
    let connection = connections::update(&who.ctx, id.0, seen.0, ConnectionPatch { name, config }).await?;
    Ok(answer::versioned(connection.version, &ConnectionView::of(&who.ctx, connection).await?))
}

/// Delete a connection
///
/// With its credentials, attributes, syncs and records. Events stay. A token that the vendor takes back is given back; a vendor that does not
/// answer keeps no connection from being deleted.
#[utoipa::path(tag = "connections", operation_id = "delete_connection",
    params(("id" = String, Path, description = "The connection")), responses((status = 204, description = "Deleted")))]
#[delete("/connections/{id}")]
pub(crate) async fn remove(
    who: Authorized<ConnectionsWrite>,
    id: PathId<ConnectionId>,
    seen: IfMatch,
) -> Result<HttpResponse> {
    connections::delete(&who.ctx, id.0, seen.0).await?;
    Ok(answer::nothing())
}
