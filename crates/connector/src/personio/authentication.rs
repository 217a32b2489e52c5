//! `POST /v1/auth`: the request and its answer. Credentials go in the body only; the vendor ends query strings on 2026-12-04
//! (developer.personio.de, "deprecated query string credentials on POST /v1/auth", read 2026-11-23).

use chrono::{DateTime, TimeDelta, Utc};
use gangway_egress::{Body, Class, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Credential,
    envelope::Document,
    json::{Shape, member, members, shape, text},
};
use crate::contract::{Error, ErrorKind, Result, Retry, StoredToken};

pub(super) const OPERATION: &str = "authenticate";
const TEMPLATE: &str = "/v1/auth";
/// Life of a token when the answer does not tell.
pub(super) const DEFAULT_LIFE_SECONDS: i64 = 86_400;
const SHORTEST_LIFE_SECONDS: i64 = 60;
const LONGEST_LIFE_SECONDS: i64 = 30 * 86_400;

#[derive(Serialize)]
struct AuthenticationBody<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

/// The request for a token.
pub(super) fn request(credential: &Credential, class: Class) -> Result<Request> {
    let body = AuthenticationBody {
        client_id: &credential.client_id,
        client_secret: credential.client_secret.expose_secret(),
    };
    let body = serde_json::to_string(&body)
        .map_err(|_| Error::new(ErrorKind::Refused, OPERATION, "the credential cannot be written as JSON"))?;
    let mut request = Request::new(Method::Post, TEMPLATE, TEMPLATE, class);
    request.body = Body::Json(SecretString::from(body));
    request.headers.push(("accept", "application/json".to_owned()));
    request.max_answer_bytes = 64 * 1024;
    request.is_authentication = true;
    Ok(request)
}

/// Reads the answer. Wrong credentials come as 403, and an error may come with status 200.
pub(super) fn token(response: &Response, now: DateTime<Utc>) -> Result<StoredToken> {
    let document = Document::read(&response.body).ok();
    let failed = |kind, message: &str| Err(Error::new(kind, OPERATION, message));
    match response.status {
        200..=299 => match &document {
            Some(document) if document.success != Some(false) => read_token(document, now),
            Some(_) => failed(ErrorKind::Unauthenticated, NOT_ACCEPTED),
            None => {
                Err(Error::new(ErrorKind::Protocol, OPERATION, "the answer is not JSON").with_retry(Retry::Backoff))
            }
        },
        400 | 401 | 403 | 422 if document.is_some() => failed(ErrorKind::Unauthenticated, NOT_ACCEPTED),
        401 => failed(ErrorKind::Unauthenticated, NOT_ACCEPTED),
        300..=399 | 404 | 405 => Err(no_api()),
        429 => failed(ErrorKind::RateLimited, "Personio allows 60 authentications a minute"),
        408 | 425 | 500..=599 => failed(ErrorKind::Unavailable, "Personio's authentication is failing"),
        status => Err(Error::new(
            ErrorKind::Protocol,
            OPERATION,
            format!("status {status} without Personio's envelope, perhaps from a proxy or firewall in between"),
        )
        .with_retry(Retry::Backoff)),
    }
}

/// Whether an answer says that there is no login any more.
pub(super) fn has_ended(response: &Response) -> bool {
    matches!(response.status, 404 | 405 | 410 | 501)
}

/// Version 1 has no login, and version 2 may have one.
pub(super) fn ended(status: u16) -> Error {
    let message = format!(
        "version 1 of Personio's API has no login at this address (status {status}); if it has ended, set `api` to `v2` in the \
         connection's config"
    );
    Error::new(ErrorKind::Unsupported, OPERATION, message)
}

/// No version has a login.
pub(super) fn no_api() -> Error {
    let message = "there is no Personio API at this base URL; leave base_url out or correct it";
    Error::new(ErrorKind::ConfigInvalid, OPERATION, message)
}

pub(super) const NOT_ACCEPTED: &str = "Personio does not accept this client ID and secret; copy both again, or generate a new \
                            credential in Personio's settings";

