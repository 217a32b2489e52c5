//! The committed OpenAPI document and error page are what the code says.

use std::{collections::BTreeSet, fs, path::PathBuf};

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

/// `make conformance` would find it too, but later.
#[test]
fn the_conformance_table_knows_every_operation_and_no_other() {
    let table = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance/statuses.txt");
    let table = fs::read_to_string(table).unwrap();
    let listed: BTreeSet<&str> = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let document = serde_json::to_value(gangway_api::openapi()).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let documented: BTreeSet<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let missing: Vec<_> = documented.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "add a line with the allowed statuses to tests/conformance/statuses.txt for {missing:?}"
    );
    let unknown: Vec<_> = listed.difference(&documented).collect();
    assert!(unknown.is_empty(), "tests/conformance/statuses.txt: no such operation: {unknown:?}");
}
