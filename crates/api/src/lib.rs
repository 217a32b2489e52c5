//! The HTTP API: routes, requests and answers, problems, and the OpenAPI document.
//!
//! A handler reads its request, calls one use case of `gangway-app`, and writes a view; it decides nothing. Permission is
//! part of its signature ([`extract`]), failures become problems in one place ([`problem`]), and what every route shares
//! (request ids, spans, headers, panics) happens around them ([`middleware`]). Routes are listed once, in [`routes`].
//! Conventions: `docs/api-design.md`; a new endpoint: `docs/adding-an-endpoint.md`.

mod absences;
mod answer;
mod attendances;
mod audit;
mod config;
mod connections;
mod connectors;
mod document;
mod employees;
mod events;
mod explanation;
mod extract;
mod held;
mod idempotent;
mod jobs;
mod keys;
mod limits;
mod middleware;
mod picture;
mod problem;
mod problem_json;
mod quotas;
mod records;
mod routes;
mod server;
mod settings;
mod site;
mod surface;
mod sync_runs;
mod syncs;
mod tenants;

pub use config::{Config, SpanHook};
pub use document::openapi;
pub use explanation::errors_page;
pub use gangway_app::inbound::Quota;
pub use limits::{StatedLimit, limits_table, stated_limits};
pub use quotas::Quotas;
pub use server::{Handle, Server, bind, serve};
pub use surface::Bodies;
