//! A record as stored, and its way from and to a row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{ConnectionId, SyncRunId},
    record::{ExternalId, Fields, RecordState, Stream},
};
use sea_orm::Value as Bind;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Error, Result,
    entity::record::Model,
    micros::{from_micros, from_micros_opt, to_micros},
};

/// A vendor object as we hold it; what is sealed lies apart, in [`super::Payload`].
#[derive(Clone, PartialEq)]
pub struct Record {
    /// Identity; its kind on the wire follows from the stream.
    pub id: Uuid,
    /// The connection it came through.
    pub connection: ConnectionId,
    /// What kind it is.
    pub stream: Stream,
    /// Its name at the vendor.
    pub external: ExternalId,
    /// Vendor id of the employee an absence or attendance belongs to.
    pub employee_external_id: Option<String>,
    /// Work email in lower case, for finding.
    pub email: Option<String>,
    /// Status, for finding.
    pub status: Option<String>,
    /// First day, for finding by time.
    pub starts_on: Option<String>,
    /// Last day.
    pub ends_on: Option<String>,
    /// Canonical fields.
    pub fields: Fields,
    /// Standard attributes that feed no canonical field.
    pub attributes: BTreeMap<String, Value>,
    /// Fields, and attributes as `attributes.<key>`, that the vendor no longer sends: their last value is kept.
    pub stale: Vec<String>,
    /// Keyed hash of what was last read.
    pub hash: Vec<u8>,
    /// Version of the tenant's choice of attributes that it is kept by.
    pub kept_by: String,
    /// Version of the connection's mapping that it follows.
    pub mapped_by: i64,
    /// Whether the vendor shows it.
    pub state: RecordState,
    /// Raised at every change; the strong `ETag`.
    pub version: i64,
    /// When we first saw it.
    pub first_seen_at: DateTime<Utc>,
    /// The run that first saw it.
    pub first_seen_run: SyncRunId,
    /// When we last found it changed.
    pub changed_at: DateTime<Utc>,
    /// When it was found gone.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("stream", &self.stream)
            .field("state", &self.state)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The columns after the tenant, in the order of [`write`].
pub(super) const COLUMNS: &[&str] = &[
    "id",
    "connection_id",
    "stream",
    "source",
    "external_id",
    "employee_external_id",
    "email",
    "status",
    "starts_on",
    "ends_on",
    "fields",
    "attributes",
    "stale",
    "hash",
    "kept_by",
    "mapped_by",
    "state",
    "version",
    "first_seen_at",
    "first_seen_run_id",
    "changed_at",
    "deleted_at",
];

/// The columns that a later reading replaces.
pub(super) const CHANGING: &[&str] = &[
    "employee_external_id",
    "email",
    "status",
    "starts_on",
    "ends_on",
    "fields",
    "attributes",
    "stale",
    "hash",
    "kept_by",
    "mapped_by",
    "state",
    "version",
    "changed_at",
    "deleted_at",
];

pub(super) fn write(record: Record) -> Result<Vec<Bind>> {
    let Record {
        id,
        connection,
        stream,
        external,
        employee_external_id,
        email,
        status,
        starts_on,
        ends_on,
        fields,
        attributes,
        stale,
        hash,
        kept_by,
        mapped_by,
        state,
        version,
        first_seen_at,
        first_seen_run,
        changed_at,
        deleted_at,
    } = record;
    Ok(vec![
        id.into(),
        connection.uuid().into(),
        stream.as_str().into(),
        external.source.into(),
        external.id.into(),
        employee_external_id.into(),
        email.into(),
        status.into(),
        starts_on.into(),
        ends_on.into(),
        to_json(&fields)?.into(),
        to_json(&attributes)?.into(),
        to_json(&stale)?.into(),
        hash.into(),
        kept_by.into(),
        mapped_by.into(),
        state.as_str().into(),
        version.into(),
        to_micros(first_seen_at).into(),
        first_seen_run.uuid().into(),
        to_micros(changed_at).into(),
        deleted_at.map(to_micros).into(),
    ])
}

pub(super) fn read(row: Model) -> Result<Record> {
    let Model {
        tenant_id: _,
        id,
        connection_id,
        stream,
        source,
        external_id,
        employee_external_id,
        email,
        status,
        starts_on,
        ends_on,
        fields,
        attributes,
        stale,
        hash,
        kept_by,
        mapped_by,
        state,
        version,
        first_seen_at,
        first_seen_run_id,
        changed_at,
        deleted_at,
    } = row;
    Ok(Record {
        id,
        connection: ConnectionId::from_uuid(connection_id),
        stream: Stream::parse(&stream).ok_or_else(|| Error::corrupt("record", "unknown stream"))?,
        external: ExternalId { source, id: external_id },
        employee_external_id,
        email,
        status,
        starts_on,
        ends_on,
        fields: from_json(&fields)?,
        attributes: from_json(&attributes)?,
        stale: from_json(&stale)?,
        hash,
        kept_by,
        mapped_by,
        state: RecordState::parse(&state).ok_or_else(|| Error::corrupt("record", "unknown state"))?,
        version,
        first_seen_at: from_micros(first_seen_at)?,
        first_seen_run: SyncRunId::from_uuid(first_seen_run_id),
        changed_at: from_micros(changed_at)?,
        deleted_at: from_micros_opt(deleted_at)?,
    })
}

fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| Error::corrupt("record", "not JSON"))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::corrupt("record", "not JSON"))
}
