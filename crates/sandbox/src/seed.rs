//! Deterministic choice: everything that looks random comes from the seed, the company and a label.
//!
//! The generator is named (`Xoshiro256++`) because the standard one may change with its crate, and a demo's data folder
//! must describe the same people after an upgrade.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};

/// What all choices of one sandbox derive from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seed {
    pub(crate) company: String,
    pub(crate) number: u64,
}

impl Seed {
    pub(crate) fn digest(&self, label: &str, index: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.company.as_bytes(), label.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.number.to_be_bytes());
        hash.update(index.to_be_bytes());
        hash.finalize().into()
    }

    /// A number below `n` that belongs to `label`.
    pub(crate) fn number(&self, label: &str, n: u64) -> u64 {
        let word = self.digest(label, 0).first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(word) % n.max(1)
    }

    pub(crate) fn dice(&self, label: &str, index: u64) -> Dice {
        Dice(Xoshiro256PlusPlus::from_seed(self.digest(label, index)))
    }
}

/// A stream of choices.
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high.max(low))
    }

    pub(crate) fn percent(&mut self, percent: i64) -> bool {
        self.between(0, 99) < percent
    }

    /// One of `choices`, which are never empty tables.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let last = i64::try_from(choices.len()).unwrap_or(i64::MAX) - 1;
        let index = usize::try_from(self.between(0, last)).unwrap_or_default();
        choices.get(index).expect("tables to pick from are not empty")
    }

    pub(crate) fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'0' + u8::try_from(self.between(0, 9)).unwrap_or_default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_label_gives_the_same_choices() {
        let seed = Seed { company: "Acme".into(), number: 7 };
        assert_eq!(seed.dice("x", 1).digits(20), seed.dice("x", 1).digits(20));
        assert_ne!(seed.dice("x", 1).digits(20), seed.dice("x", 2).digits(20));
        assert_ne!(seed.number("a", u64::MAX), seed.number("b", u64::MAX));
    }

    #[test]
    fn the_generator_is_pinned() {
        // A change here means that every existing demo folder describes other people after an upgrade.
        assert_eq!(Seed { company: "Acme".into(), number: 1 }.dice("pin", 0).digits(12), PINNED);
    }

    const PINNED: &str = "721282909706";
}
