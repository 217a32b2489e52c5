//! `/v1/connectors`: what can be connected, and what each connector needs.

use actix_web::{HttpResponse, get};
use gangway_app::connectors;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{ConnectionsRead, PathText, Permitted},
    problem::Result,
};

/// A connector's description of itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connector)]
pub(crate) struct ConnectorView {
    /// Stable id.
    #[schema(example = "personio")]
    id: String,
    display_name: String,
    /// The vendor's own API documentation.
    #[schema(format = "uri")]
    documentation_url: String,
    /// JSON Schema of a connection's `config`.
    #[schema(value_type = Object)]
    config_schema: Value,
    /// JSON Schema of a connection's `credential`; each description says where the value is found.
    #[schema(value_type = Object)]
    credential_schema: Value,
    /// Where a credential may be sent.
    origins: Vec<String>,
    /// What can be read, and what each stream needs.
    #[schema(value_type = Vec<Object>)]
    streams: Value,
    /// What `GET /v1/connections/{id}/proxy` passes through: `template`, the parameters of its `query`, what it `reads`, and what must be
    /// permitted at the vendor.
    #[schema(value_type = Vec<Object>)]
    proxy: Value,
    /// How often the vendor may be asked.
    #[schema(value_type = Object)]
    limits: Value,
    /// What an admin should know.
    notes: Vec<String>,
}

impl TryFrom<connectors::Manifest> for ConnectorView {
    type Error = gangway_app::Error;

    fn try_from(manifest: connectors::Manifest) -> std::result::Result<Self, Self::Error> {
        let value = |value: serde_json::Result<Value>| value.map_err(gangway_app::Error::internal);
        Ok(Self {
            id: manifest.id.to_owned(),
            display_name: manifest.display_name.to_owned(),
            documentation_url: manifest.documentation_url.to_owned(),
            streams: value(serde_json::to_value(&manifest.streams))?,
            proxy: value(serde_json::to_value(&manifest.proxy))?,
            limits: value(serde_json::to_value(&manifest.limits))?,
            notes: manifest.notes.iter().map(|note| (*note).to_owned()).collect(),
            config_schema: manifest.config_schema,
            credential_schema: manifest.credential_schema,
            origins: manifest.origins,
        })
    }
}

/// List connectors
#[utoipa::path(tag = "connectors", operation_id = "list_connectors",
    responses((status = 200, description = "Every connector", body = Listing<ConnectorView>)))]
#[get("/connectors")]
pub(crate) async fn list(who: Permitted<ConnectionsRead>) -> Result<HttpResponse> {
    let views: std::result::Result<Vec<_>, _> =
        connectors::list(&who.app).into_iter().map(ConnectorView::try_from).collect();
    Ok(Listing::whole(views?))
}

/// Read a connector
#[utoipa::path(tag = "connectors", operation_id = "get_connector",
    params(("id" = String, Path, description = "The connector", example = "personio")),
    responses((status = 200, description = "The connector", body = ConnectorView)))]
#[get("/connectors/{id}")]
pub(crate) async fn read(who: Permitted<ConnectionsRead>, id: PathText) -> Result<HttpResponse> {
    Ok(answer::plain(&ConnectorView::try_from(connectors::get(&who.app, &id.0)?)?))
}
