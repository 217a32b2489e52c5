//! Claiming: due jobs become pending, then the workers' free slots are filled.
//!
//! Slots are given to classes by a fixed pattern of eight (five interactive, two normal, one bulk), so that a lower class
//! always moves however full the higher ones are; a slot whose class has nothing goes to the highest class that has. Within
//! a class the virtual start decides, which makes it fair between tenants. Jobs of suspended tenants are set aside.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use gangway_domain::{id::TenantId, job::JobClass};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    JobFence, SystemQueue, TenantShare, class_of, fair, job_id,
    rest::{self, ASIDE},
    sql::{Binds, Dialect, query},
};
use crate::{Result, TenantScope, micros::to_micros, transaction::Transaction};

/// Which class each of eight consecutive slots prefers.
const PATTERN: [JobClass; 8] = [
    JobClass::Interactive,
    JobClass::Interactive,
    JobClass::Normal,
    JobClass::Interactive,
    JobClass::Interactive,
    JobClass::Normal,
    JobClass::Interactive,
    JobClass::Bulk,
];

/// Due jobs made pending per claim: a flood that becomes due at once must not hold one transaction for long.
const PROMOTE_AT_MOST: i64 = 500;

/// How far past a queue's virtual time others than the tenants with their full share, or those being set aside, are looked for. Whoever waits has its
/// first start near that time, and without a bound each look would read a large tenant's whole backlog.
const LOOK_AHEAD: i64 = 100;

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// From which queue.
    pub queue: String,
    /// Who takes them, for the reader of the table; the epoch is what counts.
    pub owner: String,
    /// Free slots.
    pub slots: usize,
    /// How many slots this worker has filled before: where it stands in the pattern of classes.
    pub turn: usize,
    /// What one tenant may have of the worker's slots.
    pub share: TenantShare,
    /// For how long, in microseconds of the database's clock.
    pub lease_micros: i64,
    /// Now, for due times.
    pub now: DateTime<Utc>,
}

/// A job that was claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its tenant: the only way in which a job gets a scope.
    pub scope: TenantScope,
    /// Proof of the lease.
    pub fence: JobFence,
    /// Payload kind.
    pub kind: String,
    /// Payload.
    pub payload: String,
    /// Priority.
    pub class: JobClass,
    /// This try, from 1.
    pub attempt: i32,
    /// Tries allowed.
    pub max_attempts: i32,
    /// Trace of the enqueuing span.
    pub traceparent: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    kind: String,
    payload: String,
    class: i16,
    fair_at: i64,
    attempts: i32,
    max_attempts: i32,
    epoch: i64,
    traceparent: Option<String>,
}

#[derive(FromQueryResult)]
struct Probe {
    due: i32,
    interactive: i32,
    normal: i32,
    bulk: i32,
    suspended: i32,
}

#[derive(FromQueryResult)]
struct Due {
    id: Uuid,
    tenant_id: Uuid,
    queue: String,
    class: i16,
}

