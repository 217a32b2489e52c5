//! Chaining the audit log: each entry gets a place and a link, a keyed hash over itself and the link before it.
//!
//! Entries are written without a place, in the transaction of the change: a chain that every change had to wait for would make
//! a tenant's changes wait for each other. A job per tenant chains what has become visible since. What is chained how, and what
//! the chain proves, is in `docs/audit.md`.

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::{
    id::{JobId, PLATFORM_TENANT, TenantId},
    principal::Principal,
};
use gangway_storage::{
    Db, SystemReason,
    audit_chain::{ChainEnd, Chained},
    queue::JobFence,
};
use gangway_vault::ChainKey;

use crate::{App, Ctx, Error, Result, jobs, jobs::ChainAudit};

/// Entries chained per transaction: on SQLite nobody else writes meanwhile.
const BATCH: u64 = 200;
/// Tenants looked at per call.
const TENANTS: u64 = 1_000;
/// Before the first entry.
pub(super) const GENESIS: [u8; 32] = [0; 32];

/// Enqueues the chaining of every tenant's log that has entries without a place. A job that waits already is enough.
pub async fn start_chaining(app: &App) -> Result<()> {
    let tx = app.db.begin_system(SystemReason::FindUnchained).await?;
    let scopes = tx.audit().list_unchained(TENANTS).await?;
    tx.commit().await?;
    for scope in scopes {
        // Nobody asked but the clock.
        let ctx = Ctx::new(app.clone(), Principal::Job(JobId::from_uuid(PLATFORM_TENANT.uuid())), scope, Vec::new());
        let mut tx = app.db.begin(&scope).await?;
        jobs::enqueue(&ctx, &mut tx, &ChainAudit {})?;
        tx.commit().await?;
    }
    Ok(())
}

/// How long the oldest entry has waited for its place, over all tenants; none when all have one.
pub async fn lag(db: &Db, now: DateTime<Utc>) -> Result<Option<TimeDelta>> {
    let tx = db.begin_system(SystemReason::Doctor).await?;
    let oldest = tx.audit().find_oldest_unchained().await?;
    tx.commit().await?;
    Ok(oldest.map(|at| now - at))
}

/// What chaining did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries that got their place.
    pub n_chained: u64,
    /// Whether nothing is left.
    pub is_done: bool,
}

/// Chains the entries of the context's tenant that have no place yet, in short transactions, until none is left or
/// `should_stop` says so. Each transaction is fenced.
pub async fn chain(ctx: &Ctx, fence: &JobFence, should_stop: &(dyn Fn() -> bool + Send + Sync)) -> Result<Progress> {
    let key = key(ctx).await?;
    let mut n_chained = 0;
    while !should_stop() {
        let n = chain_batch(ctx, &key, fence).await?;
        n_chained += n;
        if n < BATCH {
            return Ok(Progress { n_chained, is_done: true });
        }
    }
    Ok(Progress { n_chained, is_done: false })
}

async fn chain_batch(ctx: &Ctx, key: &ChainKey, fence: &JobFence) -> Result<u64> {
    let tenant = ctx.tenant();
    let tx = ctx.app().db.begin_system(SystemReason::ChainAudit).await?;
    tx.fence(tenant, fence).await?;
    let mut end = tx.audit().get_chain_end_for_update(tenant).await?;
    let entries = tx.audit().list_unchained_of(tenant, BATCH).await?;
    let mut previous = previous(&end)?;
    for entry in &entries {
        let sequence = end.sequence + 1;
        previous = key.link(&previous, &canonical(tenant, sequence, entry));
        end = ChainEnd { sequence, link: previous.to_vec() };
        tx.audit().update_place(tenant, entry.id, &end).await?;
    }
    if !entries.is_empty() {
        tx.audit().update_chain_end(tenant, &end).await?;
    }
    tx.commit().await?;
    if !entries.is_empty() {
        // Logs are kept elsewhere: what is noted there cannot be changed together with the database.
        tracing::info!(
            tenant.id = %tenant, audit.sequence = end.sequence, audit.link = hex(&end.link),
            "the audit log of {tenant} is chained up to entry {}", end.sequence
        );
    }
    Ok(entries.len() as u64)
}

/// The link that the next entry is chained to.
fn previous(end: &ChainEnd) -> Result<[u8; 32]> {
    if end.sequence == 0 {
        return Ok(GENESIS);
    }
    end.link.as_slice().try_into().map_err(|_| {
        Error::internal("the stored end of the audit chain is damaged; `gangway audit verify` says what is wrong")
    })
}

/// The key of the context's tenant, whose job or reader this is.
pub(super) async fn key(ctx: &Ctx) -> Result<ChainKey> {
    let app = ctx.app();
    if ctx.tenant() == PLATFORM_TENANT {
        // The platform tenant's data key is made when it is first needed.
        app.keys.ensure_platform(app).await?;
    }
    Ok(app.keys.tenant(app, ctx.scope()).await?.hash_key().chain_key())
}

/// What a link is made over: every stored value, each with its length, so that none can run into the next.
pub(super) fn canonical(tenant: TenantId, sequence: i64, entry: &Chained) -> Vec<u8> {
    let Chained { id, principal, action, object, detail, request, at, sequence: _, link: _ } = entry;
    let request = request.map(|id| id.into_bytes().to_vec()).unwrap_or_default();
    let (tenant, id) = (tenant.uuid(), id.uuid());
    let parts: [&[u8]; 9] = [
        tenant.as_bytes(),
        &sequence.to_be_bytes(),
        id.as_bytes(),
        principal.as_bytes(),
        action.as_bytes(),
        object.as_bytes(),
        detail.as_bytes(),
        &request,
        &at.to_be_bytes(),
    ];
    let mut bytes = b"gangway/audit-entry/v1".to_vec();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// As people and programs note a link.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use gangway_domain::id::AuditId;
    use uuid::Uuid;

    use super::*;

    fn entry() -> Chained {
        Chained {
            id: AuditId::from_uuid(Uuid::from_u128(1)),
            principal: "key:a".to_owned(),
            action: "b".to_owned(),
            object: "c".to_owned(),
            detail: "{}".to_owned(),
            request: None,
            at: 7,
            sequence: None,
            link: None,
        }
    }

    #[test]
    fn every_stored_value_and_its_place_is_covered() {
        let bytes = |tenant: u128, sequence, entry: &Chained| {
            canonical(TenantId::from_uuid(Uuid::from_u128(tenant)), sequence, entry)
        };
        let whole = bytes(1, 1, &entry());
        let changed: [Chained; 8] = [
            Chained { id: AuditId::from_uuid(Uuid::from_u128(2)), ..entry() },
            Chained { principal: "key:b".to_owned(), ..entry() },
            Chained { action: "x".to_owned(), ..entry() },
            Chained { object: "x".to_owned(), ..entry() },
            Chained { detail: "{ }".to_owned(), ..entry() },
            Chained { request: Some(Uuid::from_u128(9)), ..entry() },
            Chained { at: 8, ..entry() },
            // The same letters, the border between two values moved.
            Chained { action: "bc".to_owned(), object: String::new(), ..entry() },
        ];
        for other in changed {
            assert_ne!(bytes(1, 1, &other), whole, "{other:?}");
        }
        assert_ne!(bytes(2, 1, &entry()), whole);
        assert_ne!(bytes(1, 2, &entry()), whole);
    }

    #[test]
    fn links_are_written_in_hexadecimal() {
        assert_eq!(hex(&[0, 0x0a, 0xff]), "000aff");
    }
}
