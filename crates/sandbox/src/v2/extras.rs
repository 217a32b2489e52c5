//! What version 2 keeps of a record beyond version 1's fields. An entry that no longer fits its record, because it was changed
//! elsewhere, is ignored.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};

/// Kept with the other changes, by the numbers of version 1.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Extras {
    /// When the break of an attendance begins; else it lies in the middle.
    pub(crate) break_starts: BTreeMap<u64, NaiveTime>,
    /// From when to when an absence in hours lasts; else it lasts whole days.
    pub(crate) hours: BTreeMap<u64, (NaiveDateTime, NaiveDateTime)>,
    /// Absences without an end, which version 1 shows as their first day.
    pub(crate) open_ended: BTreeSet<u64>,
}
