//! What the sync engine does with each attribute's values.

use std::collections::BTreeMap;

use gangway_domain::{id::ConnectionId, record::Stream, schema::AttributeClass};
use gangway_storage::{TenantTx, attributes::Attribute};
use sha2::{Digest, Sha256};

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
    /// Canonical field and attribute key of what is not kept in clear.
    not_in_clear: Vec<(String, String)>,
    version: String,
}

impl Selection {
    /// The choice that these attributes stand for.
    pub fn of(attributes: &[Attribute]) -> Self {
        let treatments: BTreeMap<String, Treatment> = attributes
            .iter()
            .map(|attribute| (attribute.key.clone(), Treatment::of(attribute.class, attribute.selected)))
            .collect();
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
        let version = format!("{:016x}", u64::from_be_bytes(first));
        let not_in_clear = attributes
            .iter()
            .filter(|attribute| Treatment::of(attribute.class, attribute.selected) != Treatment::Store)
            .filter_map(|attribute| Some((attribute.canonical_field.clone()?, attribute.key.clone())))
            .collect();
        Self { treatments, not_in_clear, version }
    }

    /// What happens to an attribute's values. Keys that nobody has seen yet are dropped.
    pub fn treatment(&self, key: &str) -> Treatment {
        self.treatments.get(key).copied().unwrap_or(Treatment::Drop)
    }

    /// Whether the key has been seen before; tell `note_seen` about those that were not.
    pub fn knows(&self, key: &str) -> bool {
        self.treatments.contains_key(key)
    }

    /// Canonical fields that are not kept in clear, each with the key of the attribute that feeds it.
    pub fn fields_not_in_clear(&self) -> impl Iterator<Item = (&str, &str)> {
        self.not_in_clear.iter().map(|(field, key)| (field.as_str(), key.as_str()))
    }

    /// Changes whenever what is stored changes, so it is part of a record's hash.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The tenant's choice for a stream.
pub async fn selection(_ctx: &Ctx, tx: &TenantTx, connection: ConnectionId, stream: Stream) -> Result<Selection> {
    Ok(Selection::of(&tx.attributes().list_stream(connection, stream).await?))
}
