//! The tests across crates, in one binary: each module is one subject of the platform.
//!
//! They run on SQLite and, where `GANGWAY_TEST_POSTGRES_URL` is set (`make test` sets it), on PostgreSQL too.

mod api;
mod behaviour;
mod api;
mod canary;
mod cli;
mod onboarding;
mod queue;
mod sync;
mod tenancy;
