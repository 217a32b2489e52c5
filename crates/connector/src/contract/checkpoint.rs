//! The place in a stream where the next page starts: made and read by the connector, kept by the host.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::error::{Error, ErrorKind, Result};

/// An opaque place in a stream. The host stores it as text and gives it back unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(String);

impl Checkpoint {
    /// Takes up a stored checkpoint. It is judged when it is used.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text to store.
    pub fn into_string(self) -> String {
        self.0
    }

    /// For connectors: packs a position, which should carry its own version.
    pub fn pack<T: Serialize>(operation: &'static str, position: &T) -> Result<Self> {
        serde_json::to_string(position).map(Self).map_err(|error| {
            Error::new(ErrorKind::Refused, operation, "the place in the stream could not be written down")
                .with_source(error)
        })
    }

    /// For connectors: unpacks a position; damage is an error.
    pub fn unpack<T: DeserializeOwned>(&self, operation: &'static str) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|error| {
            Error::new(ErrorKind::Refused, operation, "the stored checkpoint is damaged; start the run again")
                .with_source(error)
        })
    }
}
