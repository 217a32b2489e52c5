//! Tenants: create with a data key of their own, list, read, change.

use chrono_tz::Tz;
use gangway_domain::{
    Code,
    id::TenantId,
    principal::Scope,
    tenant::{Tenant, TenantState},
};
use gangway_storage::{self as storage, Page, PageRequest, SystemReason};

use crate::{
    Error, FieldError, OperatorCtx, Result, audit, idempotency,
    jobs::{self, ResumeJobs},
    names, syncs,
};

/// What a new tenant needs.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Display name, unique for the operator; 1–200 characters.
    pub name: String,
    /// IANA name of its zone (`Europe/Berlin`); UTC when left out.
    pub time_zone: Option<String>,
}

/// What may change.
#[derive(Debug, Clone, Default)]
pub struct TenantPatch {
    /// New name.
    pub name: Option<String>,
    /// New zone.
    pub time_zone: Option<String>,
    /// New state.
    pub state: Option<TenantState>,
}

/// Creates a tenant with its first data key.
pub async fn create(ctx: &OperatorCtx, new: NewTenant) -> Result<Tenant> {
    ctx.require(Scope::TenantsWrite)?;
    let mut problems = Vec::new();
    let name = names::check(&new.name).map_err(|problem| problems.push(problem)).ok();
    let time_zone = check_time_zone(new.time_zone.as_deref().unwrap_or("UTC"), &mut problems);
    let (Some(name), Some(time_zone)) = (name, time_zone) else { return Err(Error::invalid_fields(problems)) };

    let app = ctx.app();
    let now = app.now();
    let tenant = Tenant {
        id: app.new_id(),
        name,
        time_zone,
        state: TenantState::Active,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let data_key = app.keys.create(app, tenant.id);
    let tx = app.db.begin_system(SystemReason::ManageTenants).await?;
    tx.tenants().create(&tenant).await.map_err(|error| name_taken(error, &tenant.name))?;
    tx.data_keys().create(tenant.id, data_key, now).await?;
    audit::record_operator(ctx, &tx, tenant.id, "tenant.create", &tenant.id.to_string()).await?;
    idempotency::made_by_operator(ctx, &tx, &tenant.id).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// The tenant.
///
/// # Errors
/// `object.not-found`.
pub async fn get(ctx: &OperatorCtx, id: TenantId) -> Result<Tenant> {
    ctx.require(Scope::TenantsWrite)?;
    let tx = ctx.app().db.begin_system(SystemReason::ListTenants).await?;
    let tenant = tx.tenants().find(id).await?;
    tx.commit().await?;
    tenant.ok_or_else(|| Error::not_found("tenant"))
}

/// Tenants in creation order.
pub async fn list(ctx: &OperatorCtx, page: PageRequest<TenantId>) -> Result<Page<Tenant>> {
    ctx.require(Scope::TenantsWrite)?;
    let tx = ctx.app().db.begin_system(SystemReason::ListTenants).await?;
    let tenants = tx.tenants().list(page).await?;
    tx.commit().await?;
    Ok(tenants)
}

/// Changes a tenant; `if_version` is the version the caller has seen. What says nothing new changes nothing, not the version
/// either. A new zone moves the next times of cron schedules.
pub async fn update(ctx: &OperatorCtx, id: TenantId, if_version: Option<i64>, patch: TenantPatch) -> Result<Tenant> {
    ctx.require(Scope::TenantsWrite)?;
    let TenantPatch { name, time_zone, state } = patch;
    let mut problems = Vec::new();
    let name = name.and_then(|name| names::check(&name).map_err(|problem| problems.push(problem)).ok());
    let time_zone = time_zone.and_then(|zone| check_time_zone(&zone, &mut problems));
    if !problems.is_empty() {
        return Err(Error::invalid_fields(problems));
    }

    let app = ctx.app();
    let tx = app.db.begin_system(SystemReason::ManageTenants).await?;
    let before = tx.tenants().find_for_update(id).await?.ok_or_else(|| Error::not_found("tenant"))?;
    if if_version.is_some_and(|version| version != before.version) {
        return Err(storage::Error::Stale.into());
    }
    let mut tenant = before.clone();
    tenant.name = name.unwrap_or(tenant.name);
    tenant.time_zone = time_zone.unwrap_or(tenant.time_zone);
    tenant.state = state.unwrap_or(tenant.state);
    if tenant == before {
        return Ok(before);
    }
    tenant.version += 1;
    tenant.updated_at = app.now();
    tx.tenants().update(&tenant).await.map_err(|error| name_taken(error, &tenant.name))?;
    if before.state == TenantState::Suspended && tenant.state == TenantState::Active {
        jobs::enqueue_platform(app, &tx, &ResumeJobs { tenant: id }).await?;
    }
    if tenant.time_zone != before.time_zone {
        syncs::move_to_zone(app, &tx, id, tenant.time_zone).await?;
    }
    audit::record_operator(ctx, &tx, tenant.id, "tenant.update", &tenant.id.to_string()).await?;
    tx.commit().await?;
    Ok(tenant)
}

fn check_time_zone(zone: &str, problems: &mut Vec<FieldError>) -> Option<Tz> {
    let parsed = zone.parse().ok();
    if parsed.is_none() {
        let message = "must be an IANA time zone such as Europe/Berlin".to_owned();
        problems.push(FieldError { pointer: "/time_zone".to_owned(), message });
    }
    parsed
}

fn name_taken(error: storage::Error, name: &str) -> Error {
    match error {
        storage::Error::Taken => {
            Error::new(Code::NameTaken, format!("There is a tenant named `{name}` already; choose another name."))
        }
        other => other.into(),
    }
}
