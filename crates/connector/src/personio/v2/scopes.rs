//! What a token may do. The vendor's pages, its examples and other people's code spell a right in several ways:
//! `personio:persons:read`, `personio:person:write`, `employees:read`, `read:employees`.

use std::{collections::BTreeSet, str::FromStr};

/// More than the vendor has; the rest is left out.
const MOST_SCOPES: usize = 200;

/// A part of the API with a right of its own, of those that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::personio) enum Area {
    /// Persons, their employments, and the units that have no right of their own.
    Persons,
    /// Cost centres.
    CostCenters,
    /// Absences and their types.
    Absences,
    /// Work and breaks.
    Attendances,
    /// Being told of changes.
    Webhooks,
}

impl Area {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::CostCenters => "cost-centers",
            Self::Absences => "absences",
            Self::Attendances => "attendances",
            Self::Webhooks => "webhooks",
        }
    }

    /// The right to read it, as the vendor spells it.
    pub(super) fn scope(self) -> String {
        format!("personio:{}:read", self.as_str())
    }

    /// What the vendor's screens call it.
    pub(super) const fn on_screen(self) -> &'static str {
        match self {
            Self::Persons => "Employees",
            Self::CostCenters => "Cost centers",
            Self::Absences => "Absences",
            Self::Attendances => "Attendances",
            Self::Webhooks => "Webhooks",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::personio) enum Access {
    Read,
    Write,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    area: String,
    access: Access,
}

/// The rights that came with a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::personio) struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Reads the `scope` of an answer. None when it names no right in any known spelling: then nothing is known.
    pub(in crate::personio) fn read(text: &str) -> Option<Self> {
        let scopes: BTreeSet<_> =
            text.split_whitespace().take(MOST_SCOPES).filter_map(|word| word.parse().ok()).collect();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// All of them, in one spelling; those that look like none are left out.
    pub(in crate::personio) fn names(&self) -> impl Iterator<Item = String> {
        let is_plain =
            |area: &str| area.len() <= 64 && area.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        self.0.iter().filter(move |scope| is_plain(&scope.area)).map(|scope| {
            let access = match scope.access {
                Access::Read => "read",
                Access::Write => "write",
            };
            format!("{}:{access}", scope.area)
        })
    }

    /// Whether an area may be read, or written.
    pub(in crate::personio) fn may(&self, area: Area, access: Access) -> bool {
        self.0.contains(&Scope { area: area.as_str().to_owned(), access })
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let word = word.to_ascii_lowercase();
        let word = word.strip_prefix("personio:").unwrap_or(&word);
        let (first, second) = word.split_once(':').ok_or(())?;
        let (area, access) = match (access(first), access(second)) {
            (None, Some(access)) => (first, access),
            (Some(access), None) => (second, access),
            _ => return Err(()),
        };
        let area = match area.replace('_', "-").as_str() {
            "" => return Err(()),
            "employee" | "employees" | "person" => "persons".to_owned(),
            "absence" | "time-offs" => "absences".to_owned(),
            "attendance" => "attendances".to_owned(),
            "document" => "documents".to_owned(),
            "webhook" => "webhooks".to_owned(),
            other => other.to_owned(),
        };
        Ok(Self { area, access })
    }
}

fn access(word: &str) -> Option<Access> {
    match word {
        "read" => Some(Access::Read),
        "write" => Some(Access::Write),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_right_is_the_same_right() {
        for word in ["personio:attendances:read", "attendances:read", "read:attendances", "Personio:Attendance:Read"] {
            assert!(Scopes::read(word).unwrap().may(Area::Attendances, Access::Read), "{word}");
        }
        let persons = ["personio:persons:read", "personio:person:read", "employees:read", "read:employees"];
        let read = persons.map(|word| Scopes::read(word).unwrap());
        assert!(read.iter().all(|scopes| *scopes == read[0]), "{read:?}");
    }

    #[test]
    fn a_right_to_write_or_to_something_else_does_not_let_read() {
        for text in ["personio:attendances:write", "personio:absences:read employees:read", "cost_centers:read"] {
            assert!(!Scopes::read(text).unwrap().may(Area::Attendances, Access::Read), "{text}");
        }
    }

    #[test]
    fn what_names_no_right_says_nothing() {
        for text in ["", "all", "read", "read:write", ":read", "personio:", "a:b:c"] {
            assert_eq!(Scopes::read(text), None, "{text}");
        }
    }
}
