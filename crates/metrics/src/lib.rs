//! What Gangway measures: one catalogue of instruments, which is also the text of `docs/metrics.md`.
//!
//! An instrument can only be made here, so nothing is measured that the catalogue does not explain. Values of labels are
//! `&'static str`: text that a tenant or a vendor chose cannot become a label, and the number of series is bounded by what
//! the program itself names. Where the values leave the process is decided in the composition root; without it they go nowhere.

pub mod bounded;
mod catalogue;
mod definition;
mod document;
mod instrument;

pub use self::{
    catalogue::{Part, all, database, http, jobs, parts, process, syncs, vendor},
    definition::{Definition, Facts, Kind, Label, Unit, Values},
    document::markdown,
    instrument::{Counter, Described, Entered, Gauge, Histogram, Level, Seconds},
};
