//! Reading records: one page, one record, one picture per call.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use gangway_domain::{
    record::{ExternalId, Stream},
    sync::Window,
};
use gangway_egress::Class;

use super::{
    absence_type::{AbsenceTypes, ReadAbsenceTypes},
    checkpoint::Checkpoint,
    error::{Error, ErrorKind, Result},
    record::SourceRecord,
};

/// Reading the records of an account.
#[async_trait]
pub trait Source: Send + Sync {
    /// The versions of the vendor's API that the stream may be read through, in words that the connection's config and the tenant
    /// know, the one to begin with first; empty where there is but one.
    ///
    /// What two versions show of the same object may differ in everything, its id included. The host keeps to the version that
    /// it holds a stream's records from ([`ReadPage::api_version`]) while that one is among these and served.
    fn api_versions(&self, _stream: Stream) -> Vec<&'static str> {
        Vec::new()
    }

    /// The canonical fields of a stream's records that every version of the vendor's API tells alike; empty where its versions name
    /// a record by different ids. When the stream goes over to another version, a record that is new and a change of one of these
    /// fields happened in the company; whatever else differs may be the version's doing.
    fn kept_fields(&self, _stream: Stream) -> &'static [&'static str] {
        &[]
    }

    /// Reads one page. The host commits it together with `next` and asks again until `done`.
    async fn read_page(&self, request: ReadPage) -> Result<Page>;

    /// Reads one record. `None` only when the vendor itself says that it is not there; an account that cannot be asked for
    /// single records answers [`ErrorKind::Unsupported`], which confirms nothing.
    async fn read_one(&self, request: ReadOne) -> Result<Option<SourceRecord>>;

    /// Reads an employee's picture. `None` when there is none.
    async fn read_picture(&self, request: ReadPicture) -> Result<Option<Picture>>;

    /// Reads one page of the kinds of absence the account knows.
    async fn read_absence_types(&self, _request: ReadAbsenceTypes) -> Result<AbsenceTypes> {
        Err(Error::new(ErrorKind::Unsupported, "read absence types", "this connector has no list of absence types"))
    }
}

/// Which records a page run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// Those that changed since then, as far as the vendor can tell.
    Since(DateTime<Utc>),
    /// All.
    All,
}

/// Asks for one page.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadPage {
    /// The stream.
    pub stream: Stream,
    /// Which records.
    pub mode: ReadMode,
    /// Which days; needed by windowed streams, the same for every page of a run.
    pub window: Option<Window>,
    /// Where the page starts; none for the first.
    pub checkpoint: Option<Checkpoint>,
    /// Only these vendor keys, where the vendor can project; none for all.
    pub attributes: Option<Vec<String>>,
    /// The version of [`Source::api_versions`] to ask first; none for the first of them.
    pub api_version: Option<String>,
    /// Priority of the call.
    pub class: Class,
}

impl ReadPage {
    /// The first page of everything, without window or projection.
    pub fn new(stream: Stream, mode: ReadMode, class: Class) -> Self {
        Self { stream, mode, window: None, checkpoint: None, attributes: None, api_version: None, class }
    }

    /// Sets the days.
    pub fn with_window(mut self, window: Option<Window>) -> Self {
        self.window = window;
        self
    }

    /// Sets where the page starts.
    pub fn with_checkpoint(mut self, checkpoint: Option<Checkpoint>) -> Self {
        self.checkpoint = checkpoint;
        self
    }

    /// Sets the version to ask first.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }

    /// Sets the projection.
    pub fn with_attributes(mut self, attributes: Option<Vec<String>>) -> Self {
        self.attributes = attributes;
        self
    }
}

/// Asks for one record.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadOne {
    /// The stream.
    pub stream: Stream,
    /// The vendor's id.
    pub external_id: String,
    /// All names of the record with the id spaces that they are of, where they are known.
    pub names: Vec<ExternalId>,
    /// The version of [`Source::api_versions`] that it was listed by, to be asked first; none for the first of them.
    pub api_version: Option<String>,
    /// Priority of the call.
    pub class: Class,
}

impl ReadOne {
    /// One record by the vendor's id.
    pub fn new(stream: Stream, external_id: impl Into<String>, class: Class) -> Self {
        Self { stream, external_id: external_id.into(), names: Vec::new(), api_version: None, class }
    }

    /// Sets its names.
    pub fn with_names(mut self, names: Vec<ExternalId>) -> Self {
        self.names = names;
        self
    }

    /// Sets the version to ask first.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }
}

/// Asks for a picture.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadPicture {
    /// The employee's id at the vendor.
    pub external_id: String,
    /// Width in pixels.
    pub width: u32,
    /// Priority of the call.
    pub class: Class,
}

impl ReadPicture {
    /// One employee's picture, `width` pixels wide.
    pub fn new(external_id: impl Into<String>, width: u32, class: Class) -> Self {
        Self { external_id: external_id.into(), width, class }
    }
}

/// One page of records.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Page {
    /// Records that could be read.
    pub records: Vec<SourceRecord>,
    /// Records that could not; they do not stop the page.
    pub bad: Vec<BadRecord>,
    /// Where the next page starts; none when `done`.
    pub next: Option<Checkpoint>,
    /// There are no more pages.
    pub done: bool,
    /// How many records the vendor says there are in all.
    pub total: Option<u64>,
    /// The vendor's total changed since the page before, or it does not fit the pages: records may have moved between pages, so
    /// a complete read must be made again.
    pub total_changed: bool,
    /// Which version of [`Source::api_versions`] it was read through; none where there is but one.
    pub api_version: Option<String>,
}

impl Page {
    /// A last page.
    pub fn last(records: Vec<SourceRecord>, bad: Vec<BadRecord>) -> Self {
        Self { records, bad, done: true, ..Self::default() }
    }

    /// A page that another one follows.
    pub fn followed_by(records: Vec<SourceRecord>, bad: Vec<BadRecord>, next: Checkpoint) -> Self {
        Self { records, bad, next: Some(next), ..Self::default() }
    }

    /// Sets the vendor's total.
    pub fn with_total(mut self, total: Option<u64>) -> Self {
        self.total = total;
        self
    }
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadRecord {
    /// The vendor's id, if at least that could be read.
    pub external_id: Option<String>,
    /// Which field is wrong and how, without its value.
    pub reason: String,
    /// The vendor's bytes.
    pub raw: Bytes,
}

impl BadRecord {
    /// A record set aside.
    pub fn new(external_id: Option<String>, reason: impl Into<String>, raw: Bytes) -> Self {
        Self { external_id, reason: reason.into(), raw }
    }
}

/// A picture as the vendor sent it; its bytes are not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// The vendor's `Content-Type`.
    pub content_type: String,
    /// The image.
    pub bytes: Bytes,
}

impl Picture {
    /// A picture.
    pub fn new(content_type: impl Into<String>, bytes: Bytes) -> Self {
        Self { content_type: content_type.into(), bytes }
    }
}
