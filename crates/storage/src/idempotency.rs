//! Stored answers of creating requests, so that a repeated request gets the same answer. Answers are sealed by the caller.

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::id::{PLATFORM_TENANT, TenantId};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{Db, Error, Result, SystemTx, TenantScope, TenantTx, micros::to_micros};

/// The stored answers of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Idempotency<'a>(pub(crate) &'a TenantTx);

/// Which request.
#[derive(Debug, Clone, Copy)]
pub struct RequestKey<'a> {
    /// Who sent it (`key:key_…`).
    pub principal: &'a str,
    /// Method and route template.
    pub route: &'a str,
    /// The caller's key.
    pub key: &'a str,
}

/// A request that is being carried out: whoever takes it over after a crash has a claim of its own.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Which request.
    pub request: RequestKey<'a>,
    /// The claim's own name.
    pub id: Uuid,
}

/// What is known about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is noted now, and the caller carries it out.
    Nothing,
    /// It was carried out with this answer.
    Answered {
        /// HTTP status.
        status: i32,
        /// The sealed answer.
        answer: Vec<u8>,
    },
    /// It was carried out, and nobody kept the answer.
    Made {
        /// What it made.
        object: String,
    },
    /// It is being carried out.
    Running,
    /// The key was used with another body.
    OtherBody,
}

/// How long answers are kept, and after which time a request without an answer counts as lost with its process.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    /// How long an answer is repeated.
    pub answers: TimeDelta,
    /// When a request without an answer may be carried out again.
    pub running: TimeDelta,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    body_hash: Vec<u8>,
    status: Option<i32>,
    answer: Option<Vec<u8>>,
    object: Option<String>,
}

/// What a request has made is noted by who still has its claim.
const NOTE: &str = "UPDATE idempotent_answer SET object = $6
     WHERE tenant_id = $1 AND principal = $2 AND route = $3 AND key = $4 AND claim = $5 AND object IS NULL";

impl Idempotency<'_> {
    /// Notes a request, or tells what is known about it.
    pub async fn claim(
        &self,
        claim: Claim<'_>,
        body_hash: &[u8],
        at: DateTime<Utc>,
        keeping: Keeping,
    ) -> Result<Known> {
        let Claim { request, id } = claim;
        // Whoever deletes an outdated row first inserts the new one; the other then finds it.
        let sql = "DELETE FROM idempotent_answer WHERE tenant_id = $1 AND principal = $2 AND route = $3 AND key = $4
             AND (created_at <= $5 OR (status IS NULL AND object IS NULL AND created_at <= $6))";
        let mut values = self.key(request);
        values.extend([to_micros(at - keeping.answers).into(), to_micros(at - keeping.running).into()]);
        self.0.execute(sql, values).await?;
        let sql = "INSERT INTO idempotent_answer (tenant_id, principal, route, key, body_hash, created_at, claim)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        let mut values = self.key(request);
        values.extend([body_hash.to_vec().into(), to_micros(at).into(), id.into()]);
        if self.0.execute(sql, values).await?.rows_affected() == 1 {
            return Ok(Known::Nothing);
        }
        let sql = "SELECT body_hash, status, answer, object FROM idempotent_answer
             WHERE tenant_id = $1 AND principal = $2 AND route = $3 AND key = $4";
        let row = self.0.query::<Row>(sql, self.key(request)).await?.into_iter().next();
        Ok(match row {
            Some(row) if row.body_hash != body_hash => Known::OtherBody,
            Some(Row { status: Some(status), answer: Some(answer), .. }) => Known::Answered { status, answer },
            Some(Row { object: Some(object), .. }) => Known::Made { object },
            _ => Known::Running,
        })
    }

    /// Notes what a request makes, in the transaction that makes it.
    ///
    /// # Errors
    /// [`Error::Stale`] when somebody else has taken the request over: the transaction must not be committed.
    pub async fn note(&self, claim: Claim<'_>, object: &str) -> Result<()> {
        let changed = self.0.execute(NOTE, note(self.0.tenant(), claim, object)).await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
    }

    /// Stores the answer of a request that was carried out, unless there is one.
    pub async fn complete(&self, request: RequestKey<'_>, status: i32, answer: Vec<u8>) -> Result<()> {
        let sql = "UPDATE idempotent_answer SET status = $5, answer = $6
             WHERE tenant_id = $1 AND principal = $2 AND route = $3 AND key = $4 AND status IS NULL AND object IS NOT NULL";
        let mut values = self.key(request);
        values.extend([status.into(), answer.into()]);
        self.0.execute(sql, values).await?;
        Ok(())
    }

    /// Forgets a request that failed, so that a corrected one may use the key.
    pub async fn delete(&self, claim: Claim<'_>) -> Result<()> {
        let sql = "DELETE FROM idempotent_answer WHERE tenant_id = $1 AND principal = $2 AND route = $3 AND key = $4
             AND claim = $5 AND object IS NULL";
        let mut values = self.key(claim.request);
        values.push(claim.id.into());
        self.0.execute(sql, values).await?;
        Ok(())
    }

    fn key(self, request: RequestKey<'_>) -> Vec<Value> {
        key(self.0.tenant(), request)
    }
}

/// Requests of operators, whose effects are the system role's to write.
#[derive(Debug, Clone, Copy)]
pub struct SystemIdempotency<'a>(pub(crate) &'a SystemTx);

impl SystemIdempotency<'_> {
    /// As [`Idempotency::note`], for a request of an operator's.
    ///
    /// # Errors
    /// [`Error::Stale`] when somebody else has taken the request over.
    pub async fn note(&self, claim: Claim<'_>, object: &str) -> Result<()> {
        let changed = self.0.execute(NOTE, note(PLATFORM_TENANT, claim, object)).await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
    }
}

fn note(tenant: TenantId, claim: Claim<'_>, object: &str) -> Vec<Value> {
    let mut values = key(tenant, claim.request);
    values.extend([claim.id.into(), object.into()]);
    values
}

fn key(tenant: TenantId, request: RequestKey<'_>) -> Vec<Value> {
    let RequestKey { principal, route, key } = request;
    vec![tenant.uuid().into(), principal.into(), route.into(), key.into()]
}

impl Db {
    /// The scope of operators' own requests, which belong to no customer: stored answers and the installation's audit log lie there.
    pub const fn operator_scope(&self) -> TenantScope {
        TenantScope::new(PLATFORM_TENANT)
    }
}
