//! The HTTP API from outside: every route, every problem, isolation between tenants, and nonsense.

mod attributes;
mod document;
mod idempotency;
mod isolation;
mod isolation_rows;
mod nonsense;
mod pages;
mod problems;
mod resources;
mod runs;
mod security;
mod shared_account;
mod site;
mod support;
mod tokens;
mod versions;
