//! Syncs: the standing order to keep a stream fresh, its runs, and the engine that carries a run out.
//!
//! The host drives: [`execute`] asks the connector for one page at a time and commits records, events and the place in the
//! run in one transaction that first checks the job's lease. Order of reading: [`execute`], then `page` (one transaction),
//! `intake` (what of a record is kept), `quarantine` (what cannot be read), `merge` (what changed), `finish`, `sweep` and
//! `confirm` (what is gone). How it behaves is told in `docs/syncs.md`.

mod bury;
mod choice;
mod columns;
mod confirm;
mod due;
mod execute;
mod finish;
mod health;
mod held;
mod intake;
mod keep;
mod manage;
mod measure;
mod members;
mod merge;
mod page;
mod pause;
mod people;
mod permissions;
mod place;
mod quarantine;
mod rebase;
mod rebuild;
mod remap;
mod runs;
mod schedule;
mod sealed;
mod start;
mod sweep;
mod treated;
mod window;
mod write;
mod zone;

pub use choice::apply_choice;
pub(crate) use choice::enqueue_choice;
pub(crate) use columns::holds_key;
pub use due::start_due;
pub use execute::{Interrupted, Progress, execute};
pub use health::fail;
pub use held::{Held, HeldEntry, LONGEST_REASON, Verb, decide, held, release};
pub(crate) use intake::has_catalogue;
pub use manage::{NewSync, create, delete, get, list, update};
pub(crate) use merge::ATTRIBUTE_PREFIX;
pub(crate) use pause::end as end_pause;
pub(crate) use rebase::api_versions;
pub(crate) use remap::read_stored;
pub use remap::remap;
pub use runs::{get_run, list_runs, start_run};
pub(crate) use runs::{lock_of_connection, reopen, start_full_unless_running};
pub use schedule::{Anchor, Schedule};
pub(crate) use sealed::SealedPart;
pub(crate) use zone::move_to_zone;
