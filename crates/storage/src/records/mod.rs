//! Records, the vendor ids they go by, and their sealed payloads.
//!
//! Everything on the way of a page works in batches: a page of any size costs a handful of statements. Whether a record
//! changed is decided in `app`, by its hash; nothing here compares values. Finding for the API is in [`find`].

pub(crate) mod batch;
mod find;
mod row;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::ConnectionId,
    record::{ExternalId, RecordState, Stream},
};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

pub use find::{Beside, RecordFilter};
pub use row::Record;

use crate::{Error, Result, TenantTx, entity::record::Model, micros::to_micros};

/// Records of the tenant.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a>(pub(crate) &'a TenantTx);

/// What is needed to tell whether a record changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// A name it goes by.
    pub external: ExternalId,
    /// The record.
    pub record: Uuid,
    /// Hash of what was last read.
    pub hash: Vec<u8>,
    /// Whether the vendor showed it.
    pub state: RecordState,
}

/// A record's sealed parts.
#[derive(Clone)]
pub struct Payload {
    /// The record.
    pub record: Uuid,
    /// The vendor's bytes without what was not selected, sealed.
    pub raw: Vec<u8>,
    /// Selected sensitive attributes, sealed.
    pub sensitive: Option<Vec<u8>>,
}

/// A name for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub external: ExternalId,
    /// The record.
    pub record: Uuid,
}

#[derive(FromQueryResult)]
struct KnownRow {
    source: String,
    external_id: String,
    record_id: Uuid,
    hash: Vec<u8>,
    state: String,
}

#[derive(FromQueryResult)]
struct PayloadRow {
    record_id: Uuid,
    raw: Vec<u8>,
    sensitive: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

#[derive(FromQueryResult)]
struct SealedRow {
    record_id: Uuid,
    sealed: Vec<u8>,
}

impl Records<'_> {
    /// The records that go by any of these vendor ids, in any id space.
    pub async fn list_known(
        &self,
        connection: ConnectionId,
        stream: Stream,
        external_ids: &[String],
    ) -> Result<Vec<Known>> {
        let mut known = Vec::with_capacity(external_ids.len());
        for chunk in external_ids.chunks(batch::CHUNK) {
            let select = "SELECT a.source, a.external_id, a.record_id, r.hash, r.state
                 FROM record_alias a JOIN record r ON r.tenant_id = a.tenant_id AND r.id = a.record_id
                 WHERE a.tenant_id = $1 AND a.connection_id = $2 AND a.stream = $3";
            let sql = batch::one_of(self.0.is_postgres(), select, "a.external_id", 4, chunk.len());
            let mut values: Vec<Value> =
                vec![self.0.tenant().uuid().into(), connection.uuid().into(), stream.as_str().into()];
            values.extend(chunk.iter().map(|id| Value::from(id.as_str())));
            for KnownRow { source, external_id, record_id, hash, state } in self.0.query(&sql, values).await? {
                known.push(Known {
                    external: ExternalId { source, id: external_id },
                    record: record_id,
                    hash,
                    state: RecordState::parse(&state).ok_or_else(|| Error::corrupt("record", "unknown state"))?,
                });
            }
        }
        Ok(known)
    }

    /// These records, in no order; missing ones are left out.
    pub async fn list_by_ids(&self, ids: &[Uuid]) -> Result<Vec<Record>> {
        let mut records = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(batch::CHUNK) {
            let sql =
                format!("SELECT * FROM record WHERE tenant_id = $1 AND id IN ({})", batch::places(2, chunk.len()));
            for row in self.0.query::<Model>(&sql, self.with_ids(chunk)).await? {
                records.push(row::read(row)?);
            }
        }
        Ok(records)
    }

