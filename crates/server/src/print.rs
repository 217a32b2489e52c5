//! The only door to standard output and to messages for the person at the terminal. Logs do not come through here.

use std::io::Write as _;

/// Prints a line of results. A closed pipe (`gangway key list | head -1`) is no failure.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        // Nobody reads any more.
    }
}

/// Tells the person what went wrong, on standard error.
pub fn error(text: &str) {
    note(&format!("error: {text}"));
}

/// Tells the person something that is no result, on standard error.
pub fn note(text: &str) {
    let mut out = std::io::stderr().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        // Nobody reads any more.
    }
}