impl SystemQueue<'_> {
    /// Makes due jobs pending and leases up to `slots` of them, highest class and earliest virtual start first.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Claimed>> {
        let tx = self.0.raw();
        let mut probe = probe(tx, request).await?;
        if probe.due > 0 {
            self.promote(request.now).await?;
            probe = self::probe(tx, request).await?;
        }
        let crowded = crowded(tx, request, &probe).await?;
        let mut rows = Vec::new();
        let mut share = request.share.clone();
        let mut exhausted = Vec::new();
        for (class, slots) in shares(&probe, request.slots, request.turn) {
            let claimed = claim_class(tx, request, class, slots, &mut share, &crowded).await?;
            if claimed.len() < slots {
                exhausted.push(class);
            }
            rows.extend(claimed);
        }
        // Rows that others hold locked, and tenants that rest or have their share, leave slots free; the other classes may
        // have them.
        for class in JobClass::ALL {
            let free = request.slots.saturating_sub(rows.len());
            if free == 0 {
                break;
            }
            if probe.has(class) && !exhausted.contains(&class) {
                rows.extend(claim_class(tx, request, class, free, &mut share, &crowded).await?);
            }
        }
        rows.sort_by_key(|row| (row.class, row.fair_at, row.id));
        let mut latest: BTreeMap<i16, i64> = BTreeMap::new();
        for row in &rows {
            latest.insert(row.class, row.fair_at);
        }
        for (class, start) in latest {
            fair::advance(tx, &request.queue, class, start).await?;
        }
        rows.into_iter().map(claimed).collect()
    }

    /// Makes jobs whose time has come pending, and gives each its virtual start.
    pub async fn promote(&self, now: DateTime<Utc>) -> Result<u64> {
        let tx = self.0.raw();
        let sql = format!(
            "SELECT id, tenant_id, queue, class FROM job WHERE state = 'scheduled' AND run_at <= $1
             ORDER BY run_at, id LIMIT $2 {}",
            Dialect::of(tx).skip_locked
        );
        let due: Vec<Due> = query(tx, &sql, vec![to_micros(now).into(), PROMOTE_AT_MOST.into()]).await?;
        let mut groups: BTreeMap<(Uuid, String, i16), Vec<Uuid>> = BTreeMap::new();
        for row in due {
            groups.entry((row.tenant_id, row.queue, row.class)).or_default().push(row.id);
        }
        let mut n_promoted = 0;
        for ((tenant, queue, class), ids) in groups {
            n_promoted += fair::start(tx, TenantId::from_uuid(tenant), &queue, class, ids).await?;
        }
        Ok(n_promoted)
    }
}

/// One look at the indexes, so that an idle poll costs one statement.
async fn probe(tx: &Transaction, request: &ClaimRequest) -> Result<Probe> {
    let pending = |class: i16| {
        format!(
            "CASE WHEN EXISTS (SELECT 1 FROM job WHERE queue = $2 AND class = {class} AND state = 'pending'
               AND fair_at < {ASIDE}) THEN 1 ELSE 0 END"
        )
    };
    let sql = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM job WHERE state = 'scheduled' AND run_at <= $1) THEN 1 ELSE 0 END AS due,
           {} AS interactive, {} AS normal, {} AS bulk,
           CASE WHEN EXISTS (SELECT 1 FROM tenant WHERE state = 'suspended') THEN 1 ELSE 0 END AS suspended",
        pending(0),
        pending(1),
        pending(2)
    );
    let rows: Vec<Probe> = query(tx, &sql, vec![to_micros(request.now).into(), request.queue.as_str().into()]).await?;
    Ok(rows.into_iter().next().unwrap_or(Probe { due: 0, interactive: 0, normal: 0, bulk: 0, suspended: 0 }))
}

impl Probe {
    const fn has(&self, class: JobClass) -> bool {
        match class {
            JobClass::Interactive => self.interactive > 0,
            JobClass::Normal => self.normal > 0,
            JobClass::Bulk => self.bulk > 0,
        }
    }
}

/// Sets aside what belongs to suspended tenants; answers the classes in which more of it may stand in the way.
async fn crowded(tx: &Transaction, request: &ClaimRequest, probe: &Probe) -> Result<Vec<JobClass>> {
    let mut crowded = Vec::new();
    if probe.suspended > 0 {
        for class in JobClass::ALL.into_iter().filter(|class| probe.has(*class)) {
            if rest::set_aside(tx, &request.queue, class).await? {
                crowded.push(class);
            }
        }
    }
    Ok(crowded)
}

/// How many slots each class gets, highest class first.
fn shares(probe: &Probe, slots: usize, turn: usize) -> Vec<(JobClass, usize)> {
    let Some(highest) = JobClass::ALL.into_iter().find(|class| probe.has(*class)) else { return Vec::new() };
    let mut shares: BTreeMap<JobClass, usize> = BTreeMap::new();
    for preferred in PATTERN.into_iter().cycle().skip(turn % PATTERN.len()).take(slots) {
        *shares.entry(if probe.has(preferred) { preferred } else { highest }).or_default() += 1;
    }
    shares.into_iter().collect()
}

async fn claim_class(
    tx: &Transaction,
    request: &ClaimRequest,
    class: JobClass,
    slots: usize,
    share: &mut TenantShare,
    crowded: &[JobClass],
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    while rows.len() < slots {
        // So few that no tenant can get more than its share; two rounds are enough for a share of all slots but one.
        let n = share.step(slots - rows.len());
        let claimed = claim_rows(tx, request, class, n, &share.full(), crowded).await?;
        let n_claimed = claimed.len();
        for row in &claimed {
            share.add(TenantId::from_uuid(row.tenant_id));
        }
        rows.extend(claimed);
        if n_claimed < n {
            break;
        }
    }
    Ok(rows)
}

