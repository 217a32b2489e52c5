//! Facts in a tenant's log.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::id::{ConnectionId, EventId, SyncRunId};

/// Every event type there is; `docs/events.md` explains each.
pub const EVENT_TYPES: &[&str] = &[
    "employee.created",
    "employee.updated",
    "employee.deleted",
    "employee.hidden",
    "absence.created",
    "absence.updated",
    "absence.deleted",
    "absence.hidden",
    "attendance.created",
    "attendance.updated",
    "attendance.deleted",
    "attendance.hidden",
    "attribute.added",
    "attribute.removed",
    "attribute.restricted",
    "connection.degraded",
    "connection.restored",
    "sync.completed",
    "sync.failed",
    "sync.held",
];

/// A fact to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Identity.
    pub id: EventId,
    /// One of [`EVENT_TYPES`].
    pub kind: String,
    /// The record, connection or sync it is about.
    pub subject: Option<Uuid>,
    /// That object's id on the wire (`emp_…`).
    pub subject_label: Option<String>,
    /// The connection it came through.
    pub connection: Option<ConnectionId>,
    /// The run that found it.
    pub run: Option<SyncRunId>,
    /// Version of the credential in use.
    pub credential_version: Option<i32>,
    /// Old and new value per field, or counts; sealed at rest.
    pub data: Value,
    /// When we found it.
    pub occurred_at: DateTime<Utc>,
}

/// A fact in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the tenant's log, from 1, without gaps.
    pub sequence: i64,
    /// The fact.
    pub fact: NewEvent,
}
