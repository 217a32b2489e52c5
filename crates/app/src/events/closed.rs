//! What may no longer be told in clear. An event is written by the choice of attributes of its time, and read by the present one: a value
//! of an attribute that has become sensitive since, or is not selected any more, is only said to have changed, and not named at all where
//! the record was new.

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
    events.iter_mut().for_each(leave_out_what_is_only_named);
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
        let is_new = is_new(event);
        let Some(changes) = changes(event) else { continue };
        for attribute in hidden.iter().filter(|attribute| Some(attribute.connection) == connection) {
            for name in names(attribute, mapping, is_before) {
                if is_new {
                    // That somebody has such a value is not told either.
                    changes.remove(&name);
                } else if let Some(change) = changes.get_mut(&name).filter(|change| change.get("changed").is_none()) {
                    *change = json!({ "changed": true });
                }
            }
        }
    }
    Ok(())
}

/// Takes the names of sealed values from the event of a record that was new: that there is one is all that they would tell. Events from
/// before that was so have them.
fn leave_out_what_is_only_named(event: &mut Event) {
    if is_new(event)
        && let Some(changes) = event.fact.data.get_mut("changes").and_then(Value::as_object_mut)
    {
        changes.retain(|_, change| change.get("changed").is_none());
    }
}

/// A hidden record that shows again tells what has changed meanwhile; any other that comes was not there before.
fn is_new(event: &Event) -> bool {
    event.fact.kind.ends_with(".created") && event.fact.data.get("was").is_none_or(|was| was != "hidden")
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use gangway_domain::{event::NewEvent, id::EventId};
    use uuid::Uuid;

    use super::*;

    fn event(kind: &str, mut data: Value) -> Event {
        data["changes"] = json!({ "starts_on": {"old": null, "new": "2026-11-24"}, "comment": {"changed": true} });
        let fact = NewEvent {
            id: EventId::from_uuid(Uuid::nil()),
            kind: kind.to_owned(),
            subject: None,
            subject_label: None,
            connection: None,
            run: None,
            credential_version: None,
            data,
            occurred_at: DateTime::<Utc>::UNIX_EPOCH,
        };
        Event { sequence: 1, fact }
    }

    #[test]
    fn what_is_new_names_nothing_that_it_does_not_tell() {
        for (kind, data, is_named) in [
            ("absence.created", json!({}), false),
            ("employee.created", json!({"reappeared": true, "was": "deleted"}), false),
            ("employee.created", json!({"reappeared": true, "was": "hidden"}), true),
            ("absence.updated", json!({}), true),
        ] {
            let mut event = event(kind, data);
            leave_out_what_is_only_named(&mut event);
            let changes = event.fact.data["changes"].as_object().unwrap();
            assert!(changes.contains_key("starts_on"), "{kind}");
            assert_eq!(changes.contains_key("comment"), is_named, "{kind}");
        }
    }
}
