//! `PUT /v1/connections/{id}/credential`.

use actix_web::{HttpResponse, put};
use gangway_app::connections;
use gangway_domain::id::ConnectionId;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::ConnectionView;
use crate::{
    answer,
    extract::{Authorized, Body, ConnectionsWrite, IfMatch, PathId},
    problem::Result,
};

/// A credential, by the connector's `credential_schema`. Holds a secret, so it has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = Credential, value_type = Object, example = json!({"client_id": "…", "client_secret": "…"}))]
pub(crate) struct CredentialPut(Map<String, Value>);

/// Replace the credential
///
/// Stores a new version, sealed; the next call to the vendor uses it. It is never answered again.
#[utoipa::path(tag = "connections", operation_id = "put_credential",
    params(("id" = String, Path, description = "The connection")), request_body = CredentialPut,
    responses((status = 200, description = "The connection, unchecked", body = ConnectionView)))]
#[put("/connections/{id}/credential")]
pub(crate) async fn put(
    who: Authorized<ConnectionsWrite>,
    id: PathId<ConnectionId>,
    seen: IfMatch,
    body: Body<CredentialPut>,
) -> Result<HttpResponse> {
    let secret = SecretString::from(Value::Object(body.value.0).to_string());
    let connection = connections::put_credential(&who.ctx, id.0, seen.0, secret).await?;
    Ok(answer::versioned(connection.version, &ConnectionView::of(&who.ctx, connection).await?))
}
