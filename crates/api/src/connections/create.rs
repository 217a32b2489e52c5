//! `POST /v1/connections`.

use actix_web::{HttpResponse, post};
use gangway_app::connections::{self, NewConnection};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ConnectionView;
use crate::{
    extract::{Authorized, Body, ConnectionsWrite, IdempotencyKey},
    idempotent::{self, Created},
    problem::Result,
};

/// A new connection. Holds a secret, so it has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "connector": "personio", "name": "Personio", "config": {}, "credential": {"client_id": "…", "client_secret": "…"}
}))]
pub(crate) struct ConnectionCreate {
    /// Which connector; `GET /v1/connectors` lists them.
    #[schema(example = "personio")]
    connector: String,
    /// Display name, unique in the tenant.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// By the connector's `config_schema`; `base_url` has at most 2,048 characters.
    #[serde(default = "empty")]
    #[schema(value_type = Object, required = false)]
    config: Value,
    /// By the connector's `credential_schema`. Stored sealed; never answered again.
    #[schema(value_type = Object, write_only)]
    credential: Value,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Connect a vendor account
///
/// Stores config and credential; sends nothing yet. Next: `POST /v1/connections/{id}/check`.
#[utoipa::path(tag = "connections", operation_id = "create_connection", request_body = ConnectionCreate,
    responses((status = 201, description = "Created", body = ConnectionView)))]
#[post("/connections")]
pub(crate) async fn create(
    who: Authorized<ConnectionsWrite>,
    key: IdempotencyKey,
    body: Body<ConnectionCreate>,
) -> Result<HttpResponse> {
    let ConnectionCreate { connector, name, config, credential } = body.value;
    let new = NewConnection { connector, name, config, credential: SecretString::from(credential.to_string()) };
    idempotent::once(
        who.ctx,
        "POST /v1/connections",
        key,
        &body.canonical,
        // A new one has nothing to warn of.
        async move |ctx| created(&ConnectionView::with(connections::create(&ctx, new).await?, Vec::new())),
        async |ctx, id| created(&ConnectionView::of(&ctx, connections::get(&ctx, id).await?).await?),
    )
    .await
}

fn created(view: &ConnectionView) -> Result<Created> {
    Created::at(format!("/v1/connections/{}", view.id), Some(view.version), view)
}
