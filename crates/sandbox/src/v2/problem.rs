//! Refusals of resource endpoints, as `application/problem+json` in the vendor's shape.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::change::Rejected;

pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// Where the vendor describes its errors.
pub(super) const REFERENCE: &str = "https://developer.personio.de/reference/errors#";

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    BadRequest(String),
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict(String),
    Unprocessable(String),
    TooMany,
}

impl Problem {
    /// A parameter with a value that does not fit, in the words seen for a page that is too large.
    pub(super) fn parameter(name: &str) -> Self {
        Self::BadRequest(format!("Provided value for {name} is not valid"))
    }

    /// The words seen for a time with a zone, used for every body that cannot be read.
    pub(super) fn content() -> Self {
        Self::BadRequest("Invalid request content".to_owned())
    }

    pub(crate) fn answer(self, now: DateTime<Utc>) -> Answer {
        // Titles and types of the first two are the vendor's; it names none for the others.
        let (status, title, detail, kind) = match self {
            Self::BadRequest(detail) => (400, "Bad request", detail, format!("{REFERENCE}common.bad_request")),
            Self::NotFound => {
                let kind = format!("{REFERENCE}common.resource_not_found");
                (404, "Resource not found", "Nothing has this address.".to_owned(), kind)
            }
            // Seen for a missing right to persons; what a bad token gets is not published, so it gets the same.
            Self::Unauthorized => return Answer::json(401, &json!({"error": {"message": "Unauthorized Request"}})),
            Self::Forbidden => (403, "Forbidden", "The token lacks the scope for this.".to_owned(), blank()),
            Self::MethodNotAllowed => {
                (405, "Method not allowed", "The address takes other methods.".to_owned(), blank())
            }
            Self::Conflict(detail) => (409, "Conflict", detail, blank()),
            Self::Unprocessable(detail) => (422, "Unprocessable", detail, blank()),
            Self::TooMany => (429, "Too many requests", "The bucket is empty.".to_owned(), blank()),
        };
        let body = json!({
            "personio_trace_id": trace(now),
            "timestamp": stamp(now),
            "errors": [{"title": title, "detail": detail, "type": kind, "_meta": {}}],
        });
        Answer::bytes(status, CONTENT_TYPE, body.to_string())
    }
}

/// A value that does not fit is a bad request: the reference of the writing endpoints lists 400 and 404 only.
impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::NotFound { .. } => Self::NotFound,
            Rejected::Invalid { .. } | Rejected::NotKept(_) => Self::BadRequest(rejected.to_string()),
        }
    }
}

fn blank() -> String {
    "about:blank".to_owned()
}

pub(super) fn trace(now: DateTime<Utc>) -> Value {
    format!("{:032x}", now.timestamp_micros().unsigned_abs()).into()
}

/// `2026-06-15T08:00:00Z`
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
