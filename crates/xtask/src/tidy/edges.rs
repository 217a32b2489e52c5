//! Which of our crates may use which: the table of `docs/architecture.md`, direct dependencies, normal and dev.

use cargo_metadata::{DependencyKind, Package};

use super::{manifests::Manifest, violation::Violation};

/// A crate of ours and the crates of ours that it may use.
pub(super) struct Room {
    name: &'static str,
    uses: Uses,
    /// Allowed on top in tests, examples and benchmarks.
    dev: &'static [&'static str],
}

enum Uses {
    Only(&'static [&'static str]),
    /// Test crates and tools, which nothing that ships may use.
    Anything,
}

const ROOMS: &[Room] = &[
    room("domain", &[]),
    room("metrics", &[]),
    room("limits", &["domain"]),
    room("egress", &["domain", "metrics", "limits"]),
    room("vault", &["domain", "egress"]),
    room("connector", &["domain", "egress"]),
    Room { name: "storage", uses: Uses::Only(&["domain", "metrics"]), dev: &["migrations"] },
    room("app", &["domain", "metrics", "limits", "egress", "vault", "connector", "storage"]),
    room("api", &["domain", "metrics", "app"]),
    room("worker", &["domain", "metrics", "app"]),
    room("sandbox", &["domain", "egress"]),
    room(
        "server",
        &[
            "domain",
            "metrics",
            "limits",
            "egress",
            "vault",
            "connector",
            "storage",
            "app",
            "api",
            "worker",
            "sandbox",
            "migrations",
        ],
    ),
    room("migrations", &[]),
    Room { name: "testkit", uses: Uses::Anything, dev: &[] },
    Room { name: "tests", uses: Uses::Anything, dev: &[] },
    Room { name: "xtask", uses: Uses::Anything, dev: &[] },
];

const fn room(name: &'static str, uses: &'static [&'static str]) -> Room {
    Room { name, uses: Uses::Only(uses), dev: &[] }
}

/// The folder-like name of a crate of ours: `gangway-app` is `app`.
pub(super) fn short_name(package: &str) -> &str {
    package.strip_prefix("gangway-").unwrap_or(package)
}

/// Whether a crate may use everything because it never ships.
pub(super) fn may_use_anything(package: &str) -> bool {
    find(package).is_some_and(|room| matches!(room.uses, Uses::Anything))
}

/// Checks one crate's dependencies on our other crates.
pub(super) fn check(package: &Package, manifest: Manifest<'_>) -> Vec<Violation> {
    let ours = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some())
        .map(|dependency| (dependency.name.as_str(), dependency.kind == DependencyKind::Development));
    check_edges(package.name.as_str(), ours, manifest)
}

fn check_edges<'a>(
    package: &str,
    ours: impl Iterator<Item = (&'a str, bool)>,
    manifest: Manifest<'_>,
) -> Vec<Violation> {
    let name = short_name(package);
    let Some(room) = find(package) else {
        return vec![manifest.violation(
            1,
            "crate-edge",
            format!("the crate `{package}` is not in the table of crates"),
            "add it to `ROOMS` in crates/xtask/src/tidy/edges.rs and to the table in docs/architecture.md".to_owned(),
        )];
    };
    let Uses::Only(permitted) = room.uses else { return vec![] };
    ours.filter(|(used, dev)| {
        let used = short_name(used);
        !(used == name && *dev || permitted.contains(&used) || *dev && room.dev.contains(&used))
    })
    .map(|(used, dev)| {
        let how = if dev { "use (in tests)" } else { "use" };
        manifest.violation(
            manifest.line_of_dependency(used),
            "crate-edge",
            format!("`{name}` must not {how} `{}`; it may use {}", short_name(used), list(permitted)),
            "move the code to the crate that may, or put a trait of the lower crate between; a new edge is a decision \
             (docs/decisions) and a line in `ROOMS`"
                .to_owned(),
        )
    })
    .collect()
}

fn find(package: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == short_name(package))
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none of our crates".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(package: &str, ours: &[(&str, bool)]) -> Vec<String> {
        let manifest =
            Manifest { path: "crates/x/Cargo.toml", text: "[dependencies]\ngangway-storage.workspace = true\n" };
        check_edges(package, ours.iter().copied(), manifest)
            .into_iter()
            .map(|violation| format!("{}: {}", violation.line, violation.message))
            .collect()
    }

    #[test]
    fn the_table_names_only_crates_it_has() {
        for room in ROOMS {
            let Uses::Only(permitted) = room.uses else { continue };
            for used in permitted.iter().chain(room.dev) {
                assert!(find(used).is_some(), "{} uses {used}", room.name);
                assert!(!may_use_anything(used), "{} uses {used}", room.name);
            }
        }
    }

    #[test]
    fn a_forbidden_edge_is_told_with_its_line() {
        let told = edges("gangway-api", &[("gangway-app", false), ("gangway-storage", false)]);
        assert_eq!(told, ["2: `api` must not use `storage`; it may use domain, metrics, app"]);
    }

    #[test]
    fn dev_dependencies_are_edges_too() {
        assert_eq!(edges("gangway-sandbox", &[("gangway-connector", true)]).len(), 1);
        assert_eq!(edges("gangway-worker", &[("gangway-testkit", true)]).len(), 1);
    }

    #[test]
    fn storage_may_use_the_migrations_in_tests_only() {
        assert_eq!(edges("gangway-storage", &[("gangway-migrations", true)]), [""; 0]);
        assert_eq!(edges("gangway-storage", &[("gangway-migrations", false)]).len(), 1);
    }

    #[test]
    fn test_crates_may_use_anything_and_unknown_crates_are_told() {
        assert_eq!(edges("gangway-tests", &[("gangway-server", false)]), [""; 0]);
        assert_eq!(edges("gangway-new", &[]).len(), 1);
    }
}
