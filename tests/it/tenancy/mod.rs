//! Tenant isolation in the database itself: what still holds when a query forgets its filter.
//!
//! Three questions, each with a control that shows that the test would notice a failure: does the schema put every table
//! under the rules (`schema`, `rights`), do the rules hold against raw statements (`row_security`, `pooled`), and do the
//! repositories keep to their tenant on both databases (`repositories`). `events` proves the order of the log, `sqlite`
//! what is left where the database has no roles, `migrate` that an operator's login can build it all. `tokens` keeps those of a vendor's
//! APIs apart. `rotation` and `rewrap`
//! change the keys that each tenant's values are sealed with.

#![cfg(test)]

mod attempts;
mod attempts_on_audit;
mod attempts_on_persons;
mod attempts_on_tokens;
mod catalogue;
mod events;
mod held;
mod mappings;
mod migrate;
mod operators;
mod pooled;
mod repositories;
mod rewrap;
mod rights;
mod rotation;
mod row_security;
mod schema;
mod scopes;
mod seed;
mod sqlite;
mod support;
mod tokens;
