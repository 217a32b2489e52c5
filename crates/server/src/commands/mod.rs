//! Commands that do one thing and end; each file is one.

pub mod audit;
pub mod config_check;
pub mod doctor;
pub mod key;
pub mod key_rewrap;
pub mod migrate;
pub mod openapi;
pub mod sandbox;
pub mod tenant;

use gangway_domain::Code;

/// A use case's failure as one line for the terminal, each wrong value named.
pub(crate) fn explain(error: gangway_app::Error) -> anyhow::Error {
    let fields: Vec<_> = error
        .fields
        .iter()
        .map(|field| format!("{} {}", field.pointer.trim_start_matches('/').replace('/', "."), field.message))
        .collect();
    if !fields.is_empty() {
        return anyhow::anyhow!("{}", fields.join("; "));
    }
    // Only what nobody expected needs its causes; the others say what to do.
    if error.code == Code::Internal { anyhow::Error::new(error) } else { anyhow::anyhow!(error.message) }
}
