//! `/v1/tenants`: operators onboard their customers.

use actix_web::{HttpResponse, get, patch, post};
use chrono::{DateTime, Utc};
use gangway_app::tenants::{self, NewTenant, TenantPatch};
use gangway_domain::{
    id::TenantId,
    tenant::{Tenant, TenantState},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{AuthorizedOperator, Body, IdempotencyKey, IfMatch, PageQuery, PathId, Query, TenantsWrite},
    idempotent::{self, Created},
    problem::Result,
};

/// A customer of the operator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(crate) struct TenantView {
    /// Identity.
    #[schema(example = "ten_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    /// Display name, unique.
    #[schema(example = "Acme")]
    name: String,
    /// IANA zone in which its calendar dates are meant.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// `suspended`: its keys are refused and its syncs rest.
    #[schema(value_type = TenantStateView)]
    state: TenantState,
    /// Raised at every change; the `ETag` is `"v<version>"`.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Whether a tenant's work runs.
#[derive(ToSchema)]
#[schema(as = TenantState, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum TenantStateView {
    Active,
    Suspended,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        let Tenant { id, name, time_zone, state, version, created_at, updated_at } = tenant;
        Self {
            id: id.to_string(),
            name,
            time_zone: time_zone.name().to_owned(),
            state,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A new tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantCreate {
    /// Display name, unique.
    #[schema(min_length = 1, max_length = 200, example = "Acme")]
    name: String,
    /// IANA zone; UTC when left out.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
}

/// What changes; members left out stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantUpdate {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    time_zone: Option<String>,
    #[schema(value_type = Option<TenantStateView>)]
    state: Option<TenantState>,
}

/// Create a tenant
///
/// Onboards a customer. Next: make a key for it with `POST /v1/keys` and `Gangway-Tenant`.
#[utoipa::path(tag = "tenants", operation_id = "create_tenant", request_body = TenantCreate,
    responses((status = 201, description = "Created", body = TenantView)))]
#[post("/tenants")]
pub(crate) async fn create(
    who: AuthorizedOperator<TenantsWrite>,
    key: IdempotencyKey,
    body: Body<TenantCreate>,
) -> Result<HttpResponse> {
    let TenantCreate { name, time_zone } = body.value;
    idempotent::once(
        who.ctx,
        "POST /v1/tenants",
        key,
        &body.canonical,
        async move |ctx| created(tenants::create(&ctx, NewTenant { name, time_zone }).await?),
        async |ctx, id| created(tenants::get(&ctx, id).await?),
    )
    .await
}

fn created(tenant: Tenant) -> Result<Created> {
    let view = TenantView::from(tenant);
    Created::at(format!("/v1/tenants/{}", view.id), Some(view.version), &view)
}

/// List tenants
#[utoipa::path(tag = "tenants", operation_id = "list_tenants", params(PageQuery),
    responses((status = 200, description = "A page, oldest first", body = Listing<TenantView>)))]
#[get("/tenants")]
pub(crate) async fn list(who: AuthorizedOperator<TenantsWrite>, query: Query<PageQuery>) -> Result<HttpResponse> {
    let page = tenants::list(&who.ctx, query.0.page()?).await?;
    Ok(Listing::of(page, TenantView::from, |tenant| tenant.id.to_string()))
}

/// Read a tenant
#[utoipa::path(tag = "tenants", operation_id = "get_tenant", params(("id" = String, Path, description = "The tenant")),
    responses((status = 200, description = "The tenant", body = TenantView)))]
#[get("/tenants/{id}")]
pub(crate) async fn read(who: AuthorizedOperator<TenantsWrite>, id: PathId<TenantId>) -> Result<HttpResponse> {
    let tenant = tenants::get(&who.ctx, id.0).await?;
    Ok(answer::versioned(tenant.version, &TenantView::from(tenant)))
}

/// Change a tenant
///
/// Rename it, move its zone, suspend it or take it up again.
#[utoipa::path(tag = "tenants", operation_id = "update_tenant", params(("id" = String, Path, description = "The tenant")),
    request_body = TenantUpdate, responses((status = 200, description = "The changed tenant", body = TenantView)))]
#[patch("/tenants/{id}")]
pub(crate) async fn update(
    who: AuthorizedOperator<TenantsWrite>,
    id: PathId<TenantId>,
    seen: IfMatch,
    body: Body<TenantUpdate>,
) -> Result<HttpResponse> {
    let TenantUpdate { name, time_zone, state } = body.value;
    let tenant = tenants::update(&who.ctx, id.0, seen.0, TenantPatch { name, time_zone, state }).await?;
    Ok(answer::versioned(tenant.version, &TenantView::from(tenant)))
}
