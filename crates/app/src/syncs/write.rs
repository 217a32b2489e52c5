//! Writing a page's records: one look-up for all of them, then only what changed is read, merged, sealed and written.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use gangway_connector::AnyConnector;
use gangway_domain::{
    id::uuid_v7,
    record::{ExternalId, Fields, RecordState, Stream},
    sync::SyncRun,
};
use gangway_storage::{
    TenantTx,
    records::{Alias, Known, Payload, Record},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    columns,
    finish::about,
    intake::Incoming,
    merge::{self, Merged},
    people,
    rebuild::{self, Reader, Rebuilt},
    remap,
    sealed::{self, SealedPart},
};
use crate::{Ctx, Error, Result, attributes::Selection, events, records::wire_id, seal::TenantKeys};

/// What the writing of a page hangs on.
pub(super) struct Scene<'a> {
    /// The run.
    pub(super) run: &'a SyncRun,
    /// For sealing and opening.
    pub(super) keys: &'a TenantKeys,
    /// The tenant's choice of attributes.
    pub(super) selection: &'a Selection,
    /// Who reads records.
    pub(super) connector: &'a dyn AnyConnector,
    /// What is told of its records.
    pub(super) told: Told,
}

/// What is told of records that a page brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Every change.
    All,
    /// What happened in the company while the stream went over to another version of the vendor's API: new records, and changes of
    /// these fields ([`gangway_connector::Source::kept_fields`]).
    Kept(&'static [&'static str]),
    /// Nothing: the stream was never read completely, or its records have other names in this version.
    Nothing,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Every record on the page, unchanged ones too.
    pub(super) seen: Vec<Uuid>,
    /// New, or back again.
    pub(super) n_created: i64,
    /// With another hash.
    pub(super) n_updated: i64,
    /// With the same hash: nothing was written.
    pub(super) n_unchanged: i64,
}

/// A record about to be written.
struct Change {
    record: Record,
    payload: Payload,
    is_new: bool,
    /// What it was, when it was not shown before.
    was: Option<RecordState>,
    changes: Map<String, Value>,
}

/// Writes what changed, and gathers the events.
pub(super) async fn write(ctx: &Ctx, tx: &mut TenantTx, scene: &Scene<'_>, incoming: Vec<Incoming>) -> Result<Written> {
    let run = scene.run;
    let mut names: Vec<String> = incoming.iter().flat_map(|it| it.names().map(|name| name.id.clone())).collect();
    names.sort_unstable();
    names.dedup();
    let known: HashMap<ExternalId, Known> = tx
        .records()
        .list_known(run.connection, run.stream, &names)
        .await?
        .into_iter()
        .map(|known| (known.external.clone(), known))
        .collect();

    let mut written = Written::default();
    let mut aliases = Vec::new();
    let mut fresh = Vec::new();
    let mut touched = Vec::new();
    for (incoming, found) in last_of_each(incoming, &known) {
        let id = found.map_or_else(|| uuid_v7(ctx.app().now(), ctx.app().random()), |found| found.record);
        written.seen.push(id);
        aliases.extend(
            incoming
                .names()
                .filter(|name| !known.contains_key(*name))
                .map(|name| Alias { external: name.clone(), record: id }),
        );
        match found {
            Some(found) if found.hash == incoming.hash && found.state == RecordState::Present => {
                written.n_unchanged += 1;
            }
            Some(_) => touched.push((id, incoming)),
            None => fresh.push((id, incoming)),
        }
    }

    let mut changes = Vec::with_capacity(fresh.len() + touched.len());
    for (id, incoming) in fresh {
        changes.push(create(scene, id, &incoming, ctx.app().now())?);
    }
    changes.extend(update_all(ctx, tx, scene, touched).await?);
    for change in &changes {
        if change.is_new || change.was.is_some() { written.n_created += 1 } else { written.n_updated += 1 }
    }
    commit_changes(ctx, tx, scene, changes, aliases).await?;
    Ok(written)
}

/// The last reading of each object on the page: a vendor whose pages drift shows one twice.
fn last_of_each(incoming: Vec<Incoming>, known: &HashMap<ExternalId, Known>) -> Vec<(Incoming, Option<&Known>)> {
    let mut names: HashSet<ExternalId> = HashSet::new();
    let mut records: HashSet<Uuid> = HashSet::new();
    let mut last: Vec<(Incoming, Option<&Known>)> = Vec::with_capacity(incoming.len());
    for incoming in incoming.into_iter().rev() {
        let found = incoming.names().find_map(|name| known.get(name));
        let is_repeated = incoming.names().any(|name| names.contains(name))
            || found.is_some_and(|found| records.contains(&found.record));
        if is_repeated {
            continue;
        }
        names.extend(incoming.names().cloned());
        records.extend(found.map(|found| found.record));
        last.push((incoming, found));
    }
    last.reverse();
    last
}

