//! The envelope of a sealed value: one version byte, the data key's id, the nonce, then ciphertext and tag.
//!
//! The key id travels with the value, so that values under several keys can lie in one column during a rotation.

use std::fmt;

use gangway_domain::id::DataKeyId;
use uuid::Uuid;

use crate::Error;

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 16;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
const HEADER_LENGTH: usize = 1 + KEY_ID_LENGTH + NONCE_LENGTH;

/// A value as it may be stored: unreadable without the key it names.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    bytes: Vec<u8>,
    key_id: DataKeyId,
}

/// The parts of an envelope that decryption needs.
pub(crate) struct Parts<'a> {
    pub(crate) nonce: &'a [u8; NONCE_LENGTH],
    pub(crate) ciphertext: &'a [u8],
}

impl Sealed {
    /// Takes stored bytes; says nothing yet about whether they open.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::try_from(bytes.to_vec())
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes to store, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The data key that opens this value.
    pub fn key_id(&self) -> DataKeyId {
        self.key_id
    }

    pub(crate) fn assemble(key_id: DataKeyId, nonce: &[u8; NONCE_LENGTH], ciphertext: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + ciphertext.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(key_id.uuid().as_bytes());
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(ciphertext);
        Self { bytes, key_id }
    }

    pub(crate) fn parts(&self) -> Result<Parts<'_>, Error> {
        split(&self.bytes).map(|(_, parts)| parts).ok_or(Error::Envelope)
    }
}

impl TryFrom<Vec<u8>> for Sealed {
    type Error = Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Error> {
        let (key_id, _) = split(&bytes).ok_or(Error::Envelope)?;
        Ok(Self { bytes, key_id })
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("key_id", &self.key_id).field("n_bytes", &self.bytes.len()).finish()
    }
}

fn split(bytes: &[u8]) -> Option<(DataKeyId, Parts<'_>)> {
    let (&version, rest) = bytes.split_first()?;
    let (key_id, rest) = rest.split_first_chunk::<KEY_ID_LENGTH>()?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>()?;
    if version != VERSION || ciphertext.len() < TAG_LENGTH {
        return None;
    }
    Some((DataKeyId::from_uuid(Uuid::from_bytes(*key_id)), Parts { nonce, ciphertext }))
}
