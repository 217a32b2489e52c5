//! What a route does not read must not be sent: a parameter, a precondition or a body that is ignored would look accepted.
//!
//! Extractors of the query and the body refuse what they do not know; this is for routes that have none of them. It is asked
//! by the last extractor that every such route has: the id in its path, or else the permission.

use std::future::ready;

use actix_web::{
    HttpRequest,
    dev::Payload,
    http::header::{CONTENT_LENGTH, IF_MATCH, TRANSFER_ENCODING},
};
use futures::future::LocalBoxFuture;
use gangway_app::FieldError;
use serde_json::Value;

use super::{Params, body};
use crate::{
    problem::{Problem, Result},
    surface,
};

/// Refuses what the request's route does not read.
pub(super) fn refuse(request: &HttpRequest, payload: &mut Payload) -> LocalBoxFuture<'static, Result<()>> {
    let Some(reads) = surface::of_route(request) else { return Box::pin(ready(Ok(()))) };
    if !reads.takes_query()
        && let Err(problem) = Params::of_nothing(request.query_string())
    {
        return Box::pin(ready(Err(problem)));
    }
    if has_precondition(request) && !reads.takes_if_match() {
        return Box::pin(ready(Err(Problem::malformed(
            "What this route changes has no version to compare `If-Match` with; leave the header out.",
        ))));
    }
    if reads.takes_body() || !announces_body(request) {
        return Box::pin(ready(Ok(())));
    }
    let (request, payload) = (request.clone(), payload.take());
    Box::pin(async move {
        let bytes = body::receive(&request, payload).await?;
        if says_nothing(&bytes) { Ok(()) } else { Err(refusal()) }
    })
}

/// Whether the path of the request's route names an object.
pub(super) fn names_object(request: &HttpRequest) -> bool {
    request.match_pattern().is_some_and(|template| template.contains('{'))
}

/// Whether a change depends on a version. `*` asks for no more than that the object is there.
fn has_precondition(request: &HttpRequest) -> bool {
    !request.method().is_safe()
        && request.headers().get_all(IF_MATCH).any(|value| value.as_bytes().trim_ascii() != b"*")
}

fn announces_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// Many clients send an empty object where there is nothing to say.
fn says_nothing(bytes: &[u8]) -> bool {
    bytes.trim_ascii().is_empty()
        || serde_json::from_slice::<Value>(bytes)
            .is_ok_and(|value| value.as_object().is_some_and(serde_json::Map::is_empty))
}

fn refusal() -> Problem {
    let message = "this route reads no body; send none, or an empty object".to_owned();
    Problem::invalid(vec![FieldError { pointer: String::new(), message }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_object_says_nothing() {
        for body in ["", " \n", "{}", " { } "] {
            assert!(says_nothing(body.as_bytes()), "{body:?}");
        }
        for body in ["null", "[]", "{\"force\":true}", "x", "{}{}"] {
            assert!(!says_nothing(body.as_bytes()), "{body:?}");
        }
    }
}
