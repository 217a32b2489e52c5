//! Bytes from the operating system's generator, the only source of keys and nonces.

use aes_gcm::aead::Generate;
use zeroize::Zeroizing;

/// Returns `N` fresh bytes fit for a key; they are wiped when dropped.
///
/// A machine without a working generator ends the process: sealing with guessable keys would be worse.
pub fn random_bytes<const N: usize>() -> Zeroizing<[u8; N]> {
    Zeroizing::new(<[u8; N]>::generate())
}

pub(crate) fn nonce() -> [u8; 12] {
    <[u8; 12]>::generate()
}
