//! Repeating a request safely: the first answer to a creating request is kept, sealed, and given again.
//!
//! A request is claimed before it is carried out and completed after. A process that dies in between leaves a claim, which
//! counts as lost after some minutes; unique names then keep most things from being made twice.

use chrono::TimeDelta;
use gangway_domain::{Code, principal::Principal};
use gangway_storage::{
    TenantScope,
    idempotency::{Keeping, Known, RequestKey},
};
use sha2::{Digest, Sha256};

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

impl From<&Ctx> for Memory {
    fn from(ctx: &Ctx) -> Self {
        Self { app: ctx.app().clone(), scope: *ctx.scope(), principal: ctx.principal() }
    }
}

impl From<&OperatorCtx> for Memory {
    fn from(ctx: &OperatorCtx) -> Self {
        Self { app: ctx.app().clone(), scope: ctx.app().db.operator_scope(), principal: ctx.principal() }
    }
}

/// What to do with a request.
#[derive(Debug)]
pub enum Begun {
    /// Carry it out, then call [`Claim::complete`] or [`Claim::forget`].
    New(Claim),
    /// Give this answer again.
    Repeat {
        /// HTTP status.
        status: u16,
        /// The answer as it was stored.
        answer: Vec<u8>,
    },
}

/// A request being carried out.
#[derive(Debug)]
pub struct Claim {
    memory: Memory,
    principal: String,
    route: String,
    key: String,
}

/// Begins a request under the caller's key.
///
/// # Errors
/// `idempotency.mismatch` when the key was used for another body, `idempotency.running` while the first is under way.
pub async fn begin(memory: Memory, route: &str, key: &str, body: &[u8]) -> Result<Begun> {
    let claim = Claim { principal: memory.principal.label(), route: route.to_owned(), key: key.to_owned(), memory };
    let app = &claim.memory.app;
    let keys = claim.keys().await?;
    // A hash that only this tenant can make: a plain one over a guessable body could be searched for.
    let hash = keys.hash_key().hash(body);
    let tx = app.db.begin(&claim.memory.scope).await?;
    let known = tx.idempotency().claim(claim.request(), &hash, app.now(), KEEPING).await?;
    let answer = match &known {
        Known::Answered { answer, .. } => keys.open(&tx, SEAL_KIND, claim.object(), "answer", answer).await?.to_vec(),
        Known::Nothing | Known::Running | Known::OtherBody => Vec::new(),
    };
    tx.commit().await?;
    match known {
        Known::Nothing => Ok(Begun::New(claim)),
        Known::Answered { status, .. } => Ok(Begun::Repeat { status: u16::try_from(status).unwrap_or(200), answer }),
        Known::Running => Err(Error::new(
            Code::IdempotencyRunning,
            "The first request with this idempotency key is still running; ask again in some seconds.",
        )
        .with_retry_after(std::time::Duration::from_secs(2))),
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
        let tx = self.memory.app.db.begin(&self.memory.scope).await?;
        tx.idempotency().complete(self.request(), i32::from(status), sealed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets a request that failed, so that a corrected one may use the key.
    pub async fn forget(self) -> Result<()> {
        let tx = self.memory.app.db.begin(&self.memory.scope).await?;
        tx.idempotency().delete(self.request()).await?;
        tx.commit().await?;
        Ok(())
    }

    fn request(&self) -> RequestKey<'_> {
        RequestKey { principal: &self.principal, route: &self.route, key: &self.key }
    }

    async fn keys(&self) -> Result<std::sync::Arc<crate::seal::TenantKeys>> {
        let app = &self.memory.app;
        if self.memory.scope == app.db.operator_scope() {
            // Makes the platform's data key when nothing has needed it yet.
            app.keys.budget_key(app, "").await?;
        }
        app.keys.tenant(app, &self.memory.scope).await
    }

    /// Names the row for sealing: a digest of its key, as a UUID.
    fn object(&self) -> uuid::Uuid {
        let mut hash = Sha256::new();
        for part in [&self.principal, &self.route, &self.key] {
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
