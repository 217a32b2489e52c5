//! What the sync engine does with each attribute's values.

use std::collections::{BTreeMap, BTreeSet};

use gangway_domain::{id::ConnectionId, record::Stream, schema::AttributeClass};
use gangway_storage::{TenantTx, attributes::Attribute};
use sha2::{Digest, Sha256};

use super::refresh::UNLISTED;
use crate::{Ctx, Result};

/// What happens to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Stored.
    Store,
    /// Stored, sealed.
    Seal,
    /// Not stored, and cut out of the payload.
    Drop,
}

impl Treatment {
    const fn of(class: AttributeClass, selected: bool) -> Self {
        match (selected, class) {
            (false, _) => Self::Drop,
            (true, AttributeClass::Standard) => Self::Store,
            (true, AttributeClass::Sensitive) => Self::Seal,
        }
    }

    const fn as_byte(self) -> u8 {
        match self {
            Self::Store => b'+',
            Self::Seal => b's',
            Self::Drop => b'-',
        }
    }
}

/// The tenant's choice for one stream of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    treatments: BTreeMap<String, Treatment>,
    /// Canonical field and key of each attribute that feeds one.
    feeds: Vec<(String, String)>,
    /// Canonical fields that some stored attribute feeds.
    in_clear: BTreeSet<String>,
    n_unlisted: usize,
    version: String,
}

impl Selection {
    /// The choice that these attributes stand for.
    pub fn of(attributes: &[Attribute]) -> Self {
        let treatments: BTreeMap<String, Treatment> = attributes
            .iter()
            .map(|attribute| (attribute.key.clone(), Treatment::of(attribute.class, attribute.selected)))
            .collect();
        let feeds: Vec<(String, String)> = attributes
            .iter()
            .filter_map(|attribute| Some((attribute.canonical_field.clone()?, attribute.key.clone())))
            .collect();
        let is_stored = |key: &String| treatments.get(key) == Some(&Treatment::Store);
        let in_clear = feeds.iter().filter(|(_, key)| is_stored(key)).map(|(field, _)| field.clone()).collect();
        let n_unlisted = attributes.iter().filter(|attribute| attribute.position == UNLISTED).count();
        let version = version(&treatments);
        Self { treatments, feeds, in_clear, n_unlisted, version }
    }

    /// What happens to an attribute's values. Keys that nobody has seen yet are dropped.
    pub fn treatment(&self, key: &str) -> Treatment {
        self.treatments.get(key).copied().unwrap_or(Treatment::Drop)
    }

    /// Whether the key has been seen before; tell `note_seen` about those that were not.
    pub fn knows(&self, key: &str) -> bool {
        self.treatments.contains_key(key)
    }

    /// The attributes that feed canonical fields: field and key.
    pub fn feeds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.feeds.iter().map(|(field, key)| (field.as_str(), key.as_str()))
    }

    /// Whether a canonical field is kept in clear: some attribute that feeds it is, or none that is known feeds it.
    pub fn is_in_clear(&self, field: &str) -> bool {
        self.in_clear.contains(field) || !self.feeds.iter().any(|(fed, _)| fed == field)
    }

    /// How many attributes no list has named.
    pub const fn n_unlisted(&self) -> usize {
        self.n_unlisted
    }

    /// Changes whenever what is stored changes, so it is part of a record's hash.
    pub fn version(&self) -> &str {
        &self.version
    }
}

fn version(treatments: &BTreeMap<String, Treatment>) -> String {
    let mut hash = Sha256::new();
    for (key, treatment) in treatments.iter().filter(|(_, treatment)| **treatment != Treatment::Drop) {
        hash.update(key.len().to_le_bytes());
        hash.update(key.as_bytes());
        hash.update([treatment.as_byte()]);
    }
    let mut first = [0; 8];
    for (byte, digest) in first.iter_mut().zip(hash.finalize()) {
        *byte = digest;
    }
    format!("{:016x}", u64::from_be_bytes(first))
}

/// The tenant's choice for a stream.
pub async fn selection(_ctx: &Ctx, tx: &TenantTx, connection: ConnectionId, stream: Stream) -> Result<Selection> {
    Ok(Selection::of(&tx.attributes().list_stream(connection, stream).await?))
}