    /// The sealed sensitive attributes of these records, of those that have any.
    pub async fn list_sensitive(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<u8>>> {
        let mut sealed = HashMap::new();
        for chunk in ids.chunks(batch::CHUNK) {
            let sql = format!(
                "SELECT record_id, sensitive AS sealed FROM record_payload
                 WHERE tenant_id = $1 AND sensitive IS NOT NULL AND record_id IN ({})",
                batch::places(2, chunk.len())
            );
            let rows: Vec<SealedRow> = self.0.query(&sql, self.with_ids(chunk)).await?;
            sealed.extend(rows.into_iter().map(|row| (row.record_id, row.sealed)));
        }
        Ok(sealed)
    }

    /// The sealed parts of these records.
    pub async fn list_payloads(&self, ids: &[Uuid]) -> Result<Vec<Payload>> {
        let mut payloads = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(batch::CHUNK) {
            let sql = format!(
                "SELECT record_id, raw, sensitive FROM record_payload WHERE tenant_id = $1 AND record_id IN ({})",
                batch::places(2, chunk.len())
            );
            for PayloadRow { record_id, raw, sensitive } in self.0.query(&sql, self.with_ids(chunk)).await? {
                payloads.push(Payload { record: record_id, raw, sensitive });
            }
        }
        Ok(payloads)
    }

    /// Records that are kept by another choice of attributes than this one, gone ones too.
    pub async fn list_not_kept_by(
        &self,
        connection: ConnectionId,
        stream: Stream,
        version: &str,
        limit: u64,
    ) -> Result<Vec<Record>> {
        let sql = "SELECT * FROM record WHERE tenant_id = $1 AND connection_id = $2 AND stream = $3 AND kept_by <> $4
                   ORDER BY id LIMIT $5";
        let values: Vec<Value> = vec![
            self.0.tenant().uuid().into(),
            connection.uuid().into(),
            stream.as_str().into(),
            version.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        self.0.query::<Model>(sql, values).await?.into_iter().map(row::read).collect()
    }

    /// Records that follow another version of the mapping than this one, gone ones too: the next ones after `after` in the order
    /// of their ids, `limit` at most.
    pub async fn list_not_mapped_by(
        &self,
        connection: ConnectionId,
        stream: Stream,
        version: i64,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Record>> {
        let sql = "SELECT * FROM record WHERE tenant_id = $1 AND connection_id = $2 AND stream = $3 AND mapped_by <> $4
                   AND id > $5 ORDER BY id LIMIT $6";
        let values: Vec<Value> = vec![
            self.0.tenant().uuid().into(),
            connection.uuid().into(),
            stream.as_str().into(),
            version.into(),
            after.unwrap_or_default().into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        self.0.query::<Model>(sql, values).await?.into_iter().map(row::read).collect()
    }

    /// How many records follow another version of the mapping than this one.
    pub async fn count_not_mapped_by(&self, connection: ConnectionId, stream: Stream, version: i64) -> Result<i64> {
        let sql = "SELECT count(*) AS n FROM record
                   WHERE tenant_id = $1 AND connection_id = $2 AND stream = $3 AND mapped_by <> $4";
        let values: Vec<Value> =
            vec![self.0.tenant().uuid().into(), connection.uuid().into(), stream.as_str().into(), version.into()];
        let counts: Vec<Count> = self.0.query(sql, values).await?;
        Ok(counts.first().map_or(0, |count| count.n))
    }

    /// The sealed vendor bytes of a record.
    pub async fn find_raw(&self, id: Uuid) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT record_id, raw AS sealed FROM record_payload WHERE tenant_id = $1 AND record_id = $2";
        let rows: Vec<SealedRow> = self.0.query(sql, self.with_ids(&[id])).await?;
        Ok(rows.into_iter().next().map(|row| row.sealed))
    }

    /// Writes records whole: new ones are added, known ones get what was read.
    pub async fn upsert(&self, records: Vec<Record>) -> Result<()> {
        let rows = records.into_iter().map(row::write).collect::<Result<_>>()?;
        let conflict = format!("(tenant_id, id) DO UPDATE SET {}", batch::take_over(row::CHANGING));
        batch::insert(self.0, "record", row::COLUMNS, &conflict, rows).await?;
        Ok(())
    }

    /// Writes sealed parts.
    pub async fn upsert_payloads(&self, payloads: Vec<Payload>) -> Result<()> {
        let rows = payloads
            .into_iter()
            .map(|Payload { record, raw, sensitive }| vec![record.into(), raw.into(), sensitive.into()])
            .collect();
        let conflict = format!("(tenant_id, record_id) DO UPDATE SET {}", batch::take_over(&["raw", "sensitive"]));
        batch::insert(self.0, "record_payload", &["record_id", "raw", "sensitive"], &conflict, rows).await?;
        Ok(())
    }

    /// Adds names; one that is taken stays with its record.
    pub async fn upsert_aliases(&self, connection: ConnectionId, stream: Stream, aliases: Vec<Alias>) -> Result<()> {
        let rows = aliases
            .into_iter()
            .map(|Alias { external, record }| {
                vec![
                    connection.uuid().into(),
                    stream.as_str().into(),
                    external.source.into(),
                    external.id.into(),
                    record.into(),
                ]
            })
            .collect();
        let columns = ["connection_id", "stream", "source", "external_id", "record_id"];
        batch::insert(self.0, "record_alias", &columns, "DO NOTHING", rows).await?;
        Ok(())
    }

    /// Marks present records as gone or hidden; answers those that were present, in no order.
    pub async fn bury(&self, ids: &[Uuid], state: RecordState, at: DateTime<Utc>) -> Result<Vec<Uuid>> {
        let mut buried = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(batch::CHUNK) {
            let sql = format!(
                "UPDATE record SET state = $2, deleted_at = $3, changed_at = $3, version = version + 1
                 WHERE tenant_id = $1 AND state = 'present' AND id IN ({}) RETURNING id",
                batch::places(4, chunk.len())
            );
            let mut values: Vec<Value> =
                vec![self.0.tenant().uuid().into(), state.as_str().into(), to_micros(at).into()];
            values.extend(chunk.iter().map(|id| Value::from(*id)));
            let rows: Vec<IdRow> = self.0.query(&sql, values).await?;
            buried.extend(rows.into_iter().map(|row| row.id));
        }
        Ok(buried)
    }

    fn with_ids(self, ids: &[Uuid]) -> Vec<Value> {
        std::iter::once(self.0.tenant().uuid()).chain(ids.iter().copied()).map(Value::from).collect()
    }
}
