//! How plain values look on the wire, once for each dialect.
//!
//! A [`Scene`] holds all that a shape may depend on, so shapes are pure and can be rendered once and kept.

pub(crate) mod guide;
pub(crate) mod time;
pub(crate) mod vendor;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::config::Dialect;
use crate::people::{Attribute, Person, World};
use crate::quirks::Quirks;

/// What a shape may depend on.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    pub(crate) quirks: &'a Quirks,
    pub(crate) base_url: &'a str,
    /// The keys the credential may read; `None` is all.
    pub(crate) whitelist: Option<&'a BTreeSet<String>>,
}

impl Scene<'_> {
    /// Whether the credential may read an attribute. The id is always told.
    pub(crate) fn shows(&self, attribute: &Attribute) -> bool {
        let key = attribute.key.as_str();
        key == "id" || self.whitelist.is_none_or(|keys| keys.contains(key) || keys.contains(guide::key(key)))
    }

    /// Renders one employee, with the attributes asked for or all that may be read.
    pub(crate) fn employee(&self, dialect: Dialect, person: &Person, asked: &[&str]) -> Vec<u8> {
        match dialect {
            Dialect::Vendor => vendor::employee(self, person, asked),
            Dialect::Guide => guide::employee(self, person, asked),
        }
    }
}

/// Appends a value as JSON.
pub(crate) fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value).expect("values in memory have string keys and can be written");
}

/// Appends `[item,item,…]`.
pub(crate) fn put_list(out: &mut Vec<u8>, items: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(item.as_ref());
    }
    out.push(b']');
}
