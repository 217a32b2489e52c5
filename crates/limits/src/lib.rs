//! How often a vendor may be called: one budget per vendor credential, kept by slots that are held until one window after
//! the answer.
//!
//! [`inbound`] counts the other way round: how often others may call us.
//!
//! [`Budgets`] is the door: `egress` acquires a [`Permit`] before each request and finishes it after. Nothing here sends
//! anything, knows a connector, or keeps a slot longer than its window. The rule and its proof by simulation are in
//! `docs/architecture.md`.

mod address;
mod budgets;
pub mod class;
pub mod inbound;
mod key;
mod left;
mod permit;
pub mod policy;
mod redis;
mod scheduler;
mod state;
mod view;
mod window;

pub use self::redis::{
    Connected, Counting, ScriptConnection, ScriptServer, SharedStore, StoreError, StoreScript, WakeUps,
};
pub use budgets::{Ask, Budgets, Settings, Wait};
pub use class::Class;
pub use key::BudgetKey;
pub use permit::Permit;
pub use policy::{Limit, PathLimit, Policy};
pub use view::{BudgetView, WaitingByClass};
