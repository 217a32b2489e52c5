//! Every crate takes lints and dependencies from the workspace, so that each version and feature is decided once.

use toml::{Table, Value};

use super::violation::Violation;

/// A `Cargo.toml` with its path in the repository.
#[derive(Clone, Copy)]
pub(super) struct Manifest<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl Manifest<'_> {
    pub(super) fn violation(&self, line: usize, rule: &'static str, message: String, cure: String) -> Violation {
        Violation { path: self.path.to_owned(), line, rule, message, cure }
    }

    /// The line that names a dependency, or the first one.
    pub(super) fn line_of_dependency(&self, name: &str) -> usize {
        let names_it = |line: &str| {
            line.trim_start()
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.') || rest.trim_start().starts_with('='))
        };
        self.text.lines().position(names_it).map_or(1, |index| index + 1)
    }
}

/// Checks one crate's manifest.
pub(super) fn check(manifest: Manifest<'_>) -> Vec<Violation> {
    let Ok(table) = manifest.text.parse::<Table>() else {
        return vec![manifest.violation(
            1,
            "manifest",
            "is not readable TOML".to_owned(),
            "run `cargo check`, which shows the place".to_owned(),
        )];
    };
    let mut violations = Vec::new();
    if !takes_from_workspace(table.get("lints")) {
        violations.push(manifest.violation(
            1,
            "workspace-lints",
            "does not take the workspace's lints".to_owned(),
            "add `[lints]` with `workspace = true`".to_owned(),
        ));
    }
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    for section in targets.filter_map(Value::as_table).chain([&table]) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = section.get(kind).and_then(Value::as_table).into_iter().flatten();
            for (name, _) in dependencies.filter(|(_, value)| !takes_from_workspace(Some(value))) {
                violations.push(manifest.violation(
                    manifest.line_of_dependency(name),
                    "workspace-dependency",
                    format!("`{name}` does not come from the workspace's table"),
                    format!(
                        "put it under [workspace.dependencies] of the root Cargo.toml and write `{name}.workspace = true`"
                    ),
                ));
            }
        }
    }
    violations
}

fn takes_from_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(usize, &'static str)> {
        let manifest = Manifest { path: "crates/x/Cargo.toml", text };
        check(manifest).into_iter().map(|violation| (violation.line, violation.rule)).collect()
    }

    #[test]
    fn a_manifest_of_the_workspace_is_in_order() {
        let text = "[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n\
                    bytes = { workspace = true, features = [\"serde\"] }\n";
        assert_eq!(rules(text), []);
    }

    #[test]
    fn a_version_of_ones_own_is_told_wherever_it_stands() {
        let text = "[lints]\nworkspace = true\n[dependencies]\nserde = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\n\
                    libc = { version = \"0.2\" }\n";
        let mut told = rules(text);
        told.sort_unstable();
        assert_eq!(told, [(4, "workspace-dependency"), (6, "workspace-dependency")]);
    }

    #[test]
    fn missing_lints_and_broken_toml_are_told() {
        assert_eq!(rules("[package]\nname = \"x\"\n"), [(1, "workspace-lints")]);
        assert_eq!(rules("[package\n"), [(1, "manifest")]);
    }

    #[test]
    fn finds_the_line_of_a_dependency_and_not_of_its_namesake() {
        let manifest = Manifest { path: "", text: "serde_json.workspace = true\nserde = \"1\"\n" };
        assert_eq!(manifest.line_of_dependency("serde"), 2);
        assert_eq!(manifest.line_of_dependency("tokio"), 1);
    }
}
