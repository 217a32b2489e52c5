//! The audit log: who did what to which object. Written in the transaction of the change itself, so that neither is ever
//! there without the other. Never secrets, names or values of people.

mod chain;
mod verify;

use gangway_domain::{
    id::{PLATFORM_TENANT, RequestId, TenantId},
    principal::{Principal, Scope},
};
use gangway_storage::{
    PageRequest, SystemTx, TenantTx,
    audit::{Section, StoredEntry},
};
use serde_json::{Value, json};

pub(crate) use self::chain::hex;
pub use self::{
    chain::{Progress, chain, lag, start_chaining},
    verify::{Broken, MOST, Place, Question, Reason, Verdict, verify, verify_all},
};
pub use gangway_storage::audit::{AuditCursor, AuditEntry, AuditFilter};

use crate::{App, Ctx, OperatorCtx, Result};

/// An entry with its place in the chain, once it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its place and link.
    pub place: Option<Place>,
    /// The entry.
    pub entry: AuditEntry,
}

/// A part of the log.
#[derive(Debug, Clone)]
pub struct Log {
    /// The entries.
    pub items: Vec<Listed>,
    /// From where on entries follow; none when none do.
    pub next: Option<AuditCursor>,
}

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
    record(ctx, &tx, "operator.act", &ctx.tenant().to_string(), json!({ "route": format!("{method} {route}") }))
        .await?;
    tx.commit().await?;
    Ok(())
}

/// A context that reads the installation's own log: what operators do to each other's keys and what jobs of the platform do.
pub fn platform(ctx: &OperatorCtx) -> Result<Ctx> {
    ctx.require(Scope::AuditRead)?;
    let app = ctx.app();
    Ok(Ctx::new(app.clone(), ctx.principal(), app.db.operator_scope(), vec![Scope::AuditRead]))
}

/// The log in the order of its chain, from a place in it on; then entries that have no place yet.
pub async fn list(ctx: &Ctx, filter: &AuditFilter, page: PageRequest<AuditCursor>) -> Result<Log> {
    ctx.require(Scope::AuditRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let Section { entries, next } = tx.audit().list(filter, page).await?;
    tx.commit().await?;
    let listed = |stored| {
        let StoredEntry { sequence, link, entry } = stored;
        let place = sequence.map(|sequence| Place { sequence, link: hex(&link.unwrap_or_default()) });
        Listed { place, entry }
    };
    Ok(Log { items: entries.into_iter().map(listed).collect(), next })
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
