//! The port that connectors send through, and its request and answer.
//!
//! An implementation of [`HttpPort`] is bound to one connection's origins and vendor budget before a connector sees it, so
//! a connector can neither call elsewhere nor skip the limits. Requests and answers are plain data: a connector's building
//! and parsing are tested without HTTP.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use gangway_limits::Class;
use secrecy::SecretString;

/// HTTP methods a connector may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PATCH
    Patch,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A request body.
#[derive(Clone)]
pub enum Body {
    /// No body.
    Empty,
    /// JSON text; may hold secrets, so it is never printed.
    Json(SecretString),
    /// `application/x-www-form-urlencoded` pairs; may hold secrets.
    Form(Vec<(String, SecretString)>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Json(_) => "Json([REDACTED])",
            Self::Form(_) => "Form([REDACTED])",
        })
    }
}

/// One request to a vendor.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Route template with ids replaced (`/v1/company/employees/{id}`): names the span and the per-path limit.
    pub template: &'static str,
    /// Path as sent, appended to the base URL; each segment already percent-encoded.
    pub path: String,
    /// Query pairs, encoded on sending. Never logged.
    pub query: Vec<(String, String)>,
    /// Plain headers.
    pub headers: Vec<(&'static str, String)>,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<SecretString>,
    /// Body.
    pub body: Body,
    /// Priority in the vendor's budget.
    pub class: Class,
    /// Largest answer body accepted, in bytes.
    pub max_answer_bytes: usize,
    /// Counts against the authentication limit rather than the request budget.
    pub is_authentication: bool,
}

impl Request {
    /// A request without query, headers, body or token; answers up to 32 MiB.
    #[must_use]
    pub fn new(method: Method, template: &'static str, path: impl Into<String>, class: Class) -> Self {
        Self {
            method,
            template,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            bearer: None,
            body: Body::Empty,
            class,
            max_answer_bytes: 32 * 1024 * 1024,
            is_authentication: false,
        }
    }
}

/// A vendor's answer, of any status.
#[derive(Clone)]
#[non_exhaustive]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case; values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// Body, at most `max_answer_bytes`.
    pub body: Bytes,
}

impl Response {
    /// An answer (tests and fakes make them too).
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl Into<Bytes>) -> Self {
        Self { status, headers, body: body.into() }
    }

    /// The first header of that (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why no usable answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address is not allowed (private range, other origin, not HTTPS).
    Refused,
    /// Name resolution or connecting failed; nothing was sent.
    Connect,
    /// No answer in time; the request may have been carried out.
    TimedOut,
    /// The connection broke after sending began; the request may have been carried out.
    Broken,
    /// The answer is larger than allowed.
    TooLarge,
    /// The vendor answered 429 (or equivalent), or our budget has no slot soon enough.
    RateLimited,
    /// A request that cannot be built (bad header, bad path).
    Invalid,
}

impl ErrorKind {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Connect => "connect",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Invalid => "invalid",
        }
    }
}

/// Failure of a call. `Display` never holds a query, a body, a token or a host's answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind:?} calling {template}: {message}")]
#[non_exhaustive]
pub struct Error {
    /// What failed.
    pub kind: ErrorKind,
    /// Route template of the request.
    pub template: &'static str,
    /// One clause for a reader, without secrets.
    pub message: String,
    /// When to try again, if known.
    pub retry_after: Option<Duration>,
    /// Our own budget had no slot soon enough: nothing was sent, and nobody failed.
    pub is_own_budget: bool,
}

impl Error {
    /// An error without a retry time.
    #[must_use]
    pub fn new(kind: ErrorKind, template: &'static str, message: impl Into<String>) -> Self {
        Self { kind, template, message: message.into(), retry_after: None, is_own_budget: false }
    }

    /// Adds when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Says that our own budget held the call back.
    #[must_use]
    pub fn of_own_budget(mut self) -> Self {
        self.is_own_budget = true;
        self
    }
}

/// What a connector sends through.
///
/// An implementation waits for a budget slot (short waits only), enforces origins, time-outs and size, and answers 429 by
/// [`ErrorKind::RateLimited`] with the time the vendor's headers give. Other statuses come back as answers.
#[async_trait]
pub trait HttpPort: Send + Sync {
    /// Sends one request.
    async fn send(&self, request: Request) -> Result<Response, Error>;
}
