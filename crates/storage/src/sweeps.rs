//! What full runs have seen, and what they have not: the candidates for deletion.

use chrono::{DateTime, Utc};
use gangway_domain::{
    held::Finding,
    id::SyncRunId,
    record::ExternalId,
    sync::{Sync, SyncRun},
};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{Error, Result, TenantTx, micros::to_micros, records::batch};

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
    /// All its names.
    pub names: Vec<ExternalId>,
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

    /// Forgets what a run has seen, because it reads from the start, and notes that what it sees from now on is kept.
    pub async fn begin(&self, run: SyncRunId, at: DateTime<Utc>) -> Result<()> {
        let sql = "DELETE FROM sweep_sighting WHERE tenant_id = $1 AND run_id = $2";
        let key: Vec<Value> = vec![self.0.tenant().uuid().into(), run.uuid().into()];
        self.0.execute(sql, key.clone()).await?;
        let sql = "UPDATE sync_run SET sightings_at = $3 WHERE tenant_id = $1 AND id = $2";
        self.0.execute(sql, [key, vec![to_micros(at).into()]].concat()).await?;
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
                                               AND a.stream = q.stream AND a.external_id = q.external_id
                                             LIMIT 1 OFFSET 0)) AS n";
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
    /// order of their ids, `limit` at most. Those that a human refused to let go are left out until their time has run out.
    pub async fn list_unseen(
        &self,
        run: &SyncRun,
        after: Option<Uuid>,
        now: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<Candidate>> {
        let mut query = Query::unseen(self.0, run, None, now);
        if let Some(after) = after {
            query.and("r.id > {}", after.into());
        }
        self.named(query, limit).await
    }

    /// Present records of the run's stream, and of its window, that the run has not seen and that an earlier sweep could have
    /// seen and has not seen either, `limit` at most; without those that a human refused to let go.
    pub async fn list_unseen_twice(
        &self,
        run: &SyncRun,
        earlier: &SyncRun,
        now: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<Candidate>> {
        self.candidates(Query::unseen(self.0, run, Some(earlier), now), limit).await
    }

    /// A present record of the run's stream, and of its window, that the run has seen.
    pub async fn find_seen(&self, run: &SyncRun) -> Result<Option<Candidate>> {
        let mut query = Query::of_run(self.0, run);
        query.seen_by(run.id);
        Ok(self.named(query, 1).await?.into_iter().next())
    }

    /// Present records of the run's stream, and of its window, in whose place the run has seen another one: of the same employee
    /// and day, at the same time of the day where both say one, by a name of an id space in which they have none. The next ones
    /// after `after` in the order of their ids, `limit` at most.
    pub async fn list_replaced(&self, run: &SyncRun, after: Option<Uuid>, limit: u64) -> Result<Vec<Uuid>> {
        let mut query = Query::of_run(self.0, run);
        query.unseen_by(run.id);
        query.and(
            &format!(
                "EXISTS (SELECT 1 FROM record o
                         WHERE o.tenant_id = r.tenant_id AND o.connection_id = r.connection_id AND o.stream = r.stream
                           AND o.employee_external_id = r.employee_external_id AND o.starts_on = r.starts_on
                           AND o.state = 'present' AND {} AND {}
                           AND NOT EXISTS (SELECT 1 FROM record_alias a
                                           WHERE a.tenant_id = r.tenant_id AND a.record_id = r.id
                                             AND a.source = o.source LIMIT 1 OFFSET 0)
                         LIMIT 1 OFFSET 0)",
                SIGHTING.replace("r.", "o."),
                self.meet()
            ),
            run.id.uuid().into(),
        );
        if let Some(after) = after {
            query.and("r.id > {}", after.into());
        }
        Ok(self.candidates(query, limit).await?.into_iter().map(|found| found.record).collect())
    }

    /// Adds every record that [`Sweeps::list_unseen`] or, with an earlier sweep, [`Sweeps::list_unseen_twice`] would list to
    /// what the run found, unless more is known of it; answers how many it found in all.
    pub async fn hold_unseen(&self, run: &SyncRun, earlier: Option<&SyncRun>, now: DateTime<Utc>) -> Result<i64> {
        let mut query = Query::unseen(self.0, run, earlier, now);
        let finding = if earlier.is_some() { Finding::UnseenTwice } else { Finding::Unseen };
        query.values.push(run.id.uuid().into());
        let place = query.values.len();
        query.sql.insert_str(
            0,
            &format!(
                "INSERT INTO sweep_finding (tenant_id, run_id, record_id, finding) SELECT r.tenant_id, ${place}, r.id, '{}' ",
                finding.as_str()
            ),
        );
        query.sql.push_str(" ON CONFLICT (tenant_id, run_id, record_id) DO NOTHING");
        self.0.execute(&query.sql, query.values).await?;
        let sql = "SELECT count(*) AS n FROM sweep_finding WHERE tenant_id = $1 AND run_id = $2";
        let counts: Vec<Count> = self.0.query(sql, vec![self.0.tenant().uuid().into(), run.id.uuid().into()]).await?;
        Ok(counts.first().map_or(0, |count| count.n))
    }

    /// Whether a record that the run has seen holds an old value of a field or attribute, by its name in `stale`.
    pub async fn is_stale_on_any(&self, run: &SyncRun, name: &str) -> Result<bool> {
        let quoted = serde_json::to_string(name).map_err(|_| Error::corrupt("record", "stale cannot be written"))?;
        let place = if self.0.is_postgres() { "strpos" } else { "instr" };
        let mut query = Query::of_run(self.0, run);
        query.and(&format!("{place}(r.stale, {{}}) > 0"), quoted.into());
        query.seen_by(run.id);
        Ok(!self.candidates(query, 1).await?.is_empty())
    }

    /// Forgets what all runs of a sync have seen, of its records and of its attributes, so that nothing is missed that only they
    /// could see.
    pub async fn forget(&self, sync: &Sync) -> Result<()> {
        let own = "tenant_id = $1 AND run_id IN (SELECT id FROM sync_run WHERE tenant_id = $1 AND sync_id = $2)";
        let key: Vec<Value> = vec![self.0.tenant().uuid().into(), sync.id.uuid().into()];
        self.0.execute(&format!("DELETE FROM sweep_sighting WHERE {own}"), key.clone()).await?;
        let sql = "UPDATE sync_run SET sightings_at = NULL
                   WHERE tenant_id = $1 AND sync_id = $2 AND sightings_at IS NOT NULL";
        self.0.execute(sql, key).await?;
        let sql = "DELETE FROM attribute_sighting WHERE tenant_id = $1 AND attribute_id IN
                   (SELECT id FROM attribute WHERE tenant_id = $1 AND connection_id = $2 AND stream = $3)";
        let values = vec![self.0.tenant().uuid().into(), sync.connection.uuid().into(), sync.stream.as_str().into()];
        self.0.execute(sql, values).await?;
        Ok(())
    }

    /// Forgets what the runs of a sync before this one have seen, all but those named.
    pub async fn prune(&self, run: &SyncRun, keep: &[SyncRunId]) -> Result<()> {
        let mut values = vec![self.0.tenant().uuid().into(), run.sync.uuid().into(), run.id.uuid().into()];
        let kept =
            if keep.is_empty() { String::new() } else { format!(" AND id NOT IN ({})", batch::places(4, keep.len())) };
        values.extend(keep.iter().map(|run| Value::from(run.uuid())));
        let pruned = format!("tenant_id = $1 AND sync_id = $2 AND id < $3 AND sightings_at IS NOT NULL{kept}");
        let sql = format!(
            "DELETE FROM sweep_sighting WHERE tenant_id = $1 AND run_id IN (SELECT id FROM sync_run WHERE {pruned})"
        );
        self.0.execute(&sql, values.clone()).await?;
        self.0.execute(&format!("UPDATE sync_run SET sightings_at = NULL WHERE {pruned}"), values).await?;
        Ok(())
    }

    /// Whether the records `r` and `o` of a day share some of its time, as far as they say when they begin. Without an end they last all
    /// day, and over midnight they may be anywhere in it.
    fn meet(self) -> String {
        let clock = |record: &str, field: &str| {
            if self.0.is_postgres() {
                // PostgreSQL reads no text with a NUL, in whichever member it is.
                format!(
                    "(CASE WHEN strpos({record}.fields, '\\u0000') = 0 THEN {record}.fields::json ->> '{field}' END)"
                )
            } else {
                format!("json_extract({record}.fields, '$.{field}')")
            }
        };
        let (old_start, old_end) = (clock("r", "starts_at"), clock("r", "ends_at"));
        let (new_start, new_end) = (clock("o", "starts_at"), clock("o", "ends_at"));
        let at_midnight = "'24:00:00'";
        format!(
            "({old_start} IS NULL OR {new_start} IS NULL OR {old_start} = {new_start}
              OR {old_end} < {old_start} OR {new_end} < {new_start}
              OR ({old_start} < coalesce({new_end}, {at_midnight}) AND {new_start} < coalesce({old_end}, {at_midnight})))"
        )
    }

    async fn candidates(&self, mut query: Query, limit: u64) -> Result<Vec<Candidate>> {
        query.sql.insert_str(0, "SELECT r.id, r.source, r.external_id ");
        query.values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        let sql = format!("{} ORDER BY r.id LIMIT ${}", query.sql, query.values.len());
        let rows: Vec<CandidateRow> = self.0.query(&sql, query.values).await?;
        let candidates = rows.into_iter().map(|CandidateRow { id, source, external_id }| Candidate {
            record: id,
            external: ExternalId { source, id: external_id },
            names: Vec::new(),
        });
        Ok(candidates.collect())
    }

    /// The same with all names of each.
    async fn named(&self, query: Query, limit: u64) -> Result<Vec<Candidate>> {
        let mut candidates = self.candidates(query, limit).await?;
        let ids: Vec<Uuid> = candidates.iter().map(|candidate| candidate.record).collect();
        for chunk in ids.chunks(batch::CHUNK) {
            let sql = format!(
                "SELECT record_id AS id, source, external_id FROM record_alias WHERE tenant_id = $1 AND record_id IN ({})
                 ORDER BY source, external_id",
                batch::places(2, chunk.len())
            );
            let mut values: Vec<Value> = vec![self.0.tenant().uuid().into()];
            values.extend(chunk.iter().map(|id| Value::from(*id)));
            let rows: Vec<CandidateRow> = self.0.query(&sql, values).await?;
            for CandidateRow { id, source, external_id } in rows {
                if let Some(candidate) = candidates.iter_mut().find(|candidate| candidate.record == id) {
                    candidate.names.push(ExternalId { source, id: external_id });
                }
            }
        }
        Ok(candidates)
    }
}

