//! The `gangway` binary as tests start it: cargo builds the binaries of a package for its tests, and of no other package.

use std::process::ExitCode;

fn main() -> ExitCode {
    gangway_server::main()
}
