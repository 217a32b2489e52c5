//! Envelope encryption, the master key ring and keyed hashes: everything in Gangway that holds a key in clear.
//!
//! A [`KeyRing`] of master keys wraps one [`DataKey`] per tenant; the data key seals values, each bound by its [`Aad`]
//! to the tenant, the object and the field it belongs to, so that a row copied elsewhere does not open. Keys and
//! nonces come from the operating system's generator, never from a context that tests can steer. This crate stores
//! nothing, does no I/O and never logs; no input makes it panic. What is sealed where: `docs/architecture.md`.

mod aad;
pub mod api_key;
mod chain_key;
mod data_key;
mod deployment_secret;
mod error;
mod hash_key;
mod key_ring;
mod master_key;
mod random;
mod sealed;

pub use aad::{Aad, Object};
pub use chain_key::ChainKey;
pub use data_key::{DataKey, SEAL_LIMIT, SEALS_BEFORE_ROTATION};
pub use deployment_secret::DeploymentSecret;
pub use error::{Error, MasterKeyProblem};
pub use hash_key::HashKey;
pub use key_ring::{KeyRing, WrappedDataKey};
pub use master_key::{MasterKey, MasterKeyId};
pub use random::random_bytes;
pub use sealed::Sealed;
pub use zeroize::Zeroizing;

/// Compares two byte strings in a time that depends on their lengths only.
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(left, right).into()
}

#[cfg(test)]
mod tests;
