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
    use super::*;

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
