//! Enqueueing, as part of the caller's transaction.
//!
//! A job whose key already waits is not added: the waiting row stands for it and is pulled forward when the new one is due
//! earlier. That row is locked until the commit, else a worker could claim it, read the data from before this transaction,
//! and the notice would be lost.

use std::collections::{BTreeMap, BTreeSet};

use gangway_domain::id::{JobId, TenantId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    NewJob, fair,
    sql::{Binds, Dialect, Id, execute, query},
    wake::WakeAfterCommit,
};
use crate::{Result, TenantTx, micros::to_micros, transaction::Transaction};

/// Rows per statement: far below SQLite's limit of 32,766 binds.
const CHUNK: usize = 500;

/// How often a job that lost the race for its key is tried again; each round means another transaction committed it.
const ROUNDS: u32 = 4;

#[derive(FromQueryResult)]
struct Waiting {
    id: Uuid,
    queue: String,
    dedupe_key: String,
    state: String,
    run_at: i64,
    not_before: i64,
}

/// Writes the jobs of a tenant's transaction. Call `send` on the answer once the commit has succeeded.
pub(crate) async fn insert_all(tx: &TenantTx, jobs: Vec<NewJob>) -> Result<WakeAfterCommit> {
    insert(tx.raw(), tx.tenant(), jobs).await
}

pub(super) async fn insert(tx: &Transaction, tenant: TenantId, jobs: Vec<NewJob>) -> Result<WakeAfterCommit> {
    let mut added = 0;
    let mut left = jobs;
    // Waiting rows and shares are locked in this order by everybody.
    left.sort_by(|a, b| {
        (&a.queue, a.class.rank(), &a.dedupe_key, a.id).cmp(&(&b.queue, b.class.rank(), &b.dedupe_key, b.id))
    });
    for _ in 0..ROUNDS {
        left = without_waiting(tx, tenant, left).await?;
        if left.is_empty() {
            break;
        }
        let inserted = insert_rows(tx, tenant, &left).await?;
        added += inserted.len();
        // A fixed id that exists is done for good; a key that was taken meanwhile is looked at again.
        left.retain(|job| job.dedupe_key.is_some() && !inserted.contains(&job.id.uuid()));
        drop_repeated_keys(&mut left);
    }
    Ok(WakeAfterCommit::new(added > 0))
}

/// Takes out the jobs that a waiting row stands for, and pulls that row forward.
async fn without_waiting(tx: &Transaction, tenant: TenantId, jobs: Vec<NewJob>) -> Result<Vec<NewJob>> {
    let mut waiting = BTreeMap::new();
    let keyed: Vec<_> =
        jobs.iter().filter_map(|job| job.dedupe_key.as_deref().map(|key| (job.queue.as_str(), key))).collect();
    for chunk in keyed.chunks(CHUNK) {
        for row in find_waiting(tx, tenant, chunk).await? {
            waiting.insert((row.queue.clone(), row.dedupe_key.clone()), row);
        }
    }
    if waiting.is_empty() {
        return Ok(jobs);
    }
    let mut left = Vec::new();
    for job in jobs {
        let row = job.dedupe_key.clone().and_then(|key| waiting.get_mut(&(job.queue.clone(), key)));
        let Some(row) = row else {
            left.push(job);
            continue;
        };
        // Never earlier than a vendor's Retry-After.
        let run_at = to_micros(job.run_at).max(row.not_before);
        if row.state == "scheduled" && run_at < row.run_at {
            let sql = "UPDATE job SET run_at = $1 WHERE id = $2 AND state = 'scheduled'";
            execute(tx, sql, vec![run_at.into(), row.id.into()]).await?;
            row.run_at = run_at;
        }
    }
    Ok(left)
}

async fn find_waiting(tx: &Transaction, tenant: TenantId, keys: &[(&str, &str)]) -> Result<Vec<Waiting>> {
    let mut binds = Binds::default();
    let tenant = binds.add(tenant.uuid());
    let mut wanted = Vec::with_capacity(keys.len());
    for (queue, key) in keys {
        wanted.push(format!("({}, {})", binds.add(*queue), binds.add(*key)));
    }
    let sql = format!(
        "SELECT id, queue, dedupe_key, state, run_at, not_before FROM job
         WHERE tenant_id = {tenant} AND state IN ('pending', 'scheduled') AND dedupe_key IS NOT NULL
           AND (queue, dedupe_key) IN (VALUES {})
         ORDER BY queue, class, dedupe_key {}",
        wanted.join(", "),
        Dialect::of(tx).for_update,
    );
    query(tx, &sql, binds.0).await
}

/// Inserts and answers the ids that are new.
async fn insert_rows(tx: &Transaction, tenant: TenantId, jobs: &[NewJob]) -> Result<BTreeSet<Uuid>> {
    let mut due: BTreeMap<(&str, i16), i64> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.run_at <= job.created_at) {
        *due.entry((&job.queue, job.class.rank())).or_default() += 1;
    }
    let mut starts = BTreeMap::new();
    for ((queue, class), n) in due {
        starts.insert((queue, class), fair::reserve(tx, tenant, queue, class, n).await?);
    }
    let mut inserted = BTreeSet::new();
    for chunk in jobs.chunks(CHUNK) {
        let mut binds = Binds::default();
        let tenant = binds.add(tenant.uuid());
        let mut rows = Vec::with_capacity(chunk.len());
        for job in chunk {
            // A job due later gets its start when it becomes due: a start from today would overtake everybody then.
            let (state, start) = if job.run_at <= job.created_at {
                let next = starts.entry((job.queue.as_str(), job.class.rank())).or_default();
                *next += 1;
                ("pending", *next - 1)
            } else {
                ("scheduled", 0)
            };
            rows.push(format!(
                "({}, {tenant}, {}, {}, {}, {}, '{state}', {start}, {}, 0, 0, {}, 0, {}, {}, {}, {})",
                binds.add(job.id.uuid()),
                binds.add(job.queue.as_str()),
                binds.add(job.kind.as_str()),
                binds.add(job.payload.as_str()),
                job.class.rank(),
                to_micros(job.run_at),
                job.max_attempts,
                binds.add(job.dedupe_key.clone()),
                binds.add(job.traceparent.clone()),
                binds.add(job.retry_of.map(JobId::uuid)),
                to_micros(job.created_at),
            ));
        }
        let sql = format!(
            "INSERT INTO job (id, tenant_id, queue, kind, payload, class, state, fair_at, run_at, not_before, attempts,
               max_attempts, epoch, dedupe_key, traceparent, retry_of, created_at)
             VALUES {} ON CONFLICT DO NOTHING RETURNING id",
            rows.join(", ")
        );
        inserted.extend(query::<Id>(tx, &sql, binds.0).await?.into_iter().map(|row| row.id));
    }
    Ok(inserted)
}

/// Of several jobs with one key the earliest is enough.
fn drop_repeated_keys(jobs: &mut Vec<NewJob>) {
    jobs.sort_by_key(|job| job.run_at);
    let mut seen = BTreeSet::new();
    jobs.retain(|job| seen.insert((job.queue.clone(), job.dedupe_key.clone())));
    jobs.sort_by(|a, b| (&a.queue, a.class.rank(), &a.dedupe_key).cmp(&(&b.queue, b.class.rank(), &b.dedupe_key)));
}
