//! What a credential may do, in the vendor's spelling `personio:<area>:read` and `personio:<area>:write`.

use serde::{Deserialize, Serialize};

/// The areas that are known. `org-units` is spelled so by an open-source client, the others by the vendor.
const AREAS: [&str; 13] = [
    "persons",
    "absences",
    "attendances",
    "compensations",
    "documents",
    "recruiting",
    "jobs",
    "salary-bands",
    "webhooks",
    "projects",
    "cost-centers",
    "reports",
    "org-units",
];

/// A set of scopes: two bits for each area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub(crate) struct Scopes(u32);

/// A scope that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no scope")]
pub(crate) struct UnknownScope(String);

impl Scopes {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn all() -> Self {
        Self((1 << (2 * AREAS.len())) - 1)
    }

    /// One scope by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (area, access) = name.strip_prefix("personio:")?.rsplit_once(':')?;
        let place = AREAS.iter().position(|known| *known == area)?;
        match access {
            "read" => Some(Self(1 << (2 * place))),
            "write" => Some(Self(2 << (2 * place))),
            _ => None,
        }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those that version 1 has, as it spells them.
    pub(crate) fn names_of_v1(self) -> String {
        let areas = [("employees", "persons"), ("absences", "absences"), ("attendances", "attendances")];
        let all = areas.iter().flat_map(|(area, named)| {
            ["read", "write"].map(|access| (format!("{area}:{access}"), format!("personio:{named}:{access}")))
        });
        let held = all.filter(|(_, name)| Self::named(name).is_some_and(|one| self.contains(one)));
        held.map(|(spelled, _)| spelled).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn names(self) -> Vec<String> {
        let all = AREAS.iter().flat_map(|area| ["read", "write"].map(|access| format!("personio:{area}:{access}")));
        all.filter(|name| Self::named(name).is_some_and(|one| self.contains(one))).collect()
    }
}

impl From<Scopes> for Vec<String> {
    fn from(scopes: Scopes) -> Self {
        scopes.names()
    }
}

impl TryFrom<Vec<String>> for Scopes {
    type Error = UnknownScope;

    fn try_from(names: Vec<String>) -> Result<Self, UnknownScope> {
        names.into_iter().try_fold(Self::NONE, |scopes, name| match Self::named(&name) {
            Some(one) => Ok(scopes.and(one)),
            None => Err(UnknownScope(name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sets_are_the_same_thing() {
        let all = Scopes::all();
        assert_eq!(all.names().len(), 26);
        assert_eq!(Scopes::try_from(all.names()).unwrap(), all);
        let one = Scopes::named("personio:cost-centers:write").unwrap();
        assert_eq!(one.names(), ["personio:cost-centers:write"]);
        assert!(all.contains(one) && !one.contains(all));
        for name in ["personio:persons:delete", "persons:read", "personio:person:read", ""] {
            assert_eq!(Scopes::named(name), None, "{name}");
        }
    }
}
