//! The vendor tokens of a credential version, sealed in the database and renewed by one process at a time.
//!
//! Never renewed before it ends or is rejected; at most one authentication per credential version and API of the vendor in 30
//! seconds (a new version has rows of its own, so it starts at once). A token belongs to one connection and is never shared.

use std::{borrow::Cow, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use gangway_connector::{
    Api, Error as ContractError, ErrorKind, Lease, LoginFailure, Refresh, Result as ContractResult, StoredToken,
    TokenStore, too_soon,
};
use gangway_domain::id::CredentialId;
use gangway_egress::VendorPort;
use gangway_metrics::vendor::LOGINS;
use gangway_storage::{
    TenantTx,
    tokens::{NewToken, Token, TokenKey},
};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{Ctx, Error, Result, budgets::Budget, seal::TenantKeys};

const OPERATION: &str = "authenticate";
const SEAL_KIND: &str = "vendor-token";
const SEAL_FIELD: &str = "token";

/// Shortest pause between two authentications with one credential version at one API.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// How far other processes' clocks may be ahead. A login of a later time means that our clock went back since: waiting until it
/// is there again would keep everybody out for as long as it went back.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// How long others wait for a holder that has died; a living one prolongs its lease.
const LEASE: TimeDelta = TimeDelta::seconds(10);
/// How often it does.
const RENEWAL: Duration = Duration::from_secs(3);
/// How often at most: longer than any authentication request lives.
const MOST_RENEWALS: usize = 30;
/// Characters kept of the rights that come with a token.
const LONGEST_SCOPE: usize = 4_000;
/// How often a waiter looks whether somebody else's authentication ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The tokens of one credential version.
pub(super) struct SealedTokens {
    ctx: Ctx,
    credential: CredentialId,
    joining: Option<Joining>,
}

/// What a credential version that was never accepted joins with its first login.
pub(super) struct Joining {
    /// The way out that was opened with it.
    pub(super) port: Arc<VendorPort>,
    /// The vendor account's shared budget.
    pub(super) budget: Budget,
}

enum Decision {
    Answer(Refresh),
    Wait,
    TooSoon(TimeDelta, Option<LoginFailure>),
}

impl SealedTokens {
    pub(super) const fn new(ctx: Ctx, credential: CredentialId, joining: Option<Joining>) -> Self {
        Self { ctx, credential, joining }
    }

    /// From the first token on, requests count where the vendor counts them: in the account's shared budget.
    fn join(&self) {
        if let Some(Joining { port, budget: Budget { key, policy } }) = &self.joining {
            port.draw_on(*key, Arc::clone(policy));
        }
    }

    const fn key(&self, api: Api) -> TokenKey<'static> {
        TokenKey { credential: self.credential, api: api.as_str() }
    }

    async fn open(&self, api: Api, keys: &TenantKeys, tx: &TenantTx, token: &Token) -> Result<Option<StoredToken>> {
        let (Some(sealed), Some(expires_at)) = (&token.sealed, token.expires_at) else { return Ok(None) };
        let clear = keys.open(tx, SEAL_KIND, self.credential.uuid(), &seal_field(api), sealed).await?;
        let text = std::str::from_utf8(&clear).map_err(|_| Error::internal("an opened token is not text"))?;
        Ok(Some(StoredToken::new(SecretString::from(text), expires_at).with_scope(token.scope.clone())))
    }

    fn seal(&self, api: Api, keys: &TenantKeys, token: &StoredToken) -> Vec<u8> {
        keys.seal(SEAL_KIND, self.credential.uuid(), &seal_field(api), token.token.expose_secret().as_bytes())
    }

    /// Called before a transaction begins: it may read keys in one of its own, and SQLite has one writer.
    async fn keys(&self) -> Result<Arc<TenantKeys>> {
        let app = self.ctx.app();
        app.keys.tenant(app, self.ctx.scope()).await
    }

    /// The token that is stored.
    pub(super) async fn find(&self, api: Api) -> Result<Option<StoredToken>> {
        let keys = self.keys().await?;
        let tx = self.ctx.app().db.begin_read(self.ctx.scope()).await?;
        let token = match tx.tokens().find(self.key(api)).await? {
            Some(row) => self.open(api, &keys, &tx, &row).await?,
            None => None,
        };
        tx.commit().await?;
        Ok(token)
    }

    /// Whether somebody is authenticating.
    async fn is_leased(&self, api: Api) -> Result<bool> {
        let tx = self.ctx.app().db.begin_read(self.ctx.scope()).await?;
        let row = tx.tokens().find(self.key(api)).await?;
        tx.commit().await?;
        Ok(row.is_some_and(|row| row.is_leased))
    }

    async fn decide(&self, api: Api, rejected: Option<&StoredToken>) -> Result<Decision> {
        let app = self.ctx.app();
        let keys = self.keys().await?;
        let tx = app.db.begin(self.ctx.scope()).await?;
        let row = tx.tokens().lock(self.key(api)).await?;
        let now = app.now();
        let at_hand = self.open(api, &keys, &tx, &row).await?;
        if let Some(token) = at_hand
            && token.expires_at > now
            && rejected.is_none_or(|rejected| !token.is_same_token(rejected))
        {
            tx.commit().await?;
            self.join();
            return Ok(Decision::Answer(Refresh::Fresh(token)));
        }
        if row.is_leased {
            tx.commit().await?;
            return Ok(Decision::Wait);
        }
        if let Some(left) = row.attempted_at.map(|last| last + PAUSE - now)
            && left > TimeDelta::zero()
            && left <= PAUSE + SKEW
        {
            tx.commit().await?;
            return Ok(Decision::TooSoon(left.min(PAUSE), last_failure(&row)));
        }
        let owner = gangway_domain::id::uuid_v7(now, app.random());
        tx.tokens().lease(self.key(api), owner, LEASE, now).await?;
        tx.commit().await?;
        let lease = Lease::new(owner.to_string()).with_guard(self.keep(api, owner));
        Ok(Decision::Answer(Refresh::Authenticate(lease)))
    }

    /// Prolongs a lease until what this answers is dropped.
    #[expect(clippy::disallowed_methods, reason = "it ends with the lease, and nobody has to wait for it")]
    fn keep(&self, api: Api, owner: Uuid) -> AbortOnDropHandle<()> {
        let (ctx, key) = (self.ctx.clone(), self.key(api));
        AbortOnDropHandle::new(tokio::spawn(async move {
            for _ in 0..MOST_RENEWALS {
                tokio::time::sleep(RENEWAL).await;
                match renew(&ctx, key, owner).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => tracing::debug!(%error, "the lease of a login was not prolonged"),
                }
            }
        }))
    }

    async fn store(&self, api: Api, owner: Uuid, token: &StoredToken) -> Result<()> {
        let app = self.ctx.app();
        let sealed = self.seal(api, &*self.keys().await?, token);
        // Without NUL, which PostgreSQL refuses, and not endless.
        let scope =
            token.scope.as_ref().map(|scope| scope.chars().filter(|c| *c != '\0').take(LONGEST_SCOPE).collect());
        let new = NewToken { sealed, expires_at: token.expires_at, scope };
        let tx = app.db.begin(self.ctx.scope()).await?;
        let now = app.now();
        if tx.tokens().complete(self.key(api), owner, new, now).await? {
            tx.credentials().set_authenticated(self.credential, now).await?;
        }
        tx.commit().await?;
        LOGINS.add(1, ["granted"]);
        self.join();
        Ok(())
    }

    async fn give_back(&self, api: Api, owner: Uuid, failure: LoginFailure) -> Result<()> {
        let LoginFailure { kind, message } = failure;
        let tx = self.ctx.app().db.begin(self.ctx.scope()).await?;
        tx.tokens().fail(self.key(api), owner, kind.as_str(), message).await?;
        tx.commit().await?;
        LOGINS.add(1, ["failed"]);
        Ok(())
    }

    async fn replace(&self, api: Api, previous: &StoredToken, token: &StoredToken) -> Result<()> {
        let app = self.ctx.app();
        let keys = self.keys().await?;
        let sealed = self.seal(api, &keys, token);
        let tx = app.db.begin(self.ctx.scope()).await?;
        let row = tx.tokens().lock(self.key(api)).await?;
        let at_hand = self.open(api, &keys, &tx, &row).await?;
        if at_hand.is_some_and(|at_hand| at_hand.is_same_token(previous)) {
            tx.tokens().replace(self.key(api), sealed, token.expires_at, app.now()).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[async_trait]
impl TokenStore for SealedTokens {
    async fn get(&self, api: Api) -> ContractResult<Option<StoredToken>> {
        let token = self.find(api).await.map_err(store_failed)?;
        if token.is_some() {
            self.join();
        }
        Ok(token)
    }

    async fn begin_refresh(&self, api: Api, rejected: Option<&StoredToken>) -> ContractResult<Refresh> {
        loop {
            match self.decide(api, rejected).await.map_err(store_failed)? {
                Decision::Answer(refresh) => return Ok(refresh),
                Decision::TooSoon(left, last) => return Err(too_soon(left.to_std().unwrap_or_default(), last)),
                Decision::Wait => loop {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    if !self.is_leased(api).await.map_err(store_failed)? {
                        break;
                    }
                },
            }
        }
    }

    async fn complete(&self, api: Api, lease: Lease, token: StoredToken) -> ContractResult<()> {
        self.store(api, owner(&lease)?, &token).await.map_err(store_failed)
    }

    async fn fail(&self, api: Api, lease: Lease, failure: LoginFailure) -> ContractResult<()> {
        self.give_back(api, owner(&lease)?, failure).await.map_err(store_failed)
    }

    async fn adopt(&self, api: Api, previous: &StoredToken, token: StoredToken) -> ContractResult<()> {
        self.replace(api, previous, &token).await.map_err(store_failed)
    }
}

async fn renew(ctx: &Ctx, key: TokenKey<'_>, owner: Uuid) -> Result<bool> {
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    let is_ours = tx.tokens().renew_lease(key, owner, LEASE).await?;
    tx.commit().await?;
    Ok(is_ours)
}

/// What a sealed token is bound to, so that one API's cannot stand in for another's.
fn seal_field(api: Api) -> Cow<'static, str> {
    if api == Api::MAIN { Cow::Borrowed(SEAL_FIELD) } else { Cow::Owned(format!("{SEAL_FIELD}.{}", api.as_str())) }
}

/// Why the last login failed. A kind that only a newer version knows is none here.
fn last_failure(row: &Token) -> Option<LoginFailure> {
    let (kind, message) = row.last_failure.as_ref()?;
    Some(LoginFailure { kind: ErrorKind::parse(kind)?, message: message.clone() })
}

fn owner(lease: &Lease) -> ContractResult<Uuid> {
    lease
        .id()
        .parse()
        .map_err(|_| ContractError::new(ErrorKind::Refused, OPERATION, "the lease is not one of this store"))
}

fn store_failed(error: Error) -> ContractError {
    ContractError::new(ErrorKind::Unavailable, OPERATION, "our own token store did not answer").with_source(error)
}
