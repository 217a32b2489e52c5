//! A snapshot of the environment. This is the only place that reads it.

use std::collections::BTreeMap;

/// Environment variables.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process; variables that are not text are left out.
    pub fn of_this_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }

    /// These variables, for tests.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variables that must be settings (`GANGWAY__…`), by name.
    pub(super) fn settings(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| name.starts_with("GANGWAY__"))
    }

    /// Variables that look like one of the master keys and are none. (Others that begin alike may be the platform's: a service of our name
    /// brings some.)
    pub(super) fn mistaken_for_keys(&self) -> impl Iterator<Item = &str> {
        let known = [
            "GANGWAY_MASTER_KEY",
            "GANGWAY_MASTER_KEY_FILE",
            "GANGWAY_MASTER_KEY_PREVIOUS",
            "GANGWAY_MASTER_KEY_PREVIOUS_FILE",
        ];
        let alike = self.0.keys().map(String::as_str).filter(|name| name.starts_with("GANGWAY_MASTER"));
        alike.filter(move |name| !known.contains(name))
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("n_variables", &self.0.len()).finish()
    }
}
