//! Records: the canonical model of employees, absences and attendances.
//!
//! A canonical record is a map from field name to JSON value rather than a struct, because three states differ: a value,
//! an explicit null, and a field that the vendor did not send (a lost permission: the old value is kept). The field
//! names and value shapes are fixed in the constants below; `api` gives them typed views.
//!
//! Value shapes: dates `"2026-11-24"`; times `"09:00"`; decimals as text (`"38.5"`); references `{"id": "<vendor id>",
//! "name": …}`; cost centres `[{"id", "name", "percentage": "60"}]`; status, gender and types as lower-case words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Employees.
    Employees,
    /// Absences (time off).
    Absences,
    /// Attendances (time worked).
    Attendances,
}

impl Stream {
    /// Every stream.
    pub const ALL: [Self; 3] = [Self::Employees, Self::Absences, Self::Attendances];

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Employees => "employees",
            Self::Absences => "absences",
            Self::Attendances => "attendances",
        }
    }

    /// The noun in event types (`employee.created`).
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Employees => "employee",
            Self::Absences => "absence",
            Self::Attendances => "attendance",
        }
    }

    /// Prefix of its records' ids on the wire.
    pub const fn id_prefix(self) -> &'static str {
        match self {
            Self::Employees => "emp",
            Self::Absences => "abs",
            Self::Attendances => "att",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.as_str() == text)
    }

    /// The canonical fields of its records.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Employees => EMPLOYEE_FIELDS,
            Self::Absences => ABSENCE_FIELDS,
            Self::Attendances => ATTENDANCE_FIELDS,
        }
    }
}

/// Canonical fields of an employee. `supervisor`, `department`, `team`, `office`, `legal_entity` are references.
pub const EMPLOYEE_FIELDS: &[&str] = &[
    "first_name",
    "last_name",
    "preferred_name",
    "email",
    "gender",
    "status",
    "position",
    "department",
    "office",
    "team",
    "legal_entity",
    "supervisor",
    "cost_centers",
    "hire_date",
    "contract_end_date",
    "termination_date",
    "last_working_day",
    "weekly_hours",
    "employment_type",
    "picture_url",
    "created_at",
    "updated_at",
];

/// Canonical fields of an absence. `employee` and `type` are references; `half_day_*` booleans; `days` a decimal, or `hours`
/// where a vendor counts an absence in hours.
pub const ABSENCE_FIELDS: &[&str] = &[
    "employee",
    "type",
    "status",
    "starts_on",
    "ends_on",
    "half_day_start",
    "half_day_end",
    "days",
    "hours",
    "comment",
    "certificate_status",
    "created_at",
    "updated_at",
];

/// Canonical fields of an attendance. `employee` and `project` are references; `break_minutes` an integer; `kind` is `work` or
/// `break` where a vendor keeps breaks as records of their own.
pub const ATTENDANCE_FIELDS: &[&str] = &[
    "employee",
    "kind",
    "date",
    "starts_at",
    "ends_at",
    "break_minutes",
    "status",
    "comment",
    "project",
    "is_holiday",
    "is_time_off",
    "updated_at",
];

/// Fields that hold personal free text: events say only that they changed.
pub const SENSITIVE_FIELDS: &[&str] = &["comment", "certificate_status"];

/// Canonical fields left out of the hash, because they change without meaning: a vendor touches them in bulk, or for a value
/// that is not stored. What is held of them is as old as the record's last change.
pub const VOLATILE_FIELDS: &[&str] = &["created_at", "updated_at"];

/// Canonical fields by name. A missing key means that the vendor did not send the field.
pub type Fields = BTreeMap<String, Value>;

/// A vendor object's name within one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExternalId {
    /// The id space (`personio.v1`), since one account may number the same object twice.
    pub source: String,
    /// The vendor's id as text.
    pub id: String,
}

/// Whether a record is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// The vendor shows it.
    Present,
    /// The vendor no longer shows it, confirmed.
    Deleted,
    /// The vendor refuses to show it, though it shows others: a right was taken away, and nobody can tell whether it is there.
    Hidden,
}

impl RecordState {
    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Deleted => "deleted",
            Self::Hidden => "hidden",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Present, Self::Deleted, Self::Hidden].into_iter().find(|state| state.as_str() == text)
    }
}
