//! Links between the Markdown pages lead to files of the repository. Addresses on the web are not followed.

use std::path::Path;

use super::{tree::Tree, violation::Violation};

/// Checks one file, if it is Markdown.
pub(super) fn check(path: &str, text: &str, tree: &Tree) -> Vec<Violation> {
    if Path::new(path).extension().is_none_or(|extension| extension != "md") {
        return vec![];
    }
    let mut violations = Vec::new();
    let mut in_fence = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if in_fence {
            continue;
        }
        for target in targets(&without_code(line)) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            if file.is_empty() || is_address(target) {
                continue;
            }
            if resolve(path, file).is_none_or(|resolved| !tree.contains(&resolved)) {
                violations.push(Violation {
                    path: path.to_owned(),
                    line: index + 1,
                    rule: "broken-link",
                    message: format!("`{target}` leads to no file of the repository"),
                    cure: "correct the path; it is relative to the page it stands in".to_owned(),
                });
            }
        }
    }
    violations
}

/// Targets of `[text](target)` and of `[name]: target` in a line.
fn targets(line: &str) -> Vec<&str> {
    let definition = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .and_then(|(_, target)| target.split_whitespace().next());
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(target, _)| target.split_whitespace().next());
    definition.into_iter().chain(inline).map(|target| target.trim_matches(['<', '>'])).collect()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

fn is_address(target: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme))
}

/// The path of the repository that a relative path on a page means; none when it leaves the repository.
fn resolve(page: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(page: &str, text: &str) -> Vec<usize> {
        let files = ["README.md", "docs/a.md", "docs/decisions/0001-b.md", "crates/x/src/lib.rs", "docs/a.png"];
        let tree = Tree::of(files.map(|path| (path.to_owned(), None)));
        check(page, text, &tree).into_iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn links_to_files_and_folders_resolve() {
        let text =
            "[a](docs/a.md#part) ![p](docs/a.png) [d](docs/decisions/)\n[up](./README.md \"title\")\n[x]: crates/x\n";
        assert_eq!(broken("README.md", text), [0; 0]);
        assert_eq!(broken("docs/a.md", "[r](../README.md) [b](decisions/0001-b.md) [here](#top)\n"), [0; 0]);
    }

    #[test]
    fn links_to_nothing_are_told() {
        assert_eq!(broken("docs/a.md", "[r](README.md)\n\n[b](../docs/c.md)\n[x]: gone.md\n"), [1, 3, 4]);
    }

    #[test]
    fn links_out_of_the_repository_are_told() {
        assert_eq!(broken("docs/a.md", "[a](../../other.md) [b](/docs/a.md)\n"), [1, 1]);
    }

    #[test]
    fn addresses_and_code_are_left_alone() {
        let text = "[w](https://example.com/x) `[a](gone.md)`\n```\n[b](gone.md)\n```\n[m](mailto:a@example.com)\n";
        assert_eq!(broken("docs/a.md", text), [0; 0]);
    }
}
