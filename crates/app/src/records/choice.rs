//! What the tenant's choice of attributes leaves to be seen. Records are written by a new choice when they are read again; until
//! then their readers do not see what the choice takes back.
//!
//! A field that a sensitive attribute feeds is kept nowhere but under that attribute, sealed. Who may see sensitive values finds it
//! in its place all the same.

use std::collections::{BTreeSet, HashMap};

use gangway_domain::{
    id::ConnectionId,
    mapping::{Feed, Mapping, field_kind},
    record::Stream,
};
use gangway_storage::{TenantTx, attributes::NotInClear, records::Record};

use super::RecordView;
use crate::{Result, mapping::fit, syncs};

/// The connections whose records must not be found by one of these canonical fields, since their readers do not see it.
pub(super) async fn hiding(
    tx: &TenantTx,
    stream: Stream,
    fields: impl Iterator<Item = &'static str>,
) -> Result<BTreeSet<ConnectionId>> {
    let mut hiding = BTreeSet::new();
    if !syncs::has_catalogue(stream) {
        return Ok(hiding);
    }
    for field in fields {
        let mut closed: BTreeSet<ConnectionId> =
            tx.attributes().list_hiding(stream, field).await?.into_iter().collect();
        let mut mappings = tx.mappings().list_all().await?;
        mappings.retain(|mapping| mapping.fields.contains_key(field));
        let connections: Vec<ConnectionId> = mappings.iter().map(|mapping| mapping.connection).collect();
        let not_in_clear = tx.attributes().list_not_in_clear(&connections, stream).await?;
        for mapping in mappings {
            let is_closed =
                |key: &String| not_in_clear.iter().any(|it| it.connection == mapping.connection && it.key == *key);
            let (is_hidden, built_in) = match mapping.feed(field) {
                Feed::Attribute(key) => (is_closed(key), false),
                Feed::Nothing => (false, false),
                Feed::BuiltIn => (false, true),
            };
            let former = mapping.fields.get(field).filter(|_| mapping.applied_version != mapping.version);
            if is_hidden || former.is_some_and(|mapped| mapped.former.iter().any(is_closed)) {
                closed.insert(mapping.connection);
            } else if !built_in {
                closed.remove(&mapping.connection);
            }
        }
        hiding.extend(closed);
    }
    Ok(hiding)
}

/// The attributes that readers may not see in clear, and what feeds which field, by connection.
pub(super) struct Choice {
    hidden: HashMap<ConnectionId, Vec<NotInClear>>,
    mappings: HashMap<ConnectionId, Mapping>,
}

impl Choice {
    /// The choices behind these records of one stream.
    pub(super) async fn of(tx: &TenantTx, stream: Stream, records: &[Record]) -> Result<Self> {
        let connections: BTreeSet<ConnectionId> = records.iter().map(|record| record.connection).collect();
        let mut choice = Self { hidden: HashMap::new(), mappings: HashMap::new() };
        if syncs::has_catalogue(stream) && !connections.is_empty() {
            let connections: Vec<ConnectionId> = connections.into_iter().collect();
            for attribute in tx.attributes().list_not_in_clear(&connections, stream).await? {
                choice.hidden.entry(attribute.connection).or_default().push(attribute);
            }
            // Where nothing is hidden there is nothing to look for.
            let connections: Vec<ConnectionId> = choice.hidden.keys().copied().collect();
            let mappings = tx.mappings().list(&connections).await?;
            choice.mappings = mappings.into_iter().map(|mapping| (mapping.connection, mapping)).collect();
        }
        Ok(choice)
    }

    /// Takes from the view what must not be seen. `mapped_by` is the version of the mapping that the record follows.
    pub(super) fn apply(&self, view: &mut RecordView, mapped_by: i64) {
        self.take_back(view, mapped_by);
        if view.sensitive.is_none() {
            // What is stale has a value, which of what is sealed only its readers may know.
            let RecordView { stale, fields, attributes, .. } = view;
            stale.retain(|name| match name.strip_prefix(syncs::ATTRIBUTE_PREFIX) {
                Some(key) => attributes.contains_key(key),
                None => fields.contains_key(name),
            });
        }
    }

    fn take_back(&self, view: &mut RecordView, mapped_by: i64) {
        let Some(hidden) = self.hidden.get(&view.connection) else { return };
        let mapping = self.mappings.get(&view.connection);
        for NotInClear { connection: _, key, canonical_field, is_sealed } in hidden {
            view.attributes.remove(key);
            let built_in = canonical_field.as_deref();
            let field = mapping.map_or(built_in, |mapping| mapping.field_of(key, built_in));
            if let Some(field) = field {
                remove(view, field);
            }
            if let Some(mapping) = mapping {
                remove_former(view, mapping, key, mapped_by);
            }
            if *is_sealed {
                show_in_place(view, mapping, key);
                continue;
            }
            if let Some(sensitive) = &mut view.sensitive {
                sensitive.remove(key);
            }
            view.stale
                .retain(|name| name.strip_prefix(syncs::ATTRIBUTE_PREFIX) != Some(key) && Some(name.as_str()) != field);
        }
    }
}

fn remove(view: &mut RecordView, field: &str) {
    view.fields.remove(field);
    if field == "supervisor" {
        view.supervisor = None;
    }
}

/// Takes away the fields in which a record that does not follow the mapping yet may still hold the attribute's value.
fn remove_former(view: &mut RecordView, mapping: &Mapping, key: &String, mapped_by: i64) {
    for (field, mapped) in &mapping.fields {
        if mapped.changed_in > mapped_by && mapped.former.contains(key) {
            remove(view, field);
        }
    }
}

/// Shows the value of a sealed attribute in the field that the tenant has it feed, to those who may see it.
fn show_in_place(view: &mut RecordView, mapping: Option<&Mapping>, key: &str) {
    let own = mapping.into_iter().flat_map(|mapping| &mapping.fields);
    for (field, _) in own.filter(|(_, mapped)| matches!(&mapped.feed, Feed::Attribute(fed) if fed == key)) {
        let value = view.sensitive.as_ref().and_then(|sensitive| sensitive.get(key));
        let value = value.map(|value| value.get("value").filter(|_| value.get("currency").is_some()).unwrap_or(value));
        let fitted = field_kind(field).zip(value).and_then(|(kind, value)| fit(kind, value).ok());
        if let Some(fitted) = fitted {
            view.fields.insert(field.clone(), fitted);
        }
    }
}
