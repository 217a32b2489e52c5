//! Writing to an account: one object per call, and what became of it.
//!
//! No vendor here has idempotency keys, so a call may end without anybody knowing whether it was carried out. The contract says
//! which: [`WriteError::Refused`] and [`WriteError::Invalid`] changed nothing, [`WriteError::Unknown`] may have. After that the
//! host looks before it writes again.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use gangway_domain::record::Fields;
use gangway_egress::Class;
use serde_json::Value;

use super::{
    error::{Error, ErrorKind},
    fields::FieldProblem,
    periods::Deletion,
};

/// Writing employees.
#[async_trait]
pub trait Target: Send + Sync {
    /// Every canonical field of an employee, and whether it can be written where the records are held from this version of
    /// [`Source::api_versions`](super::Source::api_versions); none where nothing is held.
    fn employee_fields(&self, api_version: Option<&str>) -> &'static [WritableField];

    /// Creates an employee.
    async fn create_employee(&self, request: CreateEmployee) -> Result<Written, WriteError>;

    /// Changes an employee; fields that are not named stay as they are, `null` empties one.
    async fn update_employee(&self, request: UpdateEmployee) -> Result<Written, WriteError>;

    /// Why employees cannot be deleted, and what to do instead; none where they can be.
    fn keeps_employees(&self) -> Option<&'static str> {
        Some("the connector deletes no employees")
    }

    /// Deletes an employee with all that belongs to them. One who is not there is [`Deletion::Gone`].
    async fn delete_employee(&self, _request: DeleteEmployee) -> Result<Deletion, WriteError> {
        let message = self.keeps_employees().unwrap_or("the connector deletes no employees");
        Err(WriteError::refused(Error::new(ErrorKind::Unsupported, "delete an employee", message)))
    }
}

/// Whether a canonical field can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritableField {
    /// The field.
    pub field: &'static str,
    /// When an employee is created.
    pub on_create: bool,
    /// When an employee is changed.
    pub on_update: bool,
    /// Why not, and what to do instead, where one of both cannot be.
    pub reason: &'static str,
}

impl WritableField {
    /// A field that can be given and changed.
    #[must_use]
    pub const fn open(field: &'static str) -> Self {
        Self { field, on_create: true, on_update: true, reason: "" }
    }

    /// A field that is given once and, for a reason, not changed.
    #[must_use]
    pub const fn fixed(field: &'static str, reason: &'static str) -> Self {
        Self { field, on_create: true, on_update: false, reason }
    }

    /// A field that, for a reason, is not written.
    #[must_use]
    pub const fn closed(field: &'static str, reason: &'static str) -> Self {
        Self { field, on_create: false, on_update: false, reason }
    }
}

/// The values to write, by canonical field and by key of the company's own attributes.
#[derive(Clone, Default, PartialEq)]
pub struct Values {
    /// Canonical fields: texts, days as `YYYY-MM-DD`, numbers, `{"name"}` or `{"id"}` for units, `{"id"}` for the supervisor.
    pub fields: Fields,
    /// Attributes of the company's own.
    pub attributes: BTreeMap<String, Value>,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("fields", &self.fields.keys())
            .field("attributes", &self.attributes.keys())
            .finish()
    }
}

/// Asks for a new employee.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateEmployee {
    /// Everything that is known of them.
    pub values: Values,
    /// The version of [`Source::api_versions`](super::Source::api_versions) that the stream's records are held from, to be written
    /// through; none where nothing is held.
    pub api_version: Option<String>,
    /// Priority of the calls.
    pub class: Class,
}

impl CreateEmployee {
    /// A new employee with these values.
    pub fn new(values: Values, class: Class) -> Self {
        Self { values, api_version: None, class }
    }

    /// Sets the version that records are held from.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }
}

/// Asks for a change of an employee.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpdateEmployee {
    /// The vendor's id.
    pub external_id: String,
    /// What changes.
    pub values: Values,
    /// The version of [`Source::api_versions`](super::Source::api_versions) that the stream's records are held from, to be written
    /// through; none where nothing is held.
    pub api_version: Option<String>,
    /// Priority of the calls.
    pub class: Class,
}

impl UpdateEmployee {
    /// These values on that employee.
    pub fn new(external_id: impl Into<String>, values: Values, class: Class) -> Self {
        Self { external_id: external_id.into(), values, api_version: None, class }
    }

    /// Sets the version that records are held from.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }
}

/// Asks for an employee to be deleted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteEmployee {
    /// The vendor's id.
    pub external_id: String,
    /// Priority of the calls.
    pub class: Class,
}

impl DeleteEmployee {
    /// A deletion of that employee.
    pub fn new(external_id: impl Into<String>, class: Class) -> Self {
        Self { external_id: external_id.into(), class }
    }
}

/// What became of a write that the vendor accepted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// The vendor's id of the employee.
    pub external_id: String,
    /// What became of each value, by field or `attributes.KEY`, found by reading the employee again.
    pub outcomes: BTreeMap<String, Outcome>,
    /// What the vendor remarked.
    pub remarks: Remarks,
}

impl Written {
    /// A write of which nothing is known but that it was accepted.
    pub fn accepted(external_id: impl Into<String>) -> Self {
        Self { external_id: external_id.into(), outcomes: BTreeMap::new(), remarks: Remarks::default() }
    }

    /// The values that the vendor accepted and did not keep.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        self.outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Ignored).map(|(name, _)| name.as_str())
    }
}

/// The vendor's own words about a write: for the tenant's eyes, never for a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Remarks(pub Vec<String>);

impl fmt::Debug for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} remarks", self.0.len())
    }
}

/// What became of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The employee has it.
    Kept,
    /// The employee has another one.
    Ignored,
    /// It could not be read again: the credential may not, or the employee could not be read.
    Unseen,
}

/// A write that was not accepted.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// These values cannot be written, with pointers into [`Values`]; nothing was changed.
    Invalid(Vec<FieldProblem>),
    /// Nothing was changed.
    Refused {
        /// Why.
        error: Error,
        /// What the vendor said.
        remarks: Remarks,
    },
    /// It may have been carried out, or not: look before writing again. Its `retry` is always [`Retry::Never`](super::Retry::Never).
    Unknown(Error),
    /// A part was carried out and another was not, or nobody knows: some vendors keep an employee in several objects, which take a call
    /// each.
    Partly {
        /// The part that was carried out. Its `outcomes` name the values of that part and no others.
        written: Box<Written>,
        /// What became of the rest.
        rest: Box<WriteError>,
    },
}

impl WriteError {
    /// Nothing was changed, and the vendor said nothing.
    pub fn refused(error: Error) -> Self {
        Self::Refused { error, remarks: Remarks::default() }
    }
}
