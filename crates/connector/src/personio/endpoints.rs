//! The vendor's endpoints, and which of them are used: `endpoints.tsv`, of which `cargo xtask endpoints` makes the table in
//! `docs/connectors/personio.md`.
//!
//! The file cannot lie. Where debug assertions are on, as in tests, a request that it does not have stops the program
//! ([`assert_listed`]); `tests/it/behaviour/personio/endpoints.rs` holds what it says of tests and of the sandbox against what
//! the suite asks for.

use std::sync::LazyLock;

use gangway_egress::{Method, Request};

static LINES: LazyLock<Vec<Endpoint>> =
    LazyLock::new(|| include_str!("endpoints.tsv").lines().skip(1).filter_map(Endpoint::read).collect());

/// One of the vendor's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path with ids replaced.
    pub path: &'static str,
    /// Whether the connector asks for it.
    pub supported: Supported,
    /// Whether the sandbox answers it.
    pub is_emulated: bool,
    /// Whether the behaviour suite gets a good answer from it.
    pub is_tested: bool,
}

/// Whether the connector asks for an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supported {
    /// It does, and reads the answer.
    Yes,
    /// It does when a caller of the proxy does, and passes the answer on as it is.
    PassedThrough,
    /// It does not.
    No,
}

impl Endpoint {
    fn read(line: &'static str) -> Option<Self> {
        let cells: Vec<&str> = line.split('\t').collect();
        let [method, path, _, supported, emulated, tested, _, _, _, _] = *cells.as_slice() else { return None };
        let supported = match supported {
            "yes" => Supported::Yes,
            "passed through" => Supported::PassedThrough,
            _ => Supported::No,
        };
        Some(Self { method, path, supported, is_emulated: emulated == "yes", is_tested: tested == "suite" })
    }
}

/// All endpoints that are known of.
pub fn endpoints() -> &'static [Endpoint] {
    &LINES
}

/// Stops a program with debug assertions at a request that the table does not have.
pub(super) fn assert_listed(request: &Request) {
    debug_assert!(
        is_listed(request.method, request.template),
        "crates/connector/src/personio/endpoints.tsv does not say that {} {} is asked for",
        request.method.as_str(),
        request.template
    );
}

fn is_listed(method: Method, template: &str) -> bool {
    let asked_for = |one: &Endpoint| one.method == method.as_str() && one.path == template;
    LINES.iter().any(|one| asked_for(one) && one.supported != Supported::No)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_read_once() {
        let lines = include_str!("endpoints.tsv").lines().skip(1);
        assert_eq!(lines.count(), endpoints().len());
        let names: BTreeSet<_> = endpoints().iter().map(|one| (one.path, one.method)).collect();
        assert_eq!(names.len(), endpoints().len(), "an endpoint is there twice");
        for one in endpoints() {
            assert!(one.is_emulated || !one.is_tested, "what is not emulated cannot be tested: {one:?}");
            assert!(
                one.supported != Supported::No || !one.is_tested,
                "what is not asked for cannot be tested: {one:?}"
            );
        }
    }

    #[test]
    fn what_is_passed_through_is_what_the_manifest_offers() {
        let offered: BTreeSet<&str> = super::super::proxy::PATHS.iter().map(|path| path.template).collect();
        let read = |one: &&Endpoint| one.method == "GET" && one.supported != Supported::No;
        let read: BTreeSet<&str> = endpoints().iter().filter(read).map(|one| one.path).collect();
        assert!(offered.is_subset(&read), "{:?}", offered.difference(&read));
        let passed = endpoints().iter().filter(|one| one.supported == Supported::PassedThrough);
        assert!(passed.clone().all(|one| offered.contains(one.path)), "{passed:?}");
    }

    #[test]
    fn another_request_is_not_listed() {
        assert!(is_listed(Method::Get, "/v1/company/employees"));
        assert!(!is_listed(Method::Delete, "/v1/company/employees/{id}"));
        assert!(!is_listed(Method::Get, "/v2/projects"));
    }
}
