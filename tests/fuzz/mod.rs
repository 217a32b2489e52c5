//! Trying millions of damaged inputs on everything that reads what strangers send.
//!
//! There is no instrumented build: `cargo fuzz` needs a nightly compiler, which nobody should have to install to contribute. What guides
//! the search instead is what a target says about an input (which error, how many records, which reasons): an input that is
//! answered in a way not met before is kept, and is mutated further.

pub(crate) mod engine;
pub(crate) mod mutate;
pub(crate) mod targets;
