//! `POST /v1/connections/{id}/discover`.

use actix_web::{HttpResponse, post};
use gangway_app::connections::{self, Discovered};
use gangway_domain::{id::ConnectionId, schema::DiscoveryMethod};
use serde::Serialize;
use utoipa::ToSchema;

use super::ConnectionView;
use crate::{
    answer,
    extract::{Authorized, ConnectionsWrite, PathId},
    problem::Result,
};

/// What a discovery found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Discovery)]
pub(crate) struct DiscoveryView {
    /// `listed`: the vendor's own list; `union_of_keys`: seen on records, because the list is forbidden or absent.
    #[schema(value_type = DiscoveryMethodView)]
    method: DiscoveryMethod,
    /// How many attributes the account shows.
    n_attributes: usize,
    /// Keys not seen before.
    added: Vec<String>,
    /// Keys no longer shown.
    removed: Vec<String>,
    /// Full runs that were started, because the change needs records to be read again.
    runs: Vec<String>,
    /// The connection with its new `discovered_at`.
    connection: ConnectionView,
}

/// How attributes were found.
#[derive(ToSchema)]
#[schema(as = DiscoveryMethod, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum DiscoveryMethodView {
    Listed,
    UnionOfKeys,
}

/// Discover attributes
///
/// Asks the vendor which fields this account offers, and classes them. Read them with
/// `GET /v1/connections/{id}/attributes`.
#[utoipa::path(tag = "connections", operation_id = "discover_attributes",
    params(("id" = String, Path, description = "The connection")),
    responses((status = 200, description = "What was found", body = DiscoveryView)))]
#[post("/connections/{id}/discover")]
pub(crate) async fn discover(who: Authorized<ConnectionsWrite>, id: PathId<ConnectionId>) -> Result<HttpResponse> {
    let Discovered { connection, method, n_attributes, added, removed, runs } =
        connections::discover(&who.ctx, id.0).await?;
    let runs = runs.iter().map(ToString::to_string).collect();
    let connection = ConnectionView::of(&who.ctx, connection).await?;
    Ok(answer::plain(&DiscoveryView { method, n_attributes, added, removed, runs, connection }))
}
