//! `GET /v1/connections/{id}/proxy`: readings that Gangway has no model of.

use actix_web::{HttpResponse, get};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use gangway_app::connections::{self, Passed};
use gangway_domain::id::ConnectionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer,
    extract::{Authorized, FromParams, Params, PathId, ProxyRead, Query},
    problem::Result,
};

/// A path that every connector of today passes through.
pub(crate) const EXAMPLE: &str = "/v1/company/employees?limit=10&offset=0";

/// What the vendor answered. Its status says how the vendor took it; ours is 200 as soon as there is an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProxyAnswer)]
pub(crate) struct ProxyView {
    /// The vendor's status.
    status: u16,
    /// What the vendor calls the body.
    #[schema(required, example = "application/json")]
    content_type: Option<String>,
    /// How `body` is written.
    encoding: Encoding,
    /// The body, byte for byte: a text, or in base64 when it is none.
    body: String,
}

/// How a body is written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    /// As it is.
    Utf8,
    /// RFC 4648, with padding.
    Base64,
}

impl From<Passed> for ProxyView {
    fn from(passed: Passed) -> Self {
        let Passed { status, content_type, body, .. } = passed;
        let (encoding, body) = match std::str::from_utf8(&body) {
            Ok(text) => (Encoding::Utf8, text.to_owned()),
            Err(_) => (Encoding::Base64, BASE64.encode(&body)),
        };
        Self { status, content_type, encoding, body }
    }
}

/// What to read.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProxyParams {
    /// Path at the vendor with its query, as the vendor's documentation writes it, whole in one parameter (so its own `?` and `&` are
    /// percent-encoded here). The connector lists under `proxy` which paths and parameters are passed through.
    #[param(required, value_type = String, example = json!(EXAMPLE))]
    path: Option<String>,
}

impl FromParams for ProxyParams {
    fn from_params(params: &mut Params) -> Self {
        Self { path: params.required("path") }
    }
}

/// Read through to the vendor
///
/// Sends a GET with the connection's credential and within its budget, and gives back the vendor's status, the type of the body, and the
/// body; never the vendor's headers, and no header of yours is sent on. Needs the scopes `proxy:read` and `sensitive:read`, since the answer
/// can hold whatever the credential may read. Noted in the audit log. To write, use flows.
#[utoipa::path(tag = "connections", operation_id = "read_through",
    params(("id" = String, Path, description = "The connection"), ProxyParams),
    responses((status = 200, description = "What the vendor answered", body = ProxyView)))]
#[get("/connections/{id}/proxy")]
pub(crate) async fn proxy(
    who: Authorized<ProxyRead>,
    id: PathId<ConnectionId>,
    query: Query<ProxyParams>,
) -> Result<HttpResponse> {
    let path = query.0.path.unwrap_or_default();
    Ok(answer::plain(&ProxyView::from(connections::proxy(&who.ctx, id.0, &path).await?)))
}
