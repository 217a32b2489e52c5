//! What may no longer be told in clear. An event is written by the choice of attributes of its time, and read by the present one: a value
//! of an attribute that has become sensitive since, or is not selected any more, is only said to have changed.

use std::collections::BTreeSet;

use gangway_domain::{
    event::Event,
    id::ConnectionId,
    mapping::{MappedField, Mapping},
    record::Stream,
};
use gangway_storage::{TenantTx, attributes::NotInClear};
use serde_json::{Value, json};

use crate::{Result, syncs::ATTRIBUTE_PREFIX};

/// Takes from events what their readers must not see any more.
pub(super) async fn close(tx: &TenantTx, events: &mut [Event]) -> Result<()> {
    let connections: BTreeSet<ConnectionId> =
        events.iter_mut().filter_map(|event| Some((event.fact.connection?, changes(event)?).0)).collect();
    if connections.is_empty() {
        return Ok(());
    }
    let connections: Vec<ConnectionId> = connections.into_iter().collect();
    let hidden = tx.attributes().list_not_in_clear(&connections, Stream::Employees).await?;
    if hidden.is_empty() {
        return Ok(());
    }
    let mappings = tx.mappings().list(&connections).await?;
    for event in events {
        let (connection, at) = (event.fact.connection, event.fact.occurred_at);
        let mapping = mappings.iter().find(|mapping| Some(mapping.connection) == connection);
        // What fed a field before is in no event since the mapping changed.
        let is_before = mapping.and_then(|mapping| mapping.updated_at).is_some_and(|changed_at| at <= changed_at);
        let Some(changes) = changes(event) else { continue };
        for attribute in hidden.iter().filter(|attribute| Some(attribute.connection) == connection) {
            for name in names(attribute, mapping, is_before) {
                if let Some(change) = changes.get_mut(&name).filter(|change| change.get("changed").is_none()) {
                    *change = json!({ "changed": true });
                }
            }
        }
    }
    Ok(())
}

/// The values that an event tells, of an employee: only they have attributes to choose.
fn changes(event: &mut Event) -> Option<&mut serde_json::Map<String, Value>> {
    if !event.fact.kind.starts_with("employee.") {
        return None;
    }
    event.fact.data.get_mut("changes")?.as_object_mut()
}

/// The names under which an attribute's value is told.
fn names(attribute: &NotInClear, mapping: Option<&Mapping>, is_before: bool) -> Vec<String> {
    let NotInClear { connection: _, key, canonical_field, is_sealed: _ } = attribute;
    let built_in = canonical_field.as_deref();
    let fed = mapping.map_or(built_in, |mapping| mapping.field_of(key, built_in));
    let held = |mapped: &MappedField| {
        mapped.former.contains(key) || mapped.replaced.as_ref().is_some_and(|before| before.keys.contains(key))
    };
    let mapped = mapping.into_iter().flat_map(|mapping| &mapping.fields);
    let before = mapped.filter(|(_, mapped)| is_before && held(mapped)).map(|(field, _)| field.clone());
    let built_in = built_in.filter(|_| is_before || mapping.is_none());
    before
        .chain(fed.into_iter().chain(built_in).map(str::to_owned))
        .chain([format!("{ATTRIBUTE_PREFIX}{key}")])
        .collect()
}
