//! What a connector is, as the host sees it.
//!
//! An author implements the typed [`Connector`]; a blanket implementation gives the host the JSON-speaking [`AnyConnector`].
//! `connect` yields a [`Connection`] whose abilities are accessors ([`Connection::discovery`], [`Connection::source`]), so an
//! ability cannot be declared and missing at once. Rules: one page per call, no loop over pages in a connector; every
//! request goes through the [`Runtime`]'s port; errors say who must act and hold neither secrets nor personal data.

mod absence_type;
mod capability;
mod checkpoint;
mod connection;
mod connector;
mod error;
mod fields;
mod manifest;
mod memory_tokens;
mod notice;
mod periods;
mod proxy;
mod record;
mod source;
mod target;
mod token;
mod webhooks;

pub use absence_type::{AbsenceType, AbsenceTypes, ReadAbsenceTypes};
pub use capability::{Access, Allowed, FieldAccess, WriteAccess};
pub use checkpoint::Checkpoint;
pub use connection::{
    CheckReport, CheckRequest, Connection, DiscoverRequest, Discovery, Finding, FindingLevel, Runtime, StreamCheck,
};
pub use connector::{AnyConnector, Connector};
pub use error::{Error, ErrorKind, Owner, Result, Retry};
pub use fields::FieldProblem;
pub use manifest::{
    IdentityFormat, IdentityHeader, Manifest, ManifestLimits, PathLimit, StreamManifest, WebhookManifest, WindowLimit,
};
pub use memory_tokens::MemoryTokenStore;
pub use notice::{Happened, Incoming, ManualStep, Notice, Notices, Paste};
pub use periods::{
    AbsenceTarget, Approval, AttendanceTarget, CreateAbsence, CreateAttendances, DeletePeriod, Deletion, Place,
    UpdateAbsence, UpdateAttendance,
};
pub use proxy::{NotPassed, Pass, Passed, Proxy, ProxyPath};
pub use record::{AttributeSpan, AttributeValue, SourceRecord};
pub use source::{BadRecord, Page, Picture, ReadMode, ReadOne, ReadPage, ReadPicture, Source};
pub use target::{
    CreateEmployee, DeleteEmployee, Outcome, Remarks, Target, UpdateEmployee, Values, WritableField, WriteError,
    Written,
};
pub use token::{Api, Lease, LoginFailure, MIN_PAUSE_SECONDS, Refresh, Revocation, StoredToken, TokenStore, too_soon};
pub use webhooks::{
    CallWebhook, Missed, ReadMissed, Redeliver, RegisterWebhook, Registered, RemoveWebhook, Removed, Webhooks,
};
