//! The company behind the API: people, units, attributes, absences and attendances, all derived from the seed.
//!
//! Values are kept plain (`"2026-01-31"`, `38.5`, an id); how they look on the wire is decided in `shapes` alone.

mod attributes;
mod catalogue;
mod generator;
mod names;
mod org;
mod records;
mod uuids;

pub(crate) use attributes::number;
pub(crate) use catalogue::{Attribute, Kind};
pub(crate) use generator::World;
pub(crate) use org::{Unit, UnitKind};
pub use records::{Absence, Attendance, Project};
pub(crate) use records::{TimeOffType, days_count};
pub(crate) use uuids::Thing;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A person with plain attribute values under the vendor's keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) attributes: BTreeMap<String, Value>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) modified_at: DateTime<Utc>,
    /// When each attribute changed after the person was made.
    pub(crate) changed_at: BTreeMap<String, DateTime<Utc>>,
    /// When the person was last modified as generated or added.
    pub(crate) first_modified_at: DateTime<Utc>,
    pub(crate) has_picture: bool,
}

impl Person {
    pub(crate) fn get(&self, key: &str) -> &Value {
        self.attributes.get(key).unwrap_or(&Value::Null)
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).as_str().unwrap_or_default()
    }

    pub(crate) fn supervisor_id(&self) -> Option<u64> {
        self.get("supervisor").as_u64()
    }

    pub(crate) fn set(&mut self, key: &str, value: Value, at: DateTime<Utc>) {
        if self.get(key) != &value {
            self.attributes.insert(key.to_owned(), value);
            self.changed_at.insert(key.to_owned(), at);
            self.modified_at = at;
        }
    }

    /// When one of `keys` last changed.
    pub(crate) fn changed_at(&self, keys: &[&str]) -> DateTime<Utc> {
        let changes = keys.iter().filter_map(|key| self.changed_at.get(*key)).copied();
        changes.max().unwrap_or(self.first_modified_at)
    }

    /// The plain picture of the person that tests compare with.
    pub(crate) fn snapshot(&self) -> Value {
        let mut fields: Map<String, Value> = self.attributes.clone().into_iter().collect();
        fields.insert("id".into(), self.id.into());
        fields.insert("created_at".into(), stamp(self.created_at).into());
        fields.insert("last_modified_at".into(), stamp(self.modified_at).into());
        fields.insert("has_picture".into(), self.has_picture.into());
        Value::Object(fields)
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests;
