//! Storage: the only crate that speaks to our database.
//!
//! Start at [`Db`]: it authenticates, and hands out transactions. [`TenantTx`] sees one tenant and nothing else;
//! [`SystemTx`] does the few named things that cross tenants and says why. Neither implements sea-orm's `ConnectionTrait`,
//! so a query without a tenant does not compile; entities are private. Rows hold sealed bytes where `docs/schema.md`
//! says so; sealing and opening is `vault`'s and `app`'s work, never done here.

mod access;
mod db;
mod entity;
mod error;
mod micros;
mod page;
#[cfg(test)]
mod plans;
mod scope;
mod transaction;

pub mod attributes;
pub mod audit;
pub mod audit_chain;
pub mod connections;
pub mod credentials;
pub mod data_keys;
pub mod doctor;
pub mod events;
pub mod figures;
pub mod held;
pub mod idempotency;
pub mod keys;
pub mod mappings;
pub mod offices;
pub mod persons;
pub mod quarantine;
pub mod queue;
pub mod records;
pub mod runs;
pub mod settings;
pub mod sweeps;
pub mod syncs;
pub mod tenants;
pub mod tokens;

pub use db::{Config, Db};
pub use error::{Error, sqlstate};
pub use page::{Page, PageRequest};
pub use scope::{SystemReason, SystemTx, TenantScope, TenantTx};

/// What every storage operation answers.
pub type Result<T> = std::result::Result<T, Error>;
