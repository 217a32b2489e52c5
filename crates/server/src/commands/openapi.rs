//! `gangway openapi`: the document that the API serves, for generators and for the comparison in a test.

use std::process::ExitCode;

use crate::print;

/// Prints the document.
///
/// # Errors
/// When it can't be written as JSON, which is a bug.
pub fn run() -> anyhow::Result<ExitCode> {
    print::line(serde_json::to_string_pretty(&gangway_api::openapi())?.trim_end());
    Ok(ExitCode::SUCCESS)
}