async fn claim_rows(
    tx: &Transaction,
    request: &ClaimRequest,
    class: JobClass,
    n: usize,
    full: &[TenantId],
    crowded: &[JobClass],
) -> Result<Vec<Row>> {
    let Dialect { now, skip_locked, .. } = Dialect::of(tx);
    let is_crowded = crowded.contains(&class);
    let mut binds = Binds::default();
    let queue = binds.add(request.queue.as_str());
    let class = binds.add(class.rank());
    let mut others = String::new();
    if !full.is_empty() {
        let full: Vec<_> = full.iter().map(|tenant| binds.add(tenant.uuid())).collect();
        others = format!("AND tenant_id NOT IN ({})", full.join(", "));
    }
    if !full.is_empty() || is_crowded {
        others = format!(
            "{others} AND fair_at <= {LOOK_AHEAD} + coalesce((SELECT virtual_now FROM queue_clock
               WHERE queue = {queue} AND class = {class}), 0)"
        );
    }
    // Materialised: a subquery with a lock and a limit may else be run again for each row and claim too much. NOT IN: it
    // stays a filter on the walk along the index, where NOT EXISTS may become a join that reads and sorts all rows.
    let sql = format!(
        "WITH next AS MATERIALIZED (
           SELECT id FROM job WHERE queue = {queue} AND class = {class} AND state = 'pending' AND fair_at < {ASIDE}
             AND tenant_id NOT IN (SELECT tenant.id FROM tenant WHERE tenant.state = 'suspended') {others}
           ORDER BY fair_at, id LIMIT {limit} {skip_locked})
         UPDATE job SET state = 'running', attempts = attempts + 1, epoch = epoch + 1, lease_owner = {owner},
           lease_until = {now} + {lease}
         WHERE id IN (SELECT id FROM next)
         RETURNING id, tenant_id, kind, payload, class, fair_at, attempts, max_attempts, epoch, traceparent",
        limit = binds.add(i64::try_from(n).unwrap_or(i64::MAX)),
        owner = binds.add(request.owner.as_str()),
        lease = binds.add(request.lease_micros),
    );
    query(tx, &sql, binds.0).await
}

fn claimed(row: Row) -> Result<Claimed> {
    Ok(Claimed {
        scope: TenantScope::new(TenantId::from_uuid(row.tenant_id)),
        fence: JobFence { job: job_id(row.id), epoch: row.epoch },
        kind: row.kind,
        payload: row.payload,
        class: class_of(row.class)?,
        attempt: row.attempts,
        max_attempts: row.max_attempts,
        traceparent: row.traceparent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Probe = Probe { due: 0, interactive: 1, normal: 1, bulk: 1, suspended: 0 };

    #[test]
    fn every_class_gets_its_share_of_eight_slots() {
        let expected = vec![(JobClass::Interactive, 5), (JobClass::Normal, 2), (JobClass::Bulk, 1)];
        assert_eq!(shares(&ALL, 8, 0), expected);
        assert_eq!(shares(&ALL, 8, 3), expected);
    }

    #[test]
    fn a_worker_with_one_slot_reaches_bulk_within_eight_turns() {
        let turns: Vec<_> = (0..8).map(|turn| shares(&ALL, 1, turn)[0].0).collect();
        assert!(turns.contains(&JobClass::Bulk));
        assert_eq!(turns.iter().filter(|class| **class == JobClass::Normal).count(), 2);
    }

    #[test]
    fn slots_of_empty_classes_go_to_the_highest_class_that_waits() {
        let probe = Probe { due: 0, interactive: 0, normal: 1, bulk: 1, suspended: 0 };
        assert_eq!(shares(&probe, 8, 0), vec![(JobClass::Normal, 7), (JobClass::Bulk, 1)]);
        assert_eq!(shares(&Probe { normal: 0, bulk: 0, ..probe }, 8, 0), vec![]);
    }
}
