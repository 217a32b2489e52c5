//! Version 2's ids: UUIDs made from the seed and version 1's numbers, so that they are stable and each leads back to its number
//! without a table.

use crate::seed::Seed;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    Employment,
    AbsenceType,
    AbsencePeriod,
    /// The work of an attendance, up to its break.
    Work,
    Break,
    /// The work after the break.
    Rest,
    Document,
    Webhook,
}

impl Thing {
    const fn label(self) -> &'static str {
        match self {
            Self::Employment => "v2-employment",
            Self::AbsenceType => "v2-absence-type",
            Self::AbsencePeriod => "v2-absence-period",
            Self::Work => "v2-work",
            Self::Break => "v2-break",
            Self::Rest => "v2-rest",
            Self::Document => "v2-document",
            Self::Webhook => "v2-webhook",
        }
    }
}

/// The UUIDs of one company.
#[derive(Debug, Clone)]
pub(crate) struct Uuids(Seed);

/// A UUID's last eight bytes without the two bits of its variant.
const NUMBER: u64 = (1 << 62) - 1;
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
const INVERSE: u64 = inverse(FACTOR);

/// The number that undoes a multiplication by an odd one, by Newton's method: five rounds make 64 bits of three.
const fn inverse(odd: u64) -> u64 {
    let mut found = odd;
    let mut round = 0;
    while round < 5 {
        found = found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)));
        round += 1;
    }
    found
}

impl Uuids {
    pub(crate) const fn new(seed: Seed) -> Self {
        Self(seed)
    }

    /// The id of a thing by its number, which lies below 2^62.
    pub(crate) fn of(&self, thing: Thing, number: u64) -> String {
        let digest = self.0.digest(thing.label(), number);
        let head = u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
        let head = (head & !0xF000) | 0x4000;
        let tail = (1 << 63) | ((number.wrapping_mul(FACTOR) ^ self.key(thing)) & NUMBER);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            head >> 32,
            (head >> 16) & 0xFFFF,
            head & 0xFFFF,
            tail >> 48,
            tail & 0xFFFF_FFFF_FFFF
        )
    }

    /// The number of a thing by its id, if it is one of this company's.
    pub(crate) fn number(&self, thing: Thing, id: &str) -> Option<u64> {
        let digits: String = id.chars().filter(|c| *c != '-').collect();
        let tail = u64::from_str_radix(digits.get(16..)?, 16).ok()?;
        let number = ((tail ^ self.key(thing)) & NUMBER).wrapping_mul(INVERSE) & NUMBER;
        (self.of(thing, number) == id.to_ascii_lowercase()).then_some(number)
    }

    fn key(&self, thing: Thing) -> u64 {
        self.0.number(thing.label(), u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuids(number: u64) -> Uuids {
        Uuids::new(Seed { company: "Acme".to_owned(), number })
    }

    #[test]
    fn an_id_leads_back_to_its_number_in_its_own_company_only() {
        let ours = uuids(1);
        for number in [0, 1, 7_654_321, NUMBER] {
            let id = ours.of(Thing::Work, number);
            assert_eq!(id.len(), 36);
            assert!(&id[14..15] == "4" && "89ab".contains(&id[19..20]), "{id}");
            assert_eq!(ours.number(Thing::Work, &id), Some(number));
            assert_eq!(ours.number(Thing::Work, &id.to_uppercase()), Some(number));
            assert_eq!(ours.number(Thing::Break, &id), None);
            assert_eq!(uuids(2).number(Thing::Work, &id), None);
        }
    }

    #[test]
    fn what_is_no_id_names_nothing() {
        for text in ["", "7", "é", "00000000-0000-4000-8000-000000000000", "not-a-uuid-but-as-long-as-one-is-üü"] {
            assert_eq!(uuids(1).number(Thing::Work, text), None, "{text}");
        }
    }
}
