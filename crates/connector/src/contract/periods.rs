//! Writing absences and attendances: single absences, attendances in rows of which each ends on its own.
//!
//! What [`super::target`] says about doubt holds here too. Values are canonical fields, under `fields` of [`Values`]; absences and
//! attendances have no attributes of the company's own.

use async_trait::async_trait;
use chrono::NaiveDate;
use gangway_egress::Class;

use super::{
    error::{Error, ErrorKind},
    target::{Values, WritableField, WriteError, Written},
};

/// Writing absences.
#[async_trait]
pub trait AbsenceTarget: Send + Sync {
    /// Every canonical field of an absence, and whether it can be written where the records are held from this version of
    /// [`Source::api_versions`](super::Source::api_versions); none where nothing is held.
    fn absence_fields(&self, api_version: Option<&str>) -> &'static [WritableField];

    /// Creates an absence.
    async fn create_absence(&self, request: CreateAbsence) -> Result<Written, WriteError>;

    /// Changes an absence; fields that are not named stay as they are. Where no field can be changed, each says why not.
    async fn update_absence(&self, _request: UpdateAbsence) -> Result<Written, WriteError> {
        let message = "the connector changes no absences; delete it and create another";
        Err(WriteError::refused(Error::new(ErrorKind::Unsupported, "change an absence", message)))
    }

    /// Deletes an absence. One that is not there is [`WriteError::Refused`] as not found.
    async fn delete_absence(&self, request: DeletePeriod) -> Result<Deletion, WriteError>;
}

/// Writing attendances.
#[async_trait]
pub trait AttendanceTarget: Send + Sync {
    /// Every canonical field of an attendance, and whether it can be written where the records are held from this version of
    /// [`Source::api_versions`](super::Source::api_versions); none where nothing is held.
    fn attendance_fields(&self, api_version: Option<&str>) -> &'static [WritableField];

    /// Creates attendances, and tells of each row, in their order, what became of it. An error of the whole holds for each
    /// row; pointers of [`WriteError::Invalid`] begin with `/rows/N` then.
    async fn create_attendances(
        &self,
        request: CreateAttendances,
    ) -> Result<Vec<Result<Written, WriteError>>, WriteError>;

    /// Changes an attendance; fields that are not named stay as they are.
    async fn update_attendance(&self, request: UpdateAttendance) -> Result<Written, WriteError>;

    /// Deletes an attendance. One that is not there is [`WriteError::Refused`] as not found.
    async fn delete_attendance(&self, request: DeletePeriod) -> Result<Deletion, WriteError>;
}

/// Whether the company's rules of approval are followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approval {
    /// It holds at once.
    #[default]
    Skip,
    /// It waits for whoever must approve it.
    Ask,
}

/// Asks for a new absence.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateAbsence {
    /// Whose, of which type, and when.
    pub values: Values,
    /// Whether it waits for approval.
    pub approval: Approval,
    /// The version of [`Source::api_versions`](super::Source::api_versions) that the stream's records are held from, to be written
    /// through; none where nothing is held.
    pub api_version: Option<String>,
    /// Priority of the calls.
    pub class: Class,
}

impl CreateAbsence {
    /// A new absence with these values.
    pub fn new(values: Values, approval: Approval, class: Class) -> Self {
        Self { values, approval, api_version: None, class }
    }

    /// Sets the version that records are held from.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }
}

/// Asks for a change of an absence.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpdateAbsence {
    /// The vendor's id.
    pub external_id: String,
    /// What changes.
    pub values: Values,
    /// Whether the change waits for approval.
    pub approval: Approval,
    /// Priority of the calls.
    pub class: Class,
}

impl UpdateAbsence {
    /// These values on that absence.
    pub fn new(external_id: impl Into<String>, values: Values, approval: Approval, class: Class) -> Self {
        Self { external_id: external_id.into(), values, approval, class }
    }
}

/// Asks for new attendances.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateAttendances {
    /// One for each.
    pub rows: Vec<Values>,
    /// Whether they wait for approval.
    pub approval: Approval,
    /// The version of [`Source::api_versions`](super::Source::api_versions) that the stream's records are held from, to be written
    /// through; none where nothing is held.
    pub api_version: Option<String>,
    /// Priority of the calls.
    pub class: Class,
}

impl CreateAttendances {
    /// New attendances, one for each row.
    pub fn new(rows: Vec<Values>, approval: Approval, class: Class) -> Self {
        Self { rows, approval, api_version: None, class }
    }

    /// Sets the version that records are held from.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }
}

/// Asks for a change of an attendance.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpdateAttendance {
    /// The vendor's id.
    pub external_id: String,
    /// What changes.
    pub values: Values,
    /// Where it is to be found before the change; without it nobody looks what became of the values.
    pub place: Option<Place>,
    /// Whether the change waits for approval.
    pub approval: Approval,
    /// Priority of the calls.
    pub class: Class,
}

impl UpdateAttendance {
    /// These values on that attendance.
    pub fn new(external_id: impl Into<String>, values: Values, approval: Approval, class: Class) -> Self {
        Self { external_id: external_id.into(), values, place: None, approval, class }
    }

    /// Says whose it is, and of which day.
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

/// Where an attendance is found: vendors list them by person and day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The vendor's id of the employee.
    pub employee: String,
    /// The day.
    pub day: NaiveDate,
}

/// Asks for an absence or an attendance to be deleted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeletePeriod {
    /// The vendor's id.
    pub external_id: String,
    /// Where it is found, if it is an attendance; without it nobody looks whether it is gone.
    pub place: Option<Place>,
    /// Whether the deletion waits for approval, where the vendor lets one choose.
    pub approval: Approval,
    /// Priority of the calls.
    pub class: Class,
}

impl DeletePeriod {
    /// A deletion of that record.
    pub fn new(external_id: impl Into<String>, approval: Approval, class: Class) -> Self {
        Self { external_id: external_id.into(), place: None, approval, class }
    }

    /// Says whose it is, and of which day.
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

/// What became of a deletion that the vendor accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is not there any more.
    Gone,
    /// It is still there, perhaps until somebody approves.
    StillThere,
    /// Nobody could look.
    Unseen,
}