fn read_token(document: &Document, now: DateTime<Utc>) -> Result<StoredToken> {
    let data = document.data().and_then(members).unwrap_or_default();
    let scope = member(&data, "scope").filter(|raw| shape(raw) == Shape::Text).and_then(|raw| text(raw).ok());
    Ok(stored(member(&data, "token"), member(&data, "expires_in"), now)?.with_scope(scope))
}

/// A token of either version, and its life in seconds.
pub(super) fn stored(
    token: Option<&RawValue>,
    expires_in: Option<&RawValue>,
    now: DateTime<Utc>,
) -> Result<StoredToken> {
    let token = token
        .filter(|raw| shape(raw) == Shape::Text)
        .and_then(|raw| text(raw).ok())
        .filter(|token| is_token(token))
        .ok_or_else(|| {
            Error::new(ErrorKind::Protocol, OPERATION, "the answer holds no token").with_retry(Retry::Backoff)
        })?;
    let life = expires_in
        .and_then(|raw| raw.get().trim_matches('"').parse::<i64>().ok())
        .filter(|seconds| *seconds > 0)
        .unwrap_or(DEFAULT_LIFE_SECONDS)
        .clamp(SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS);
    Ok(StoredToken::new(SecretString::from(token), now + TimeDelta::seconds(life)))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 8 * 1024 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The token that an answer hands out in its `authorization` header. Older accounts change it with every answer, today the
/// same one is echoed, and some endpoints send none.
pub(super) fn token_in_header(response: &Response, now: DateTime<Utc>) -> Option<StoredToken> {
    let (scheme, token) = response.header("authorization")?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && is_token(token))
        .then(|| StoredToken::new(SecretString::from(token), now + TimeDelta::seconds(DEFAULT_LIFE_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Response {
        Response::new(status, Vec::new(), body)
    }

    fn kind(status: u16, body: &'static str) -> ErrorKind {
        token(&answer(status, body), DateTime::UNIX_EPOCH).unwrap_err().kind
    }

    #[test]
    fn the_life_is_the_vendors_or_a_day() {
        for (body, seconds) in [
            (r#"{"success":true,"data":{"token":"papi-1","expires_in":3600}}"#, 3600),
            (r#"{"success":true,"data":{"token":"papi-1"}}"#, 86_400),
            (r#"{"success":true,"data":{"token":"papi-1","expires_in":"7200"}}"#, 7200),
            (r#"{"success":true,"data":{"token":"papi-1","expires_in":-1}}"#, 86_400),
            (r#"{"success":true,"data":{"token":"papi-1","expires_in":9223372036854775807}}"#, LONGEST_LIFE_SECONDS),
        ] {
            let token = token(&answer(200, body), DateTime::UNIX_EPOCH).unwrap();
            assert_eq!(token.expires_at.timestamp(), seconds, "{body}");
        }
    }

    #[test]
    fn refusals_outages_and_wrong_addresses_differ() {
        let refusal = r#"{"success":false,"error":{"code":0,"message":"Falsche Zugangsdaten"}}"#;
        assert_eq!(kind(403, refusal), ErrorKind::Unauthenticated);
        assert_eq!(kind(200, refusal), ErrorKind::Unauthenticated);
        assert_eq!(kind(401, ""), ErrorKind::Unauthenticated);
        assert_eq!(kind(403, "<html>blocked</html>"), ErrorKind::Protocol);
        assert_eq!(kind(404, "not here"), ErrorKind::ConfigInvalid);
        assert_eq!(kind(502, "<html></html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html></html>"), ErrorKind::Protocol);
        assert_eq!(kind(200, r#"{"success":true,"data":{"token":"a b"}}"#), ErrorKind::Protocol);
        assert_eq!(kind(200, r#"{"success":true,"data":[]}"#), ErrorKind::Protocol);
    }

    #[test]
    fn only_a_bearer_header_hands_out_a_token() {
        let with = |value: &str| Response::new(200, vec![("authorization".to_owned(), value.to_owned())], "");
        assert!(token_in_header(&with("Bearer papi-2"), DateTime::UNIX_EPOCH).is_some());
        for value in ["papi-2", "Basic abc", "Bearer ", "Bearer a b"] {
            assert!(token_in_header(&with(value), DateTime::UNIX_EPOCH).is_none(), "{value}");
        }
    }
}
