//! Rules for Rust sources: a purpose on top, one subject per file, speaking module names, honest tests.

use std::path::Path;

use super::{tree::Tree, violation::Violation};

const MAX_LINES: usize = 500;

/// Files that may be longer, each with its reason. Entries that are no longer needed are told.
const LONG_FILES: &[(&str, &str)] = &[];

const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common"];

/// What a line of code must not hold, and what to do instead.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("#[ignore", "a test that does not run proves nothing", "make it run everywhere or delete it"),
    ("#[should_panic", "any panic satisfies it", "match the error, or catch the panic and look at it"),
    (
        "thread::sleep",
        "it blocks a worker and makes tests slow or flaky",
        "wait for a condition, or pause tokio's clock",
    ),
];

/// Checks one file, if it is a Rust source of the workspace.
pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let ours = ["crates/", "migrations/", "tests/"].iter().any(|folder| path.starts_with(folder));
    if !ours || Path::new(path).extension().is_none_or(|extension| extension != "rs") {
        return vec![];
    }
    let mut violations = Vec::new();
    let mut tell = |line, rule, message: String, cure: &str| {
        violations.push(Violation { path: path.to_owned(), line, rule, message, cure: cure.to_owned() });
    };

    if text.lines().find(|line| !line.trim().is_empty()).is_none_or(|line| !line.starts_with("//!")) {
        tell(
            1,
            "module-header",
            "does not open with `//!`".to_owned(),
            "say what the module is for and what it must not do",
        );
    }
    let n_lines = text.lines().count();
    if n_lines > MAX_LINES && !LONG_FILES.iter().any(|(long, _)| *long == path) {
        let cure = "move its second subject to a file of its own, or list it in `LONG_FILES` of \
                    crates/xtask/src/tidy/sources.rs with a reason";
        tell(MAX_LINES + 1, "file-length", format!("has {n_lines} lines, more than {MAX_LINES}"), cure);
    }
    if let Some(name) = path.split(['/', '.']).find(|part| EMPTY_NAMES.contains(part)) {
        tell(1, "module-name", format!("`{name}` says nothing about what is inside"), "name the thing");
    }
    // The rules quote what they forbid.
    let quotes_rules = path.starts_with("crates/xtask/src/tidy/");
    for (index, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if code.starts_with("//") || quotes_rules {
            continue;
        }
        for (pattern, why, cure) in FORBIDDEN {
            if code.contains(pattern) {
                tell(index + 1, "forbidden", format!("`{pattern}`: {why}"), cure);
            }
        }
        if let Some(name) = inline_module(code).filter(|name| EMPTY_NAMES.contains(name)) {
            tell(index + 1, "module-name", format!("`{name}` says nothing about what is inside"), "name the thing");
        }
    }
    violations
}

/// Finds entries of the list of long files that no file needs.
pub(super) fn check_long_list(tree: &Tree) -> Vec<Violation> {
    LONG_FILES
        .iter()
        .filter(|(path, _)| tree.text(path).is_none_or(|text| text.lines().count() <= MAX_LINES))
        .map(|(path, _)| Violation {
            path: "crates/xtask/src/tidy/sources.rs".to_owned(),
            line: 1,
            rule: "file-length",
            message: format!("`LONG_FILES` lists {path}, which is gone or short enough"),
            cure: "remove the entry".to_owned(),
        })
        .collect()
}

/// The name of a module written inside another file: `mod name {`.
fn inline_module(code: &str) -> Option<&str> {
    let (before, rest) = code.split_once("mod ")?;
    let name = rest.strip_suffix('{')?.trim_end();
    (before.is_empty() || before.starts_with("pub")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        check(path, text).into_iter().map(|violation| (violation.line, violation.rule)).collect()
    }

    #[test]
    fn a_module_opens_with_its_purpose() {
        assert_eq!(rules("crates/x/src/a.rs", "//! Why.\nfn f() {}\n"), []);
        assert_eq!(rules("crates/x/src/a.rs", "use a;\n//! Why.\n"), [(1, "module-header")]);
        assert_eq!(rules("tests/it/main.rs", ""), [(1, "module-header")]);
        assert_eq!(rules("web/tool.rs", "use a;\n"), []);
    }

    #[test]
    fn five_hundred_lines_are_the_most() {
        let fits = format!("//! Why.\n{}", "//\n".repeat(499));
        assert_eq!(rules("crates/x/src/a.rs", &fits), []);
        assert_eq!(rules("crates/x/src/a.rs", &format!("{fits}//\n")), [(501, "file-length")]);
    }

    #[test]
    fn module_names_say_something() {
        assert_eq!(rules("crates/x/src/utils.rs", "//! a\n"), [(1, "module-name")]);
        assert_eq!(rules("crates/x/src/common/a.rs", "//! a\n"), [(1, "module-name")]);
        assert_eq!(rules("crates/x/src/uncommon.rs", "//! a\npub(crate) mod helpers {\n"), [(2, "module-name")]);
        assert_eq!(rules("crates/x/src/a.rs", "//! a\nmod helpers_of_acme {\n"), []);
    }

    #[test]
    fn tests_that_prove_nothing_are_told_but_may_be_talked_about() {
        let text = "//! No `#[ignore]`.\n    #[ignore = \"slow\"]\n#[should_panic]\n// thread::sleep\nstd::thread::sleep(d);\n";
        assert_eq!(rules("crates/x/src/a.rs", text), [(2, "forbidden"), (3, "forbidden"), (5, "forbidden")]);
    }
}
