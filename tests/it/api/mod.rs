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
mod security;
mod site;
mod support;
mod tokens;
mod versions;
