//! Where a vendor token lies, and the rules of getting a new one.
//!
//! The store is shared by every process that uses the connection. It, not the connector, keeps authentication single-flight
//! and to one in [`MIN_PAUSE_SECONDS`]; a connector only says "this one was rejected" and does what it is told.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::Clock;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;

use super::error::{Error, ErrorKind, Result, Retry};

/// Shortest pause between two authentications with one credential version.
pub const MIN_PAUSE_SECONDS: i64 = 30;

const OPERATION: &str = "authenticate";

/// A token and when it ends.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The bearer token.
    pub token: SecretString,
    /// When the vendor stops accepting it.
    pub expires_at: DateTime<Utc>,
}

impl StoredToken {
    /// A token and when it ends.
    pub fn new(token: SecretString, expires_at: DateTime<Utc>) -> Self {
        Self { token, expires_at }
    }

    /// Whether both are the same token, whatever their expiry.
    pub fn is_same_token(&self, other: &Self) -> bool {
        self.token.expose_secret() == other.token.expose_secret()
    }
}

/// The right to authenticate, given to one caller at a time. What it holds is the store's.
#[derive(Clone, PartialEq, Eq)]
pub struct Lease(String);

impl Lease {
    /// For stores: a lease with the store's own name for it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// For stores: its name.
    pub fn id(&self) -> &str {
        &self.0
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

/// Where the token of one connection lies.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token at hand, ended or not.
    async fn get(&self) -> Result<Option<StoredToken>>;

    /// Asks for a token other than `rejected`. Waits while somebody else authenticates; fails with
    /// [`ErrorKind::RateLimited`] and the remaining pause when the last authentication was too short a time ago.
    async fn begin_refresh(&self, rejected: Option<&StoredToken>) -> Result<Refresh>;

    /// Stores the token got under a lease.
    async fn complete(&self, lease: Lease, token: StoredToken) -> Result<()>;

    /// Gives a lease back without a token.
    async fn fail(&self, lease: Lease, message: String) -> Result<()>;

    /// Replaces `previous`, if it is still the one at hand, by a token that the vendor handed out in an answer.
    async fn adopt(&self, previous: &StoredToken, token: StoredToken) -> Result<()>;
}

/// A store in memory, for tests and tools. Follows the same rules as the real one.
pub struct MemoryTokenStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    token: Option<StoredToken>,
    lease: Option<u64>,
    n_leases: u64,
    authenticated_at: Option<DateTime<Utc>>,
}

impl MemoryTokenStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default(), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides at once, or says that somebody else is authenticating.
    fn try_begin(&self, rejected: Option<&StoredToken>) -> Option<Result<Refresh>> {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(token) = &state.token
            && token.expires_at > now
            && rejected.is_none_or(|rejected| !token.is_same_token(rejected))
        {
            return Some(Ok(Refresh::Fresh(token.clone())));
        }
        if state.lease.is_some() {
            return None;
        }
        if let Some(last) = state.authenticated_at {
            let left = last + TimeDelta::seconds(MIN_PAUSE_SECONDS) - now;
            if let Ok(left) = left.to_std()
                && !left.is_zero()
            {
                return Some(Err(too_soon(left)));
            }
        }
        state.n_leases += 1;
        state.lease = Some(state.n_leases);
        state.authenticated_at = Some(now);
        Some(Ok(Refresh::Authenticate(Lease::new(state.n_leases.to_string()))))
    }

    fn release(&self, lease: &Lease, token: Option<StoredToken>) {
        let mut state = self.state();
        if state.lease.is_some_and(|current| current.to_string() == lease.id()) {
            state.lease = None;
            if token.is_some() {
                state.token = token;
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

fn too_soon(left: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, OPERATION, "the last authentication was less than 30 seconds ago")
        .with_retry(Retry::After(left))
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn get(&self) -> Result<Option<StoredToken>> {
        Ok(self.state().token.clone())
    }

    async fn begin_refresh(&self, rejected: Option<&StoredToken>) -> Result<Refresh> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(decision) = self.try_begin(rejected) {
                return decision;
            }
            changed.await;
        }
    }

    async fn complete(&self, lease: Lease, token: StoredToken) -> Result<()> {
        self.release(&lease, Some(token));
        Ok(())
    }

    async fn fail(&self, lease: Lease, _message: String) -> Result<()> {
        self.release(&lease, None);
        Ok(())
    }

    async fn adopt(&self, previous: &StoredToken, token: StoredToken) -> Result<()> {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|current| current.is_same_token(previous)) {
            state.token = Some(token);
        }
        Ok(())
    }
}
