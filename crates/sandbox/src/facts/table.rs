//! The two files, read. No cell holds a comma but the last, so that a line is split and nothing is quoted.

use std::collections::{BTreeMap, BTreeSet};

use super::Met;
use super::types::Type;

/// Which rows an answer is looked up by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) version: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) status: &'a str,
}

/// The rows of one kind of answer, or of a shape that is named.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) name: String,
    /// The row of the whole.
    pub(super) root: Option<usize>,
    /// Under each field the last parts of those beneath it, with their rows.
    pub(super) below: BTreeMap<String, Vec<(String, usize)>>,
}

/// One row of facts.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) shape: String,
    pub(super) field: String,
    pub(super) types: Vec<Type>,
    words: Vec<String>,
    pub(super) is_always: bool,
}

/// One row of exceptions.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) shape: String,
    pub(super) field: String,
    pub(super) kind: Kind,
}

/// How sandbox and table part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The sandbox shows a field that no source tells of.
    Unknown,
    /// The sandbox shows other values than the sources tell.
    Other,
    /// The sandbox never shows these types.
    Never(BTreeSet<String>),
}

/// All facts.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) shapes: BTreeMap<String, Shape>,
    pub(super) rows: Vec<Row>,
    pub(super) exceptions: Vec<Exception>,
}

impl Table {
    pub(super) fn read(facts: &str, exceptions: &str) -> Self {
        let mut table = Self { shapes: BTreeMap::new(), rows: Vec::new(), exceptions: Vec::new() };
        for line in facts.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [version, method, path, status, field, types, presence, source, read] = *cells.as_slice() else {
                panic!("this line of facts has not nine cells: {line}")
            };
            assert!(!source.is_empty() && read.len() == 10, "where and when was it read: {line}");
            assert!(["always", "optional"].contains(&presence), "neither always nor optional: {line}");
            let shape = name(version, method, path, status);
            let row = Row {
                shape: shape.clone(),
                field: field.to_owned(),
                types: types.split('|').map(Type::read).collect(),
                words: types.split('|').map(str::to_owned).collect(),
                is_always: presence == "always",
            };
            let place = table.rows.len();
            let known = table.shapes.entry(shape.clone()).or_insert_with(|| Shape { name: shape, ..Shape::default() });
            if field.is_empty() {
                assert!(known.root.replace(place).is_none(), "twice: {line}");
            } else {
                let (above, part) = split(field);
                let below = known.below.entry(above.to_owned()).or_default();
                assert!(!below.iter().any(|(known, _)| known == part), "twice: {line}");
                below.push((part.to_owned(), place));
            }
            table.rows.push(row);
        }
        for line in exceptions.lines().skip(1) {
            let cells: Vec<&str> = line.splitn(8, ',').collect();
            let [version, method, path, status, field, kind, types, why] = *cells.as_slice() else {
                panic!("this line of exceptions has not eight cells: {line}")
            };
            assert!(why.len() > 20, "why: {line}");
            let kind = match kind {
                "unknown" => Kind::Unknown,
                "other" => Kind::Other,
                "never" => Kind::Never(types.split('|').map(str::to_owned).collect()),
                other => panic!("no kind of exception: {other}"),
            };
            let shape = name(version, method, path, status);
            table.exceptions.push(Exception { shape, field: field.to_owned(), kind });
        }
        table
    }

    /// The shape of an answer: that of its own path, else that of all paths.
    pub(super) fn shape_of(&self, key: Key<'_>) -> Option<&Shape> {
        let Key { version, method, path, status } = key;
        let own = self.shapes.get(&name(version, method, path, status));
        own.or_else(|| self.shapes.get(&name(version, "*", "*", status)))
    }

    /// A shape that is named in a cell.
    pub(super) fn named(&self, shape: &Shape, named: &str) -> &Shape {
        let version = shape.name.split(' ').next().unwrap_or_default();
        let name = name(version, "", named, "");
        self.shapes.get(&name).unwrap_or_else(|| panic!("no rows describe {name}"))
    }

    /// The exception for a field, if there is one.
    pub(super) fn exception(&self, shape: &str, field: &str, kind: &Kind) -> Option<Met> {
        let is_it = |one: &Exception| one.shape == shape && one.field == field && one.kind == *kind;
        self.exceptions.iter().position(is_it).map(Met::Exception)
    }

    /// Whether the table tells of a good answer of an operation.
    pub(super) fn knows(&self, version: &str, method: &str, path: &str) -> bool {
        ["200", "201", "204"].iter().any(|status| {
            let shape = name(version, method, path, status);
            self.shapes.contains_key(&shape) || self.exception(&shape, "", &Kind::Unknown).is_some()
        })
    }

    /// What no answer has met though the table tells of it, and exceptions that nothing needs.
    pub(super) fn unmet(&self, met: &BTreeSet<Met>) -> Vec<String> {
        let mut problems = Vec::new();
        for (row, Row { shape, field, words, .. }) in self.rows.iter().enumerate() {
            let words = words.iter().enumerate();
            let unmet = words.filter(|(place, _)| !met.contains(&Met::Type { row, place: *place }));
            let unmet: BTreeSet<String> = unmet.map(|(_, word)| word.clone()).collect();
            let mut excepted = self.exceptions.iter().filter(|one| one.shape == *shape && one.field == *field);
            let excepted = excepted.find_map(|one| if let Kind::Never(types) = &one.kind { Some(types) } else { None });
            if !unmet.is_empty() && excepted != Some(&unmet) {
                problems.push(format!("{shape} {field:?}: no answer ever showed {unmet:?}"));
            }
            if unmet.is_empty() && excepted.is_some() {
                problems.push(format!("{shape} {field:?}: the exception is needed no more"));
            }
        }
        for (place, Exception { shape, field, kind }) in self.exceptions.iter().enumerate() {
            let is_idle = match kind {
                Kind::Never(_) => !self.rows.iter().any(|row| row.shape == *shape && row.field == *field),
                Kind::Unknown | Kind::Other => !met.contains(&Met::Exception(place)),
            };
            if is_idle {
                problems.push(format!("{shape} {field:?}: the exception is needed no more"));
            }
        }
        problems
    }
}

/// How a kind of answer, or a named shape, is called.
pub(super) fn name(version: &str, method: &str, path: &str, status: &str) -> String {
    [version, method, path, status].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `a.b[]` is `[]` under `a.b`, which is `b` under `a`.
fn split(field: &str) -> (&str, &str) {
    if let Some(above) = field.strip_suffix("[]") {
        return (above, "[]");
    }
    field.rsplit_once('.').unwrap_or(("", field))
}
