//! The vocabulary of Gangway: ids, tenants, principals, schema, records, syncs and events, with the clock and the
//! error codes that every layer shares.
//!
//! Nothing here does I/O or knows a database, a vendor or HTTP. The words are those of `docs/architecture.md`.

pub mod clock;
pub mod code;
pub mod connection;
pub mod event;
pub mod held;
pub mod id;
pub mod job;
pub mod mapping;
pub mod principal;
pub mod record;
pub mod schema;
pub mod settings;
pub mod sync;
pub mod tenant;

pub use clock::{Clock, ManualClock, SystemClock};
pub use code::Code;
