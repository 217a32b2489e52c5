//! What full runs have seen, and what they have not: the candidates for deletion.

use gangway_domain::{id::SyncRunId, record::ExternalId, sync::SyncRun};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{Result, TenantTx, micros::to_micros, records::batch};

/// What sweeps of the tenant have seen.
#[derive(Debug, Clone, Copy)]
pub struct Sweeps<'a>(pub(crate) &'a TenantTx);

/// A present record that a sweep did not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The record.
    pub record: Uuid,
    /// Its name at the vendor.
    pub external: ExternalId,
}

#[derive(FromQueryResult)]
struct CandidateRow {
    id: Uuid,
    source: String,
    external_id: String,
}

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

impl Sweeps<'_> {
    /// Notes that a run has seen these records; seeing one again changes nothing.
    pub async fn upsert_sightings(&self, run: SyncRunId, records: &[Uuid]) -> Result<()> {
        let rows = records.iter().map(|record| vec![run.uuid().into(), (*record).into()]).collect();
        batch::insert(self.0, "sweep_sighting", &["run_id", "record_id"], "DO NOTHING", rows).await?;
        Ok(())
    }

    /// Forgets what a run has seen, because it reads again from the start.
    pub async fn delete_sightings(&self, run: SyncRunId) -> Result<()> {
        let sql = "DELETE FROM sweep_sighting WHERE tenant_id = $1 AND run_id = $2";
        self.0.execute(sql, vec![self.0.tenant().uuid().into(), run.uuid().into()]).await?;
        Ok(())
    }

    /// How many records a run has seen, those set aside by it included.
    pub async fn count_seen(&self, run: &SyncRun) -> Result<i64> {
        // A record set aside that we know is a sighting already; one that we do not know counts by itself.
        let sql = "SELECT (SELECT count(*) FROM sweep_sighting WHERE tenant_id = $1 AND run_id = $2)
                        + (SELECT count(*) FROM quarantined_record q
                           WHERE q.tenant_id = $1 AND q.connection_id = $3 AND q.stream = $4 AND q.run_id = $2
                             AND NOT EXISTS (SELECT 1 FROM record_alias a
                                             WHERE a.tenant_id = q.tenant_id AND a.connection_id = q.connection_id
                                               AND a.stream = q.stream AND a.external_id = q.external_id)) AS n";
        let values = vec![
            self.0.tenant().uuid().into(),
            run.id.uuid().into(),
            run.connection.uuid().into(),
            run.stream.as_str().into(),
        ];
        let counts: Vec<Count> = self.0.query(sql, values).await?;
        Ok(counts.first().map_or(0, |count| count.n))
    }

    /// How many records of the run's stream, and of its window, are present.
    pub async fn count_present(&self, run: &SyncRun) -> Result<i64> {
        let mut query = Query::of_run(self.0, run);
        query.sql.insert_str(0, "SELECT count(*) AS n ");
        let counts: Vec<Count> = self.0.query(&query.sql, query.values).await?;
        Ok(counts.first().map_or(0, |count| count.n))
    }

    /// Present records of the run's stream, and of its window, that the run has not seen: the next ones after `after` in the
    /// order of their ids, `limit` at most.
    pub async fn list_unseen(&self, run: &SyncRun, after: Option<Uuid>, limit: u64) -> Result<Vec<Candidate>> {
        let mut query = Query::of_run(self.0, run);
        query.unseen_by(run.id);
        if let Some(after) = after {
            query.and("r.id > {}", after.into());
        }
        self.candidates(query, limit).await
    }

    /// Present records of the run's stream, and of its window, that the run has not seen and that an earlier sweep could have
    /// seen and has not seen either, `limit` at most.
    pub async fn list_unseen_twice(&self, run: &SyncRun, earlier: &SyncRun, limit: u64) -> Result<Vec<Candidate>> {
        let mut query = Query::of_run(self.0, run);
        query.unseen_by(run.id);
        query.unseen_by(earlier.id);
        // What is new since then, or came back, could not be seen by it; what changed since has been seen by another run.
        query.and("r.changed_at < {}", to_micros(earlier.started_at.unwrap_or(earlier.created_at)).into());
        if let Some(window) = earlier.window {
            query.and("r.starts_on >= {}", window.from.to_string().into());
            query.and("r.starts_on <= {}", window.to.to_string().into());
        }
        self.candidates(query, limit).await
    }

    /// Forgets what the runs of a sync before this one have seen, all but one of them.
    pub async fn prune(&self, run: &SyncRun, keep: Option<SyncRunId>) -> Result<()> {
        let sql = "DELETE FROM sweep_sighting WHERE tenant_id = $1
                   AND run_id IN (SELECT id FROM sync_run WHERE tenant_id = $1 AND sync_id = $2 AND id < $3 AND id <> $4)";
        let keep = keep.unwrap_or(run.id);
        let values =
            vec![self.0.tenant().uuid().into(), run.sync.uuid().into(), run.id.uuid().into(), keep.uuid().into()];
        self.0.execute(sql, values).await?;
        Ok(())
    }

    async fn candidates(&self, mut query: Query, limit: u64) -> Result<Vec<Candidate>> {
        query.sql.insert_str(0, "SELECT r.id, r.source, r.external_id ");
        query.values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        let sql = format!("{} ORDER BY r.id LIMIT ${}", query.sql, query.values.len());
        let rows: Vec<CandidateRow> = self.0.query(&sql, query.values).await?;
        let candidates = rows.into_iter().map(|CandidateRow { id, source, external_id }| Candidate {
            record: id,
            external: ExternalId { source, id: external_id },
        });
        Ok(candidates.collect())
    }
}

/// The part of the queries that they share, growing condition by condition.
struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    fn of_run(tx: &TenantTx, run: &SyncRun) -> Self {
        let sql = "FROM record r WHERE r.tenant_id = $1 AND r.connection_id = $2 AND r.stream = $3
                   AND r.state = 'present'";
        let values = vec![tx.tenant().uuid().into(), run.connection.uuid().into(), run.stream.as_str().into()];
        let mut query = Self { sql: sql.to_owned(), values };
        // Leaving the window is not a deletion.
        if let Some(window) = run.window {
            query.and("r.starts_on >= {}", window.from.to_string().into());
            query.and("r.starts_on <= {}", window.to.to_string().into());
        }
        query
    }

    fn unseen_by(&mut self, run: SyncRunId) {
        self.and(
            "NOT EXISTS (SELECT 1 FROM sweep_sighting s
                         WHERE s.tenant_id = r.tenant_id AND s.run_id = {} AND s.record_id = r.id)",
            run.uuid().into(),
        );
    }

    fn and(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition.replace("{}", &format!("${}", self.values.len())));
    }
}
