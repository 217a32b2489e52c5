//! A token store in memory, for tests and tools. Follows the same rules as the real one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::Clock;
use tokio::sync::Notify;

use super::{
    error::Result,
    token::{Api, Lease, LoginFailure, MIN_PAUSE_SECONDS, Refresh, StoredToken, TokenStore, too_soon},
};

/// Keeps the tokens of one connection in memory.
pub struct MemoryTokenStore {
    clock: Arc<dyn Clock>,
    states: Mutex<HashMap<Api, State>>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    token: Option<StoredToken>,
    lease: Option<u64>,
    n_leases: u64,
    authenticated_at: Option<DateTime<Utc>>,
    last_failure: Option<LoginFailure>,
}

impl MemoryTokenStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, states: Mutex::default(), changed: Notify::new() }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<Api, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides at once, or says that somebody else is authenticating.
    fn try_begin(&self, api: Api, rejected: Option<&StoredToken>) -> Option<Result<Refresh>> {
        let now = self.clock.now();
        let mut states = self.states();
        let state = states.entry(api).or_default();
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
                return Some(Err(too_soon(left, state.last_failure.clone())));
            }
        }
        state.n_leases += 1;
        state.lease = Some(state.n_leases);
        state.authenticated_at = Some(now);
        state.last_failure = None;
        Some(Ok(Refresh::Authenticate(Lease::new(state.n_leases.to_string()))))
    }

    fn release(&self, api: Api, lease: &Lease, outcome: Result<StoredToken, LoginFailure>) {
        let mut states = self.states();
        let state = states.entry(api).or_default();
        if state.lease.is_some_and(|current| current.to_string() == lease.id()) {
            state.lease = None;
            match outcome {
                Ok(token) => state.token = Some(token),
                Err(failure) => state.last_failure = Some(failure),
            }
        }
        drop(states);
        self.changed.notify_waiters();
    }
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn get(&self, api: Api) -> Result<Option<StoredToken>> {
        Ok(self.states().get(&api).and_then(|state| state.token.clone()))
    }

    async fn begin_refresh(&self, api: Api, rejected: Option<&StoredToken>) -> Result<Refresh> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(decision) = self.try_begin(api, rejected) {
                return decision;
            }
            changed.await;
        }
    }

    async fn complete(&self, api: Api, lease: Lease, token: StoredToken) -> Result<()> {
        self.release(api, &lease, Ok(token));
        Ok(())
    }

    async fn fail(&self, api: Api, lease: Lease, failure: LoginFailure) -> Result<()> {
        self.release(api, &lease, Err(failure));
        Ok(())
    }

    async fn adopt(&self, api: Api, previous: &StoredToken, token: StoredToken) -> Result<()> {
        let mut states = self.states();
        if let Some(state) = states.get_mut(&api)
            && state.token.as_ref().is_some_and(|current| current.is_same_token(previous))
        {
            let scope = state.token.take().and_then(|previous| previous.scope);
            state.token = Some(token.with_scope(scope));
        }
        Ok(())
    }
}
