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

    /// The bytes as text.
    #[must_use]
    pub fn to_hex(self) -> String {
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// Reads what [`BudgetKey::to_hex`] wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
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
    fn survives_being_written_as_text() {
        let key = BudgetKey::new(std::array::from_fn(|index| u8::try_from(index * 7).unwrap()));
        assert_eq!(BudgetKey::from_hex(&key.to_hex()), Some(key));
        assert_eq!(BudgetKey::from_hex("ab"), None);
    }

    #[test]
    fn debug_shows_only_a_short_prefix() {
        assert_eq!(format!("{:?}", BudgetKey::new([0xab; 32])), "BudgetKey(abababab…)");
    }
}
