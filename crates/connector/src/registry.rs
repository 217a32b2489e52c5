//! The connectors built into this binary. A new one adds a line to [`registry`].

use std::sync::Arc;

use crate::{contract::AnyConnector, personio::Personio};

/// The connectors by id.
#[derive(Clone)]
pub struct Registry {
    connectors: Vec<Arc<dyn AnyConnector>>,
}

/// All connectors built in.
pub fn registry() -> Registry {
    Registry::new(vec![Arc::new(Personio)])
}

impl Registry {
    /// A registry of these connectors (tests bring their own).
    pub fn new(connectors: Vec<Arc<dyn AnyConnector>>) -> Self {
        Self { connectors }
    }

    /// The connector of that id.
    pub fn get(&self, id: &str) -> Option<&Arc<dyn AnyConnector>> {
        self.connectors.iter().find(|connector| connector.id() == id)
    }

    /// Every connector, in the order of registration.
    pub fn list(&self) -> impl Iterator<Item = &Arc<dyn AnyConnector>> {
        self.connectors.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_lead_back_to_their_connector() {
        let registry = registry();
        let ids: HashSet<_> = registry.list().map(|connector| connector.id()).collect();
        assert_eq!(ids.len(), registry.list().count());
        assert!(ids.iter().all(|id| registry.get(id).is_some_and(|connector| connector.manifest().id == *id)));
        assert!(registry.get("nobody").is_none());
    }
}
