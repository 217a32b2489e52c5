//! Migrations only add: the version before goes on working on the schema after, so that a new one can start beside it.

use super::{tree::Tree, violation::Violation};

/// What takes something away from code that is still running, in upper case, and why.
const NARROWING: &[(&str, &str)] = &[
    ("DROP TABLE", "the version before still reads it"),
    ("DROP COLUMN", "the version before still names it"),
    ("DROP CONSTRAINT", "the version before may rely on it"),
    ("RENAME", "the version before knows the old name"),
    ("SET NOT NULL", "the version before may leave it out"),
    (" TYPE ", "the version before reads and writes the old type"),
];

/// Files that do it all the same, each with what makes it safe. Entries that are no longer needed are told.
const SAFE: &[(&str, &str, &str)] = &[
    ("m20261128_000001_token_apis.rs", "DROP CONSTRAINT", "the key becomes longer by a column with a default"),
    (
        "m20261128_000001_token_apis.rs",
        "DROP TABLE",
        "SQLite has one process, and the table is made anew in the transaction",
    ),
    ("m20261128_000001_token_apis.rs", "RENAME", "the same"),
];

/// Checks one file, if it is a migration.
pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let Some(name) = path.strip_prefix("migrations/src/").filter(|name| name.starts_with('m')) else { return vec![] };
    let mut violations = Vec::new();
    let mut tell = |line, message: String, cure: &str| {
        let (path, cure) = (path.to_owned(), cure.to_owned());
        violations.push(Violation { path, line, rule: "expand-only", message, cure });
    };
    for (line, statement) in statements(text) {
        for (pattern, why) in NARROWING {
            let is_safe = SAFE.iter().any(|(file, safe, _)| *file == name && safe == pattern);
            if statement.contains(pattern) && !is_safe {
                let cure = "add beside it, move the data, and drop it one version later; or say in `SAFE` of \
                            crates/xtask/src/tidy/expand.rs why nobody notices";
                tell(line, format!("`{}`: {why}", pattern.trim()), cure);
            }
        }
        let is_new_column = statement.contains(".COLUMN(") || statement.contains("ADD COLUMN");
        if is_new_column && statement.contains("NOT NULL") && !statement.contains("DEFAULT") {
            tell(line, "a new column without a default: the version before leaves it out".to_owned(), "give it one");
        }
    }
    violations
}

/// Finds entries of the list that no file needs.
pub(super) fn check_list(tree: &Tree) -> Vec<Violation> {
    let is_needed = |file: &str, pattern: &str| {
        let text = tree.text(&format!("migrations/src/{file}"));
        text.is_some_and(|text| statements(text).any(|(_, statement)| statement.contains(pattern)))
    };
    SAFE.iter()
        .filter(|(file, pattern, _)| !is_needed(file, pattern))
        .map(|(file, pattern, _)| Violation {
            path: "crates/xtask/src/tidy/expand.rs".to_owned(),
            line: 1,
            rule: "expand-only",
            message: format!("`SAFE` lists `{pattern}` in {file}, which has none"),
            cure: "remove the entry".to_owned(),
        })
        .collect()
}

/// Lines of code in upper case, numbered from 1.
fn statements(text: &str) -> impl Iterator<Item = (usize, String)> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.map(|(index, line)| (index + 1, line.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Vec<String> {
        let violations = check("migrations/src/m20990101_000001_x.rs", &format!("//! X.\n{line}\n"));
        violations.into_iter().map(|violation| format!("{} {}", violation.line, violation.message)).collect()
    }

    #[test]
    fn what_takes_something_away_is_told() {
        for line in [
            "ddl.run(\"DROP TABLE job\")",
            "ddl.run(\"ALTER TABLE job drop column kind\")",
            "ddl.run(\"ALTER TABLE job RENAME TO task\")",
            "ddl.run(\"ALTER TABLE job ALTER COLUMN kind SET NOT NULL\")",
            "ddl.run(\"ALTER TABLE job ALTER COLUMN kind TYPE BIGINT\")",
            "ddl.column(\"job\", \"size BIGINT NOT NULL\")",
        ] {
            assert_eq!(told(line).len(), 1, "{line}: {:?}", told(line));
        }
    }

    #[test]
    fn what_adds_is_not() {
        for line in [
            "ddl.table(\"note\", \"id {uuid} NOT NULL\")",
            "ddl.column(\"job\", \"size BIGINT\")",
            "ddl.column(\"job\", \"size BIGINT NOT NULL DEFAULT 0\")",
            "// DROP TABLE job",
        ] {
            assert_eq!(told(line), [""; 0], "{line}");
        }
        assert_eq!(check("migrations/src/ddl.rs", "DROP TABLE job"), []);
    }
}
