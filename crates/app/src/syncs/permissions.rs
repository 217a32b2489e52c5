//! What a credential may read, and what it may read no longer.
//!
//! A vendor that takes a right away does not say so: the attribute is missing from its list, or from every record. Neither
//! means that a value is gone, so values stay, marked as stale, and the log and the connection name the attribute.

use std::collections::HashSet;

use gangway_connector::SourceRecord;
use gangway_domain::{record::Stream, sync::SyncRun};
use gangway_storage::{TenantTx, attributes::Attribute};
use serde_json::{Value, json};

use super::{columns, finish::about, merge::ATTRIBUTE_PREFIX, start::Reading};
use crate::{Ctx, Result, attributes, events, seal::TenantKeys};

/// Keyed hash of the attributes that the account lists; none when it lists none.
pub(super) async fn offered(tx: &TenantTx, run: &SyncRun, keys: &TenantKeys) -> Result<Option<String>> {
    if run.stream != Stream::Employees {
        return Ok(None);
    }
    let listed = attributes::listed_keys(tx, run.connection, run.stream).await?;
    if listed.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for key in listed {
        bytes.extend((key.len() as u64).to_be_bytes());
        bytes.extend(key.into_bytes());
    }
    let hash: Vec<String> = keys.hash_key().hash(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(hash.concat()))
}

/// Whether the account still lists the attributes that it listed when the run began. Asks it.
pub(super) async fn are_unchanged(ctx: &Ctx, reading: &Reading) -> Result<bool> {
    attributes::refresh(ctx, &reading.opened).await?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let now = offered(&tx, &reading.run, &reading.keys).await?;
    tx.commit().await?;
    Ok(now == reading.place.offered)
}

/// Whether an attribute came on nobody's record in this run, though it did before, and nobody has been told.
pub(super) async fn has_lost_any(ctx: &Ctx, run: &SyncRun) -> Result<bool> {
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let lost = lost(ctx, &tx, run).await?;
    tx.commit().await?;
    Ok(!lost.is_empty())
}

/// Notes which attributes came on the records of a page; answers their keys, for the turn not to note them again.
pub(super) async fn note_seen(tx: &TenantTx, reading: &Reading, records: &[SourceRecord]) -> Result<Vec<String>> {
    if reading.run.stream != Stream::Employees {
        return Ok(Vec::new());
    }
    let keys = records.iter().flat_map(|record| &record.attributes).map(|attribute| attribute.key.as_str());
    let fresh: HashSet<&str> = keys.filter(|key| columns::holds_key(key) && !reading.noted.contains(*key)).collect();
    let mut fresh: Vec<&str> = fresh.into_iter().collect();
    fresh.sort_unstable();
    tx.attributes().upsert_sightings(reading.run.connection, reading.run.stream, &fresh, reading.run.id).await?;
    Ok(fresh.into_iter().map(str::to_owned).collect())
}

/// Tells which attributes are missing from every record since this run, and which came back. The caller holds the connection.
pub(super) async fn tell(
    ctx: &Ctx,
    tx: &mut TenantTx,
    keys: &TenantKeys,
    run: &SyncRun,
    permission: &str,
) -> Result<()> {
    if run.stream != Stream::Employees {
        return Ok(());
    }
    for attribute in lost(ctx, tx, run).await? {
        let message = format!(
            "`{}` came on nobody's record any more. If that was not meant, permit it at the vendor again ({permission}); the last values are kept.",
            attribute.label
        );
        note(ctx, tx, keys, run, attribute, "attribute.restricted", ("message", json!(message))).await?;
    }
    for attribute in tx.attributes().list_back(run).await? {
        note(ctx, tx, keys, run, attribute, "attribute.added", ("restored", json!(true))).await?;
    }
    Ok(())
}

async fn note(
    ctx: &Ctx,
    tx: &mut TenantTx,
    keys: &TenantKeys,
    run: &SyncRun,
    mut attribute: Attribute,
    kind: &str,
    (member, value): (&str, Value),
) -> Result<()> {
    let mut data = attributes::event_data(&attribute);
    if let Some(members) = data.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
    attribute.restricted_at = (kind == "attribute.restricted").then(|| ctx.app().now());
    tx.attributes().update(&attribute).await?;
    let subject = Some((attribute.id.uuid(), attribute.id.to_string()));
    events::append(ctx, keys, tx, events::Draft { subject, ..about(run, kind, data) });
    Ok(())
}

/// Attributes that an earlier run has seen and this one on nobody, although somebody it has seen had a value. What only people
/// had who are no longer there is not lost.
async fn lost(ctx: &Ctx, tx: &TenantTx, run: &SyncRun) -> Result<Vec<Attribute>> {
    let unseen = tx.attributes().list_unseen(run).await?;
    if unseen.is_empty() {
        return Ok(unseen);
    }
    let selection = attributes::selection(ctx, tx, run.connection, run.stream).await?;
    let mut lost = Vec::new();
    for attribute in unseen {
        if attribute.restricted_at.is_some() || attribute.removed_at.is_some() {
            continue;
        }
        // A sealed value goes by its key even where it feeds a field.
        let by_key = format!("{ATTRIBUTE_PREFIX}{}", attribute.key);
        let by_field = selection.feeds().filter(|(_, key)| *key == attribute.key).map(|(field, _)| field);
        for name in by_field.chain([by_key.as_str()]) {
            if tx.sweeps().is_stale_on_any(run, name).await? {
                lost.push(attribute);
                break;
            }
        }
    }
    Ok(lost)
}
