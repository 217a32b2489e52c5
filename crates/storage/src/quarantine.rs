//! Records that could not be read, set aside with their reason. The same bad bytes are kept once.

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{ConnectionId, QuarantineId, SyncRunId},
    record::Stream,
    sync::SyncRun,
};
use sea_orm::{
    ColumnTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select, Value,
};

use crate::{
    Error, Page, PageRequest, Result, TenantTx,
    entity::quarantined_record::{Column, Entity, Model},
    micros::{from_micros, from_micros_opt, to_micros},
    records::batch,
};

/// Records of the tenant that were set aside.
#[derive(Debug, Clone, Copy)]
pub struct Quarantine<'a>(pub(crate) &'a TenantTx);

/// A record set aside.
#[derive(Clone)]
pub struct QuarantinedRecord {
    /// Identity.
    pub id: QuarantineId,
    /// The connection it came through.
    pub connection: ConnectionId,
    /// What kind it is.
    pub stream: Stream,
    /// The run that last saw it.
    pub run: SyncRunId,
    /// Its name at the vendor, if that could be read.
    pub external_id: Option<String>,
    /// Keyed hash of its bytes.
    pub fingerprint: Vec<u8>,
    /// Which field is wrong and how, without its value.
    pub reason: String,
    /// The vendor's bytes, sealed for this id.
    pub payload: Vec<u8>,
    /// When it was first set aside.
    pub created_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// When it could be read after all.
    pub resolved_at: Option<DateTime<Utc>>,
}

