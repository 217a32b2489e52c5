//! What a reading changes on a record that we hold: a field not sent keeps its value and is marked stale, and every difference
//! becomes a line of the event.
//!
//! Pure. Sealed values never get into the changes; they are only said to have changed.

use std::collections::{BTreeMap, BTreeSet};

use gangway_domain::record::{Fields, RecordState, VOLATILE_FIELDS};
use gangway_storage::records::Record;
use serde_json::{Map, Value, json};

use super::{intake::Incoming, sealed::SealedPart};
use crate::attributes::{Selection, Treatment};

/// Prefix of attributes in `stale` and in changes, apart from canonical fields.
pub(crate) const ATTRIBUTE_PREFIX: &str = "attributes.";

/// A record after a reading.
pub(super) struct Merged {
    /// Canonical fields.
    pub(super) fields: Fields,
    /// Attributes in clear.
    pub(super) attributes: BTreeMap<String, Value>,
    /// What is to be sealed.
    pub(super) sealed: SealedPart,
    /// What kept an older value.
    pub(super) stale: Vec<String>,
    /// Old and new value per field.
    pub(super) changes: Map<String, Value>,
}

/// A new record: everything is a change from nothing.
pub(super) fn first(incoming: &Incoming) -> Merged {
    let Incoming { fields, attributes, sealed, .. } = incoming;
    let nothing = BTreeMap::new();
    Merged {
        changes: changes(&nothing, fields, &nothing, attributes, &SealedPart::default(), sealed),
        fields: fields.clone(),
        attributes: attributes.clone(),
        sealed: sealed.clone(),
        stale: Vec::new(),
    }
}

/// A known record with a new reading. `old_sealed` is its opened sealed part.
pub(super) fn again(old: &Record, old_sealed: &SealedPart, incoming: &Incoming, selection: &Selection) -> Merged {
    let mut stale = Vec::new();
    let mut old_fields = old.fields.clone();
    // What the tenant chose not to keep in clear did not change at the vendor.
    old_fields.retain(|field, _| !incoming.cleared.contains(field));
    let kept = |key: &String, how: Treatment| selection.treatment(key) == how;
    let old_attributes: BTreeMap<String, Value> =
        old.attributes.clone().into_iter().filter(|(key, _)| kept(key, Treatment::Store)).collect();
    let mut old_sealed = old_sealed.clone();
    old_sealed.fields.retain(|field, _| !incoming.cleared.contains(field));
    old_sealed.attributes.retain(|key, _| kept(key, Treatment::Seal));
    // Nor may a value stay in clear because the vendor stopped sending it.
    for (field, key) in selection.fields_not_in_clear() {
        let value = old_fields.remove(field);
        match selection.treatment(key) {
            Treatment::Store => {}
            Treatment::Seal => {
                if let Some(value) = value {
                    old_sealed.attributes.entry(key.to_owned()).or_insert(value);
                }
            }
            Treatment::Drop => drop(old_sealed.fields.remove(field)),
        }
    }

    let fields = overlay(&old_fields, &incoming.fields, "", &mut stale);
    let attributes = overlay(&old_attributes, &incoming.attributes, ATTRIBUTE_PREFIX, &mut stale);
    let sealed = SealedPart {
        fields: overlay(&old_sealed.fields, &incoming.sealed.fields, "", &mut stale),
        attributes: overlay(&old_sealed.attributes, &incoming.sealed.attributes, ATTRIBUTE_PREFIX, &mut stale),
    };
    let changes = if old.state == RecordState::Deleted {
        let nothing = BTreeMap::new();
        changes(&nothing, &fields, &nothing, &attributes, &SealedPart::default(), &sealed)
    } else {
        changes(&old_fields, &fields, &old_attributes, &attributes, &old_sealed, &sealed)
    };
    Merged { fields, attributes, sealed, stale, changes }
}

