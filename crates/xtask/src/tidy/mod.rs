//! Runs every rule over the workspace and gathers what it finds.
//!
//! Rules are functions from a path and a text (or a manifest) to violations, so that each is tested without a tree.

use anyhow::Context;
use cargo_metadata::MetadataCommand;

mod edges;
mod expand;
mod links;
mod manifests;
mod owners;
mod sources;
mod texts;
mod tree;
mod violation;

use tree::Tree;
use violation::Violation;

/// What a run found.
pub(crate) struct Report {
    pub(crate) violations: Vec<Violation>,
    pub(crate) n_crates: usize,
    pub(crate) n_files: usize,
}

/// Checks the workspace that the current directory belongs to.
pub(crate) fn check() -> anyhow::Result<Report> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata failed")?;
    let tree = Tree::read(metadata.workspace_root.as_std_path())?;
    let packages = metadata.workspace_packages();
    let mut violations = Vec::new();

    for package in &packages {
        let path = package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap_or(&package.manifest_path);
        let text = tree.text(path.as_str()).with_context(|| format!("{path} is missing from the tree"))?;
        let manifest = manifests::Manifest { path: path.as_str(), text };
        violations.extend(edges::check(package, manifest));
        violations.extend(owners::check(package, manifest));
        violations.extend(manifests::check(manifest));
    }
    for (path, text) in tree.texts() {
        violations.extend(texts::check(path, text));
        violations.extend(sources::check(path, text));
        violations.extend(links::check(path, text, &tree));
        violations.extend(expand::check(path, text));
    }
    violations.extend(sources::check_long_list(&tree));
    violations.extend(expand::check_list(&tree));

    violations.sort();
    Ok(Report { violations, n_crates: packages.len(), n_files: tree.len() })
}
