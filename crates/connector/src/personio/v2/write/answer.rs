//! What an answer to a write means, beyond [`judge`]: words about a refusal go along for the tenant, and a success that is not the
//! vendor's is a doubt.

use gangway_egress::{Body, Request, Response};
use secrecy::SecretString;
use serde_json::Value;

use super::super::{
    call::{About, judge, unanswered},
    client::Client,
    problem::{Problem, said},
    scopes::{Access, Area},
};
use crate::{
    contract::{Error, ErrorKind, Remarks, Retry, WriteError},
    personio::envelope::Document,
};

/// Largest answer to a write: an id or a record.
const LARGEST_ANSWER_BYTES: usize = 1024 * 1024;

/// Sends a write and judges the answer.
pub(super) async fn send(
    client: &Client,
    about: &About,
    area: Area,
    mut request: Request,
    body: Option<&Value>,
) -> Result<Response, WriteError> {
    if let Some(body) = body {
        request.body = Body::Json(SecretString::from(body.to_string()));
    }
    request.max_answer_bytes = LARGEST_ANSWER_BYTES;
    let sent = client.deliver(about.operation, area, Access::Write, request).await;
    let response = sent.map_err(unanswered)?;
    verdict(about, &response)?;
    Ok(response)
}

fn verdict(about: &About, response: &Response) -> Result<(), WriteError> {
    let status = response.status;
    let unknown = |message: String| {
        let error = Error::new(ErrorKind::Protocol, about.operation, message);
        Err(WriteError::Unknown(error.with_retry(Retry::Never)))
    };
    let problem = Problem::read(&response.body);
    match judge(about, response) {
        // A proxy answers 200 to anything, and some servers to a failure.
        Ok(()) if problem.is_vendors => {
            unknown(format!("Personio reports a failure with status {status}{}", problem.named()))
        }
        Ok(()) if !response.body.is_empty() && Document::read_with(&response.body, "_data").is_err() => {
            unknown(format!("status {status} with an answer that is not Personio's; the change may have been made"))
        }
        Ok(()) => Ok(()),
        Err(WriteError::Refused { error, .. }) => {
            let error = match error.kind {
                // What it says of values is the tenant's to mend.
                ErrorKind::Protocol if problem.is_vendors => Error::new(
                    ErrorKind::ConfigInvalid,
                    about.operation,
                    format!("Personio refuses these values with status {status}{}", problem.named()),
                ),
                _ => error,
            };
            Err(WriteError::Refused { error, remarks: Remarks(said(&response.body)) })
        }
        Err(error) => Err(error),
    }
}
