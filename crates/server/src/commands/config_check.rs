//! `gangway config check`: the effective settings and every mistake.

use std::process::ExitCode;

use crate::{config::Loaded, print};

/// Prints settings with their origin, then mistakes; code 1 when there is one.
pub fn run(loaded: &Loaded) -> ExitCode {
    for shown in &loaded.shown {
        print::line(&format!("{} = {}  # {}", shown.name, shown.value, shown.origin));
    }
    for problem in &loaded.problems {
        print::error(&problem.to_string());
    }
    if loaded.problems.is_empty() {
        print::note("the settings hold no mistake");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
