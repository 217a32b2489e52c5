//! A webhook as somebody registered it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Who wants to be told of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Webhook {
    pub(crate) number: u64,
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) is_enabled: bool,
    pub(crate) auth: Auth,
    pub(crate) events: BTreeSet<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Webhook {
    /// The headers that tell a receiver who sends.
    pub(crate) fn headers(&self) -> Vec<(String, Secret)> {
        match &self.auth {
            Auth::None | Auth::Token(None) => Vec::new(),
            // As it was given, without a word before it.
            Auth::Token(Some(token)) => vec![("authorization".to_owned(), token.clone())],
            Auth::Custom(headers) => headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }
}

/// How a receiver knows who sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Auth {
    None,
    Token(Option<Secret>),
    Custom(BTreeMap<String, Secret>),
}

impl Auth {
    /// In the vendor's words.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Token(_) => "TOKEN",
            Self::Custom(_) => "CUSTOM",
        }
    }
}

/// A token or a header's value, which is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}
