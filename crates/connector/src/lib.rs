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
    AbsenceTarget, AbsenceType, AbsenceTypes, AnyConnector, Api, Approval, AttendanceTarget, AttributeSpan,
    AttributeValue, BadRecord, CheckReport, CheckRequest, Checkpoint, Connection, Connector, CreateAbsence,
    CreateAttendances, CreateEmployee, DeletePeriod, Deletion, DiscoverRequest, Discovery, Error, ErrorKind,
    FieldProblem, Finding, FindingLevel, IdentityFormat, IdentityHeader, Lease, LoginFailure, MIN_PAUSE_SECONDS,
    Manifest, ManifestLimits, MemoryTokenStore, NotPassed, Outcome, Owner, Page, Pass, Passed, PathLimit, Picture,
    Place, Proxy, ProxyPath, ReadAbsenceTypes, ReadMode, ReadOne, ReadPage, ReadPicture, Refresh, Result, Retry,
    Runtime, Source, SourceRecord, StoredToken, StreamCheck, StreamManifest, Target, TokenStore, UpdateAttendance,
    UpdateEmployee, Values, WindowLimit, WritableField, WriteError, Written, too_soon,
};
pub use registry::{Registry, registry};
