//! Changing a mapping: what the tenant wants is judged as a whole, stored as the next version, and applied by a job.

use std::collections::{BTreeMap, BTreeSet};

use gangway_domain::{
    id::ConnectionId,
    mapping::{Feed, MAPPABLE_FIELDS, MappedField, Mapping, Replaced, field_kind},
    principal::Scope,
    record::Stream,
};
use gangway_storage as storage;
use serde_json::json;

use super::{
    show::{MappingView, view},
    transform::{Fit, compatibility},
};
use crate::{Ctx, Error, FieldError, Result, attributes::Attribute, audit, jobs, jobs::RemapRecords, syncs};

/// Fields that a request may name; more than there are, so that each mistake can be told.
const MOST: usize = 100;

/// What the tenant wants to feed a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFeed {
    /// The field.
    pub field: String,
    /// Key of the attribute; none for nothing.
    pub attribute: Option<String>,
}

/// Replaces the tenant's part of a mapping: fields that are not named are fed by what the connector says. `if_version` is the
/// version the caller has seen.
///
/// What says nothing new changes nothing, not the version either; a version that is not applied yet is applied once more.
///
/// # Errors
/// `object.not-found`, `object.stale`, `request.invalid` naming each field that cannot be fed so.
pub async fn update(
    ctx: &Ctx,
    connection: ConnectionId,
    if_version: Option<i64>,
    wanted: Vec<FieldFeed>,
) -> Result<MappingView> {
    ctx.require(Scope::ConnectionsWrite)?;
    let app = ctx.app();
    let mut tx = app.db.begin(ctx.scope()).await?;
    // Locks the syncs too: a page that was placed by the old mapping commits before this, or is placed by the new one.
    syncs::lock_of_connection(&tx, connection).await?;
    let attributes = tx.attributes().list_stream(connection, Stream::Employees).await?;
    let before = tx.mappings().get(connection).await?;
    if if_version.is_some_and(|seen| seen != before.version) {
        return Err(storage::Error::Stale.into());
    }
    let feeds = judge(&wanted, &attributes)?;
    let mut after = proposed(&before, feeds, &attributes);
    if after.version != before.version {
        after.updated_at = Some(app.now());
        tx.mappings().upsert(&after).await?;
        audit::record(ctx, &tx, "mapping.update", &connection.to_string(), detail(&after, &attributes)).await?;
    }
    if after.version != after.applied_version {
        jobs::enqueue(ctx, &mut tx, &RemapRecords { connection })?;
    }
    let view = view(&tx, connection).await?;
    tx.commit().await?;
    Ok(view)
}

/// What each named field shall be fed by.
///
/// # Errors
/// `request.invalid` naming each that cannot be.
pub(super) fn judge(wanted: &[FieldFeed], attributes: &[Attribute]) -> Result<BTreeMap<String, Feed>> {
    if wanted.len() > MOST {
        return Err(Error::invalid("/fields", format!("may name {MOST} fields at most, each once")));
    }
    let mut problems = Vec::new();
    let mut feeds = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let named: BTreeSet<&str> = wanted.iter().map(|feed| feed.field.as_str()).collect();
    for (index, FieldFeed { field, attribute }) in wanted.iter().enumerate() {
        let mut problem = |member: &str, message: String| {
            problems.push(FieldError { pointer: format!("/fields/{index}{member}"), message });
        };
        let Some(kind) = field_kind(field) else {
            let known: Vec<&str> = MAPPABLE_FIELDS.iter().map(|(field, _)| *field).collect();
            problem("/field", format!("is no field that can be mapped; those are {}", known.join(", ")));
            continue;
        };
        if feeds.contains_key(field) {
            problem("/field", "is named twice; one attribute can feed it".to_owned());
            continue;
        }
        feeds.insert(field.clone(), attribute.clone().map_or(Feed::Nothing, Feed::Attribute));
        let Some(key) = attribute else { continue };
        let found = attributes.iter().find(|attribute| attribute.key == *key && attribute.removed_at.is_none());
        let Some(found) = found else {
            problem(
                "/attribute",
                "is no attribute that this account shows for employees; discover it first".to_owned(),
            );
            continue;
        };
        let built_in = found.canonical_field.as_deref();
        if built_in == Some(field.as_str()) {
            // As the connector says: nothing of the tenant's own.
            feeds.insert(field.clone(), Feed::BuiltIn);
        }
        if !found.selected {
            problem("/attribute", "is not stored; select it with `PATCH …/attributes` first".to_owned());
        } else if built_in != Some(field.as_str()) && compatibility(found.kind, kind) == Fit::Never {
            problem("/attribute", format!("is of type {}, of which no value fits this field", found.kind.as_str()));
        } else if !taken.insert(key.as_str()) {
            problem("/attribute", "feeds another field already; an attribute can feed one".to_owned());
        } else if let Some(other) = built_in.filter(|other| !named.contains(other)) {
            problem("/attribute", format!("feeds `{other}`; name that field too, with what shall feed it instead"));
        }
    }
    if problems.is_empty() { Ok(feeds) } else { Err(Error::invalid_fields(problems)) }
}

/// The mapping with these feeds, of the next version where they say anything new.
pub(super) fn proposed(before: &Mapping, mut feeds: BTreeMap<String, Feed>, attributes: &[Attribute]) -> Mapping {
    let mut after = before.clone();
    let is_washed_out = before.applied_version == before.version;
    let next = before.version + 1;
    for (field, _) in MAPPABLE_FIELDS {
        let feed = feeds.remove(*field).unwrap_or(Feed::BuiltIn);
        if is_washed_out && let Some(mapped) = after.fields.get_mut(*field) {
            mapped.former.clear();
        }
        let old = before.feed(field);
        if feed == *old {
            continue;
        }
        let mapped = after.fields.entry((*field).to_owned()).or_insert_with(|| MappedField {
            feed: Feed::BuiltIn,
            changed_in: 0,
            former: Vec::new(),
            replaced: None,
        });
        let replaced = keys(field, old, attributes);
        for key in &replaced {
            if !mapped.former.contains(key) {
                mapped.former.push(key.clone());
            }
        }
        mapped.replaced = Some(Replaced { keys: replaced, since: mapped.changed_in });
        mapped.feed = feed;
        mapped.changed_in = next;
        after.version = next;
    }
    if after.version == before.version { before.clone() } else { after }
}

/// Keys of the attributes that a feed takes a field's values from.
fn keys(field: &str, feed: &Feed, attributes: &[Attribute]) -> Vec<String> {
    match feed {
        Feed::Nothing => Vec::new(),
        Feed::Attribute(key) => vec![key.clone()],
        Feed::BuiltIn => attributes
            .iter()
            .filter(|attribute| attribute.canonical_field.as_deref() == Some(field))
            .map(|attribute| attribute.key.clone())
            .collect(),
    }
}

/// What the audit log tells: ids, since keys are a vendor's words.
fn detail(mapping: &Mapping, attributes: &[Attribute]) -> serde_json::Value {
    let own = mapping.fields.iter().filter(|(_, mapped)| mapped.feed != Feed::BuiltIn);
    let fields: Vec<_> = own
        .map(|(field, mapped)| {
            let id = match &mapped.feed {
                Feed::Attribute(key) => attributes.iter().find(|attribute| attribute.key == *key).map(|found| found.id),
                Feed::BuiltIn | Feed::Nothing => None,
            };
            json!({ "field": field, "attribute": id })
        })
        .collect();
    json!({ "version": mapping.version, "fields": fields })
}

#[cfg(test)]
mod tests;
