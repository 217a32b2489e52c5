//! Having the vendor tell of changes: registering with it, trying whether it arrives, and asking what was missed.
//!
//! A webhook is known by its address, which the host makes and nobody else knows: so nothing of another integration is ever
//! changed or removed, and registering twice is the same as once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use gangway_domain::record::Stream;
use gangway_egress::Class;
use secrecy::SecretString;

use super::{checkpoint::Checkpoint, error::Result, notice::Notice, target::WriteError};

/// Having the vendor tell of changes.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Registers an address, or gives the one that is registered already this token and these streams.
    async fn register(&self, request: RegisterWebhook) -> Result<Registered, WriteError>;

    /// Has the vendor send a notice that tells of nothing.
    async fn ping(&self, request: CallWebhook) -> Result<()>;

    /// Has the vendor send again what happened in a span of time. Vendors send so much at once and not more: whatever must not
    /// be missed is read with [`Webhooks::missed`].
    async fn redeliver(&self, request: Redeliver) -> Result<()>;

    /// Reads one page of what the vendor has sent, or tried to send.
    async fn missed(&self, request: ReadMissed) -> Result<Missed>;

    /// Removes what is registered for an address, and nothing else. One that is not there is no error.
    async fn remove(&self, request: RemoveWebhook) -> Result<Removed, WriteError>;
}

/// Asks for an address to be registered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RegisterWebhook {
    /// The address; whoever knows it may send there.
    pub url: SecretString,
    /// What the vendor shall send along, so that its notices are known.
    pub token: SecretString,
    /// What it shall tell of.
    pub streams: Vec<Stream>,
    /// Priority of the calls.
    pub class: Class,
}

impl RegisterWebhook {
    /// This address, told of these streams.
    pub fn new(url: SecretString, token: SecretString, streams: Vec<Stream>, class: Class) -> Self {
        Self { url, token, streams, class }
    }
}

/// A webhook that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The vendor's id of it.
    pub id: String,
    /// It was not there before.
    pub is_new: bool,
}

impl Registered {
    /// A webhook with this id.
    pub fn new(id: impl Into<String>, is_new: bool) -> Self {
        Self { id: id.into(), is_new }
    }
}

/// Asks for something to be done with a webhook.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallWebhook {
    /// The vendor's id of it.
    pub id: String,
    /// Priority of the call.
    pub class: Class,
}

impl CallWebhook {
    /// A call about this webhook.
    pub fn new(id: impl Into<String>, class: Class) -> Self {
        Self { id: id.into(), class }
    }
}

/// Asks for what happened to be sent again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Redeliver {
    /// The vendor's id of the webhook.
    pub id: String,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when, that moment included.
    pub to: DateTime<Utc>,
    /// Priority of the call.
    pub class: Class,
}

impl Redeliver {
    /// What this webhook was told of in that span.
    pub fn new(id: impl Into<String>, from: DateTime<Utc>, to: DateTime<Utc>, class: Class) -> Self {
        Self { id: id.into(), from, to, class }
    }
}

/// Asks for a page of what a webhook was told of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadMissed {
    /// The vendor's id of the webhook.
    pub id: String,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when, that moment included.
    pub to: DateTime<Utc>,
    /// Where the page starts; none for the first.
    pub checkpoint: Option<Checkpoint>,
    /// Priority of the call.
    pub class: Class,
}

impl ReadMissed {
    /// The first page of that span.
    pub fn new(id: impl Into<String>, from: DateTime<Utc>, to: DateTime<Utc>, class: Class) -> Self {
        Self { id: id.into(), from, to, checkpoint: None, class }
    }

    /// Sets where the page starts.
    pub fn with_checkpoint(mut self, checkpoint: Option<Checkpoint>) -> Self {
        self.checkpoint = checkpoint;
        self
    }
}

/// One page of what a webhook was told of.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Missed {
    /// What happened; one that cannot be read is a notice of an unknown kind.
    pub notices: Vec<Notice>,
    /// Where the next page starts; none at the end.
    pub next: Option<Checkpoint>,
}

/// Asks for an address to be told of nothing more.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemoveWebhook {
    /// The address.
    pub url: SecretString,
    /// Priority of the calls.
    pub class: Class,
}

impl RemoveWebhook {
    /// What is registered for this address.
    pub fn new(url: SecretString, class: Class) -> Self {
        Self { url, class }
    }
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// How many webhooks led to the address.
    pub n_removed: usize,
}

impl Removed {
    /// So many.
    pub fn new(n_removed: usize) -> Self {
        Self { n_removed }
    }
}
