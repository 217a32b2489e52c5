//! Keeps count of which repository methods were tried by the wrong tenant, against the list in storage's own source.

use std::{cell::RefCell, collections::BTreeSet, path::Path};

use gangway_storage::{Db, TenantScope, TenantTx};

/// A tenant that tries another's ids.
pub(super) struct Intruder {
    pub(super) db: Db,
    pub(super) scope: TenantScope,
    tried: RefCell<BTreeSet<String>>,
}

impl Intruder {
    pub(super) const fn new(db: Db, scope: TenantScope) -> Self {
        Self { db, scope, tried: RefCell::new(BTreeSet::new()) }
    }

    /// A transaction for one attempt, named `repository.method`.
    pub(super) async fn tries(&self, what: &str) -> TenantTx {
        self.tried.borrow_mut().insert(what.to_owned());
        self.db.begin(&self.scope).await.unwrap()
    }

    /// What was tried.
    pub(super) fn tried(&self) -> BTreeSet<String> {
        self.tried.borrow().clone()
    }
}

/// Every asynchronous method of every repository that hangs off a tenant's transaction, as `repository.method`.
pub(super) fn repository_methods() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/storage/src");
    let scope = std::fs::read_to_string(folder.join("scope.rs")).unwrap();
    let accessors = &scope[scope.find("impl TenantTx {").unwrap()..scope.find("pub struct SystemTx").unwrap()];
    let accessors: Vec<(&str, &str)> = accessors
        .lines()
        .filter_map(|line| {
            let (name, answer) = line.trim().strip_prefix("pub const fn ")?.split_once("(&self) -> ")?;
            Some((name, answer.strip_suffix("<'_> {")?))
        })
        .collect();
    assert!(accessors.len() > 15, "scope.rs has changed its shape: {accessors:?}");
    let mut methods = BTreeSet::new();
    for source in sources(&folder) {
        let mut accessor = None;
        for line in source.lines() {
            if let Some(kind) = line.strip_prefix("impl ").and_then(|rest| rest.strip_suffix("<'_> {")) {
                accessor = accessors.iter().find(|(_, answer)| *answer == kind).map(|(name, _)| *name);
            } else if line == "}" {
                accessor = None;
            } else if let (Some(accessor), Some(rest)) = (accessor, line.strip_prefix("    pub async fn ")) {
                let method: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                methods.insert(format!("{accessor}.{method}"));
            }
        }
    }
    methods
}

fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    texts
}
