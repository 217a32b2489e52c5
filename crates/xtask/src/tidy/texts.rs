//! Rules for every text of the repository: no paths of one machine, no open ends without an issue.

use super::violation::Violation;

/// Folders that exist on somebody's machine and nowhere else.
const MACHINE_FOLDERS: &[&str] = &["/work/", "/root/", "/home/"];

const MARKERS: &[&str] = &["TODO", "FIXME"];

/// Checks one text.
pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    // Lock files are written by tools; the rules below quote what they forbid.
    let exempt = path.ends_with("Cargo.lock") || path.ends_with("package-lock.json");
    if exempt || path.starts_with("crates/xtask/src/tidy/") {
        return vec![];
    }
    let mut violations = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut tell = |rule, message, cure: &str| {
            violations.push(Violation { path: path.to_owned(), line: index + 1, rule, message, cure: cure.to_owned() });
        };
        for folder in MACHINE_FOLDERS {
            if names_folder(line, folder) {
                let cure = "use a relative path, a variable or a temporary folder";
                tell("machine-path", format!("`{folder}` exists on one machine only"), cure);
            }
        }
        for marker in MARKERS {
            if has_open_marker(line, marker) {
                let cure = "do it now, or file an issue and write the marker as `(#number)` behind it";
                tell("open-end", format!("`{marker}` without an issue"), cure);
            }
        }
    }
    violations
}

/// Whether the folder stands at the beginning of a path, not inside a longer one or a URL.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(index, _)| {
        let before = line.get(..index).and_then(|text| text.chars().next_back());
        before.is_none_or(|c| !(c.is_alphanumeric() || "/.-_~}>)*]".contains(c)))
    })
}

fn has_open_marker(line: &str, marker: &str) -> bool {
    line.match_indices(marker).any(|(index, _)| {
        let before = line.get(..index).and_then(|text| text.chars().next_back());
        let rest = line.get(index + marker.len()..).unwrap_or_default();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        !before.is_some_and(is_word) && !rest.starts_with(is_word) && !names_issue(rest)
    })
}

fn names_issue(rest: &str) -> bool {
    rest.strip_prefix("(#")
        .and_then(|rest| rest.split_once(')'))
        .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(usize, &'static str)> {
        check("docs/a.md", text).into_iter().map(|violation| (violation.line, violation.rule)).collect()
    }

    #[test]
    fn paths_of_one_machine_are_told() {
        assert_eq!(rules("see `/work/main`\n\"/root/.cache\"\n/home/me\n").len(), 3);
    }

    #[test]
    fn routes_and_longer_paths_are_not() {
        assert_eq!(rules("https://example.com/work/a docs/home/b $HOME/.cache {base}/home/ ~/work/\n"), []);
    }

    #[test]
    fn an_open_end_names_its_issue() {
        assert_eq!(rules("// TODO: later\n# FIXME\n"), [(1, "open-end"), (2, "open-end")]);
        assert_eq!(rules("// TODO(#12): later\nTODOS MY_TODO mastodon\n"), []);
        assert_eq!(rules("// TODO(#): later\n// TODO(me): later\n").len(), 2);
    }

    #[test]
    fn lock_files_are_left_alone() {
        assert_eq!(check("Cargo.lock", "/root/ TODO\n"), []);
    }
}
