//! Checks of this repository that neither the compiler nor clippy can make, and documents that are made from the code.
//!
//! Nothing of this ships. The rules lie under `tidy`, one subject per file; `docs/architecture.md` gives their reasons.

use std::{
    io::{self, Write},
    process::ExitCode,
};

mod endpoints;
mod tidy;

const USAGE: &str = "usage: cargo xtask tidy       check crate edges, manifests, sources, texts and links
       cargo xtask metrics    print docs/metrics.md
       cargo xtask endpoints  write the table of endpoints into docs/connectors/personio.md";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tidy"] => run_tidy(),
        ["metrics"] => {
            write!(io::stdout(), "{}", gangway_metrics::markdown())?;
            Ok(ExitCode::SUCCESS)
        }
        ["endpoints"] => {
            endpoints::write()?;
            Ok(ExitCode::SUCCESS)
        }
        ["--help" | "-h" | "help"] => {
            writeln!(io::stdout(), "{USAGE}")?;
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            writeln!(io::stderr(), "{USAGE}")?;
            Ok(ExitCode::from(2))
        }
    }
}

fn run_tidy() -> anyhow::Result<ExitCode> {
    let report = tidy::check()?;
    let mut out = io::stdout().lock();
    for violation in &report.violations {
        writeln!(out, "{violation}")?;
    }
    if report.violations.is_empty() {
        writeln!(out, "tidy: {} crates and {} files are in order", report.n_crates, report.n_files)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "tidy: {} violations", report.violations.len())?;
    Ok(ExitCode::FAILURE)
}
