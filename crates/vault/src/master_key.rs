//! Master keys: 32 bytes an operator configures, known in the database by a fingerprint only.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Error, error::MasterKeyProblem, random::random_bytes};

/// One master key. It wraps data keys and nothing else.
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    id: MasterKeyId,
}

/// Fingerprint of a master key: it names the key without telling anything about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MasterKeyId([u8; 8]);

impl MasterKey {
    /// Draws a new key from the operating system's generator.
    pub fn generate() -> Self {
        Self::from_bytes(random_bytes())
    }

    /// Reads 32 bytes of base64; white space around them is ignored. `which` names the setting in the error.
    pub fn from_base64(which: &str, text: &SecretString) -> Result<Self, Error> {
        Self::decode(text).map_err(|problem| Error::MasterKey { which: which.to_owned(), problem })
    }

    /// The key as the text that [`MasterKey::from_base64`] reads.
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.bytes.as_slice()).into()
    }

    /// The key's fingerprint.
    pub fn id(&self) -> MasterKeyId {
        self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let id = MasterKeyId::of(&bytes);
        Self { bytes, id }
    }

    fn decode(text: &SecretString) -> Result<Self, MasterKeyProblem> {
        let text = text.expose_secret().trim();
        if text.is_empty() {
            return Err(MasterKeyProblem::Empty);
        }
        let decoded = Zeroizing::new(STANDARD.decode(text).map_err(|_| MasterKeyProblem::NotBase64)?);
        let bytes: [u8; 32] = decoded.as_slice().try_into().map_err(|_| MasterKeyProblem::Length(decoded.len()))?;
        let bytes = Zeroizing::new(bytes);
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return Err(MasterKeyProblem::NotRandom);
        }
        Ok(Self::from_bytes(bytes))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl MasterKeyId {
    fn of(key: &[u8; 32]) -> Self {
        let digest: [u8; 32] =
            Sha256::new().chain_update(b"gangway/master-key-id/v1\0").chain_update(key).finalize().into();
        let (id, _) = digest.split_first_chunk().expect("a digest of 32 bytes begins with 8");
        Self(*id)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MasterKeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !lower {
            return Err(Error::MasterKeyId);
        }
        u64::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| Error::MasterKeyId)
    }
}
