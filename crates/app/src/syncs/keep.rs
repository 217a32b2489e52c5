//! What the tenant's choice of attributes means for records that a reading did not reach: deleted ones, and those that could
//! not be read. What is no longer chosen leaves them too.

use std::collections::BTreeMap;

use gangway_domain::{id::ConnectionId, record::Stream};
use gangway_storage::{
    TenantTx,
    queue::JobFence,
    records::{Payload, Record},
};
use uuid::Uuid;

use super::{
    intake, members, page,
    rebuild::{Reader, Rebuilt, without_moved},
    remap,
    sealed::{self, SealedPart},
    start::Reading,
    treated::Treated,
};
use crate::{
    Ctx, Result,
    attributes::{self, Selection, Treatment},
    seal::TenantKeys,
};

/// Records treated in one transaction.
const BATCH: u64 = 200;

/// Applies the choice that everything was read by to the records that were not read. Answers whether all are done; false when
/// asked to stop.
///
/// Idempotent: a record that is done says so.
pub(super) async fn apply_to_the_rest(
    ctx: &Ctx,
    reading: &Reading,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<bool> {
    let run = &reading.run;
    if run.since.is_some() || !intake::has_catalogue(run.stream) {
        return Ok(true);
    }
    loop {
        if should_stop() {
            return Ok(false);
        }
        if !treat_some(ctx, reading, fence).await? {
            return Ok(true);
        }
    }
}

/// Treats a batch; answers whether there may be more.
async fn treat_some(ctx: &Ctx, reading: &Reading, fence: &JobFence) -> Result<bool> {
    let run = &reading.run;
    let tx = ctx.app().db.begin(ctx.scope()).await?;
    // The locks of a page: a mapping that is being applied writes the same records.
    if page::lock(&tx, reading, fence).await?.is_break() {
        return Ok(false);
    }
    let selection = attributes::selection(ctx, &tx, run.connection, run.stream).await?;
    let connector = remap::connector_of(ctx, &reading.opened.connection.connector)?;
    let reader = Reader { connector, hash_key: reading.keys.hash_key(), selection: &selection };
    // Another choice since then: the full run that follows applies it.
    if selection.version() != reading.place.selection || is_applied(&tx, reading).await? {
        return Ok(false);
    }
    let is_more = treat_batch(&tx, run.connection, run.stream, &reading.keys, &reader).await?;
    tx.commit().await?;
    Ok(is_more)
}

/// Has a batch of the records that are not kept by the choice follow it; answers whether there were any. The caller holds the
/// locks of a page, and commits.
pub(super) async fn treat_batch(
    tx: &TenantTx,
    connection: ConnectionId,
    stream: Stream,
    keys: &TenantKeys,
    reader: &Reader<'_>,
) -> Result<bool> {
    let selection = reader.selection;
    let records = tx.records().list_not_kept_by(connection, stream, selection.version(), BATCH).await?;
    if records.is_empty() {
        return Ok(false);
    }
    let ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
    let mut payloads: BTreeMap<Uuid, Payload> =
        tx.records().list_payloads(&ids).await?.into_iter().map(|payload| (payload.record, payload)).collect();
    let mut treated = Vec::with_capacity(records.len());
    let mut resealed = Vec::with_capacity(records.len());
    for record in records {
        let Some(payload) = payloads.remove(&record.id) else {
            let record = without_moved(record, selection);
            treated.push(Record { kept_by: selection.version().to_owned(), ..record });
            continue;
        };
        // Where something else feeds a field since then, only the vendor's bytes tell what belongs where.
        if record.mapped_by != selection.mapping_version() {
            let rebuilt = remap::open_and_rebuild(tx, keys, reader, &record, &payload).await?;
            if let Some(Rebuilt { record, sealed, raw }) = rebuilt {
                resealed.push(Payload {
                    record: record.id,
                    raw: sealed::seal_raw(keys, record.id, &raw),
                    sensitive: sealed.seal(keys, record.id)?,
                });
                treated.push(record);
                continue;
            }
        }
        let Payload { record: id, raw, sensitive } = payload;
        let record = without_moved(record, selection);
        let raw = sealed::open_raw(keys, tx, id, &raw).await?;
        let old = match sensitive {
            Some(sensitive) => SealedPart::open_or_lose(keys, tx, id, &sensitive).await?.unwrap_or_default(),
            None => SealedPart::default(),
        };
        let (record, part) = treat(record, &old, selection);
        let raw = members::without(&raw, |key| selection.knows(key) && selection.treatment(key) == Treatment::Drop);
        resealed.push(Payload { record: id, raw: sealed::seal_raw(keys, id, &raw), sensitive: part.seal(keys, id)? });
        treated.push(record);
    }
    tx.records().upsert(treated).await?;
    tx.records().upsert_payloads(resealed).await?;
    Ok(true)
}

/// Whether every record is known to be kept by the choice already.
async fn is_applied(tx: &TenantTx, reading: &Reading) -> Result<bool> {
    let kept_by = tx.syncs().find_kept_by(reading.run.sync).await?;
    Ok(kept_by.is_some_and(|kept_by| kept_by == reading.place.selection))
}

/// The record and its sealed part as the choice wants them. What a reader sees is no event: nothing changed at the vendor.
fn treat(old: Record, sealed: &SealedPart, selection: &Selection) -> (Record, SealedPart) {
    let Treated { fields, attributes, sealed: kept, stale } = Treated::of(&old, sealed, selection);
    let shows = fields != old.fields || attributes != old.attributes || stale != old.stale || kept != *sealed;
    let record = Record {
        version: if shows { old.version + 1 } else { old.version },
        email: old.email.filter(|_| fields.contains_key("email")),
        status: old.status.filter(|_| fields.contains_key("status")),
        kept_by: selection.version().to_owned(),
        // What was read is no longer what is held: should the choice be taken back, the next reading must write it again.
        hash: Vec::new(),
        fields,
        attributes,
        stale,
        ..old
    };
    (record, kept)
}
