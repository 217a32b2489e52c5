//! The committed OpenAPI document and error page are what the code says.

use std::{fs, path::PathBuf};

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

#[test]
fn the_committed_document_is_current() {
    let current = gangway_api::openapi().to_pretty_json().unwrap();
    let committed = fs::read_to_string(docs("openapi.json")).unwrap_or_default();
    assert!(
        committed.trim_end() == current.trim_end(),
        "docs/openapi.json is not current; write it anew: cargo run -p gangway-server -- openapi > docs/openapi.json"
    );
}

#[test]
fn the_committed_error_page_is_current() {
    let committed = fs::read_to_string(docs("errors.md")).unwrap_or_default();
    assert!(
        committed == gangway_api::errors_page(),
        "docs/errors.md is not current; it should read:\n{}",
        gangway_api::errors_page()
    );
}
