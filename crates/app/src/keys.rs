//! API keys: make, read, list, revoke, and recognise the one that a request carries.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use gangway_domain::{
    Code,
    id::{KeyId, PLATFORM_TENANT, TenantId},
    principal::{ApiKey, KeyKind, Principal, Scope},
    tenant::TenantState,
};
use gangway_storage::{Page, PageRequest, SystemReason};
use gangway_vault::api_key::{self, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{App, Ctx, Error, FieldError, OperatorCtx, Result, audit, idempotency, names};

/// What a new key needs.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Display name, 1–200 characters.
    pub name: String,
    /// What it may do; the kind's defaults when left out.
    pub scopes: Option<BTreeSet<Scope>>,
    /// From when on it is refused; when left out, as the key that makes it.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What the maker of a key can pass on.
struct Maker<F> {
    /// Whether it can pass on a scope that was asked for by name.
    grants: F,
    /// What it passes on when nothing is asked.
    defaults: BTreeSet<Scope>,
    /// When it ends itself.
    expires_at: Option<DateTime<Utc>>,
}

/// Who a key turned out to be.
#[derive(Debug, Clone)]
pub enum Authenticated {
    /// An operator.
    Operator(OperatorCtx),
    /// Somebody of a tenant.
    Tenant(Ctx),
}

/// What a key's text is known by: nothing can be done with it.
pub type Fingerprint = [u8; 32];

/// The fingerprint of a key's text, whether or not there is such a key.
///
/// # Errors
/// `key.invalid` when the text can be no key.
pub fn fingerprint(text: &str) -> Result<Fingerprint> {
    let parsed = api_key::parse(text).map_err(|error| Error::new(Code::KeyInvalid, error.to_string()))?;
    Ok(api_key::hash(&parsed))
}

/// Recognises a key's text. The key is looked up at each call, so a revoked one stops working at once.
///
/// # Errors
/// `key.invalid` for unknown, mistyped, expired and revoked keys, which are not told apart but for a typing mistake;
/// `tenant.suspended`.
pub async fn authenticate(app: &App, text: &str) -> Result<Authenticated> {
    let fingerprint = fingerprint(text)?;
    let refused = || Error::new(Code::KeyInvalid, "The API key is unknown, expired or revoked. Make a new one.");
    let holder = app.db.authenticate(&fingerprint).await?.ok_or_else(refused)?;
    let key = holder.key();
    if key.revoked_at.is_some() || key.expires_at.is_some_and(|at| at <= app.now()) {
        return Err(refused());
    }
    let principal = Principal::Key(key.id);
    let permissions: Vec<Scope> = key.scopes.iter().copied().collect();
    let Some(scope) = holder.scope() else {
        return Ok(Authenticated::Operator(
            OperatorCtx::new(app.clone(), principal, permissions).with_expiry(key.expires_at),
        ));
    };
    match holder.tenant_state() {
        TenantState::Active => {
            Ok(Authenticated::Tenant(Ctx::new(app.clone(), principal, scope, permissions).with_expiry(key.expires_at)))
        }
        TenantState::Suspended => {
            Err(Error::new(Code::TenantSuspended, "The tenant is suspended; ask the operator to resume it."))
        }
    }
}

/// Makes a key of the tenant. Its text is answered once and never again.
///
/// A tenant's key passes on what it holds. An operator may also grant `sensitive:read`, by name, which no tenant could come by
/// otherwise.
///
/// # Errors
/// `request.invalid` for a bad name, an expiry that is past or later than the caller's own, or scopes that the caller cannot
/// pass on.
pub async fn create(ctx: &Ctx, new: NewKey) -> Result<(ApiKey, SecretString)> {
    ctx.require(Scope::KeysWrite)?;
    let app = ctx.app();
    let maker = Maker {
        grants: |scope| ctx.may(scope) || (ctx.is_operator() && scope.is_guarded()),
        defaults: Scope::defaults(KeyKind::Tenant).into_iter().filter(|scope| ctx.may(*scope)).collect(),
        expires_at: ctx.expires_at(),
    };
    let key = check(app, KeyKind::Tenant, ctx.tenant(), new, maker)?;
    let (text, hash) = generate(KeyKind::Tenant)?;
    let tx = app.db.begin(ctx.scope()).await?;
    tx.keys().create(&key, &hash).await?;
    audit::record(ctx, &tx, "key.create", &key.id.to_string(), json!({ "scopes": key.scopes })).await?;
    idempotency::made(ctx, &tx, &key.id).await?;
    tx.commit().await?;
    Ok((key, text))
}

/// The tenant's keys in creation order, revoked ones too.
pub async fn list(ctx: &Ctx, page: PageRequest<KeyId>) -> Result<Page<ApiKey>> {
    ctx.require(Scope::KeysWrite)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let keys = tx.keys().list(page).await?;
    tx.commit().await?;
    Ok(keys)
}

/// A key of the tenant, also one that was revoked.
///
/// # Errors
/// `object.not-found`.
pub async fn get(ctx: &Ctx, id: KeyId) -> Result<ApiKey> {
    ctx.require(Scope::KeysWrite)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let key = tx.keys().find(id).await?.ok_or_else(|| Error::not_found("key"))?;
    tx.commit().await?;
    Ok(key)
}

/// Ends a key of the tenant.
///
/// # Errors
/// `object.not-found`.
pub async fn revoke(ctx: &Ctx, id: KeyId) -> Result<()> {
    ctx.require(Scope::KeysWrite)?;
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    let key = tx.keys().find(id).await?.ok_or_else(|| Error::not_found("key"))?;
    if key.revoked_at.is_some() {
        return Ok(());
    }
    tx.keys().revoke(id, ctx.app().now()).await?;
    audit::record(ctx, &tx, "key.revoke", &id.to_string(), Value::Null).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes an operator's key.
pub async fn create_operator(ctx: &OperatorCtx, new: NewKey) -> Result<(ApiKey, SecretString)> {
    ctx.require(Scope::KeysWrite)?;
    let app = ctx.app();
    let maker = Maker { grants: |_| true, defaults: Scope::defaults(KeyKind::Operator), expires_at: ctx.expires_at() };
    let key = check(app, KeyKind::Operator, PLATFORM_TENANT, new, maker)?;
    let (text, hash) = generate(KeyKind::Operator)?;
    let tx = app.db.begin_system(SystemReason::ManageOperatorKeys).await?;
    tx.operator_keys().create(&key, &hash).await?;
    audit::record_operator(ctx, &tx, PLATFORM_TENANT, "key.create", &key.id.to_string()).await?;
    tx.commit().await?;
    Ok((key, text))
}

/// Operators' keys in creation order, revoked ones too.
pub async fn list_operator(ctx: &OperatorCtx) -> Result<Vec<ApiKey>> {
    ctx.require(Scope::KeysWrite)?;
    let tx = ctx.app().db.begin_system(SystemReason::ManageOperatorKeys).await?;
    let keys = tx.operator_keys().list().await?;
    tx.commit().await?;
    Ok(keys)
}

/// Ends an operator's key.
///
/// # Errors
/// `object.not-found`.
pub async fn revoke_operator(ctx: &OperatorCtx, id: KeyId) -> Result<()> {
    ctx.require(Scope::KeysWrite)?;
    let app = ctx.app();
    let tx = app.db.begin_system(SystemReason::ManageOperatorKeys).await?;
    let found = tx.operator_keys().revoke(id, app.now()).await?;
    if found {
        audit::record_operator(ctx, &tx, PLATFORM_TENANT, "key.revoke", &id.to_string()).await?;
    }
    tx.commit().await?;
    if found { Ok(()) } else { Err(Error::new(Code::NotFound, "There is no such operator key.")) }
}

fn check(
    app: &App,
    kind: KeyKind,
    tenant: TenantId,
    new: NewKey,
    maker: Maker<impl Fn(Scope) -> bool>,
) -> Result<ApiKey> {
    let NewKey { name, scopes, expires_at } = new;
    let Maker { grants, defaults, expires_at: latest } = maker;
    let now = app.now();
    // A key that ends must not leave one behind that does not.
    let expires_at = expires_at.or(latest);
    let asked = scopes.is_some();
    let scopes = scopes.unwrap_or(defaults);
    let mut problems = Vec::new();
    let name = names::check(&name).map_err(|problem| problems.push(problem)).ok();
    let mut problem = |pointer: &str, message: &str| {
        problems.push(FieldError { pointer: pointer.to_owned(), message: message.to_owned() });
    };
    if expires_at.is_some_and(|at| at <= now) {
        problem("/expires_at", "must lie in the future");
    }
    if let (Some(at), Some(latest)) = (expires_at, latest)
        && at > latest
    {
        problem("/expires_at", "must not be later than the expiry of the key that makes it");
    }
    if asked {
        if scopes.is_empty() {
            problem("/scopes", "must name at least one scope");
        }
        if kind == KeyKind::Tenant && scopes.contains(&Scope::TenantsWrite) {
            problem("/scopes", "`tenants:write` is for operator keys");
        } else if !scopes.iter().all(|scope| grants(*scope)) {
            problem("/scopes", "a key can pass on only scopes that it holds itself");
        }
    }
    let (Some(name), true) = (name, problems.is_empty()) else { return Err(Error::invalid_fields(problems)) };
    Ok(ApiKey { id: app.new_id(), kind, tenant, name, scopes, created_at: now, expires_at, revoked_at: None })
}

fn generate(kind: KeyKind) -> Result<(SecretString, [u8; 32])> {
    let text = api_key::generate(match kind {
        KeyKind::Operator => Kind::Operator,
        KeyKind::Tenant => Kind::Tenant,
    });
    let parsed = api_key::parse_secret(&text).map_err(Error::internal)?;
    Ok((text, api_key::hash(&parsed)))
}
