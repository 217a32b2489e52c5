//! Use cases: what HTTP, jobs, the command line and later SCIM and MCP all call.
//!
//! A use case takes a [`Ctx`] first (who acts, in which tenant), works in transactions of `storage`, opens and seals with
//! `vault`, and reaches vendors through `connector` and `egress`. This is the only crate where those meet. It knows no
//! HTTP status, no JSON body and no job runner. Walk-throughs are in `docs/architecture.md`.

pub mod attributes;
pub mod audit;
pub mod budgets;
pub mod config;
pub mod connections;
pub mod connectors;
pub mod ctx;
pub mod error;
pub mod events;
pub mod figures;
pub mod idempotency;
pub mod jobs;
pub mod keys;
pub mod mapping;
mod names;
pub mod queue;
pub mod records;
pub mod seal;
pub mod settings;
pub mod syncs;
pub mod tenants;

pub use config::Config;
pub use ctx::{App, Ctx, OperatorCtx};
pub use error::{Error, FieldError, INTERNAL};
pub use gangway_limits::inbound;
pub use gangway_storage::{Page, PageRequest, settings::StoredSettings};

/// What every use case answers.
pub type Result<T> = std::result::Result<T, Error>;