async fn update_all(
    ctx: &Ctx,
    tx: &TenantTx,
    scene: &Scene<'_>,
    touched: Vec<(Uuid, Incoming)>,
) -> Result<Vec<Change>> {
    let ids: Vec<Uuid> = touched.iter().map(|(id, _)| *id).collect();
    let mut old: HashMap<Uuid, Record> =
        tx.records().list_by_ids(&ids).await?.into_iter().map(|record| (record.id, record)).collect();
    let sealed = tx.records().list_sensitive(&ids).await?;
    let mut rebuilt = rebuild_some(tx, scene, &old).await?;
    let mut changes = Vec::with_capacity(touched.len());
    for (id, incoming) in touched {
        let mut old = old.remove(&id).ok_or_else(|| Error::internal("an alias leads to no record"))?;
        let opened = match sealed.get(&id) {
            Some(sealed) => SealedPart::open_or_lose(scene.keys, tx, id, sealed).await?,
            None => Some(SealedPart::default()),
        };
        let mut old_sealed = opened.unwrap_or_else(|| {
            // Whether it changed nobody can tell.
            old.hash.clear();
            SealedPart::default()
        });
        if let Some(Rebuilt { record, sealed, raw: _ }) = rebuilt.remove(&id) {
            // By which choice it was kept, and what was sealed then, still decides about what is told of it.
            let hash = if old.hash.is_empty() { Vec::new() } else { record.hash };
            old = Record { kept_by: old.kept_by, hash, ..record };
            let before = std::mem::replace(&mut old_sealed, sealed);
            for (key, value) in before.attributes {
                old_sealed.attributes.entry(key).or_insert(value);
            }
        }
        let old = rebuild::without_moved(old, scene.selection);
        changes.push(update(scene, old, &old_sealed, &incoming, ctx.app().now())?);
    }
    Ok(changes)
}

/// Known records that follow another version of the mapping, as they would be if they followed this one: what differs then is what
/// changed at the vendor.
async fn rebuild_some(tx: &TenantTx, scene: &Scene<'_>, old: &HashMap<Uuid, Record>) -> Result<HashMap<Uuid, Rebuilt>> {
    let Scene { run: _, keys, selection, connector, told: _ } = scene;
    let version = selection.mapping_version();
    let behind: Vec<Uuid> = old.values().filter(|record| record.mapped_by != version).map(|record| record.id).collect();
    let reader = Reader { connector: *connector, hash_key: keys.hash_key(), selection };
    let mut rebuilt = HashMap::with_capacity(behind.len());
    for payload in tx.records().list_payloads(&behind).await? {
        let Some(record) = old.get(&payload.record) else { continue };
        if let Some(record) = remap::open_and_rebuild(tx, keys, &reader, record, &payload).await? {
            rebuilt.insert(payload.record, record);
        }
    }
    Ok(rebuilt)
}

fn create(scene: &Scene<'_>, id: Uuid, incoming: &Incoming, now: DateTime<Utc>) -> Result<Change> {
    let run = scene.run;
    let merged = merge::first(incoming);
    let record = Record {
        id,
        connection: run.connection,
        stream: run.stream,
        external: incoming.external.clone(),
        employee_external_id: None,
        email: None,
        status: None,
        starts_on: None,
        ends_on: None,
        fields: Fields::new(),
        attributes: BTreeMap::new(),
        stale: Vec::new(),
        hash: Vec::new(),
        kept_by: String::new(),
        mapped_by: 0,
        state: RecordState::Present,
        version: 1,
        first_seen_at: now,
        first_seen_run: run.id,
        changed_at: now,
        deleted_at: None,
    };
    change(scene, record, merged, incoming, true, None)
}

