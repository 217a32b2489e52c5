//! The tests across crates, in one binary: each module is one subject of the platform.
//!
//! They run on SQLite and, where there is a server (`make test` brings one), on PostgreSQL too: see `gangway_testkit::postgres_url`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "everything here is a test; the lints' own exemption ends at the helpers of test functions"
)]

mod api;
mod behaviour;
mod budget_day;
mod canary;
mod cli;
mod faults;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod fuzzing;
mod killed;
mod onboarding;
mod queue;
mod sync;
mod tenancy;
mod upgrade;

/// A passing test shows nothing that it printed; of this one the runner shows it.
#[test]
fn the_run_says_whether_postgresql_is_tested() {
    if gangway_testkit::postgres_url().is_some() {
        println!("tested on PostgreSQL too");
    }
}
