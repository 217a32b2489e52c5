//! Every value that the account has had of somebody, in order: what the log tells must be among them, and move on in them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{super::vendor::Object, oracle::VOLATILE};

/// Where the size is told, mapped or not.
const SIZE: [&str; 2] = ["attributes.dynamic_1", "position"];
/// The attribute that is only said to have changed.
pub(super) const SALARY: &str = "attributes.dynamic_2";

/// One name for what has two: a mapping moves the size to a field, and says nothing.
pub(super) fn settled(name: &str) -> &str {
    if SIZE.contains(&name) { SIZE[0] } else { name }
}

/// The values of everybody, by vendor id and name in events.
#[derive(Default)]
pub(super) struct History(BTreeMap<String, BTreeMap<String, Vec<Value>>>);

impl History {
    /// Somebody is new in the account.
    pub(super) fn hired(&mut self, one: &Object) {
        let fields = one.fields.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str()));
        let values = fields.map(|(name, value)| (name.clone(), value.clone()));
        let attributes = one.attributes.iter().map(|(key, value)| (format!("attributes.{key}"), value.clone()));
        let values = values.chain(attributes).map(|(name, value)| (name, vec![value])).collect();
        self.0.insert(one.id.clone(), values);
    }

    /// Somebody has another value.
    pub(super) fn edited(&mut self, id: &str, name: &str, value: Value) {
        self.0.entry(id.to_owned()).or_default().entry(name.to_owned()).or_default().push(value);
    }

    /// Where a value stands among those that somebody has had.
    pub(super) fn place(&self, id: &str, name: &str, value: &Value) -> Option<usize> {
        self.0.get(id)?.get(name)?.iter().position(|had| is_same(name, had, value))
    }

    /// How often a value of somebody changed.
    pub(super) fn n_edits(&self, id: &str, name: &str) -> usize {
        self.0.get(id).and_then(|values| values.get(name)).map_or(0, |values| values.len() - 1)
    }
}

/// Whether what the vendor had is what is held.
pub(super) fn is_same(name: &str, had: &Value, held: &Value) -> bool {
    match (name, had, held) {
        ("email", Value::String(had), Value::String(held)) => had.eq_ignore_ascii_case(held),
        _ => had == held,
    }
}
