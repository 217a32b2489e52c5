//! What a vendor tells of its own accord: who sent it, and what it says. Nobody is asked, so a receiver needs no connection.
//!
//! A notice is a reason to read again and nothing more: it may come late, twice, out of order or from somebody who guessed the
//! token, so no value of it becomes part of a record.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use gangway_domain::record::{ExternalId, Stream};
use secrecy::SecretString;
use serde::Serialize;

use super::error::Result;

/// Reading what a vendor sends to a webhook.
pub trait Notices: Send + Sync {
    /// Whether a request shows one of these tokens, which are the present one and, for a while, the one before. Takes the same
    /// time whichever it is, and for a wrong one. Without tokens nothing is authentic.
    fn verify(&self, incoming: &Incoming<'_>, tokens: &[SecretString]) -> bool;

    /// Reads a body: none, one or several notices. An event that nobody has heard of is a notice of an unknown kind.
    ///
    /// # Errors
    /// When it is not what this vendor sends: no JSON, or larger than any notice.
    fn parse(&self, body: &Bytes) -> Result<Vec<Notice>>;

    /// How an admin sets up a webhook by hand, where [`Webhooks`](super::Webhooks) cannot.
    fn manual(&self) -> &'static [ManualStep];
}

/// A request to a webhook.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Incoming<'a> {
    /// Its headers, names in lower case.
    pub headers: &'a [(String, String)],
    /// Its body, which some vendors sign.
    pub body: &'a Bytes,
}

impl<'a> Incoming<'a> {
    /// A request as it came.
    pub fn new(headers: &'a [(String, String)], body: &'a Bytes) -> Self {
        Self { headers, body }
    }
}

/// What a vendor says has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Notice {
    /// The vendor's name of the event, cut and without control characters; empty when there is none.
    pub event: String,
    /// What happened.
    pub happened: Happened,
    /// In which stream, if it is one of ours.
    pub stream: Option<Stream>,
    /// The record of that stream, where the notice names it.
    pub record: Option<ExternalId>,
    /// Whom it is about, where the notice names somebody beside the record.
    pub employee: Option<ExternalId>,
    /// The vendor's id of the event, if it has one.
    pub event_id: Option<String>,
    /// When it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The vendor's id of the account.
    pub account: Option<String>,
}

impl Notice {
    /// A notice of which nothing is known but the event's name.
    pub fn unknown(event: impl Into<String>) -> Self {
        Self {
            event: event.into(),
            happened: Happened::Unknown,
            stream: None,
            record: None,
            employee: None,
            event_id: None,
            occurred_at: None,
            account: None,
        }
    }
}

/// What happened, in the vendor's view: what the record is now is found by reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// Something is there that was not.
    Created,
    /// Something is not what it was.
    Changed,
    /// Something is gone.
    Deleted,
    /// Nothing: somebody tried whether notices arrive.
    Tried,
    /// An event that this connector has not heard of.
    Unknown,
}

/// One step of setting up a webhook by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ManualStep {
    /// What to do, in the words of the vendor's screens.
    pub text: &'static str,
    /// What is copied into the vendor's screen here.
    pub paste: Option<Paste>,
}

/// What is copied into a vendor's screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Paste {
    /// The webhook's address.
    Url,
    /// The token that the vendor sends along.
    Token,
}
