//! What an answer to a write means: carried out, not carried out, or nobody knows.
//!
//! A refusal by limit or by rights was not processed. A server's failure, a time-out and a broken connection may have come after
//! the change was made (seen by others who write to this vendor, read 2026-11-23), so they are [`WriteError::Unknown`].

use gangway_egress::Response;
use serde_json::Value;

use super::super::authentication;
use crate::contract::{Error, ErrorKind, FieldProblem, Retry, WriteError};

/// Remarks that are kept, and letters of each.
const MOST_REMARKS: usize = 20;
const LONGEST_REMARK: usize = 500;
/// Problems that are told.
const MOST_PROBLEMS: usize = 50;

const MISSING_RIGHT: &str = "the credential lacks the right to write employees; tick \"Employees: Write\" on the credential's page in \
                             Personio's settings (Integrations > API credentials)";

/// A write that was carried out.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// The employee's id, where the answer names it.
    pub(super) id: Option<String>,
    /// What the vendor remarked.
    pub(super) remarks: Vec<String>,
}

/// Judges an answer.
pub(super) fn judge(operation: &'static str, response: &Response) -> Result<Accepted, WriteError> {
    let document: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    let success = document.get("success").and_then(Value::as_bool);
    let code = document.pointer("/error/code").and_then(Value::as_u64);
    let is_vendors = success.is_some() || document.get("error").is_some();
    let refused = |kind, message: String| Err(WriteError::Refused(Error::new(kind, operation, message)));
    let unknown = |kind, message: String| {
        let error = Error::new(kind, operation, message).with_retry(Retry::Backoff);
        Err(WriteError::Unknown(error))
    };
    // Some systems answer 200 to everything, and tell the status in the body.
    let status = match (response.status, success, code) {
        (200..=299, Some(false), Some(code)) => u16::try_from(code).unwrap_or(0),
        (200..=299, Some(false), None) => 0,
        (status, _, _) => status,
    };
    match status {
        200..=299 if success == Some(true) => Ok(Accepted { id: id(&document), remarks: remarks(&document) }),
        200..=299 => unknown(ErrorKind::Protocol, format!("status {status} without Personio's envelope")),
        401 => refused(ErrorKind::Unauthenticated, "Personio rejects the token it has just handed out".to_owned()),
        403 if code == Some(403) => {
            refused(ErrorKind::Unauthenticated, "Personio rejects the token it has just handed out".to_owned())
        }
        403 if is_vendors => refused(ErrorKind::Forbidden, MISSING_RIGHT.to_owned()),
        404 if is_vendors => refused(ErrorKind::NotFound, "there is no such employee".to_owned()),
        405 | 410 | 501 => refused(ErrorKind::Unsupported, format!("Personio does not offer this (status {status})")),
        429 => refused(ErrorKind::RateLimited, "too many requests for this credential".to_owned()),
        408 | 425 | 500..=599 => unknown(
            ErrorKind::Unavailable,
            format!("Personio fails with status {status}; the change may have been made"),
        ),
        300..=399 => refused(ErrorKind::ConfigInvalid, "the base URL redirects elsewhere".to_owned()),
        status => {
            let problems = problems(&document);
            if !problems.is_empty() {
                return Err(WriteError::Invalid(problems));
            }
            let code = code.unwrap_or_default();
            refused(ErrorKind::Protocol, format!("Personio refuses the change with status {status}, code {code}"))
        }
    }
}

/// A request that got no answer. Only one whose bytes may have left is in doubt.
pub(super) fn unsent(error: Error) -> WriteError {
    use gangway_egress::ErrorKind as Port;

    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<gangway_egress::Error>());
    let may_have_left = source.is_some_and(|port| matches!(port.kind, Port::TimedOut | Port::Broken | Port::TooLarge));
    if may_have_left && error.operation != authentication::OPERATION {
        WriteError::Unknown(error)
    } else {
        WriteError::Refused(error)
    }
}

fn id(document: &Value) -> Option<String> {
    match document.pointer("/data/id")? {
        Value::Number(id) => Some(id.to_string()),
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        _ => None,
    }
}

fn remarks(document: &Value) -> Vec<String> {
    let meta = document.get("meta").and_then(Value::as_array);
    let texts = meta.into_iter().flatten().filter_map(Value::as_str);
    texts.take(MOST_REMARKS).map(|text| text.chars().take(LONGEST_REMARK).collect()).collect()
}

/// The fields that the vendor does not take, in its own names; its texts quote values and are left out.
fn problems(document: &Value) -> Vec<FieldProblem> {
    let fields = document.pointer("/error/error_data").and_then(Value::as_object);
    let names = fields.into_iter().flat_map(|fields| fields.keys());
    let plain = names.filter(|name| {
        name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    });
    plain
        .take(MOST_PROBLEMS)
        .map(|name| {
            let name = name.strip_prefix("employee.").unwrap_or(name);
            FieldProblem::new(super::fields::pointer(name), "is not accepted by Personio")
        })
        .collect()
}
