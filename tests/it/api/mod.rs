//! The HTTP API from outside: every route, every problem, isolation between tenants, and nonsense.

mod attributes;
mod audit;
mod audit_tampering;
mod changes;
mod document;
mod idempotency;
mod isolation;
mod isolation_rows;
mod key_scopes;
mod limits;
mod nonsense;
mod nonsense_shapes;
mod pages;
mod pauses;
mod problems;
mod quotas;
mod resources;
mod runs;
mod security;
mod shared_account;
mod site;
mod stated_limits;
mod support;
mod tokens;
mod versions;
