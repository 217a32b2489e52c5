//! What the present choice of attributes makes of values that were kept by an older one: each is where the choice wants it, in
//! clear or sealed, or is gone.
//!
//! Pure. One rule for records that are read again and for those that no reading reaches; the latter have nothing else.

use std::collections::BTreeMap;

use gangway_domain::{mapping::field_kind, record::Fields};
use gangway_storage::records::Record;
use serde_json::Value;

use super::{merge::ATTRIBUTE_PREFIX, sealed::SealedPart};
use crate::{
    attributes::{Selection, Treatment},
    mapping::fit,
};

/// What is held of a record, as the choice wants it.
pub(super) struct Treated {
    /// Canonical fields.
    pub(super) fields: Fields,
    /// Attributes in clear.
    pub(super) attributes: BTreeMap<String, Value>,
    /// What is to be sealed.
    pub(super) sealed: SealedPart,
    /// What kept an older value.
    pub(super) stale: Vec<String>,
}

impl Treated {
    /// The values of a record and of its opened sealed part.
    pub(super) fn of(record: &Record, sealed: &SealedPart, selection: &Selection) -> Self {
        let mut treated = Self {
            fields: record.fields.clone(),
            attributes: BTreeMap::new(),
            sealed: SealedPart { fields: sealed.fields.clone(), attributes: BTreeMap::new() },
            stale: record.stale.clone(),
        };
        for (key, value) in sealed.attributes.iter().chain(&record.attributes) {
            let (key, value) = (key.clone(), value.clone());
            match selection.treatment(&key) {
                Treatment::Store => drop(treated.attributes.insert(key, value)),
                Treatment::Seal => drop(treated.sealed.attributes.insert(key, value)),
                Treatment::Drop => {}
            }
        }
        for (field, key) in selection.feeds() {
            treated.feed(field, key, selection);
        }
        let Self { fields, attributes, sealed, stale } = &mut treated;
        stale.retain(|name| match name.strip_prefix(ATTRIBUTE_PREFIX) {
            Some(key) => attributes.contains_key(key) || sealed.attributes.contains_key(key),
            None => fields.contains_key(name) || sealed.fields.contains_key(name),
        });
        treated
    }

    /// Moves a canonical field's value and its mark between the field, where it is in clear, and the key of the attribute that
    /// feeds it, where it is sealed. A field that another attribute feeds in clear is that one's.
    fn feed(&mut self, field: &str, key: &str, selection: &Selection) {
        match selection.treatment(key) {
            Treatment::Store => {
                let Some(value) = self.attributes.get(key).and_then(|value| placed(field, value, selection)) else {
                    return;
                };
                self.attributes.remove(key);
                if !self.fields.contains_key(field) {
                    self.fields.insert(field.to_owned(), value);
                    self.rename(&attribute_name(key), field.to_owned());
                }
            }
            Treatment::Seal | Treatment::Drop if selection.is_in_clear(field) => {}
            Treatment::Seal => {
                if let Some(value) = self.fields.remove(field)
                    && !self.sealed.attributes.contains_key(key)
                {
                    self.sealed.attributes.insert(key.to_owned(), value);
                    self.rename(field, attribute_name(key));
                }
            }
            Treatment::Drop => {
                self.fields.remove(field);
                self.sealed.fields.remove(field);
            }
        }
    }

    fn rename(&mut self, from: &str, to: String) {
        if let Some(name) = self.stale.iter_mut().find(|name| *name == from) {
            *name = to;
        }
    }
}

/// An attribute's value as its field holds it; none for one that does not fit, which stays an attribute.
fn placed(field: &str, value: &Value, selection: &Selection) -> Option<Value> {
    if !selection.is_own(field) {
        return Some(value.clone());
    }
    field_kind(field).and_then(|kind| fit(kind, value).ok())
}

fn attribute_name(key: &str) -> String {
    format!("{ATTRIBUTE_PREFIX}{key}")
}
