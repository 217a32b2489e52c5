//! Writes employees in either dialect.
//!
//! The text around each value (key, label, type) is the same for everybody and put together once; a person then costs
//! little more than copying it. Nothing here is kept: `pages` keeps what was written.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Dialect;
use crate::people::{Attribute, Person};

use super::{Scene, guide, vendor};

/// Writes people as one credential sees them, all with the same attributes.
pub(crate) struct EmployeeWriter<'a> {
    dialect: Dialect,
    pub(crate) scene: Scene<'a>,
    columns: Vec<Column<'a>>,
    /// Places in `columns` by key, which is the order people keep their values in.
    by_key: BTreeMap<&'a str, usize>,
    /// What the vendor tells of a supervisor, whatever the credential may read.
    supervisor: Vec<Column<'a>>,
}

/// An attribute with the text around its value.
pub(crate) struct Column<'a> {
    pub(crate) attribute: &'a Attribute,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
}

impl<'a> EmployeeWriter<'a> {
    /// A writer of the attributes asked for, or of all that may be read when none is named.
    pub(crate) fn new(scene: Scene<'a>, dialect: Dialect, asked: &[&str]) -> Self {
        let shown = scene.world.catalogue.iter().filter(|attribute| scene.shows(attribute));
        let is_asked = |name: &str| asked.is_empty() || name == "id" || asked.contains(&name);
        let columns: Vec<_> = match dialect {
            Dialect::Vendor => shown
                .filter(|attribute| is_asked(&attribute.key))
                .map(|attribute| vendor::column(&scene, attribute))
                .collect(),
            Dialect::Guide => shown
                .filter(|attribute| guide::knows(attribute) && is_asked(guide::key(&attribute.key)))
                .map(guide::column)
                .collect(),
        };
        let by_key = columns.iter().enumerate().map(|(place, column)| (column.attribute.key.as_str(), place)).collect();
        Self { dialect, scene, columns, by_key, supervisor: vendor::named(&scene) }
    }

    /// Appends one person.
    pub(crate) fn put(&self, out: &mut Vec<u8>, person: &Person) {
        out.extend_from_slice(br#"{"type":"Employee","attributes":{"#);
        for (place, (column, plain)) in self.columns.iter().zip(self.values(person)).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&column.before);
            let Column { attribute, .. } = column;
            match self.dialect {
                Dialect::Vendor => {
                    vendor::put_value(out, &self.scene, &self.supervisor, attribute, person, plain);
                }
                Dialect::Guide => guide::put_value(out, &self.scene, attribute, person, plain),
            }
            out.extend_from_slice(&column.after);
        }
        out.extend_from_slice(b"}}");
    }

    /// One person alone.
    pub(crate) fn written(&self, person: &Person) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out, person);
        out
    }

    /// The person's value in each column, found in one pass over both sorted lists.
    fn values<'p>(&self, person: &'p Person) -> Vec<&'p Value> {
        let mut values = vec![&Value::Null; self.columns.len()];
        let mut wanted = self.by_key.iter().peekable();
        for (key, value) in &person.attributes {
            while wanted.next_if(|(sought, _)| **sought < key.as_str()).is_some() {}
            if let Some((_, place)) = wanted.next_if(|(sought, _)| **sought == key.as_str())
                && let Some(slot) = values.get_mut(*place)
            {
                *slot = value;
            }
        }
        values
    }
}
