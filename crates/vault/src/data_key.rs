//! A tenant's data key: seals and opens values, and counts how often it sealed.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use gangway_domain::id::DataKeyId;
use zeroize::Zeroizing;

use crate::{Aad, Error, Sealed, random};

/// How many values one data key may seal in its life: with random 96-bit nonces the chance that two of 2³² collide is
/// 2⁻³³ (NIST SP 800-38D, 8.3). The sum over processes and restarts is kept by whoever stores keys.
pub const SEAL_LIMIT: u64 = 1 << 32;

/// After how many stored seals a data key is to be replaced. The other half of the limit is for what is not stored yet:
/// seals since a process last handed its count over, and those of processes that died before they could.
pub const SEALS_BEFORE_ROTATION: u64 = SEAL_LIMIT / 2;

/// A data key in clear. Only sealed values and its wrapped form leave the process.
pub struct DataKey {
    id: DataKeyId,
    cipher: Aes256Gcm,
    seals: AtomicU64,
}

impl DataKey {
    pub(crate) fn new(id: DataKeyId, key: &[u8; 32]) -> Self {
        Self { id, cipher: Aes256Gcm::new(key.into()), seals: AtomicU64::new(0) }
    }

    /// The id that sealed values carry.
    pub fn id(&self) -> DataKeyId {
        self.id
    }

    /// Seals a value for one place.
    pub fn seal(&self, aad: &Aad<'_>, plaintext: &[u8]) -> Sealed {
        self.seals.fetch_add(1, Ordering::Relaxed);
        let nonce = random::nonce();
        let ciphertext = self
            .cipher
            .encrypt(&nonce.into(), Payload { msg: plaintext, aad: &aad.encode(self.id) })
            .expect("a value held in memory is below the 64 GiB that AES-GCM takes");
        Sealed::assemble(self.id, &nonce, &ciphertext)
    }

    /// Opens a value that was sealed for exactly this place; the bytes are wiped when dropped.
    pub fn open(&self, aad: &Aad<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Error> {
        if sealed.key_id() != self.id {
            return Err(Error::OtherDataKey { sealed: sealed.key_id(), offered: self.id });
        }
        let parts = sealed.parts()?;
        self.cipher
            .decrypt(parts.nonce.into(), Payload { msg: parts.ciphertext, aad: &aad.encode(self.id) })
            .map(Zeroizing::new)
            .map_err(|_| Error::Open)
    }

    /// Seals made since the key was opened or since the last [`DataKey::take_seals`].
    pub fn seals(&self) -> u64 {
        self.seals.load(Ordering::Relaxed)
    }

    /// Takes the count and starts it anew, so that the taker can add it to the stored sum.
    pub fn take_seals(&self) -> u64 {
        self.seals.swap(0, Ordering::Relaxed)
    }

    /// Takes a count back that could not be stored.
    pub fn return_seals(&self, n_seals: u64) {
        self.seals.fetch_add(n_seals, Ordering::Relaxed);
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).finish_non_exhaustive()
    }
}
