//! Mapping: which attribute of an account feeds which canonical field of its employees.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::ConnectionId;

/// Shape of a canonical field's values; `record` tells what each looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text.
    Text,
    /// One of few words, in lower case.
    Word,
    /// An email address.
    Email,
    /// A calendar date.
    Date,
    /// A decimal, as text.
    Decimal,
    /// `{"id", "name"}`.
    Reference,
    /// The same, of an employee.
    Person,
    /// A list of references with percentages.
    CostCenters,
}

/// The canonical fields of an employee that a tenant may map. When a record was made and changed, and its picture, are the
/// vendor's to say.
pub const MAPPABLE_FIELDS: &[(&str, FieldKind)] = &[
    ("first_name", FieldKind::Text),
    ("last_name", FieldKind::Text),
    ("preferred_name", FieldKind::Text),
    ("email", FieldKind::Email),
    ("gender", FieldKind::Word),
    ("status", FieldKind::Word),
    ("position", FieldKind::Text),
    ("department", FieldKind::Reference),
    ("office", FieldKind::Reference),
    ("team", FieldKind::Reference),
    ("legal_entity", FieldKind::Reference),
    ("supervisor", FieldKind::Person),
    ("cost_centers", FieldKind::CostCenters),
    ("hire_date", FieldKind::Date),
    ("contract_end_date", FieldKind::Date),
    ("termination_date", FieldKind::Date),
    ("last_working_day", FieldKind::Date),
    ("weekly_hours", FieldKind::Decimal),
    ("employment_type", FieldKind::Word),
];

/// The shape of a field that may be mapped.
pub fn field_kind(field: &str) -> Option<FieldKind> {
    MAPPABLE_FIELDS.iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind)
}

/// What feeds a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// What the connector says.
    BuiltIn,
    /// Nothing.
    Nothing,
    /// The attribute of this key.
    Attribute(String),
}

/// What the tenant once said about a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedField {
    /// What feeds it now.
    pub feed: Feed,
    /// Version of the mapping since which that feeds it.
    pub changed_in: i64,
    /// Keys of attributes whose values may still stand in the field on records of an older version.
    pub former: Vec<String>,
    /// What fed it until then; none where nobody has noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
}

/// What fed a field before its present feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Keys of the attributes.
    pub keys: Vec<String>,
    /// The first version of the mapping in which they did.
    pub since: i64,
}

impl MappedField {
    /// The attribute whose value stands in the field on a record that follows `version`, where that is certain.
    pub fn source_at(&self, version: i64) -> Option<&str> {
        let Replaced { keys, since } = self.replaced.as_ref()?;
        let [key] = keys.as_slice() else { return None };
        (*since..self.changed_in).contains(&version).then_some(key)
    }
}

/// A connection's mapping, as far as it differs or once differed from the built-in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Whose account.
    pub connection: ConnectionId,
    /// Raised at every change, from 1; the strong `ETag`. Zero: nobody has said anything.
    pub version: i64,
    /// The version that every stored record follows.
    pub applied_version: i64,
    /// By field.
    pub fields: BTreeMap<String, MappedField>,
    /// When it last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Mapping {
    /// The one of a connection about which nobody has said anything.
    pub const fn built_in(connection: ConnectionId) -> Self {
        Self { connection, version: 0, applied_version: 0, fields: BTreeMap::new(), updated_at: None }
    }

    /// What feeds a field.
    pub fn feed(&self, field: &str) -> &Feed {
        self.fields.get(field).map_or(&Feed::BuiltIn, |mapped| &mapped.feed)
    }

    /// The field that an attribute feeds; `built_in` is the one that the connector has it feed.
    pub fn field_of<'a>(&'a self, key: &str, built_in: Option<&'a str>) -> Option<&'a str> {
        let chosen = self.fields.iter().find(|(_, mapped)| matches!(&mapped.feed, Feed::Attribute(fed) if fed == key));
        match chosen {
            Some((field, _)) => Some(field),
            None => built_in.filter(|field| *self.feed(field) == Feed::BuiltIn),
        }
    }

    /// Whether a value of this field on a record that follows `version` may come from another attribute than the present one.
    pub fn changed_since(&self, field: &str, version: i64) -> bool {
        self.fields.get(field).is_some_and(|mapped| mapped.changed_in > version)
    }

    /// Whether anything but the connector feeds any field.
    pub fn has_own(&self) -> bool {
        self.fields.values().any(|mapped| mapped.feed != Feed::BuiltIn)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::record::EMPLOYEE_FIELDS;

    #[test]
    fn every_field_that_may_be_mapped_is_a_canonical_one() {
        assert!(MAPPABLE_FIELDS.iter().all(|(field, _)| EMPLOYEE_FIELDS.contains(field)));
    }

    #[test]
    fn whose_value_a_field_holds_is_said_only_where_it_is_certain() {
        let replaced = |keys: &[&str]| Replaced { keys: keys.iter().map(|key| (*key).to_owned()).collect(), since: 2 };
        let mapped = |replaced| MappedField { feed: Feed::Nothing, changed_in: 4, former: Vec::new(), replaced };
        let one = mapped(Some(replaced(&["dynamic_1"])));
        let said: Vec<_> = (0..6).map(|version| one.source_at(version)).collect();
        assert_eq!(said, [None, None, Some("dynamic_1"), Some("dynamic_1"), None, None]);
        assert_eq!(mapped(Some(replaced(&["a", "b"]))).source_at(3), None);
        assert_eq!(mapped(None).source_at(3), None);
    }

    #[test]
    fn an_attribute_feeds_what_the_tenant_says_and_else_what_the_connector_says() {
        let mut mapping = Mapping::built_in(ConnectionId::from_uuid(Uuid::nil()));
        assert_eq!(mapping.field_of("position", Some("position")), Some("position"));
        let mapped = |feed| MappedField { feed, changed_in: 2, former: Vec::new(), replaced: None };
        mapping.fields.insert("position".to_owned(), mapped(Feed::Attribute("dynamic_1".to_owned())));
        mapping.fields.insert("team".to_owned(), mapped(Feed::Nothing));
        assert_eq!(mapping.field_of("dynamic_1", None), Some("position"));
        assert_eq!(mapping.field_of("position", Some("position")), None);
        assert_eq!(mapping.field_of("team", Some("team")), None);
        assert_eq!(mapping.field_of("office", Some("office")), Some("office"));
        assert!(mapping.changed_since("team", 1) && !mapping.changed_since("team", 2));
        assert!(!mapping.changed_since("office", 0) && mapping.has_own());
    }
}
