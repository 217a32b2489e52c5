//! The audit log: who did what to which object. Written in the transaction of the change itself, so that neither is ever
//! there without the other. Never secrets, names or values of people.

use gangway_domain::{
    id::{AuditId, PLATFORM_TENANT, RequestId, TenantId},
    principal::{Principal, Scope},
};
use gangway_storage::{Page, PageRequest, SystemTx, TenantTx, audit::AuditEntry};
use serde_json::Value;

use crate::{App, Ctx, OperatorCtx, Result};

/// Notes what the principal does to an object (`connection.create`, `con_…`).
pub async fn record(ctx: &Ctx, tx: &TenantTx, action: &str, object: &str, detail: impl Into<Value>) -> Result<()> {
    let entry = entry(ctx.app(), ctx.principal(), action, object, detail.into(), ctx.request());
    Ok(tx.audit().create(&entry).await?)
}

/// Notes what an operator does to an object of a tenant, or of the platform (`key.create`).
pub(crate) async fn record_operator(
    ctx: &OperatorCtx,
    tx: &SystemTx,
    tenant: TenantId,
    action: &str,
    object: &str,
) -> Result<()> {
    let entry = entry(ctx.app(), ctx.principal(), action, object, Value::Null, ctx.request());
    Ok(tx.audit().create(tenant, &entry).await?)
}

/// Notes what a job of the platform does to an object of any tenant (`data-key.rotate`).
pub(crate) async fn record_platform(
    ctx: &Ctx,
    tx: &SystemTx,
    tenant: TenantId,
    action: &str,
    object: &str,
) -> Result<()> {
    debug_assert_eq!(ctx.tenant(), PLATFORM_TENANT, "a tenant's principal writes to its own log only");
    let entry = entry(ctx.app(), ctx.principal(), action, object, Value::Null, None);
    Ok(tx.audit().create(tenant, &entry).await?)
}

/// Notes that an operator acted within the tenant, whatever came of it.
pub async fn record_operator_access(ctx: &Ctx, method: &str, route: &str) -> Result<()> {
    debug_assert_ne!(ctx.tenant(), PLATFORM_TENANT, "nobody acts in the platform tenant");
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    record(ctx, &tx, "operator.act", &ctx.tenant().to_string(), format!("{method} {route}")).await?;
    tx.commit().await?;
    Ok(())
}

/// The log, oldest entry first.
pub async fn list(ctx: &Ctx, page: PageRequest<AuditId>) -> Result<Page<AuditEntry>> {
    ctx.require(Scope::KeysWrite)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let entries = tx.audit().list(page).await?;
    tx.commit().await?;
    Ok(entries)
}

fn entry(
    app: &App,
    principal: Principal,
    action: &str,
    object: &str,
    detail: Value,
    request: Option<RequestId>,
) -> AuditEntry {
    AuditEntry {
        id: app.new_id(),
        principal: principal.label(),
        action: action.to_owned(),
        object: object.to_owned(),
        detail,
        request,
        at: app.now(),
    }
}
