//! A connection: a vendor account that can be asked, and what it can be asked for.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use gangway_domain::{Clock, record::Stream, schema::Catalogue};
use gangway_egress::{Class, HttpPort};
use serde::Serialize;

use super::{
    capability::{Access, FieldAccess, WriteAccess},
    error::Result,
    periods::{AbsenceTarget, AttendanceTarget},
    proxy::Proxy,
    source::Source,
    target::Target,
    token::{Revocation, TokenStore},
    webhooks::Webhooks,
};

/// The ports a connection lives on. All are bound to one connection before the connector sees them.
#[derive(Clone)]
#[non_exhaustive]
pub struct Runtime {
    /// The way out: knows the base URL, the origins allowed and the vendor budget.
    pub http: Arc<dyn HttpPort>,
    /// Where the vendor token lies.
    pub tokens: Arc<dyn TokenStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Runtime {
    /// The three ports together.
    pub fn new(http: Arc<dyn HttpPort>, tokens: Arc<dyn TokenStore>, clock: Arc<dyn Clock>) -> Self {
        Self { http, tokens, clock }
    }
}

/// A vendor account. Abilities are accessors: what is `None` cannot be asked for.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Finds out whether the credential works and what it may read. A refused credential is a report, not an error.
    async fn check(&self, request: CheckRequest) -> Result<CheckReport>;

    /// The ability to list the account's attributes.
    fn discovery(&self) -> Option<&dyn Discovery> {
        None
    }

    /// The ability to read records.
    fn source(&self) -> Option<&dyn Source> {
        None
    }

    /// The ability to write employees.
    fn target(&self) -> Option<&dyn Target> {
        None
    }

    /// The ability to write absences.
    fn absence_target(&self) -> Option<&dyn AbsenceTarget> {
        None
    }

    /// The ability to write attendances.
    fn attendance_target(&self) -> Option<&dyn AttendanceTarget> {
        None
    }

    /// The ability to have the vendor tell of changes.
    fn webhooks(&self) -> Option<&dyn Webhooks> {
        None
    }

    /// The ability to pass readings through.
    fn proxy(&self) -> Option<&dyn Proxy> {
        None
    }

    /// The ability to give tokens back.
    fn revocation(&self) -> Option<&dyn Revocation> {
        None
    }
}

/// Listing the attributes an account offers.
#[async_trait]
pub trait Discovery: Send + Sync {
    /// Lists the attributes of employees that this credential may read.
    async fn discover(&self, request: DiscoverRequest) -> Result<Catalogue>;
}

/// Asks for a check.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckRequest {
    /// Priority of its calls.
    pub class: Class,
    /// The version of [`super::Source::api_versions`] that the records held of a stream were read through.
    pub api_versions: BTreeMap<Stream, String>,
}

impl CheckRequest {
    /// A check of that priority.
    pub fn new(class: Class) -> Self {
        Self { class, api_versions: BTreeMap::new() }
    }

    /// Sets what records are held from.
    pub fn with_api_versions(mut self, versions: BTreeMap<Stream, String>) -> Self {
        self.api_versions = versions;
        self
    }
}

/// Asks for the attributes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiscoverRequest {
    /// Priority of its calls.
    pub class: Class,
    /// The version of [`super::Source::api_versions`] that employees are held from, whose attributes are asked for; none where none
    /// are held.
    pub api_version: Option<String>,
}

impl DiscoverRequest {
    /// A discovery of that priority.
    pub fn new(class: Class) -> Self {
        Self { class, api_version: None }
    }

    /// Sets the version that employees are held from.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The credential works and the main stream can be read.
    pub ok: bool,
    /// What is worth saying, worst first.
    pub findings: Vec<Finding>,
    /// Each stream of the manifest.
    pub streams: Vec<StreamCheck>,
    /// The rights that the vendor named with its tokens, in one spelling (`persons:read`); empty where it named none.
    pub granted: Vec<String>,
    /// Whether the vendor can be told to send webhooks; none where it has none.
    pub webhooks: Option<Access>,
}

impl CheckReport {
    /// A report; findings are put worst first.
    pub fn new(ok: bool, mut findings: Vec<Finding>, streams: Vec<StreamCheck>) -> Self {
        findings.sort_by_key(|finding| finding.level);
        Self { ok, findings, streams, granted: Vec::new(), webhooks: None }
    }

    /// Sets the rights that the vendor named.
    pub fn with_granted(mut self, granted: Vec<String>) -> Self {
        self.granted = granted;
        self
    }

    /// Sets what is known of webhooks.
    pub fn with_webhooks(mut self, access: Option<Access>) -> Self {
        self.webhooks = access;
        self
    }
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingLevel {
    /// Nothing can be read until it is mended.
    Error,
    /// Something is missing.
    Warning,
    /// Good to know.
    Info,
}

/// One thing a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How grave.
    pub level: FindingLevel,
    /// Stable code (`attribute_not_readable`).
    pub code: &'static str,
    /// What was found.
    pub message: String,
    /// What the admin can do, in the words of the vendor's screens.
    pub action: Option<String>,
}

impl Finding {
    /// A finding without an action.
    pub fn new(level: FindingLevel, code: &'static str, message: impl Into<String>) -> Self {
        Self { level, code, message: message.into(), action: None }
    }

    /// Adds what to do.
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }
}

/// Whether a stream can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamCheck {
    /// The stream.
    pub stream: Stream,
    /// It can be read.
    pub readable: bool,
    /// Why not.
    pub reason: Option<String>,
    /// The version of the vendor's API that it is read through; none where it cannot be read, or there is but one.
    pub api_version: Option<&'static str>,
    /// What may be written; none where nobody has looked.
    pub write: Option<WriteAccess>,
    /// Each canonical field.
    pub fields: Vec<FieldAccess>,
}

impl StreamCheck {
    /// A stream that can be read.
    pub fn readable(stream: Stream) -> Self {
        Self { stream, readable: true, reason: None, api_version: None, write: None, fields: Vec::new() }
    }

    /// A stream that cannot be read, and why.
    pub fn unreadable(stream: Stream, reason: impl Into<String>) -> Self {
        Self { readable: false, reason: Some(reason.into()), ..Self::readable(stream) }
    }

    /// Sets the version.
    pub fn with_api_version(mut self, version: &'static str) -> Self {
        self.api_version = Some(version);
        self
    }

    /// Sets what may be written.
    pub fn with_write(mut self, write: WriteAccess) -> Self {
        self.write = Some(write);
        self
    }

    /// Sets the fields.
    pub fn with_fields(mut self, fields: Vec<FieldAccess>) -> Self {
        self.fields = fields;
        self
    }
}
