//! `/v1/keys`: a tenant's API keys. A key's text is answered once, when it is made.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use gangway_app::keys::{self, NewKey};
use gangway_domain::{
    id::KeyId,
    principal::{ApiKey, Scope},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{Authorized, Body, IdempotencyKey, KeysWrite, PageQuery, PathId, Query, moment_or_null},
    idempotent::{self, Created},
    problem::Result,
};

/// What a key may do.
#[derive(ToSchema)]
#[schema(as = Scope)]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum ScopeView {
    #[schema(rename = "tenants:write")]
    TenantsWrite,
    #[schema(rename = "audit:read")]
    AuditRead,
    #[schema(rename = "proxy:read")]
    ProxyRead,
    #[schema(rename = "keys:write")]
    KeysWrite,
    #[schema(rename = "connections:read")]
    ConnectionsRead,
    #[schema(rename = "connections:write")]
    ConnectionsWrite,
    #[schema(rename = "records:read")]
    RecordsRead,
    #[schema(rename = "sensitive:read")]
    SensitiveRead,
}

/// An API key, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyView {
    /// Identity.
    #[schema(example = "key_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<ScopeView>)]
    scopes: Vec<Scope>,
    created_at: DateTime<Utc>,
    /// From when on it is refused.
    expires_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    revoked_at: Option<DateTime<Utc>>,
}

/// A new API key, the only time with its text.
#[derive(Debug, ToSchema)]
#[schema(as = KeyWithText)]
#[expect(dead_code, reason = "describes the answer; the text is added to the view and never stored")]
pub(crate) struct KeyWithTextView {
    #[schema(example = "key_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    name: String,
    #[schema(value_type = Vec<ScopeView>)]
    scopes: Vec<Scope>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// Send it as `Authorization: Bearer …`. Keep it now: it is left out when an idempotent request is repeated.
    #[schema(required = false, nullable = false, example = "gwt_…")]
    key: Option<String>,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, kind: _, tenant: _, name, scopes, created_at, expires_at, revoked_at } = key;
        Self { id: id.to_string(), name, scopes: scopes.into_iter().collect(), created_at, expires_at, revoked_at }
    }
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyCreate {
    /// Display name.
    #[schema(min_length = 1, max_length = 200, example = "Data warehouse")]
    name: String,
    /// What it may do: only what the key that makes it may do itself; an operator may also grant `sensitive:read`. All of that
    /// but `sensitive:read` when left out.
    #[schema(value_type = Option<Vec<ScopeView>>)]
    scopes: Option<BTreeSet<Scope>>,
    /// From when on it is refused; when left out, never, or as the key that makes it. Not later than that.
    #[serde(default, deserialize_with = "moment_or_null")]
    expires_at: Option<DateTime<Utc>>,
}

/// Create a key
///
/// With an operator's key and `Gangway-Tenant` it makes the tenant's first key. The text is answered only here.
#[utoipa::path(tag = "keys", operation_id = "create_key", request_body = KeyCreate,
    responses((status = 201, description = "Created", body = KeyWithTextView)))]
#[post("/keys")]
pub(crate) async fn create(
    who: Authorized<KeysWrite>,
    key: IdempotencyKey,
    body: Body<KeyCreate>,
) -> Result<HttpResponse> {
    let KeyCreate { name, scopes, expires_at } = body.value;
    idempotent::once(
        who.ctx,
        "POST /v1/keys",
        key,
        &body.canonical,
        async move |ctx| {
            let (key, text) = keys::create(&ctx, NewKey { name, scopes, expires_at }).await?;
            Ok(created(key)?.with_secret("key", text.expose_secret().to_owned()))
        },
        async |ctx, id| created(keys::get(&ctx, id).await?),
    )
    .await
}

fn created(key: ApiKey) -> Result<Created> {
    let view = KeyView::from(key);
    Created::at(format!("/v1/keys/{}", view.id), None, &view)
}

/// List keys
#[utoipa::path(tag = "keys", operation_id = "list_keys", params(PageQuery),
    responses((status = 200, description = "A page, oldest first; revoked keys too", body = Listing<KeyView>)))]
#[get("/keys")]
pub(crate) async fn list(who: Authorized<KeysWrite>, query: Query<PageQuery>) -> Result<HttpResponse> {
    let page = keys::list(&who.ctx, query.0.page()?).await?;
    Ok(Listing::of(page, KeyView::from, |key| key.id.to_string()))
}

/// Read a key
#[utoipa::path(tag = "keys", operation_id = "get_key", params(("id" = String, Path, description = "The key")),
    responses((status = 200, description = "The key, revoked or not", body = KeyView)))]
#[get("/keys/{id}")]
pub(crate) async fn read(who: Authorized<KeysWrite>, id: PathId<KeyId>) -> Result<HttpResponse> {
    Ok(answer::plain(&KeyView::from(keys::get(&who.ctx, id.0).await?)))
}

/// Revoke a key
///
/// It stops working at once. Revoking it again changes nothing.
#[utoipa::path(tag = "keys", operation_id = "revoke_key", params(("id" = String, Path, description = "The key")),
    responses((status = 204, description = "Revoked")))]
#[delete("/keys/{id}")]
pub(crate) async fn revoke(who: Authorized<KeysWrite>, id: PathId<KeyId>) -> Result<HttpResponse> {
    keys::revoke(&who.ctx, id.0).await?;
    Ok(answer::nothing())
}
