//! An emulator of Personio's API, versions 1 and 2, for `gangway demo`, `gangway sandbox personio`, tests and documentation.
//!
//! It is written from the vendor's published facts and is the independent oracle for the connector, so it must never
//! import `gangway-connector`, and the connector must never import it. One [`Config`] describes a company; the same
//! seed always makes the same people, in both dialects. Everything is served by one catch-all handler that calls
//! [`routes`], which are plain functions from a request to an answer and can be tested without HTTP. Everybody is rendered
//! before the port answers (see [`views`]), so that a benchmark never waits for the emulator.
//!
//! Version 2 ([`v2`]) is served from the same company in the vendor's dialect, so each version sees what was written through the
//! other: persons and employments, org units, legal entities, cost centres and workplaces, absence types and periods, attendance
//! periods, documents, and webhooks. It has tokens (`POST /v2/auth/token`, by form), scopes, limits and errors of its own. What is
//! not there are projects, compensations, reports and recruiting. Webhooks are told of whatever changes, through the API or the admin
//! endpoints, with the vendor's plan of attempts; they are sent to this machine only, unless [`WebhookSending`] allows more.
//!
//! Outside the vendor's API lie the admin endpoints, which take and give JSON, ask for no token and are not in the ledger:
//!
//! | Path | Methods |
//! | --- | --- |
//! | `/_sandbox/people`, `/_sandbox/absences`, `/_sandbox/attendances` | GET all, POST one |
//! | `/_sandbox/people/{id}` and so on | PATCH some fields, DELETE (a person's GET too) |
//! | `/_sandbox/attributes` | GET the company's attributes, the company-specific ones with their keys |
//! | `/_sandbox/types` | GET the kinds of absence |
//! | `/_sandbox/ledger?recent=100` | GET the counts per route and status and the last requests |
//! | `/_sandbox/quirks` | GET the switches; POST some, with `credentials` (whitelist, scopes) and `expire_tokens` beside them |
//! | `/_sandbox/faults` | GET them with their hits, POST one, DELETE all |
//! | `/_sandbox/faults/{id}` | DELETE one |
//! | `/_sandbox/webhooks` | GET the webhooks, the requests sent to them, and how many wait |
//!
//! Values are plain there: `{"last_name": "Neu", "hire_date": "2026-02-01", "department": "Vertrieb", "supervisor": 17}`.
//! A failure is ordered with `{"path": "/v1/company/employees", "page": 2, "times": 2, "effect": {"kind": "answer", "status": 502}}`;
//! see [`Fault`] for which requests are hit, and [`Effect`] for all that can happen to them. Version 2 goes away with the switch
//! `v2_unavailable`, version 1 with `v1_gone`, its login with `v1_login_gone`, its attendances alone with `v1_attendances_gone`.
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
mod cores;
#[cfg(test)]
mod facts;
mod faults;
mod handle;
mod hooks;
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
mod v2;
mod views;

pub use change::Rejected;
pub use config::{Config, CredentialConfig, Dialect, HeaderFamily, LimiterKind, Limits, RateLimit, WebhookSending};
pub use faults::{Effect, Fault, Standing as StandingFault, TooMany};
pub use handle::Handle;
pub use hooks::WebhookDelivery;
pub use ledger::{Entry, Report as LedgerReport, RouteCount};
pub use people::{Absence, Attendance, Project};
pub use quirks::{Language, Quirks, TokenMode, TokenReach};
pub use server::{BindError, Sandbox};
pub use store::StateError;
pub use v2::{AbsencePeriod, AttendancePeriod, Bucket, V2Limits};

/// Whether the vendor's endpoint with this path, its ids in braces, is answered, and takes this method.
pub fn serves(method: &str, path: &str) -> bool {
    let numbered = path.replace("{id}", "1").replace("{width}", "1");
    if v2::owns(path) {
        return v2::takes(method, &numbered);
    }
    routes::Route::parse(&numbered, Dialect::Vendor).is_some_and(|route| route.takes(method, Dialect::Vendor))
}
