//! The name of a budget.

use std::fmt;

/// Names one vendor credential's budget without naming the credential.
///
/// It is an HMAC made elsewhere, so that tenants sharing a credential share its budget without seeing each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetKey([u8; 32]);

impl BudgetKey {
    /// Wraps the 32 bytes of an HMAC.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for BudgetKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for BudgetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BudgetKey(")?;
        for byte in self.0.iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_only_a_short_prefix() {
        assert_eq!(format!("{:?}", BudgetKey::new([0xab; 32])), "BudgetKey(abababab…)");
    }
}
