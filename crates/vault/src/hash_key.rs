//! The per-tenant key under which records are hashed.
//!
//! A plain hash over a salary can be guessed, hence a keyed one. The key is drawn by itself and stored sealed like any
//! other value, so that hashes outlive a rotation of data keys; otherwise a rotation would rewrite every record.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{ChainKey, Error, constant_time_eq, random::random_bytes};

/// Hashes records of one tenant.
pub struct HashKey {
    secret: Zeroizing<[u8; 32]>,
    mac: Hmac<Sha256>,
}

impl HashKey {
    /// Draws a new key from the operating system's generator.
    pub fn generate() -> Self {
        Self::new(random_bytes())
    }

    /// Takes a key back from storage.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, Error> {
        stored_key("hash key", bytes).map(Self::new)
    }

    /// The key for sealing; wiped when dropped.
    pub fn to_secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }

    /// Hashes a record's canonical form.
    pub fn hash(&self, canonical: &[u8]) -> [u8; 32] {
        self.mac.clone().chain_update(canonical).finalize().into_bytes().into()
    }

    /// Whether `canonical` hashes to `hash`, compared in constant time.
    pub fn matches(&self, canonical: &[u8], hash: &[u8]) -> bool {
        constant_time_eq(&self.hash(canonical), hash)
    }

    /// The key that chains the tenant's audit log.
    pub fn chain_key(&self) -> ChainKey {
        ChainKey::derive(&self.secret)
    }

    fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        let key = Zeroizing::new(derive(&secret, "gangway/record-hash/v1", &[]));
        let mac = hmac(&key);
        Self { secret, mac }
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashKey").finish_non_exhaustive()
    }
}

/// Derives 32 bytes from a secret for one purpose; purposes never share results, whatever the inputs are.
pub(crate) fn derive(secret: &[u8; 32], purpose: &str, input: &[u8]) -> [u8; 32] {
    hmac(secret)
        .chain_update((purpose.len() as u64).to_be_bytes())
        .chain_update(purpose)
        .chain_update(input)
        .finalize()
        .into_bytes()
        .into()
}

pub(crate) fn stored_key(what: &'static str, bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, Error> {
    let key: [u8; 32] = bytes.try_into().map_err(|_| Error::KeyLength { what, expected: 32, found: bytes.len() })?;
    Ok(Zeroizing::new(key))
}

pub(crate) fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
