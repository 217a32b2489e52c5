//! What the sync engine does with each attribute's values.

use std::collections::{BTreeMap, BTreeSet};

use gangway_domain::{
    id::ConnectionId,
    mapping::{Feed, Mapping},
    record::Stream,
    schema::AttributeClass,
};
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

/// The tenant's choice for one stream of one connection, and what it has the chosen attributes feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    treatments: BTreeMap<String, Treatment>,
    /// Canonical field and key of each attribute that feeds one.
    feeds: Vec<(String, String)>,
    /// Canonical fields that some stored attribute feeds.
    in_clear: BTreeSet<String>,
    n_unlisted: usize,
    version: String,
    mapping: Option<Mapping>,
}

impl Selection {
    /// The choice that these attributes stand for, with the connector's mapping.
    pub fn of(attributes: &[Attribute]) -> Self {
        Self::mapped(attributes, None)
    }

    /// The choice that these attributes stand for, with the tenant's mapping.
    pub fn mapped(attributes: &[Attribute], mapping: Option<Mapping>) -> Self {
        let treatments: BTreeMap<String, Treatment> = attributes
            .iter()
            .map(|attribute| (attribute.key.clone(), Treatment::of(attribute.class, attribute.selected)))
            .collect();
        let feeds: Vec<(String, String)> = attributes
            .iter()
            .filter_map(|attribute| {
                let built_in = attribute.canonical_field.as_deref();
                let field = match &mapping {
                    Some(mapping) => mapping.field_of(&attribute.key, built_in),
                    None => built_in,
                };
                Some((field?.to_owned(), attribute.key.clone()))
            })
            .collect();
        let is_stored = |key: &String| treatments.get(key) == Some(&Treatment::Store);
        let in_clear = feeds.iter().filter(|(_, key)| is_stored(key)).map(|(field, _)| field.clone()).collect();
        let n_unlisted = attributes.iter().filter(|attribute| attribute.position == UNLISTED).count();
        let version = version(&treatments);
        Self { treatments, feeds, in_clear, n_unlisted, version, mapping }
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

    /// Changes whenever the choice does, so it is part of a record's hash.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Version of the mapping, the other part.
    pub fn mapping_version(&self) -> i64 {
        self.mapping.as_ref().map_or(0, |mapping| mapping.version)
    }

    /// The tenant's mapping, where there is one.
    pub fn mapping(&self) -> Option<&Mapping> {
        self.mapping.as_ref()
    }

    /// Whether the tenant has a field fed by something else than the connector would.
    pub fn is_own(&self, field: &str) -> bool {
        self.mapping.as_ref().is_some_and(|mapping| *mapping.feed(field) != Feed::BuiltIn)
    }

    /// Those fields.
    pub fn own_feeds(&self) -> impl Iterator<Item = (&str, &Feed)> {
        let fields = self.mapping.iter().flat_map(|mapping| &mapping.fields);
        fields.map(|(field, mapped)| (field.as_str(), &mapped.feed)).filter(|(_, feed)| **feed != Feed::BuiltIn)
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
    let attributes = tx.attributes().list_stream(connection, stream).await?;
    Ok(Selection::mapped(&attributes, mapping(tx, connection, stream).await?))
}

/// The tenant's mapping of a stream; none where nobody has said anything. Only employees have canonical fields to be fed by what
/// a company made itself.
async fn mapping(tx: &TenantTx, connection: ConnectionId, stream: Stream) -> Result<Option<Mapping>> {
    if stream != Stream::Employees {
        return Ok(None);
    }
    Ok(Some(tx.mappings().get(connection).await?).filter(|mapping| mapping.version > 0))
}
