//! What a vendor account offers: attributes, their classes, and the catalogue of one connection.

use serde::{Deserialize, Serialize};

use crate::record::Stream;

/// Type of an attribute's value, in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// Text.
    Text,
    /// Text over several lines.
    Multiline,
    /// A calendar date.
    Date,
    /// A whole number.
    Integer,
    /// A decimal, kept as text.
    Decimal,
    /// One of `options`.
    List,
    /// Several of `options`.
    Tags,
    /// A URL.
    Link,
    /// A nested object or list.
    Object,
    /// The vendor did not say.
    Unknown,
}

impl AttributeType {
    const ALL: [Self; 10] = [
        Self::Text,
        Self::Multiline,
        Self::Date,
        Self::Integer,
        Self::Decimal,
        Self::List,
        Self::Tags,
        Self::Link,
        Self::Object,
        Self::Unknown,
    ];

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Multiline => "multiline",
            Self::Date => "date",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::List => "list",
            Self::Tags => "tags",
            Self::Link => "link",
            Self::Object => "object",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How an attribute's values are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeClass {
    /// Stored by default.
    Standard,
    /// Stored, sealed, only when the tenant selects it.
    Sensitive,
}

impl AttributeClass {
    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Sensitive => "sensitive",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Standard, Self::Sensitive].into_iter().find(|class| class.as_str() == text)
    }
}

/// An attribute as a vendor account describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveredAttribute {
    /// The vendor's key (`dynamic_305`).
    pub key: String,
    /// The label an admin knows it by; the key when the vendor gives none.
    pub label: String,
    /// Type.
    pub kind: AttributeType,
    /// A name that is the same in every account, if the vendor gives one.
    pub universal_id: Option<String>,
    /// Choices of a list or of tags.
    pub options: Vec<String>,
    /// Made by the company rather than by the vendor.
    pub is_custom: bool,
    /// The canonical field it feeds, if any (`email`, `hire_date`).
    pub canonical_field: Option<String>,
}

/// How a catalogue was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscoveryMethod {
    /// The vendor's own list.
    Listed,
    /// The union of keys seen on records, because the list is forbidden or absent.
    UnionOfKeys,
}

/// What one connection's account offers for one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The stream.
    pub stream: Stream,
    /// How it was found.
    pub method: DiscoveryMethod,
    /// The attributes, in the vendor's order.
    pub attributes: Vec<DiscoveredAttribute>,
}
