//! What full runs found about records that they did not see, and the batches of it that wait for a human.

use chrono::{DateTime, Utc};
use gangway_domain::{
    held::{Finding, HeldBatch, HeldState},
    id::{SyncId, SyncRunId},
    sync::SyncRun,
};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{
    Error, Page, PageRequest, Result, TenantTx,
    micros::{from_micros, from_micros_opt, to_micros},
    records::batch,
};

/// The tenant's held deletions.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a>(pub(crate) &'a TenantTx);

/// A human's yes or no.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Releasing or refused.
    pub state: HeldState,
    /// Why, sealed for the batch: it may name people.
    pub reason: Vec<u8>,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Refused: until when these records are not asked about again.
    pub refused_until: Option<DateTime<Utc>>,
}

/// A record that a batch names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldRecord {
    /// The record.
    pub record: Uuid,
    /// What is known of it.
    pub finding: Finding,
}

const BATCH: &str = "SELECT run_id, sync_id, state, n_missing, n_present, n_allowed, n_settled, decided_by, decided_at,
                     refused_until, created_at FROM held_batch WHERE tenant_id = $1 AND ";

#[derive(FromQueryResult)]
struct BatchRow {
    run_id: Uuid,
    sync_id: Uuid,
    state: String,
    n_missing: i64,
    n_present: i64,
    n_allowed: i64,
    n_settled: i64,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    refused_until: Option<i64>,
    created_at: i64,
}

#[derive(FromQueryResult)]
struct RecordRow {
    record_id: Uuid,
    finding: String,
}

#[derive(FromQueryResult)]
struct ReasonRow {
    reason: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

impl Held<'_> {
    /// Adds a batch; [`crate::sweeps::Sweeps::hold_unseen`] adds what it names.
    ///
    /// # Errors
    /// [`Error::Taken`] when another batch of the sync waits.
    pub async fn create(&self, batch: &HeldBatch) -> Result<()> {
        let sql =
            "INSERT INTO held_batch (tenant_id, run_id, sync_id, state, n_missing, n_present, n_allowed, n_settled,
                   created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = vec![
            self.0.tenant().uuid().into(),
            batch.run.uuid().into(),
            batch.sync.uuid().into(),
            batch.state.as_str().into(),
            batch.n_missing.into(),
            batch.n_present.into(),
            batch.n_allowed.into(),
            batch.n_settled.into(),
            to_micros(batch.created_at).into(),
        ];
        self.0.execute(sql, values).await?;
        Ok(())
    }

    /// The newest batch of a sync.
    pub async fn find_last(&self, sync: SyncId) -> Result<Option<HeldBatch>> {
        let sql = format!("{BATCH} sync_id = $2 ORDER BY run_id DESC LIMIT 1");
        self.one(&sql, sync.uuid()).await
    }

    /// The batch of a sync that is not settled.
    pub async fn find_pending(&self, sync: SyncId) -> Result<Option<HeldBatch>> {
        let sql = format!("{BATCH} sync_id = $2 AND state IN ('open', 'releasing')");
        self.one(&sql, sync.uuid()).await
    }

    /// A run's batch.
    pub async fn find(&self, run: SyncRunId) -> Result<Option<HeldBatch>> {
        let sql = format!("{BATCH} run_id = $2");
        self.one(&sql, run.uuid()).await
    }

    async fn one(&self, sql: &str, id: Uuid) -> Result<Option<HeldBatch>> {
        let rows: Vec<BatchRow> = self.0.query(sql, vec![self.0.tenant().uuid().into(), id.into()]).await?;
        rows.into_iter().next().map(read).transpose()
    }

