//! Mapping: which attribute of an account feeds which canonical field of its employees.
//!
//! A connector says what its vendor's own attributes feed; a tenant may have a field fed by another attribute, or by none.
//! [`get`] tells what holds and what might, [`preview()`] what a change would do, [`update`] makes it. Stored records
//! follow by a job ([`crate::syncs::remap`]) that asks nobody; what is read from then on is placed as it is read.

mod change;
mod field_names;
mod preview;
mod show;
mod suggest;
mod transform;

pub use change::{FieldFeed, update};
pub use preview::{FieldCount, FieldPreview, Preview, RecordPreview, preview};
pub use show::{ChosenBy, FieldMapping, MappingView, get};
pub use suggest::{Candidate, SuggestedBy};
pub use transform::Fit;
pub(crate) use transform::fit;
