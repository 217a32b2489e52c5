//! The `gangway` binary. Everything is in the library of the same crate, so that tests can call it.

use std::process::ExitCode;

/// Parsing vendor pages allocates much and frees soon, which the system's allocator is twice as slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gangway_server::main()
}
