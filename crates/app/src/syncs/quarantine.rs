//! Setting records aside that could not be read, or that no column can hold: what is kept of them, how many, for how long.

use std::collections::HashSet;

use chrono::TimeDelta;
use gangway_connector::BadRecord;
use gangway_domain::{
    id::QuarantineId,
    record::Stream,
    sync::{RunMode, SyncRun},
};
use gangway_storage::{TenantTx, quarantine::QuarantinedRecord};
use serde_json::Value;
use uuid::Uuid;

use super::{columns, intake, intake::Incoming};
use crate::{Ctx, Result, seal::TenantKeys};

/// Object kind under which set-aside bytes are sealed.
const KIND: &str = "quarantine";
/// Field under which set-aside bytes are sealed.
const FIELD: &str = "payload";
/// Open rows per connection and stream: enough to see what is wrong, and no room for a vendor to fill the database.
const MAX_OPEN: usize = 1_000;
/// Characters of a reason.
const MAX_REASON: usize = 500;
/// How long a row stays that no run has seen again.
const KEEPING: TimeDelta = TimeDelta::days(30);

/// A record to be set aside.
pub(super) struct Refused {
    external_id: Option<String>,
    reason: String,
    fingerprint: [u8; 32],
    kept: Vec<u8>,
}

impl Refused {
    /// A record that the connector could not read.
    pub(super) fn unreadable(bad: BadRecord, stream: Stream, keys: &TenantKeys) -> Self {
        let BadRecord { external_id, reason, raw, .. } = bad;
        Self {
            external_id: external_id.filter(|id| columns::holds_name(id)),
            reason: columns::label(&reason, MAX_REASON),
            fingerprint: keys.hash_key().hash(&raw),
            kept: kept(&raw, stream),
        }
    }

    /// A record that was read, but one of whose names cannot be held. If the others can, it still counts as seen.
    pub(super) fn nameless(incoming: &Incoming, stream: Stream, keys: &TenantKeys) -> Self {
        Self {
            external_id: incoming.names().map(|name| &name.id).find(|id| columns::holds_name(id)).cloned(),
            reason: "id holds a NUL character or is longer than 500 characters".to_owned(),
            fingerprint: keys.hash_key().hash(incoming.whole()),
            kept: kept(incoming.whole(), stream),
        }
    }
}

/// What is kept of the bytes. Where attributes are chosen, only their shape: of what could not be read nobody can tell whose
/// value is where, and what is set aside is not looked at again when the choice changes.
fn kept(raw: &[u8], stream: Stream) -> Vec<u8> {
    if intake::has_catalogue(stream) { shape(raw) } else { raw.to_vec() }
}

/// Sets records aside; answers how many there were. Those that we know count as seen: what cannot be read is not gone.
pub(super) async fn set_aside(
    ctx: &Ctx,
    tx: &TenantTx,
    run: &SyncRun,
    keys: &TenantKeys,
    mut refused: Vec<Refused>,
    seen: &mut Vec<Uuid>,
) -> Result<i64> {
    if refused.is_empty() {
        return Ok(0);
    }
    let names: Vec<String> = refused.iter().filter_map(|record| record.external_id.clone()).collect();
    let known = tx.records().list_known(run.connection, run.stream, &names).await?;
    seen.extend(known.into_iter().map(|known| known.record));

    let mut distinct = HashSet::new();
    refused.retain(|record| distinct.insert(record.fingerprint));
    let n_refused = i64::try_from(refused.len()).unwrap_or(i64::MAX);
    tracing::warn!(
        connection.id = %run.connection, sync.run = %run.id, stream = run.stream.as_str(), n_bad = n_refused,
        "records were set aside because they could not be read"
    );
    let fingerprints: Vec<Vec<u8>> = refused.iter().map(|record| record.fingerprint.to_vec()).collect();
    let open: HashSet<Vec<u8>> =
        tx.quarantine().list_open_among(run.connection, run.stream, &fingerprints).await?.into_iter().collect();
    let n_open = tx.quarantine().count_open(run.connection, run.stream).await?;
    let mut room = MAX_OPEN.saturating_sub(usize::try_from(n_open).unwrap_or(MAX_OPEN));
    let mut rows = Vec::with_capacity(refused.len().min(MAX_OPEN));
    for record in refused {
        if !open.contains(record.fingerprint.as_slice()) {
            let Some(left) = room.checked_sub(1) else { continue };
            room = left;
        }
        rows.push(row(ctx, run, keys, record));
    }
    tx.quarantine().upsert(rows).await?;
    Ok(n_refused)
}

fn row(ctx: &Ctx, run: &SyncRun, keys: &TenantKeys, refused: Refused) -> QuarantinedRecord {
    let Refused { external_id, reason, fingerprint, kept } = refused;
    let id: QuarantineId = ctx.app().new_id();
    let now = ctx.app().now();
    QuarantinedRecord {
        id,
        connection: run.connection,
        stream: run.stream,
        run: run.id,
        external_id,
        fingerprint: fingerprint.to_vec(),
        reason,
        payload: keys.seal(KIND, id.uuid(), FIELD, &kept),
        created_at: now,
        last_seen_at: now,
        resolved_at: None,
    }
}

/// Closes what was set aside and could now be read.
pub(super) async fn resolve(ctx: &Ctx, tx: &TenantTx, run: &SyncRun, readable: &HashSet<String>) -> Result<()> {
    let open = tx.quarantine().list_open_ids(run.connection, run.stream).await?;
    let resolved: Vec<String> = open.into_iter().filter(|id| readable.contains(id)).collect();
    if !resolved.is_empty() {
        tx.quarantine().resolve(run.connection, run.stream, &resolved, ctx.app().now()).await?;
    }
    Ok(())
}

/// Deletes, at the end of a full run, what was settled and what no run has seen for a month.
pub(super) async fn prune(ctx: &Ctx, tx: &TenantTx, run: &SyncRun) -> Result<()> {
    if run.mode == RunMode::Full {
        tx.quarantine().prune(run.connection, run.stream, ctx.app().now() - KEEPING).await?;
    }
    Ok(())
}

/// The JSON with its keys and its nesting, but with empty values; `null` for what is no JSON.
fn shape(raw: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(raw).unwrap_or_default();
    blank(&mut value);
    value.to_string().into_bytes()
}

fn blank(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => *value = false,
        Value::Number(number) => *number = 0.into(),
        Value::String(text) => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::Object(members) => members.values_mut().for_each(blank),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_has_keys_and_no_values() {
        let raw = br#"{"attributes":{"salary":{"value":5000,"label":"Salary"},"tags":["a",true,null]}}"#;
        let kept: Value = serde_json::from_slice(&shape(raw)).unwrap();
        let tags = json!(["", false, null]);
        assert_eq!(kept, json!({"attributes": {"salary": {"value": 0, "label": ""}, "tags": tags}}));
    }

    #[test]
    fn what_is_no_json_leaves_nothing() {
        for raw in [&b"\xff\xfe"[..], b"{\"iban\":\"DE00", b""] {
            assert_eq!(shape(raw), b"null");
        }
        assert_eq!(shape("[".repeat(100_000).as_bytes()), b"null");
    }
}
