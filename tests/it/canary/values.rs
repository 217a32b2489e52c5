//! What must not be found: values that nobody else in the run has, since others write to the same server and the same log.

use std::{
    fmt::Write as _,
    hash::{BuildHasher as _, RandomState},
};

use super::search::FILTER;

/// The values that are put through the flows.
pub(super) struct Canaries {
    /// The secret of a credential.
    pub(super) secret: String,
    /// A secret that is refused wherever it is sent.
    pub(super) refused: String,
    /// What the vendor lets us in with.
    pub(super) token: String,
    /// A salary, as it stands in JSON.
    pub(super) salary: String,
    /// What a person wrote about an absence.
    pub(super) comment: String,
    /// What records are filtered by.
    pub(super) filter: String,
}

impl Canaries {
    pub(super) fn new() -> Self {
        Self {
            secret: text("secret"),
            refused: text("refused"),
            token: format!("canary-token.{}", random(16)),
            salary: format!("{}.{}", random(10), random(2)),
            comment: text("comment"),
            filter: text("filter"),
        }
    }

    /// Each with its name.
    pub(super) fn named(&self) -> [(&'static str, &str); 6] {
        let Self { secret, refused, token, salary, comment, filter } = self;
        [
            ("secret", secret),
            ("refused", refused),
            ("token", token),
            ("salary", salary),
            ("comment", comment),
            (FILTER, filter),
        ]
    }
}

/// A text with what has to be escaped somewhere.
pub(super) fn text(kind: &str) -> String {
    format!("Zq{}/{kind}#\"ü-{}", random(12), random(12))
}

/// That many digits from 1 to 9: none that a number would lose at one of its ends.
fn random(n_digits: usize) -> String {
    let mut digits = String::new();
    while digits.len() < n_digits {
        write!(digits, "{}", RandomState::new().hash_one(0) % 9 + 1).unwrap();
    }
    digits
}
