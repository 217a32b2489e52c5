//! The connectors this installation offers. The same for every tenant.

pub use gangway_connector::Manifest;

use crate::{App, Error, Result};

/// Every connector's description of itself.
pub fn list(app: &App) -> Vec<Manifest> {
    app.registry.list().map(|connector| connector.manifest()).collect()
}

/// One connector's description of itself.
///
/// # Errors
/// `object.not-found`.
pub fn get(app: &App, id: &str) -> Result<Manifest> {
    let not_found = || {
        let known: Vec<&str> = app.registry.list().map(|connector| connector.id()).collect();
        Error::new(
            gangway_domain::Code::NotFound,
            format!("There is no such connector. There are: {}.", known.join(", ")),
        )
    };
    app.registry.get(id).map(|connector| connector.manifest()).ok_or_else(not_found)
}