impl Quarantine<'_> {
    /// Sets records aside; bytes seen before keep their first row, which is open again.
    pub async fn upsert(&self, records: Vec<QuarantinedRecord>) -> Result<()> {
        let rows = records
            .into_iter()
            .map(|record| {
                let QuarantinedRecord {
                    id,
                    connection,
                    stream,
                    run,
                    external_id,
                    fingerprint,
                    reason,
                    payload,
                    created_at,
                    last_seen_at,
                    resolved_at,
                } = record;
                vec![
                    id.uuid().into(),
                    connection.uuid().into(),
                    stream.as_str().into(),
                    run.uuid().into(),
                    external_id.into(),
                    fingerprint.into(),
                    reason.into(),
                    payload.into(),
                    to_micros(created_at).into(),
                    to_micros(last_seen_at).into(),
                    resolved_at.map(to_micros).into(),
                ]
            })
            .collect();
        let columns = [
            "id",
            "connection_id",
            "stream",
            "run_id",
            "external_id",
            "fingerprint",
            "reason",
            "payload",
            "created_at",
            "last_seen_at",
            "resolved_at",
        ];
        let conflict = format!(
            "(tenant_id, connection_id, stream, fingerprint) DO UPDATE SET {}",
            batch::take_over(&["run_id", "reason", "last_seen_at", "resolved_at"])
        );
        batch::insert(self.0, "quarantined_record", &columns, &conflict, rows).await?;
        Ok(())
    }

    /// Vendor ids of a stream's records that are set aside.
    pub async fn list_open_ids(&self, connection: ConnectionId, stream: Stream) -> Result<Vec<String>> {
        let rows = self
            .open(connection, stream)
            .filter(Column::ExternalId.is_not_null())
            .select_only()
            .column(Column::ExternalId)
            .into_tuple::<Option<String>>()
            .all(self.0.raw())
            .await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Which of these fingerprints are set aside and open.
    pub async fn list_open_among(
        &self,
        connection: ConnectionId,
        stream: Stream,
        fingerprints: &[Vec<u8>],
    ) -> Result<Vec<Vec<u8>>> {
        let mut open = Vec::new();
        for chunk in fingerprints.chunks(batch::CHUNK) {
            let found = self
                .open(connection, stream)
                .filter(Column::Fingerprint.is_in(chunk.iter().cloned()))
                .select_only()
                .column(Column::Fingerprint)
                .into_tuple::<Vec<u8>>()
                .all(self.0.raw())
                .await?;
            open.extend(found);
        }
        Ok(open)
    }

    /// How many of a stream's records are set aside and open.
    pub async fn count_open(&self, connection: ConnectionId, stream: Stream) -> Result<u64> {
        Ok(self.open(connection, stream).count(self.0.raw()).await?)
    }

    /// Deletes a stream's rows that are settled, or were last seen before this moment; answers how many there were.
    pub async fn prune(&self, connection: ConnectionId, stream: Stream, before: DateTime<Utc>) -> Result<u64> {
        let sql = "DELETE FROM quarantined_record WHERE tenant_id = $1 AND connection_id = $2 AND stream = $3
                   AND (resolved_at IS NOT NULL OR last_seen_at < $4)";
        let values = vec![
            self.0.tenant().uuid().into(),
            connection.uuid().into(),
            stream.as_str().into(),
            to_micros(before).into(),
        ];
        Ok(self.0.execute(sql, values).await?.rows_affected())
    }

    /// Deletes what a run has set aside, because it reads again from the start.
    pub async fn delete_of_run(&self, run: &SyncRun) -> Result<()> {
        self.0
            .delete::<Entity>()
            .filter(Column::ConnectionId.eq(run.connection.uuid()))
            .filter(Column::Stream.eq(run.stream.as_str()))
            .filter(Column::RunId.eq(run.id.uuid()))
            .exec(self.0.raw())
            .await?;
        Ok(())
    }

    /// Notes that records of these vendor ids could be read.
    pub async fn resolve(
        &self,
        connection: ConnectionId,
        stream: Stream,
        external_ids: &[String],
        at: DateTime<Utc>,
    ) -> Result<()> {
        for chunk in external_ids.chunks(batch::CHUNK) {
            let sql = format!(
                "UPDATE quarantined_record SET resolved_at = $1 WHERE tenant_id = $2 AND connection_id = $3
                 AND stream = $4 AND resolved_at IS NULL AND external_id IN ({})",
                batch::places(5, chunk.len())
            );
            let mut values: Vec<Value> = vec![
                to_micros(at).into(),
                self.0.tenant().uuid().into(),
                connection.uuid().into(),
                stream.as_str().into(),
            ];
            values.extend(chunk.iter().map(|id| Value::from(id.as_str())));
            self.0.execute(&sql, values).await?;
        }
        Ok(())
    }

    /// Records of a connection that are set aside, the oldest first.
    pub async fn list(
        &self,
        connection: ConnectionId,
        page: PageRequest<QuarantineId>,
    ) -> Result<Page<QuarantinedRecord>> {
        let mut query = self
            .0
            .find::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .filter(Column::ResolvedAt.is_null());
        if let Some(after) = page.after {
            query = query.filter(Column::Id.gt(after.uuid()));
        }
        let rows = query.order_by_asc(Column::Id).limit(page.limit + 1).all(self.0.raw()).await?;
        Ok(Page::from_overfetch(rows.into_iter().map(read).collect::<Result<_>>()?, page.limit))
    }

    fn open(self, connection: ConnectionId, stream: Stream) -> Select<Entity> {
        self.0
            .find::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .filter(Column::Stream.eq(stream.as_str()))
            .filter(Column::ResolvedAt.is_null())
    }
}

fn read(row: Model) -> Result<QuarantinedRecord> {
    let Model {
        tenant_id: _,
        id,
        connection_id,
        stream,
        run_id,
        external_id,
        fingerprint,
        reason,
        payload,
        created_at,
        last_seen_at,
        resolved_at,
    } = row;
    Ok(QuarantinedRecord {
        id: QuarantineId::from_uuid(id),
        connection: ConnectionId::from_uuid(connection_id),
        stream: Stream::parse(&stream).ok_or_else(|| Error::corrupt("quarantined_record", "unknown stream"))?,
        run: SyncRunId::from_uuid(run_id),
        external_id,
        fingerprint,
        reason,
        payload,
        created_at: from_micros(created_at)?,
        last_seen_at: from_micros(last_seen_at)?,
        resolved_at: from_micros_opt(resolved_at)?,
    })
}
