//! The files of the repository as git sees them: tracked ones, and new ones that are not ignored.
//!
//! New files count, so that tidy speaks before the commit and not after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use anyhow::{Context, bail};

/// Texts by path, relative to the root and with `/` between parts.
pub(crate) struct Tree {
    texts: BTreeMap<String, String>,
    paths: BTreeSet<String>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let output = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .context("git could not be run; tidy asks it which files belong to the repository")?;
        if !output.status.success() {
            bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let listing = String::from_utf8(output.stdout).context("a path is not UTF-8")?;
        let mut files = Vec::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // A tracked file may be deleted in the working tree.
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            files.push((path.to_owned(), String::from_utf8(bytes).ok()));
        }
        Ok(Self::of(files))
    }

    /// Builds a tree from paths with their text, if they are text.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let (mut texts, mut paths) = (BTreeMap::new(), BTreeSet::new());
        for (path, text) in files {
            for (index, _) in path.match_indices('/') {
                paths.extend(path.get(..index).map(str::to_owned));
            }
            paths.insert(path.clone());
            if let Some(text) = text {
                texts.insert(path, text);
            }
        }
        Self { texts, paths }
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Whether a file or a folder of the repository has this path.
    pub(crate) fn contains(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}
