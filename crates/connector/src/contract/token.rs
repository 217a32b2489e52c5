//! Where a vendor token lies, and the rules of getting a new one.
//!
//! The store is shared by every process that uses the connection. It, not the connector, keeps authentication single-flight
//! and to one in [`MIN_PAUSE_SECONDS`]; a connector only says "this one was rejected" and does what it is told. A vendor whose
//! APIs have tokens of their own has one of each: they neither wait for nor replace one another.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use gangway_egress::Class;
use secrecy::{ExposeSecret, SecretString};

use super::error::{Error, ErrorKind, Owner, Result, Retry};

/// Shortest pause between two authentications with one credential version at one API.
pub const MIN_PAUSE_SECONDS: i64 = 30;

const OPERATION: &str = "authenticate";

/// An API of the vendor that has tokens of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Api(&'static str);

impl Api {
    /// The only API of most vendors, and the first of the others.
    pub const MAIN: Self = Self("main");

    /// Another API of the same vendor. Its name is stored with its tokens.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A token and when it ends.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The bearer token.
    pub token: SecretString,
    /// When the vendor stops accepting it.
    pub expires_at: DateTime<Utc>,
    /// The rights that the vendor named with it, in its own spelling; none where it named none.
    pub scope: Option<String>,
}

impl StoredToken {
    /// A token and when it ends.
    pub fn new(token: SecretString, expires_at: DateTime<Utc>) -> Self {
        Self { token, expires_at, scope: None }
    }

    /// Sets the rights that came with it.
    pub fn with_scope(mut self, scope: Option<String>) -> Self {
        self.scope = scope;
        self
    }

    /// Whether both are the same token, whatever their expiry.
    pub fn is_same_token(&self, other: &Self) -> bool {
        self.token.expose_secret() == other.token.expose_secret()
    }
}

/// The right to authenticate, given to one caller at a time. What it holds is the store's.
#[derive(Clone)]
pub struct Lease {
    id: String,
    _guard: Option<Arc<dyn Any + Send + Sync>>,
}

impl Lease {
    /// For stores: a lease with the store's own name for it.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), _guard: None }
    }

    /// For stores: drops `guard` with the lease, so that they learn when nobody authenticates under it any more.
    #[must_use]
    pub fn with_guard(self, guard: impl Any + Send + Sync) -> Self {
        Self { _guard: Some(Arc::new(guard)), ..self }
    }

    /// For stores: its name.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

/// What to do about a missing, ended or rejected token.
#[derive(Debug)]
pub enum Refresh {
    /// Use this one: somebody else just got it.
    Fresh(StoredToken),
    /// Authenticate, then call `complete` or `fail`.
    Authenticate(Lease),
}

/// Why a login failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginFailure {
    /// What went wrong.
    pub kind: ErrorKind,
    /// What happened and what to do, for an admin.
    pub message: String,
}

impl LoginFailure {
    /// What a login ended with.
    pub fn of(error: &Error) -> Self {
        Self { kind: error.kind, message: error.message.clone() }
    }
}

/// For stores: the answer to who wants to log in when `left` of the pause since the last login is to go. What only the tenant
/// can mend, or the vendor does not have, is said again, since another login would end no better; anything else is a matter of
/// waiting.
pub fn too_soon(left: Duration, last: Option<LoginFailure>) -> Error {
    match last {
        Some(LoginFailure { kind, message }) if kind.owner() == Owner::Tenant || kind == ErrorKind::Unsupported => {
            Error::new(kind, OPERATION, message)
        }
        _ => Error::new(ErrorKind::RateLimited, OPERATION, "the last authentication was less than 30 seconds ago")
            .with_retry(Retry::After(left)),
    }
}

/// Where the tokens of one connection lie, one for each of the vendor's APIs.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token at hand, ended or not.
    async fn get(&self, api: Api) -> Result<Option<StoredToken>>;

    /// Asks for a token other than `rejected`. Waits while somebody else authenticates. When the last authentication was too
    /// short a time ago, fails as it did if it was refused, else with [`ErrorKind::RateLimited`] and the remaining pause.
    async fn begin_refresh(&self, api: Api, rejected: Option<&StoredToken>) -> Result<Refresh>;

    /// Stores the token got under a lease.
    async fn complete(&self, api: Api, lease: Lease, token: StoredToken) -> Result<()>;

    /// Gives a lease back without a token.
    async fn fail(&self, api: Api, lease: Lease, failure: LoginFailure) -> Result<()>;

    /// Replaces `previous`, if it is still the one at hand, by a token that the vendor handed out in an answer.
    async fn adopt(&self, api: Api, previous: &StoredToken, token: StoredToken) -> Result<()>;
}

/// Giving tokens back: who reads one afterwards can do nothing with it.
#[async_trait]
pub trait Revocation: Send + Sync {
    /// The API of the vendor whose tokens can be given back.
    fn api(&self) -> Api;

    /// Tells the vendor that a token is not needed any more. Asks the token store for nothing, so that the token may be gone
    /// from it.
    async fn revoke(&self, token: &StoredToken, class: Class) -> Result<()>;
}
