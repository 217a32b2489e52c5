//! What is tried, and what must hold beside "it does not panic".

mod bodies;
mod credentials;
mod cursors;
mod discovery;
mod envelope;
mod notices;
mod vendor;

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};

/// Something that reads what strangers send.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Inputs to begin with.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Reads an input; the number stands for the way in which it was answered. Panics when something does not hold.
    pub(crate) run: fn(&[u8]) -> u64,
}

/// Every target.
pub(crate) fn all() -> [Target; 6] {
    [envelope::TARGET, discovery::TARGET, notices::TARGET, cursors::TARGET, bodies::TARGET, credentials::TARGET]
}

/// The number of a way of answering.
fn way(parts: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(parts)
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
