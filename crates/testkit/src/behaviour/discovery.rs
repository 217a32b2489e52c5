//! Discovery: the vendor's own list, the union of keys where there is none, and attributes that are hidden.

use std::collections::BTreeSet;

use gangway_connector::{DiscoverRequest, ReadMode};
use gangway_domain::{
    record::Stream,
    schema::{Catalogue, DiscoveredAttribute, DiscoveryMethod},
};
use gangway_egress::Class;

use super::{
    Harness,
    account::Size,
    compare::{assert_each_once, assert_same_values},
    subject::Subject,
};

pub(super) async fn run(harness: &Harness) {
    finds_every_attribute(harness).await;
    a_forbidden_list_is_replaced_by_the_keys_seen(harness).await;
    a_hidden_attribute_is_absent_and_not_null(harness).await;
}

async fn discover(subject: &Subject) -> Catalogue {
    let discovery = subject.connection.discovery().expect("the connection can discover");
    let catalogue = discovery.discover(DiscoverRequest::new(Class::Interactive)).await;
    let catalogue = catalogue.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert_eq!(catalogue.stream, Stream::Employees, "{}", subject.name);
    subject.advance_s(5);
    catalogue
}

async fn finds_every_attribute(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let catalogue = discover(&subject).await;
    if subject.account.lists_attributes() {
        assert_eq!(catalogue.method, DiscoveryMethod::Listed, "{}", subject.name);
        assert_eq!(catalogue.attributes, subject.account.attributes(), "{}", subject.name);
    } else {
        assert_union(&subject, &catalogue);
    }
}

async fn a_forbidden_list_is_replaced_by_the_keys_seen(harness: &Harness) {
    let subject = Subject::start(harness, Size::PAGES).await;
    subject.account.forbid_discovery();
    let catalogue = discover(&subject).await;
    assert_union(&subject, &catalogue);
    assert_eq!(subject.account.traffic().too_many, 0, "{}", subject.name);
}

/// Keys, and what follows from them, are as in the list; types are as good as values let one guess.
fn assert_union(subject: &Subject, catalogue: &Catalogue) {
    assert_eq!(catalogue.method, DiscoveryMethod::UnionOfKeys, "{}", subject.name);
    let known = |attributes: &[DiscoveredAttribute]| -> BTreeSet<(String, Option<String>, bool)> {
        let known = |one: &DiscoveredAttribute| (one.key.clone(), one.canonical_field.clone(), one.is_custom);
        attributes.iter().map(known).collect()
    };
    assert_eq!(known(&catalogue.attributes), known(&subject.account.attributes()), "{}", subject.name);
    assert_eq!(catalogue.attributes.len(), subject.account.attributes().len(), "{}: twice", subject.name);
}

async fn a_hidden_attribute_is_absent_and_not_null(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let all = subject.account.attributes();
    let hidden = all.iter().find(|attribute| attribute.canonical_field.is_some());
    let hidden = hidden.expect("an attribute feeds a canonical field");
    let field = hidden.canonical_field.as_deref().unwrap_or_default();
    subject.account.hide(&hidden.key);

    let catalogue = discover(&subject).await;
    assert!(catalogue.attributes.iter().all(|attribute| attribute.key != hidden.key), "{}", subject.name);
    assert_eq!(catalogue.attributes.len(), all.len() - 1, "{}", subject.name);
    let read = subject.read(Stream::Employees, ReadMode::All).await;
    for record in &read.records {
        assert!(!record.fields.contains_key(field), "{}: {field} is there", subject.name);
        assert!(record.attributes.iter().all(|attribute| attribute.key != hidden.key), "{}", subject.name);
    }
    let expected = subject.account.records(Stream::Employees);
    assert_each_once(&subject.name, &expected, &read.ids());
    assert_same_values(&subject.name, &expected, &read.records);
}