    /// Why somebody decided as they did, sealed.
    pub async fn find_reason(&self, run: SyncRunId) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT reason FROM held_batch WHERE tenant_id = $1 AND run_id = $2";
        let rows: Vec<ReasonRow> = self.0.query(sql, self.of(run)).await?;
        Ok(rows.into_iter().next().and_then(|row| row.reason))
    }

    /// Notes a decision on an open batch; answers whether it was open.
    pub async fn decide(&self, run: SyncRunId, decision: &Decision) -> Result<bool> {
        let sql = "UPDATE held_batch SET state = $1, reason = $2, decided_by = $3, decided_at = $4, refused_until = $5
                   WHERE tenant_id = $6 AND run_id = $7 AND state = 'open'";
        let values = vec![
            decision.state.as_str().into(),
            decision.reason.clone().into(),
            decision.by.as_str().into(),
            to_micros(decision.at).into(),
            decision.refused_until.map(to_micros).into(),
            self.0.tenant().uuid().into(),
            run.uuid().into(),
        ];
        Ok(self.0.execute(sql, values).await?.rows_affected() == 1)
    }

    /// Notes how far a release has come.
    pub async fn update_progress(&self, run: SyncRunId, state: HeldState, n_settled: i64) -> Result<()> {
        let sql = "UPDATE held_batch SET state = $1, n_settled = $2 WHERE tenant_id = $3 AND run_id = $4";
        let values = vec![state.as_str().into(), n_settled.into(), self.0.tenant().uuid().into(), run.uuid().into()];
        let changed = self.0.execute(sql, values).await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::NotFound("held batch")) }
    }

    /// Sets a sync's open batch aside for a later sweep's view, and forgets what it named.
    pub async fn supersede(&self, run: SyncRunId) -> Result<()> {
        let sql = "UPDATE held_batch SET state = 'superseded' WHERE tenant_id = $1 AND run_id = $2 AND state = 'open'";
        self.0.execute(sql, self.of(run)).await?;
        self.delete_findings(run).await
    }

    /// Whether a batch names a record that another one does not.
    pub async fn names_more(&self, run: SyncRunId, earlier: SyncRunId) -> Result<bool> {
        let sql = "SELECT count(*) AS n FROM sweep_finding h WHERE h.tenant_id = $1 AND h.run_id = $2
                   AND NOT EXISTS (SELECT 1 FROM sweep_finding e WHERE e.tenant_id = h.tenant_id AND e.run_id = $3
                                   AND e.record_id = h.record_id LIMIT 1 OFFSET 0)";
        let values = vec![self.0.tenant().uuid().into(), run.uuid().into(), earlier.uuid().into()];
        let counts: Vec<Count> = self.0.query(sql, values).await?;
        Ok(counts.first().is_some_and(|count| count.n > 0))
    }

    /// What a run found, in the order of the records' ids.
    pub async fn list_records(&self, run: SyncRunId, page: PageRequest<Uuid>) -> Result<Page<HeldRecord>> {
        let after = page.after.unwrap_or(Uuid::nil());
        let sql = "SELECT record_id, finding FROM sweep_finding WHERE tenant_id = $1 AND run_id = $2 AND record_id > $3
                   ORDER BY record_id LIMIT $4";
        let mut values = self.of(run);
        values.extend([after.into(), i64::try_from(page.limit + 1).unwrap_or(i64::MAX).into()]);
        let rows: Vec<RecordRow> = self.0.query(sql, values).await?;
        let records = rows
            .into_iter()
            .map(|RecordRow { record_id, finding }| {
                let finding =
                    Finding::parse(&finding).ok_or_else(|| Error::corrupt("sweep_finding", "unknown finding"))?;
                Ok(HeldRecord { record: record_id, finding })
            })
            .collect::<Result<_>>()?;
        Ok(Page::from_overfetch(records, page.limit))
    }

    /// Notes what single reads said of some records.
    pub async fn upsert_findings(&self, run: SyncRunId, records: &[HeldRecord]) -> Result<()> {
        let rows = records
            .iter()
            .map(|HeldRecord { record, finding }| vec![run.uuid().into(), (*record).into(), finding.as_str().into()])
            .collect();
        let columns = ["run_id", "record_id", "finding"];
        let conflict = "(tenant_id, run_id, record_id) DO UPDATE SET finding = excluded.finding";
        batch::insert(self.0, "sweep_finding", &columns, conflict, rows).await?;
        Ok(())
    }

    /// Forgets everything that a run found.
    pub async fn delete_findings(&self, run: SyncRunId) -> Result<()> {
        let sql = "DELETE FROM sweep_finding WHERE tenant_id = $1 AND run_id = $2";
        self.0.execute(sql, self.of(run)).await?;
        Ok(())
    }

    /// Forgets records that a run found, because they are settled; answers how many it named.
    pub async fn delete_records(&self, run: SyncRunId, records: &[Uuid]) -> Result<i64> {
        let mut n_named = 0;
        for chunk in records.chunks(batch::CHUNK) {
            let sql = format!(
                "DELETE FROM sweep_finding WHERE tenant_id = $1 AND run_id = $2 AND record_id IN ({})",
                batch::places(3, chunk.len())
            );
            let mut values = self.of(run);
            values.extend(chunk.iter().map(|record| Value::from(*record)));
            n_named += self.0.execute(&sql, values).await?.rows_affected();
        }
        Ok(i64::try_from(n_named).unwrap_or(i64::MAX))
    }

    /// Counts so many more records of a batch that is not settled as settled.
    pub async fn add_settled(&self, run: SyncRunId, n: i64) -> Result<()> {
        let sql = "UPDATE held_batch SET n_settled = n_settled + $3
                   WHERE tenant_id = $1 AND run_id = $2 AND state IN ('open', 'releasing')";
        let mut values = self.of(run);
        values.push(n.into());
        self.0.execute(sql, values).await?;
        Ok(())
    }

    /// Ends the refusals of records that a full run has seen again, and those that have run out.
    pub async fn prune_refusals(&self, run: &SyncRun, now: DateTime<Utc>) -> Result<()> {
        let sql = "DELETE FROM sweep_finding WHERE tenant_id = $1 AND run_id IN (
                     SELECT b.run_id FROM held_batch b WHERE b.tenant_id = $1 AND b.sync_id = $2 AND b.state = 'refused')
                   AND (EXISTS (SELECT 1 FROM sweep_sighting s WHERE s.tenant_id = sweep_finding.tenant_id AND s.run_id = $3
                                AND s.record_id = sweep_finding.record_id)
                        OR EXISTS (SELECT 1 FROM held_batch b WHERE b.tenant_id = $1 AND b.run_id = sweep_finding.run_id
                                   AND b.refused_until <= $4))";
        let values =
            vec![self.0.tenant().uuid().into(), run.sync.uuid().into(), run.id.uuid().into(), to_micros(now).into()];
        self.0.execute(sql, values).await?;
        Ok(())
    }

    fn of(self, run: SyncRunId) -> Vec<Value> {
        vec![self.0.tenant().uuid().into(), run.uuid().into()]
    }
}

fn read(row: BatchRow) -> Result<HeldBatch> {
    let BatchRow {
        run_id,
        sync_id,
        state,
        n_missing,
        n_present,
        n_allowed,
        n_settled,
        decided_by,
        decided_at,
        refused_until,
        created_at,
    } = row;
    Ok(HeldBatch {
        run: SyncRunId::from_uuid(run_id),
        sync: SyncId::from_uuid(sync_id),
        state: HeldState::parse(&state).ok_or_else(|| Error::corrupt("held_batch", "unknown state"))?,
        n_missing,
        n_present,
        n_allowed,
        n_settled,
        decided_by,
        decided_at: from_micros_opt(decided_at)?,
        refused_until: from_micros_opt(refused_until)?,
        created_at: from_micros(created_at)?,
    })
}
