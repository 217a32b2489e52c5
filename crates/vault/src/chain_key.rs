//! The per-tenant key under which audit entries are chained.
//!
//! With a plain hash, whoever can write the database could change an entry and compute the rest of the chain anew. Derived from
//! the tenant's hash key, so it outlives rotations of data keys and ends with the tenant's keys.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::hash_key::{derive, hmac};

/// Chains audit entries of one tenant.
pub struct ChainKey(Hmac<Sha256>);

impl ChainKey {
    /// The link of an entry: over its canonical form and the link before it.
    pub fn link(&self, previous: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(previous).chain_update(canonical).finalize().into_bytes().into()
    }

    /// From the secret that it belongs to.
    pub(crate) fn derive(secret: &[u8; 32]) -> Self {
        Self(hmac(&Zeroizing::new(derive(secret, "gangway/audit-chain/v1", &[]))))
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::HashKey;

    #[test]
    fn a_link_depends_on_key_entry_and_link_before_and_is_no_record_hash() {
        let hash_key = HashKey::generate();
        let (key, other) = (hash_key.chain_key(), HashKey::generate().chain_key());
        let link = key.link(&[0; 32], b"entry");
        assert_eq!(link, hash_key.chain_key().link(&[0; 32], b"entry"));
        for different in [
            key.link(&[1; 32], b"entry"),
            key.link(&[0; 32], b"entrY"),
            other.link(&[0; 32], b"entry"),
            hash_key.hash(&[&[0; 32][..], b"entry"].concat()),
        ] {
            assert_ne!(link, different);
        }
    }
}
