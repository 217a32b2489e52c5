//! Connectors: the contract that every connector fulfils, the registry of those built in, and the connectors themselves
//! as modules.
//!
//! Nothing here knows tenants or the database: a connector gets a config, a credential and a [`Runtime`] of ports, and
//! gives back pages of records. The host (`gangway-app`) drives: it asks for one page, commits it with its checkpoint, and
//! asks again. Start reading at [`contract`], then at [`personio`]; `docs/adding-a-connector.md` is the checklist.

#![deny(missing_docs)]
#![warn(clippy::expect_used)]

pub mod contract;
pub mod personio;
pub mod registry;

pub use contract::{
    AbsenceTarget, AbsenceType, AbsenceTypes, Access, Allowed, AnyConnector, Api, Approval, AttendanceTarget,
    AttributeSpan, AttributeValue, BadRecord, CallWebhook, CheckReport, CheckRequest, Checkpoint, Connection,
    Connector, CreateAbsence, CreateAttendances, CreateEmployee, DeleteEmployee, DeletePeriod, Deletion,
    DiscoverRequest, Discovery, Error, ErrorKind, FieldAccess, FieldProblem, Finding, FindingLevel, Happened,
    IdentityFormat, IdentityHeader, Incoming, Lease, LoginFailure, MIN_PAUSE_SECONDS, Manifest, ManifestLimits,
    ManualStep, MemoryTokenStore, Missed, NotPassed, Notice, Notices, Outcome, Owner, Page, Pass, Passed, Paste,
    PathLimit, Picture, Place, Proxy, ProxyPath, ReadAbsenceTypes, ReadMissed, ReadMode, ReadOne, ReadPage,
    ReadPicture, Redeliver, Refresh, RegisterWebhook, Registered, RemoveWebhook, Removed, Result, Retry, Revocation,
    Runtime, Source, SourceRecord, StoredToken, StreamCheck, StreamManifest, Target, TokenStore, UpdateAbsence,
    UpdateAttendance, UpdateEmployee, Values, WebhookManifest, Webhooks, WindowLimit, WritableField, WriteAccess,
    WriteError, Written, too_soon,
};
pub use registry::{Registry, registry};
