//! Applying a mapping to the records that we hold, from the vendor's bytes that we hold: nobody is asked.
//!
//! Every batch is one transaction under the job's fence, and under the same locks as a page of the stream, so neither overwrites
//! what the other wrote. What is done says so on each record: a worker that dies loses its batch and nothing else.

use std::collections::HashMap;

use gangway_connector::{AnyConnector, SourceRecord};
use gangway_domain::{Code, id::ConnectionId, record::Stream};
use gangway_storage::{
    TenantTx,
    queue::JobFence,
    records::{Payload, Record},
};
use uuid::Uuid;

use super::{
    execute::Progress,
    people,
    rebuild::{self, Reader, Rebuilt},
    sealed::{self, SealedPart},
};
use crate::{Ctx, Error, Result, attributes, seal::TenantKeys};

/// Records written in one transaction.
const BATCH: u64 = 200;
/// The only stream with attributes to choose and fields to be mapped.
pub(super) const STREAM: Stream = Stream::Employees;

/// What a batch left to do.
enum Rest {
    /// Records behind this one.
    Behind(Uuid),
    /// Whatever there is, from the start.
    Any,
    /// Nothing.
    Nothing,
}

/// Makes every record of a connection follow its mapping, gone ones too, until `should_stop` says so between two batches.
///
/// Idempotent: a record that follows the newest version is left alone.
pub async fn remap(
    ctx: &Ctx,
    connection: ConnectionId,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Progress> {
    let mut after = None;
    while !should_stop() {
        after = match Box::pin(remap_some(ctx, connection, fence, after)).await? {
            Rest::Behind(record) => Some(record),
            Rest::Any => None,
            Rest::Nothing => return Ok(Progress::Done),
        };
    }
    Ok(Progress::Yield)
}

async fn remap_some(ctx: &Ctx, id: ConnectionId, fence: &JobFence, after: Option<Uuid>) -> Result<Rest> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some(connector) = lock(&tx, id).await? else { return Ok(Rest::Nothing) };
    let connector = connector_of(ctx, &connector)?;
    let selection = attributes::selection(ctx, &tx, id, STREAM).await?;
    let version = selection.mapping_version();
    let records = tx.records().list_not_mapped_by(id, STREAM, version, after, BATCH).await?;
    let Some(last) = records.last().map(|record| record.id) else {
        // A mapping that changed on the way begins anew.
        if after.is_some() {
            return Ok(Rest::Any);
        }
        tx.mappings().set_applied(id, version).await?;
        tx.commit().await?;
        tracing::info!(connection.id = %id, mapping.version = version, "every record follows the mapping");
        return Ok(Rest::Nothing);
    };
    let reader = Reader { connector, hash_key: keys.hash_key(), selection: &selection };
    write(&tx, id, &keys, &reader, records).await?;
    tx.commit().await?;
    Ok(Rest::Behind(last))
}

/// Locks what a page of the stream is written under, connection before sync; answers the connector. Where nothing syncs, nothing
/// may begin to.
pub(super) async fn lock(tx: &TenantTx, id: ConnectionId) -> Result<Option<String>> {
    let connection = match tx.syncs().find_by_stream(id, STREAM).await? {
        Some(sync) => {
            let Some(connection) = tx.connections().find_for_key_share(id).await? else { return Ok(None) };
            if tx.syncs().find_locked(sync.id).await?.is_none() {
                let mut error = Error::internal("the sync was deleted in between");
                error.is_transient = true;
                return Err(error);
            }
            connection
        }
        None => match tx.connections().get_for_delete(id).await {
            Err(gangway_storage::Error::NotFound(_)) => return Ok(None),
            connection => connection?,
        },
    };
    Ok(Some(connection.connector))
}

async fn write(
    tx: &TenantTx,
    connection: ConnectionId,
    keys: &TenantKeys,
    reader: &Reader<'_>,
    records: Vec<Record>,
) -> Result<()> {
    let ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
    let mut payloads: HashMap<Uuid, Payload> =
        tx.records().list_payloads(&ids).await?.into_iter().map(|payload| (payload.record, payload)).collect();
    let mut written = Vec::with_capacity(records.len());
    let mut resealed = Vec::with_capacity(records.len());
    for record in records {
        let rebuilt = match payloads.remove(&record.id) {
            Some(payload) => open_and_rebuild(tx, keys, reader, &record, &payload).await?,
            None => None,
        };
        if let Some(Rebuilt { record, sealed, raw }) = rebuilt {
            resealed.push(Payload {
                record: record.id,
                raw: sealed::seal_raw(keys, record.id, &raw),
                sensitive: sealed.seal(keys, record.id)?,
            });
            written.push(record);
        } else {
            let version = record.version + 1;
            written.push(Record { version, ..rebuild::without_moved(record, reader.selection) });
        }
    }
    people::note_offices(tx, connection, &written).await?;
    tx.records().upsert(written).await?;
    tx.records().upsert_payloads(resealed).await?;
    Ok(())
}

/// Opens a record's bytes and rebuilds it from them; none when they cannot be read again. `tx` is the transaction that read them.
pub(super) async fn open_and_rebuild(
    tx: &TenantTx,
    keys: &TenantKeys,
    reader: &Reader<'_>,
    record: &Record,
    payload: &Payload,
) -> Result<Option<Rebuilt>> {
    let raw = sealed::open_raw(keys, tx, record.id, &payload.raw).await?;
    let old_sealed = open_sealed(keys, tx, payload).await?;
    Ok(rebuild::rebuild(reader, record, &old_sealed, &raw))
}

/// The connector that handed a connection's records over.
pub(super) fn connector_of<'a>(ctx: &'a Ctx, id: &str) -> Result<&'a dyn AnyConnector> {
    let found = ctx.app().registry.get(id);
    let missing = || Error::new(Code::Unsupported, format!("This version of Gangway has no connector named `{id}`."));
    found.map(AsRef::as_ref).ok_or_else(missing)
}

/// Reads a record again from its stored bytes, with its opened sealed part; none when that cannot be.
pub(crate) async fn read_stored(
    ctx: &Ctx,
    keys: &TenantKeys,
    tx: &TenantTx,
    connector: &str,
    record: &Record,
    payload: &Payload,
) -> Result<Option<(SourceRecord, SealedPart)>> {
    let raw = sealed::open_raw(keys, tx, record.id, &payload.raw).await?;
    let Ok(source) = connector_of(ctx, connector)?.read_stored(record.stream, &record.external, raw.into()) else {
        return Ok(None);
    };
    let sealed = open_sealed(keys, tx, payload).await?;
    Ok(Some((source, sealed)))
}

async fn open_sealed(keys: &TenantKeys, tx: &TenantTx, payload: &Payload) -> Result<SealedPart> {
    match &payload.sensitive {
        Some(sensitive) => Ok(SealedPart::open_or_lose(keys, tx, payload.record, sensitive).await?.unwrap_or_default()),
        None => Ok(SealedPart::default()),
    }
}
