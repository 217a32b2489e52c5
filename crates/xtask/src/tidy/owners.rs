//! Which crate owns which third-party library: nobody else may name it, so that it can be replaced in one place.

use cargo_metadata::{DependencyKind, Package};

use super::{
    edges::{may_use_anything, short_name},
    manifests::Manifest,
    violation::Violation,
};

struct Owned {
    /// The library, and every library whose name begins with it and a hyphen.
    library: &'static str,
    owners: &'static [&'static str],
    /// Crates that may use it in tests, examples and benchmarks.
    dev: &'static [&'static str],
    why: &'static str,
}

const OWNED: &[Owned] = &[
    owned("redis", &["limits"], "limits are counted in one place"),
    owned("mlua", &["testkit"], "scripts run in Redis; here they are simulated"),
    Owned {
        library: "reqwest",
        owners: &["egress"],
        dev: &["sandbox"],
        why: "every byte to a third party leaves through egress",
    },
    owned("rustls", &["egress"], "egress installs the one TLS provider"),
    owned("aes-gcm", &["vault"], "only vault holds keys"),
    owned("sea-orm", &["storage", "migrations"], "every query goes through a tenant's scope"),
    owned("sqlx", &["storage", "migrations"], "every query goes through a tenant's scope"),
    owned("actix-web", &["api", "sandbox"], "use cases know no HTTP"),
    owned("utoipa", &["api", "sandbox"], "use cases know no HTTP"),
    owned("rmcp", &["api"], "use cases know no protocol"),
    owned("apalis", &["worker"], "jobs are rows; how they run is the worker's matter"),
    owned("clap", &["server"], "settings come from the composition root"),
    owned("prometheus", &["server"], "exporters are wired in the composition root"),
    owned("opentelemetry-prometheus", &["server"], "exporters are wired in the composition root"),
    owned("opentelemetry-otlp", &["server"], "exporters are wired in the composition root"),
];

const fn owned(library: &'static str, owners: &'static [&'static str], why: &'static str) -> Owned {
    Owned { library, owners, dev: &[], why }
}

/// Checks one crate's dependencies on owned libraries.
pub(super) fn check(package: &Package, manifest: Manifest<'_>) -> Vec<Violation> {
    let dependencies = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_none())
        .map(|dependency| (dependency.name.as_str(), dependency.kind == DependencyKind::Development));
    check_owners(package.name.as_str(), dependencies, manifest)
}

fn check_owners<'a>(
    package: &str,
    dependencies: impl Iterator<Item = (&'a str, bool)>,
    manifest: Manifest<'_>,
) -> Vec<Violation> {
    if may_use_anything(package) {
        return vec![];
    }
    let name = short_name(package);
    dependencies
        .filter_map(|(library, dev)| Some((library, dev, find(library)?)))
        .filter(|(_, dev, owned)| !(owned.owners.contains(&name) || *dev && owned.dev.contains(&name)))
        .map(|(library, _, owned)| {
            let owners = owned.owners.join(", ");
            manifest.violation(
                manifest.line_of_dependency(library),
                "library-owner",
                format!("`{name}` must not name `{library}`, which belongs to {owners}: {}", owned.why),
                format!("use what {owners} offers, or let it offer what you need"),
            )
        })
        .collect()
}

fn find(library: &str) -> Option<&'static Owned> {
    OWNED
        .iter()
        .find(|owned| library.strip_prefix(owned.library).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(package: &str, dependencies: &[(&str, bool)]) -> usize {
        let manifest = Manifest { path: "crates/x/Cargo.toml", text: "" };
        check_owners(package, dependencies.iter().copied(), manifest).len()
    }

    #[test]
    fn only_the_owner_names_a_library() {
        assert_eq!(told("gangway-egress", &[("reqwest", false)]), 0);
        assert_eq!(told("gangway-connector", &[("reqwest", false), ("serde", false)]), 1);
    }

    #[test]
    fn a_library_brings_its_family_but_not_its_namesakes() {
        assert_eq!(told("gangway-app", &[("sea-orm-migration", false)]), 1);
        assert_eq!(told("gangway-app", &[("redistribute", false)]), 0);
        assert_eq!(told("gangway-app", &[("opentelemetry", false)]), 0);
    }

    #[test]
    fn the_sandbox_uses_a_client_in_examples_only() {
        assert_eq!(told("gangway-sandbox", &[("reqwest", true)]), 0);
        assert_eq!(told("gangway-sandbox", &[("reqwest", false)]), 1);
    }

    #[test]
    fn test_crates_are_free() {
        assert_eq!(told("gangway-testkit", &[("sqlx", false), ("reqwest", false)]), 0);
    }
}
