//! Records for readers: employees, absences and attendances, and an employee's history.
//!
//! Sealed attributes and fields are opened only for a principal who holds `sensitive:read`, and each such reading leaves an entry in
//! the audit log. Vendor references to employees are resolved to our ids in one query per page.

mod choice;
mod history;
mod list;
mod picture;
mod view;

use gangway_domain::record::Stream;
use uuid::Uuid;

pub use history::{FIRST_SEEN, HistoryEntry, history};
pub use list::{RecordQuery, get, list};
pub use picture::{Picture, PictureKind, picture};
pub use view::RecordView;

/// A record's id on the wire (`emp_…`, `abs_…`, `att_…`).
pub fn wire_id(stream: Stream, id: Uuid) -> String {
    format!("{}_{}", stream.id_prefix(), id.as_simple())
}
