//! The platform's parts ([`App`]) and who acts with them ([`Ctx`], [`OperatorCtx`]).
//!
//! A context is made in three places only: the HTTP extractor, the job runner, and the command line (with `testkit` standing
//! in for all of them). Time, ids and jitter come from it, so that tests repeat.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use gangway_connector::Registry;
use gangway_domain::{
    Clock,
    id::{RequestId, TenantId, TypedId, uuid_v7},
    principal::{Principal, Scope},
};
use gangway_egress::Client;
use gangway_limits::Budgets;
use gangway_storage::{Db, TenantScope};
use rand::{RngExt as _, rngs::StdRng};

use crate::{Config, Error, Result, idempotency::Claim, seal::Keys};

/// The platform's parts. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// Master keys, and the data keys opened with them.
    pub keys: Keys,
    /// The connectors there are.
    pub registry: Registry,
    /// The way out to vendors.
    pub egress: Client,
    /// Vendor budgets.
    pub budgets: Budgets,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub config: Config,
    /// Seeded by the operating system in production, fixed in tests. Not for secrets: those are `vault`'s.
    pub rng: Mutex<StdRng>,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The same with other budgets; none when it is in use already.
    #[must_use]
    pub fn with_budgets(mut self, budgets: Budgets) -> Option<Self> {
        Arc::get_mut(&mut self.0)?.budgets = budgets;
        Some(self)
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// A new id.
    pub fn new_id<I: TypedId>(&self) -> I {
        I::from_uuid(uuid_v7(self.now(), self.random()))
    }

    /// Ten random bytes (ids).
    pub fn random(&self) -> [u8; 10] {
        self.rng().random()
    }

    /// A fraction in `[0, 1)` (jitter).
    pub fn jitter(&self) -> f64 {
        self.rng().random()
    }

    fn rng(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.0.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A generator seeded by the operating system.
    pub fn system_rng() -> StdRng {
        rand::make_rng()
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

/// Who acts, in which tenant.
#[derive(Debug, Clone)]
pub struct Ctx {
    app: App,
    principal: Principal,
    scope: TenantScope,
    permissions: Vec<Scope>,
    request: Option<RequestId>,
    is_operator: bool,
    expires_at: Option<DateTime<Utc>>,
    claim: Option<Claim>,
}

impl Ctx {
    /// For the HTTP extractor, the job runner, the command line and `testkit`.
    pub fn new(app: App, principal: Principal, scope: TenantScope, permissions: Vec<Scope>) -> Self {
        Self { app, principal, scope, permissions, request: None, is_operator: false, expires_at: None, claim: None }
    }

    /// Names the HTTP request it serves.
    #[must_use]
    pub const fn with_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// Says when the principal's key ends, so that what it makes ends no later.
    #[must_use]
    pub(crate) const fn with_expiry(mut self, expires_at: Option<DateTime<Utc>>) -> Self {
        self.expires_at = expires_at;
        self
    }

    /// Says which repeatable request it carries out.
    #[must_use]
    pub(crate) fn with_claim(mut self, claim: Claim) -> Self {
        self.claim = Some(claim);
        self
    }

    /// Adds a permission.
    #[must_use]
    pub(crate) fn with_permission(mut self, permission: Scope) -> Self {
        self.permissions.push(permission);
        self
    }

    /// The platform.
    pub const fn app(&self) -> &App {
        &self.app
    }
    /// The repeatable request that it carries out, if it has a key.
    pub(crate) const fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }
    /// Who acts.
    pub const fn principal(&self) -> Principal {
        self.principal
    }
    /// In which tenant.
    pub const fn scope(&self) -> &TenantScope {
        &self.scope
    }
    /// In which tenant, as an id.
    pub const fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }
    /// The HTTP request it serves, if any.
    pub const fn request(&self) -> Option<RequestId> {
        self.request
    }
    /// Whether an operator acts here, rather than somebody of the tenant.
    pub(crate) const fn is_operator(&self) -> bool {
        self.is_operator
    }
    /// When the principal's key ends.
    pub(crate) const fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }
    /// Whether the principal holds a permission.
    pub fn may(&self, permission: Scope) -> bool {
        self.permissions.contains(&permission)
    }
    /// Refuses unless the principal holds a permission.
    pub fn require(&self, permission: Scope) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(Error::lacks(permission)) }
    }
}

/// An operator, acting for no tenant in particular.
#[derive(Debug, Clone)]
pub struct OperatorCtx {
    app: App,
    principal: Principal,
    permissions: Vec<Scope>,
    request: Option<RequestId>,
    expires_at: Option<DateTime<Utc>>,
    claim: Option<Claim>,
}

impl OperatorCtx {
    /// For the HTTP extractor, the command line and `testkit`.
    pub fn new(app: App, principal: Principal, permissions: Vec<Scope>) -> Self {
        Self { app, principal, permissions, request: None, expires_at: None, claim: None }
    }

    /// Names the HTTP request it serves.
    #[must_use]
    pub const fn with_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// The platform.
    pub const fn app(&self) -> &App {
        &self.app
    }
    /// Who acts.
    pub const fn principal(&self) -> Principal {
        self.principal
    }
    /// The HTTP request it serves, if any.
    pub const fn request(&self) -> Option<RequestId> {
        self.request
    }
    /// Says when the principal's key ends, so that what it makes ends no later.
    #[must_use]
    pub(crate) const fn with_expiry(mut self, expires_at: Option<DateTime<Utc>>) -> Self {
        self.expires_at = expires_at;
        self
    }
    /// Says which repeatable request it carries out.
    #[must_use]
    pub(crate) fn with_claim(mut self, claim: Claim) -> Self {
        self.claim = Some(claim);
        self
    }
    /// The repeatable request that it carries out, if it has a key.
    pub(crate) const fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }
    /// When the principal's key ends.
    pub(crate) const fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }
    /// Refuses unless the principal holds a permission.
    pub fn require(&self, permission: Scope) -> Result<()> {
        if self.permissions.contains(&permission) { Ok(()) } else { Err(Error::lacks(permission)) }
    }
    /// Acts within one tenant.
    ///
    /// # Errors
    /// `object.not-found` when there is no such tenant.
    pub async fn for_tenant(&self, tenant: TenantId) -> Result<Ctx> {
        let scope = self.app.db.scope_for_operator(tenant).await?;
        Ok(Ctx {
            app: self.app.clone(),
            principal: self.principal,
            scope,
            permissions: self.permissions.clone(),
            request: self.request,
            is_operator: true,
            expires_at: self.expires_at,
            claim: None,
        })
    }
}