/// A run has seen the record. With an offset PostgreSQL looks each record up by the whole key. It would else join, by statistics
/// that do not know this run's sightings yet, and then may compare each record with all of them.
const SIGHTING: &str = "EXISTS (SELECT 1 FROM sweep_sighting s
                                WHERE s.tenant_id = r.tenant_id AND s.run_id = {} AND s.record_id = r.id
                                LIMIT 1 OFFSET 0)";

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

    fn unseen(tx: &TenantTx, run: &SyncRun, earlier: Option<&SyncRun>, now: DateTime<Utc>) -> Self {
        let mut query = Self::of_run(tx, run);
        query.unseen_by(run.id);
        if let Some(earlier) = earlier {
            query.unseen_by(earlier.id);
            // What is new since then, or came back, could not be seen by it; what changed since has been seen by another run.
            query.and("r.first_seen_run_id <= {}", earlier.id.uuid().into());
            query.and("r.changed_at < {}", to_micros(earlier.started_at.unwrap_or(earlier.created_at)).into());
            if let Some(window) = earlier.window {
                query.and("r.starts_on >= {}", window.from.to_string().into());
                query.and("r.starts_on <= {}", window.to.to_string().into());
            }
        }
        query.and(
            "NOT EXISTS (SELECT 1 FROM sweep_finding h
                         JOIN held_batch b ON b.tenant_id = h.tenant_id AND b.run_id = h.run_id
                         WHERE h.tenant_id = r.tenant_id AND h.record_id = r.id AND b.state = 'refused'
                           AND b.refused_until > {} LIMIT 1 OFFSET 0)",
            to_micros(now).into(),
        );
        query
    }

    fn seen_by(&mut self, run: SyncRunId) {
        self.and(SIGHTING, run.uuid().into());
    }

    fn unseen_by(&mut self, run: SyncRunId) {
        self.and(&format!("NOT {SIGHTING}"), run.uuid().into());
    }

    fn and(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition.replace("{}", &format!("${}", self.values.len())));
    }
}
