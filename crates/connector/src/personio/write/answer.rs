//! What an answer to a write means: carried out, not carried out, or nobody knows.
//!
//! A refusal by limit or by rights was not processed. A server's failure, a time-out and a broken connection may have come after
//! the change was made (seen by others who write to this vendor, read 2026-11-23), so they are [`WriteError::Unknown`].

use bytes::Bytes;
use gangway_egress::Response;
use serde_json::Value;

use super::super::{client::Undelivered, envelope::Document};
use crate::contract::{Error, ErrorKind, FieldProblem, Remarks, Retry, WriteError};

/// Remarks that are kept, and letters of each.
const MOST_REMARKS: usize = 20;
const LONGEST_REMARK: usize = 500;
/// Digits of an id.
const LONGEST_ID: usize = 20;
/// Problems that are told.
const MOST_PROBLEMS: usize = 50;

/// What a write is about.
pub(super) struct About {
    pub(super) operation: &'static str,
    /// What to say when the credential may not.
    pub(super) missing_right: &'static str,
    /// What to say when something is not there.
    pub(super) not_found: &'static str,
    /// Where a value of the vendor's name lies in what was asked for.
    pub(super) pointer: fn(&str) -> String,
}

/// A write that was carried out.
pub(super) struct Accepted {
    /// The record's id, where the answer names one.
    pub(super) id: Option<String>,
    /// What the vendor remarked.
    pub(super) remarks: Vec<String>,
    /// The whole answer.
    pub(super) body: Bytes,
}

/// Judges an answer.
pub(super) fn judge(about: &About, response: &Response) -> Result<Accepted, WriteError> {
    let About { operation, missing_right, not_found, pointer } = *about;
    let outline = Document::read(&response.body).ok();
    let document = outline.as_ref().and_then(Document::value).unwrap_or_default();
    let success = outline.as_ref().and_then(|outline| outline.success);
    let code = outline.as_ref().and_then(|outline| outline.error_code);
    let is_vendors = outline.as_ref().is_some_and(|outline| outline.is_vendors);
    let refused = |kind, message: String| {
        let error = Error::new(kind, operation, message);
        Err(WriteError::Refused { error, remarks: Remarks(said(&document)) })
    };
    // The same call must not be made again before somebody has looked.
    let unknown =
        |kind, message: String| Err(WriteError::Unknown(Error::new(kind, operation, message).with_retry(Retry::Never)));
    // Some systems answer 200 to everything, and tell the status in the body. A flag without a status, or with one of a failing server,
    // says nothing about what was done before.
    let status = match (response.status, success, code) {
        (200..=299, Some(false), Some(code @ 400..=599)) => u16::try_from(code).unwrap_or(500),
        (200..=299, Some(false), _) => 0,
        (status, _, _) => status,
    };
    let problems = problems(&document, pointer);
    match status {
        200..=299 if success == Some(true) => {
            let id = document.pointer("/data/id").and_then(id_of);
            Ok(Accepted { id, remarks: texts(document.get("meta")), body: response.body.clone() })
        }
        0 | 400 | 409 | 422 if !problems.is_empty() => Err(WriteError::Invalid(problems)),
        0 => {
            unknown(ErrorKind::Protocol, "Personio reports a failure with status 200 and does not say which".to_owned())
        }
        200..=299 => unknown(ErrorKind::Protocol, format!("status {status} without Personio's envelope")),
        // The token is new, and reading takes the old one as well.
        401 => refused(ErrorKind::Forbidden, format!("{missing_right}; or the credential was disabled")),
        403 if code == Some(403) => {
            refused(ErrorKind::Forbidden, format!("{missing_right}; or the credential was disabled"))
        }
        403 if is_vendors => refused(ErrorKind::Forbidden, missing_right.to_owned()),
        404 if is_vendors => refused(ErrorKind::NotFound, not_found.to_owned()),
        405 | 410 | 501 => refused(ErrorKind::Unsupported, format!("Personio does not offer this (status {status})")),
        429 => refused(ErrorKind::RateLimited, "too many requests for this credential".to_owned()),
        408 | 425 | 500..=599 => unknown(
            ErrorKind::Unavailable,
            format!("Personio fails with status {status}; the change may have been made"),
        ),
        // These say where the result is, so there may be one; the others that nothing was done here.
        302 | 303 => unknown(ErrorKind::ConfigInvalid, "the base URL redirects elsewhere after the change".to_owned()),
        300..=399 => refused(ErrorKind::ConfigInvalid, "the base URL redirects elsewhere".to_owned()),
        status => {
            let code = code.unwrap_or_default();
            refused(
                ErrorKind::ConfigInvalid,
                format!("Personio refuses these values with status {status}, code {code}"),
            )
        }
    }
}

/// A request that got no answer. Only one whose bytes may have left is in doubt.
pub(super) fn unanswered(undelivered: Undelivered) -> WriteError {
    let Undelivered { error, may_have_left } = undelivered;
    if may_have_left {
        WriteError::Unknown(error.with_retry(Retry::Never))
    } else {
        WriteError::Refused { error, remarks: Remarks::default() }
    }
}

/// Only what the vendor hands out: the id goes into paths, and into the host's tables.
pub(super) fn id_of(value: &Value) -> Option<String> {
    let id = match value {
        Value::Number(id) => id.to_string(),
        Value::String(id) => id.clone(),
        _ => return None,
    };
    let is_plain = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then_some(id)
}

/// What the vendor says about a refusal, in its own words.
fn said(document: &Value) -> Vec<String> {
    let message = document.pointer("/error/message").filter(|message| message.is_string());
    texts(message.map(|message| Value::Array(vec![message.clone()])).as_ref())
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let texts = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    texts.take(MOST_REMARKS).map(shortened).collect()
}

/// A remark of the vendor's.
pub(super) fn remark(value: &Value) -> Option<String> {
    value.as_str().map(shortened)
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_REMARK).collect()
}

/// The fields that the vendor does not take, in its own names; its texts quote values and are left out.
fn problems(document: &Value, pointer: fn(&str) -> String) -> Vec<FieldProblem> {
    let fields = document.pointer("/error/error_data").and_then(Value::as_object);
    let names = fields.into_iter().flat_map(|fields| fields.keys());
    let plain = names.filter(|name| {
        name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    });
    plain
        .take(MOST_PROBLEMS)
        .map(|name| {
            let name = name.strip_prefix("employee.").unwrap_or(name);
            FieldProblem::new(pointer(name), "is not accepted by Personio")
        })
        .collect()
}
