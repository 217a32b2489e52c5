//! How plain values look on the wire, once for each dialect.
//!
//! A [`Scene`] holds all that a shape may depend on, so shapes are pure and can be rendered once and kept.

mod employee;
pub(crate) mod guide;
pub(crate) mod time;
pub(crate) mod vendor;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

pub(crate) use employee::EmployeeWriter;

use crate::people::{Attribute, World};
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

/// Appends `{"type":…,"attributes":…}`.
fn put_typed(out: &mut Vec<u8>, type_name: &str, attributes: &Value) {
    out.extend_from_slice(br#"{"type":"#);
    put(out, &type_name);
    out.extend_from_slice(br#","attributes":"#);
    put(out, attributes);
    out.push(b'}');
}

/// Appends a list of such objects, or the value as it is when it is none.
fn put_typed_list(out: &mut Vec<u8>, type_name: &str, plain: &Value) {
    let Some(items) = plain.as_array() else { return put(out, plain) };
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        put_typed(out, type_name, item);
    }
    out.push(b']');
}

/// Tags as both dialects usually write them: separated by commas.
pub(crate) fn tags_in_a_line(tags: &Value) -> String {
    tags.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}
