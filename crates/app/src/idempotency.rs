//! Repeating a request safely: the first answer to a creating request is kept, sealed, and given again.
//!
//! A request is claimed before it is carried out; what it makes is noted in the transaction that makes it ([`made`]), and its answer after
//! that. A process that dies in between leaves one of two things: a claim that has made nothing, which counts as lost after some minutes, and
//! whose holder can make nothing once another has it; or what was made, of which the answer is read again.

use std::sync::Arc;

use chrono::TimeDelta;
use gangway_domain::{
    Code,
    id::uuid_v7,
    principal::{Principal, Scope},
};
use gangway_storage::{
    SystemTx, TenantScope, TenantTx,
    idempotency::{self as stored, Keeping, Known, RequestKey},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{App, Ctx, Error, OperatorCtx, Result};

const KEEPING: Keeping = Keeping { answers: TimeDelta::hours(24), running: TimeDelta::minutes(5) };
const SEAL_KIND: &str = "idempotent-answer";

/// The tenant, or the operator's side, in which a request is remembered.
#[derive(Debug, Clone)]
pub struct Memory {
    app: App,
    scope: TenantScope,
    principal: Principal,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Begun {
    /// Carry it out with [`Caller::claiming`], then call [`Claim::complete`] or [`Claim::forget`].
    New(Claim),
    /// It was carried out and its answer lost: read what was made, then call [`Claim::complete`].
    Made {
        /// The request.
        claim: Claim,
        /// What was made (`key_…`).
        object: String,
    },
    /// Give this answer again.
    Repeat {
        /// HTTP status.
        status: u16,
        /// The answer as it was stored.
        answer: Vec<u8>,
    },
}

/// A request being carried out.
#[derive(Debug, Clone)]
pub struct Claim(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    memory: Memory,
    principal: String,
    route: String,
    key: String,
    id: Uuid,
}

/// Who sends requests that can be repeated.
pub trait Caller: Clone + 'static {
    /// Where they are remembered.
    fn memory(&self) -> Memory;
    /// The same, carrying out a request.
    #[must_use]
    fn claiming(self, claim: &Claim) -> Self;
    /// The same, and may read what its own request has made.
    #[must_use]
    fn reading_what_it_made(self) -> Self;
}

impl Caller for Ctx {
    fn memory(&self) -> Memory {
        Memory { app: self.app().clone(), scope: *self.scope(), principal: self.principal() }
    }

    fn claiming(self, claim: &Claim) -> Self {
        self.with_claim(claim.clone())
    }

    fn reading_what_it_made(self) -> Self {
        self.with_permission(Scope::ConnectionsRead)
    }
}

impl Caller for OperatorCtx {
    fn memory(&self) -> Memory {
        Memory { app: self.app().clone(), scope: self.app().db.operator_scope(), principal: self.principal() }
    }

    fn claiming(self, claim: &Claim) -> Self {
        self.with_claim(claim.clone())
    }

    fn reading_what_it_made(self) -> Self {
        self
    }
}

/// Notes what the caller's request makes, in the transaction that makes it; nothing when the request has no key.
///
/// # Errors
/// `idempotency.running` when somebody else has taken the request over: the transaction must not be committed.
pub(crate) async fn made(ctx: &Ctx, tx: &TenantTx, object: &impl ToString) -> Result<()> {
    let Some(claim) = ctx.claim() else { return Ok(()) };
    taken_over(tx.idempotency().note(claim.stored(), &object.to_string()).await)
}

/// As [`made`], for an operator's request.
pub(crate) async fn made_by_operator(ctx: &OperatorCtx, tx: &SystemTx, object: &impl ToString) -> Result<()> {
    let Some(claim) = ctx.claim() else { return Ok(()) };
    taken_over(tx.idempotency().note(claim.stored(), &object.to_string()).await)
}

fn taken_over(noted: gangway_storage::Result<()>) -> Result<()> {
    match noted {
        Err(gangway_storage::Error::Stale) => Err(running()),
        noted => Ok(noted?),
    }
}

fn running() -> Error {
    let message = "The first request with this idempotency key is still running; ask again in some seconds.";
    Error::new(Code::IdempotencyRunning, message).with_retry_after(std::time::Duration::from_secs(2))
}

/// Begins a request under the caller's key.
///
/// # Errors
/// `idempotency.mismatch` when the key was used for another body, `idempotency.running` while the first is under way.
pub async fn begin(caller: &impl Caller, route: &str, key: &str, body: &[u8]) -> Result<Begun> {
    let memory = caller.memory();
    let id = uuid_v7(memory.app.now(), memory.app.random());
    let principal = memory.principal.label();
    let claim = Claim(Arc::new(Parts { memory, principal, route: route.to_owned(), key: key.to_owned(), id }));
    let Memory { app, scope, .. } = &claim.0.memory;
    let keys = claim.keys().await?;
    // A hash that only this tenant can make: a plain one over a guessable body could be searched for.
    let hash = keys.hash_key().hash(body);
    let tx = app.db.begin(scope).await?;
    let known = tx.idempotency().claim(claim.stored(), &hash, app.now(), KEEPING).await?;
    let answer = match &known {
        Known::Answered { answer, .. } => keys.open(&tx, SEAL_KIND, claim.object(), "answer", answer).await?.to_vec(),
        Known::Nothing | Known::Made { .. } | Known::Running | Known::OtherBody => Vec::new(),
    };
    tx.commit().await?;
    match known {
        Known::Nothing => Ok(Begun::New(claim)),
        Known::Answered { status, .. } => Ok(Begun::Repeat { status: u16::try_from(status).unwrap_or(200), answer }),
        Known::Made { object } => Ok(Begun::Made { claim, object }),
        Known::Running => Err(running()),
        Known::OtherBody => Err(Error::new(
            Code::IdempotencyMismatch,
            "The idempotency key was used for another body; use a new key for a new request.",
        )),
    }
}

impl Claim {
    /// Keeps the answer.
    pub async fn complete(self, status: u16, answer: &[u8]) -> Result<()> {
        let sealed = self.keys().await?.seal(SEAL_KIND, self.object(), "answer", answer);
        let Memory { app, scope, .. } = &self.0.memory;
        let tx = app.db.begin(scope).await?;
        tx.idempotency().complete(self.stored().request, i32::from(status), sealed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets a request that failed, so that a corrected one may use the key.
    pub async fn forget(self) -> Result<()> {
        let Memory { app, scope, .. } = &self.0.memory;
        let tx = app.db.begin(scope).await?;
        tx.idempotency().delete(self.stored()).await?;
        tx.commit().await?;
        Ok(())
    }

    fn stored(&self) -> stored::Claim<'_> {
        let Parts { memory: _, principal, route, key, id } = &*self.0;
        stored::Claim { request: RequestKey { principal, route, key }, id: *id }
    }

    async fn keys(&self) -> Result<Arc<crate::seal::TenantKeys>> {
        let Memory { app, scope, .. } = &self.0.memory;
        if *scope == app.db.operator_scope() {
            // Makes the platform's data key when nothing has needed it yet.
            app.keys.budget_key(app, "").await?;
        }
        app.keys.tenant(app, scope).await
    }

    /// Names the row for sealing: a digest of its key, as a UUID.
    fn object(&self) -> Uuid {
        let Parts { memory: _, principal, route, key, id: _ } = &*self.0;
        let mut hash = Sha256::new();
        for part in [principal, route, key] {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        for (byte, digest) in bytes.iter_mut().zip(hash.finalize()) {
            *byte = digest;
        }
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}
