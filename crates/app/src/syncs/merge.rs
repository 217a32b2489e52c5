//! What a reading changes on a record that we hold: a field not sent keeps its value and is marked stale, and every difference
//! becomes a line of the event.
//!
//! Pure. Sealed values never get into the changes; they are only said to have changed.

use std::collections::{BTreeMap, BTreeSet};

use gangway_domain::record::{Fields, RecordState, VOLATILE_FIELDS};
use gangway_storage::records::Record;
use serde_json::{Map, Value, json};

use super::{intake::Incoming, sealed::SealedPart, treated::Treated};
use crate::attributes::Selection;

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
    Merged {
        changes: from_nothing(fields, attributes),
        fields: fields.clone(),
        attributes: attributes.clone(),
        sealed: sealed.clone(),
        stale: Vec::new(),
    }
}

/// A known record with a new reading. `old_sealed` is its opened sealed part.
pub(super) fn again(old: &Record, old_sealed: &SealedPart, incoming: &Incoming, selection: &Selection) -> Merged {
    let mut held = Treated::of(old, old_sealed, selection);
    // What the tenant chose not to keep in clear did not change at the vendor.
    held.fields.retain(|field, _| !incoming.cleared.contains(field));
    held.sealed.fields.retain(|field, _| !incoming.cleared.contains(field));
    // What has found its place in a field does not stay beside it.
    held.attributes.retain(|key, _| !incoming.placed.contains(key));
    let mut stale = Vec::new();
    let fields = overlay(&held.fields, &incoming.fields, "", &mut stale);
    let attributes = overlay(&held.attributes, &incoming.attributes, ATTRIBUTE_PREFIX, &mut stale);
    let sealed = SealedPart {
        fields: overlay(&held.sealed.fields, &incoming.sealed.fields, "", &mut stale),
        attributes: overlay(&held.sealed.attributes, &incoming.sealed.attributes, ATTRIBUTE_PREFIX, &mut stale),
    };
    let changes = if old.state == RecordState::Deleted {
        from_nothing(&fields, &attributes)
    } else {
        let mut changes = changes(&held.fields, &fields, &held.attributes, &attributes, &held.sealed, &sealed);
        // A record without a hash is one of which not all is held that was read.
        if old.kept_by != selection.version() || old.hash.is_empty() {
            leave_out_the_choice(&mut changes, &held, old_sealed, selection);
        }
        changes
    };
    Merged { fields, attributes, sealed, stale, changes }
}

/// Takes from the changes of a record that another choice kept what that choice alone may have changed: a value that was not kept
/// at all may have been there all the time. One that was sealed is only said to have changed.
fn leave_out_the_choice(
    changes: &mut Map<String, Value>,
    held: &Treated,
    old_sealed: &SealedPart,
    selection: &Selection,
) {
    let fed: BTreeSet<&str> = selection.feeds().map(|(field, _)| field).collect();
    changes.retain(|name, _| match name.strip_prefix(ATTRIBUTE_PREFIX) {
        Some(key) => held.attributes.contains_key(key) || held.sealed.attributes.contains_key(key),
        None => !fed.contains(name.as_str()) || held.fields.contains_key(name),
    });
    let was_sealed = |key: &str| old_sealed.attributes.contains_key(key);
    for (name, change) in changes.iter_mut() {
        let was_sealed = match name.strip_prefix(ATTRIBUTE_PREFIX) {
            Some(key) => was_sealed(key),
            None => selection.feeds().any(|(field, key)| field == name && was_sealed(key)),
        };
        if was_sealed {
            *change = unspoken();
        }
    }
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

/// What is told of a record that was not there before. Sealed values are not named: that one has changed tells its reader nothing,
/// that somebody has one at all does.
fn from_nothing(fields: &Fields, attributes: &BTreeMap<String, Value>) -> Map<String, Value> {
    let (nothing, sealed) = (BTreeMap::new(), SealedPart::default());
    changes(&nothing, fields, &nothing, attributes, &sealed, &sealed)
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

    #[test]
    fn a_field_that_two_attributes_feed_stays_while_one_of_them_is_stored() {
        let attribute = |key: &str, class, selected| Attribute { key: key.to_owned(), class, selected, ..gender() };
        let old = Record { fields: values(&[("gender", json!("female"))]), ..record() };
        let old_sealed = SealedPart { fields: BTreeMap::new(), attributes: values(&[("sex", json!("f"))]) };
        let after = |class, selected| {
            let selection = Selection::of(&[
                attribute("gender", AttributeClass::Standard, true),
                attribute("sex", class, selected),
            ]);
            again(&old, &old_sealed, &nothing_sent(&selection), &selection)
        };
        for (class, selected) in [(AttributeClass::Sensitive, true), (AttributeClass::Standard, false)] {
            let merged = after(class, selected);
            assert_eq!(merged.fields, old.fields);
            assert_eq!(
                merged.sealed.attributes.len(),
                usize::from(selected),
                "what was sealed under the other key stays there"
            );
            assert_eq!(merged.stale.first().map(String::as_str), Some("gender"));
        }
    }

    #[test]
    fn a_value_that_is_no_longer_sent_moves_with_the_class() {
        let shirt = |class| Attribute { key: "shirt".to_owned(), canonical_field: None, class, ..gender() };
        let clear = Record { attributes: values(&[("shirt", json!("L"))]), ..record() };
        let sealing = Selection::of(&[shirt(AttributeClass::Sensitive)]);
        let sealed = again(&clear, &SealedPart::default(), &nothing_sent(&sealing), &sealing);
        assert_eq!((&sealed.attributes, &sealed.sealed.attributes), (&BTreeMap::new(), &clear.attributes));
        assert_eq!((sealed.changes.len(), sealed.stale), (0, vec!["attributes.shirt".to_owned()]));

        let opening = Selection::of(&[shirt(AttributeClass::Standard)]);
        let opened = again(&record(), &sealed.sealed, &nothing_sent(&opening), &opening);
        assert_eq!((opened.attributes, opened.sealed), (clear.attributes, SealedPart::default()));
        assert_eq!((opened.changes.len(), opened.stale), (0, vec!["attributes.shirt".to_owned()]));
    }

    #[test]
    fn under_the_same_choice_a_value_that_was_never_there_is_a_change() {
        let shirt = Attribute { key: "shirt".to_owned(), canonical_field: None, ..gender() };
        let selection = Selection::of(&[shirt]);
        let incoming = || {
            let mut incoming = nothing_sent(&selection);
            incoming.attributes = values(&[("shirt", json!("L"))]);
            incoming
        };
        let again = |kept_by: &str, hash: &[u8]| {
            let old = Record { kept_by: kept_by.to_owned(), hash: hash.to_vec(), ..record() };
            again(&old, &SealedPart::default(), &incoming(), &selection).changes.len()
        };
        assert_eq!(again(selection.version(), &[1]), 1);
        assert_eq!(again("another", &[1]), 0, "another choice may have left it out");
        assert_eq!(
            again(selection.version(), &[]),
            0,
            "so may the choice before, which reached the record without a reading"
        );
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
            restricted_at: None,
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
            mapped_by: 0,
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