fn update(
    scene: &Scene<'_>,
    old: Record,
    old_sealed: &SealedPart,
    incoming: &Incoming,
    now: DateTime<Utc>,
) -> Result<Change> {
    let merged = merge::again(&old, old_sealed, incoming, scene.selection);
    let was = (old.state != RecordState::Present).then_some(old.state);
    let differs = was.is_some() || !merged.changes.is_empty();
    let shows = differs
        || merged.stale != old.stale
        || merged.fields != old.fields
        || merged.attributes != old.attributes
        || merged.sealed.attributes != old_sealed.attributes;
    let record = Record {
        version: if shows { old.version + 1 } else { old.version },
        changed_at: if differs { now } else { old.changed_at },
        state: RecordState::Present,
        deleted_at: None,
        ..old
    };
    change(scene, record, merged, incoming, false, was)
}

/// The record with what was read, its finding columns, and its sealed parts.
fn change(
    scene: &Scene<'_>,
    record: Record,
    merged: Merged,
    incoming: &Incoming,
    is_new: bool,
    was: Option<RecordState>,
) -> Result<Change> {
    let Merged { fields, attributes, sealed, stale, changes } = merged;
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let day = |field: &str| text(field).and_then(columns::day);
    let (first, last) = match record.stream {
        Stream::Employees => (None, None),
        // An end that is none must not end the absence on its first day.
        Stream::Absences => {
            (day("starts_on"), if text("ends_on").is_some() { day("ends_on") } else { day("starts_on") })
        }
        Stream::Attendances => (day("date"), day("date")),
    };
    let referenced = fields.get("employee").and_then(|employee| employee.get("id")).and_then(Value::as_str);
    let employee = incoming.employee.as_ref().map(|employee| employee.id.as_str()).or(referenced);
    let payload = Payload {
        record: record.id,
        raw: sealed::seal_raw(scene.keys, record.id, &incoming.raw()),
        sensitive: sealed.seal(scene.keys, record.id)?,
    };
    let record = Record {
        employee_external_id: employee.filter(|id| columns::holds_name(id)).map(str::to_owned),
        email: text("email").and_then(columns::email),
        status: text("status").map(columns::status),
        starts_on: first,
        ends_on: last,
        fields,
        attributes,
        stale,
        hash: incoming.hash.to_vec(),
        kept_by: scene.selection.version().to_owned(),
        mapped_by: scene.selection.mapping_version(),
        ..record
    };
    Ok(Change { record, payload, is_new, was, changes })
}

async fn commit_changes(
    ctx: &Ctx,
    tx: &mut TenantTx,
    scene: &Scene<'_>,
    changes: Vec<Change>,
    aliases: Vec<Alias>,
) -> Result<()> {
    let run = scene.run;
    let mut records = Vec::with_capacity(changes.len());
    let mut payloads = Vec::with_capacity(changes.len());
    let mut people = Vec::new();
    let mut facts = Vec::new();
    for Change { record, payload, is_new, was, mut changes } in changes {
        if let (Told::Kept(fields), false) = (scene.told, is_new || was.is_some()) {
            changes.retain(|field, _| fields.contains(&field.as_str()));
        }
        if scene.told != Told::Nothing
            && let Some((verb, data)) = fact(is_new, was, &changes)
        {
            facts.push((record.id, verb, data));
        }
        if run.stream == Stream::Employees && is_new {
            people.push((record.id, record.email.clone()));
        }
        records.push(record);
        payloads.push(payload);
    }
    if run.stream == Stream::Employees {
        people::note_offices(tx, run.connection, &records).await?;
    }
    tx.records().upsert(records).await?;
    tx.records().upsert_payloads(payloads).await?;
    tx.records().upsert_aliases(run.connection, run.stream, aliases).await?;
    let rehired = people::link(ctx, tx, run.connection, people).await?;
    for (record, verb, mut data) in facts {
        if let (Some(former), Some(members)) = (rehired.get(&record), data.as_object_mut()) {
            members.insert("rehire_of".to_owned(), wire_id(run.stream, *former).into());
        }
        let draft = about(run, &format!("{}.{verb}", run.stream.noun()), data);
        let subject = Some((record, wire_id(run.stream, record)));
        events::append(ctx, scene.keys, tx, events::Draft { subject, ..draft });
    }
    Ok(())
}

/// The event that a change is worth.
fn fact(is_new: bool, was: Option<RecordState>, changes: &Map<String, Value>) -> Option<(&'static str, Value)> {
    if let Some(was) = was {
        return Some(("created", json!({ "changes": changes, "reappeared": true, "was": was })));
    }
    if is_new {
        return Some(("created", json!({ "changes": changes })));
    }
    (!changes.is_empty()).then(|| ("updated", json!({ "changes": changes })))
}
