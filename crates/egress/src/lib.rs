//! Every byte to a third party leaves through here: one client, an address guard, caps, time-outs and the retry table.
//!
//! [`Client`] is built once per process and purpose. A connector never sees it: it gets a [`VendorPort`], bound to one connection's
//! origin and vendor budget. Nothing here follows a redirect, reads a proxy from the environment, retries by itself, or
//! logs a query, a body or a token.

pub mod client;
pub mod guard;
pub mod port;
mod post;
mod resolver;
pub mod retry;
pub mod vendor;

pub use client::{Client, ClientConfig};
pub use gangway_limits::{BudgetKey, Budgets, Class, Limit, PathLimit, Policy};
pub use guard::{AddressGuard, Origin};
pub use port::{Body, Error, ErrorKind, HttpPort, Method, Request, Response};
pub use post::Post;
pub use vendor::{PortError, VendorPort, VendorPortConfig};