/// The new values over the old ones; old ones that were not sent stay and are named in `stale`.
fn overlay(
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
    prefix: &str,
    stale: &mut Vec<String>,
) -> BTreeMap<String, Value> {
    let mut merged = new.clone();
    for (key, value) in old {
        if !new.contains_key(key) {
            stale.push(format!("{prefix}{key}"));
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}

fn changes(
    old_fields: &Fields,
    fields: &Fields,
    old_attributes: &BTreeMap<String, Value>,
    attributes: &BTreeMap<String, Value>,
    old_sealed: &SealedPart,
    sealed: &SealedPart,
) -> Map<String, Value> {
    let mut changes = Map::new();
    for (field, old, new) in differences(old_fields, fields) {
        if !VOLATILE_FIELDS.contains(&field.as_str()) {
            changes.insert(field.clone(), spoken(old, new));
        }
    }
    for (key, old, new) in differences(old_attributes, attributes) {
        changes.insert(format!("{ATTRIBUTE_PREFIX}{key}"), spoken(old, new));
    }
    for (field, _, _) in differences(&old_sealed.fields, &sealed.fields) {
        changes.insert(field.clone(), unspoken());
    }
    for (key, _, _) in differences(&old_sealed.attributes, &sealed.attributes) {
        changes.insert(format!("{ATTRIBUTE_PREFIX}{key}"), unspoken());
    }
    changes
}

fn spoken(old: Option<&Value>, new: Option<&Value>) -> Value {
    json!({ "old": old, "new": new })
}

fn unspoken() -> Value {
    json!({ "changed": true })
}

/// Keys whose values differ; nothing and null are the same.
fn differences<'a>(
    old: &'a BTreeMap<String, Value>,
    new: &'a BTreeMap<String, Value>,
) -> impl Iterator<Item = (&'a String, Option<&'a Value>, Option<&'a Value>)> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter_map(move |key| {
        let (before, after) = (old.get(key), new.get(key));
        (before.unwrap_or(&Value::Null) != after.unwrap_or(&Value::Null)).then_some((key, before, after))
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use gangway_connector::SourceRecord;
    use gangway_domain::{
        id::{AttributeId, ConnectionId, SyncRunId},
        record::{ExternalId, Stream},
        schema::{AttributeClass, AttributeType},
    };
    use gangway_storage::attributes::Attribute;
    use gangway_vault::HashKey;
    use uuid::Uuid;

    use super::*;
    use crate::syncs::intake;

    fn values(members: &[(&str, Value)]) -> BTreeMap<String, Value> {
        members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    #[test]
    fn what_was_not_sent_stays_and_is_named() {
        let mut stale = Vec::new();
        let old = values(&[("a", json!(1)), ("b", json!(2))]);
        let merged = overlay(&old, &values(&[("b", json!(3)), ("c", Value::Null)]), "attributes.", &mut stale);
        assert_eq!(merged, values(&[("a", json!(1)), ("b", json!(3)), ("c", Value::Null)]));
        assert_eq!(stale, ["attributes.a"]);
    }

    #[test]
    fn a_field_that_is_no_longer_sent_does_not_outlive_the_choice_against_it() {
        let attribute = |class, selected| Attribute { class, selected, ..gender() };
        let old = Record { fields: values(&[("gender", json!("female"))]), ..record() };
        let after = |class, selected| {
            let selection = Selection::of(&[attribute(class, selected)]);
            again(&old, &SealedPart::default(), &nothing_sent(&selection), &selection)
        };

        let kept = after(AttributeClass::Standard, true);
        assert_eq!((kept.fields.len(), kept.stale), (1, vec!["gender".to_owned()]), "control");
        let dropped = after(AttributeClass::Standard, false);
        assert_eq!((dropped.fields.len(), dropped.stale.len(), dropped.changes.len()), (0, 0, 0));
        assert_eq!(dropped.sealed, SealedPart::default());
        let sealed = after(AttributeClass::Sensitive, true);
        assert_eq!((sealed.fields.len(), sealed.changes.len()), (0, 0));
        assert_eq!(sealed.sealed.attributes, values(&[("gender", json!("female"))]));
        assert_eq!(sealed.stale, ["attributes.gender"]);
    }

    fn gender() -> Attribute {
        Attribute {
            id: AttributeId::from_uuid(Uuid::nil()),
            connection: ConnectionId::from_uuid(Uuid::nil()),
            stream: Stream::Employees,
            key: "gender".to_owned(),
            label: "Gender".to_owned(),
            kind: AttributeType::Text,
            universal_id: None,
            options: Vec::new(),
            is_custom: false,
            canonical_field: Some("gender".to_owned()),
            class: AttributeClass::Standard,
            class_reason: String::new(),
            selected: true,
            position: 0,
            first_seen_at: DateTime::<Utc>::UNIX_EPOCH,
            last_seen_at: DateTime::<Utc>::UNIX_EPOCH,
            removed_at: None,
        }
    }

    fn record() -> Record {
        Record {
            id: Uuid::nil(),
            connection: ConnectionId::from_uuid(Uuid::nil()),
            stream: Stream::Employees,
            external: external(),
            employee_external_id: None,
            email: None,
            status: None,
            starts_on: None,
            ends_on: None,
            fields: BTreeMap::new(),
            attributes: BTreeMap::new(),
            stale: Vec::new(),
            hash: Vec::new(),
            kept_by: String::new(),
            state: RecordState::Present,
            version: 1,
            first_seen_at: DateTime::<Utc>::UNIX_EPOCH,
            first_seen_run: SyncRunId::from_uuid(Uuid::nil()),
            changed_at: DateTime::<Utc>::UNIX_EPOCH,
            deleted_at: None,
        }
    }

    fn external() -> ExternalId {
        ExternalId { source: "test".to_owned(), id: "1".to_owned() }
    }

    fn nothing_sent(selection: &Selection) -> Incoming {
        let source = SourceRecord::new(external(), BTreeMap::new(), b"{}".to_vec().into());
        intake::take_in(source, Stream::Employees, selection, &HashKey::from_secret_bytes(&[7; 32]).unwrap())
    }

    #[test]
    fn changes_speak_only_of_what_may_be_spoken_of() {
        let nothing = BTreeMap::new();
        let old = values(&[("status", json!("active")), ("updated_at", json!(1))]);
        let new = values(&[("status", json!("inactive")), ("updated_at", json!(2))]);
        let old_sealed = SealedPart { fields: values(&[("comment", json!("ill"))]), attributes: BTreeMap::new() };
        let sealed = SealedPart {
            fields: values(&[("comment", json!("well"))]),
            attributes: values(&[("salary", json!("5000"))]),
        };
        let changes = changes(&old, &new, &nothing, &values(&[("shirt", json!("L"))]), &old_sealed, &sealed);
        let expected = json!({
            "status": {"old": "active", "new": "inactive"},
            "comment": {"changed": true},
            "attributes.shirt": {"old": null, "new": "L"},
            "attributes.salary": {"changed": true},
        });
        assert_eq!(Value::Object(changes), expected);
    }

    #[test]
    fn nothing_and_null_are_no_difference() {
        let old = values(&[("a", Value::Null)]);
        assert_eq!(differences(&old, &BTreeMap::new()).count(), 0);
        assert_eq!(differences(&old, &values(&[("a", json!(0))])).count(), 1);
    }
}
