//! What can feed what, and what a change remembers.

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::AttributeId,
    schema::{AttributeClass, AttributeType},
};
use uuid::Uuid;

use super::*;

fn attribute(key: &str, kind: AttributeType, canonical_field: Option<&str>) -> Attribute {
    Attribute {
        id: AttributeId::from_uuid(Uuid::nil()),
        connection: ConnectionId::from_uuid(Uuid::nil()),
        stream: Stream::Employees,
        key: key.to_owned(),
        label: key.to_owned(),
        kind,
        universal_id: None,
        options: Vec::new(),
        is_custom: canonical_field.is_none(),
        canonical_field: canonical_field.map(str::to_owned),
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

fn known() -> Vec<Attribute> {
    vec![
        attribute("position", AttributeType::Text, Some("position")),
        attribute("office", AttributeType::Object, Some("office")),
        attribute("dynamic_1", AttributeType::Text, None),
        attribute("dynamic_2", AttributeType::Tags, None),
        Attribute { selected: false, ..attribute("dynamic_3", AttributeType::Text, None) },
        Attribute {
            removed_at: Some(DateTime::<Utc>::UNIX_EPOCH),
            ..attribute("dynamic_4", AttributeType::Text, None)
        },
    ]
}

fn feeds(pairs: &[(&str, Option<&str>)]) -> Vec<FieldFeed> {
    pairs
        .iter()
        .map(|(field, key)| FieldFeed { field: (*field).to_owned(), attribute: key.map(str::to_owned) })
        .collect()
}

fn judged(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Feed> {
    judge(&feeds(pairs), &known()).unwrap()
}

fn pointers(pairs: &[(&str, Option<&str>)]) -> Vec<String> {
    judge(&feeds(pairs), &known()).unwrap_err().fields.into_iter().map(|problem| problem.pointer).collect()
}

fn nobody_said() -> Mapping {
    Mapping::built_in(ConnectionId::from_uuid(Uuid::nil()))
}

#[test]
fn every_mistake_is_named_at_once() {
    let wrong = [
        ("salary", Some("dynamic_1")),
        ("updated_at", None),
        ("team", Some("nobody")),
        ("hire_date", Some("dynamic_2")),
        ("gender", Some("dynamic_3")),
        ("status", Some("dynamic_4")),
        ("team", None),
        ("position", Some("office")),
    ];
    let expected =
        ["0/field", "1/field", "2/attribute", "3/attribute", "4/attribute", "5/attribute", "6/field", "7/attribute"];
    assert_eq!(pointers(&wrong), expected.map(|place| format!("/fields/{place}")));
}

#[test]
fn an_attribute_feeds_one_field_only() {
    assert_eq!(pointers(&[("team", Some("dynamic_1")), ("office", Some("dynamic_1"))]), ["/fields/1/attribute"]);
    assert_eq!(pointers(&[("department", Some("office"))]), ["/fields/0/attribute"], "it feeds the office too");
    let moved = judged(&[("department", Some("office")), ("office", None)]);
    assert_eq!(moved["department"], Feed::Attribute("office".to_owned()));
}

#[test]
fn what_the_connector_says_anyway_is_nothing_of_ones_own() {
    let after = proposed(&nobody_said(), judged(&[("position", Some("position"))]), &known());
    assert_eq!(after, nobody_said());
}

#[test]
fn a_change_remembers_since_when_and_what_fed_the_field_before() {
    let first = proposed(&nobody_said(), judged(&[("position", Some("dynamic_1"))]), &known());
    assert_eq!(first.version, 1);
    let expected = MappedField {
        feed: Feed::Attribute("dynamic_1".to_owned()),
        changed_in: 1,
        former: vec!["position".to_owned()],
        replaced: Some(Replaced { keys: vec!["position".to_owned()], since: 0 }),
    };
    assert_eq!(first.fields["position"], expected);
    // Nothing new: nothing changes, and nothing is forgotten.
    assert_eq!(proposed(&first, judged(&[("position", Some("dynamic_1"))]), &known()), first);

    // Not applied yet: records may hold the value of either.
    let second = proposed(&first, judged(&[("position", None)]), &known());
    assert_eq!((second.version, second.fields["position"].changed_in), (2, 2));
    assert_eq!(second.fields["position"].former, ["position", "dynamic_1"]);
    let told: Vec<_> = (0..3).map(|version| second.fields["position"].source_at(version)).collect();
    assert_eq!(told, [None, Some("dynamic_1"), None]);

    let applied = Mapping { applied_version: 2, ..second };
    let third = proposed(&applied, judged(&[("team", Some("dynamic_1"))]), &known());
    assert_eq!((third.feed("position"), third.fields["position"].changed_in), (&Feed::BuiltIn, 3));
    assert_eq!(third.fields["position"].former, Vec::<String>::new());
    assert_eq!(third.fields["team"].changed_in, 3);
}
