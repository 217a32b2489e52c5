//! An emulator of Personio's API v1, for `gangway demo`, `gangway sandbox personio`, tests and documentation.
//!
//! It is written from the vendor's published facts and is the independent oracle for the connector, so it must never
//! import `gangway-connector`, and the connector must never import it. One [`Config`] describes a company; the same
//! seed always makes the same people, in both dialects. Everything is served by one catch-all handler that calls
//! [`routes`], which are plain functions from a request to an answer and can be tested without HTTP.
//!
//! ```no_run
//! # async fn example() -> Result<(), gangway_sandbox::BindError> {
//! let sandbox = gangway_sandbox::Sandbox::bind(gangway_sandbox::Config::new(250, 1))?;
//! let people = sandbox.handle().people();
//! assert_eq!(people.len(), 250);
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod answer;
mod auth;
mod change;
mod config;
mod handle;
mod ledger;
mod limiter;
mod pages;
mod people;
mod picture;
mod quirks;
mod request;
mod routes;
mod seed;
mod server;
mod shapes;
mod state;
mod store;
#[cfg(test)]
mod testing;

pub use change::Rejected;
pub use config::{Config, CredentialConfig, Dialect, HeaderFamily, LimiterKind, Limits, RateLimit};
pub use handle::Handle;
pub use ledger::{Entry, Report as LedgerReport, RouteCount};
pub use people::{Absence, Attendance, Project};
pub use quirks::{Language, Quirks, TokenMode};
pub use server::{BindError, Sandbox};
pub use store::StateError;
