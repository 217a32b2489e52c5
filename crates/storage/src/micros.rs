//! Times as stored: microseconds since the epoch.

use chrono::{DateTime, Utc};

use crate::{Error, Result};

/// To the stored form.
pub(crate) fn to_micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// From the stored form.
pub(crate) fn from_micros(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| Error::corrupt("time", "out of range"))
}

/// From an optional stored form.
pub(crate) fn from_micros_opt(micros: Option<i64>) -> Result<Option<DateTime<Utc>>> {
    micros.map(from_micros).transpose()
}
