//! The tests across crates, in one binary: each module is one subject of the platform.
//!
//! They run on SQLite and, where `GANGWAY_TEST_POSTGRES_URL` is set (`make test` sets it), on PostgreSQL too.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "everything here is a test; the lints' own exemption ends at the helpers of test functions"
)]

mod api;
mod behaviour;
mod canary;
mod cli;
mod onboarding;
mod queue;
mod sync;
mod tenancy;
