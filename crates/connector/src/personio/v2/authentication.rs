//! `POST /v2/auth/token`: client credentials of RFC 6749, as a form (developer.personio.de, v2.0 reference, read 2026-11-23).

use bytes::Bytes;
use chrono::{DateTime, Utc};
use gangway_egress::{Body, Class, Method, Request, Response};
use secrecy::SecretString;

use super::{problem::Problem, scopes::Scopes};
use crate::{
    contract::{Error, ErrorKind, Result, Retry, StoredToken},
    personio::{
        Credential,
        authentication::{NOT_ACCEPTED, OPERATION, stored},
        envelope::Document,
        json::{Shape, member, members, shape, text},
    },
};

const TEMPLATE: &str = "/v2/auth/token";

/// A token, and what it may do where the answer says so.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) token: StoredToken,
    pub(super) scopes: Option<Scopes>,
}

/// The request for a token with all rights that the credential holds.
pub(super) fn request(credential: &Credential, class: Class) -> Request {
    let mut request = Request::new(Method::Post, TEMPLATE, TEMPLATE, class);
    let field = |name: &str, value: &SecretString| (name.to_owned(), value.clone());
    request.body = Body::Form(vec![
        field("grant_type", &SecretString::from("client_credentials")),
        field("client_id", &SecretString::from(credential.client_id.as_str())),
        field("client_secret", &credential.client_secret),
    ]);
    request.headers.push(("accept", "application/json, application/problem+json".to_owned()));
    request.max_answer_bytes = 64 * 1024;
    request.is_authentication = true;
    request
}

/// Reads the answer. Every refusal comes with status 400 and a code of RFC 6749.
pub(super) fn grant(response: &Response, now: DateTime<Utc>) -> Result<Grant> {
    let failed = |kind, message: &str| Err(Error::new(kind, OPERATION, message));
    let problem = Problem::read(&response.body);
    match response.status {
        200..=299 => read_grant(&response.body, now),
        400 | 401 | 403 | 422 if problem.is_about_client() => failed(ErrorKind::Unauthenticated, NOT_ACCEPTED),
        401 | 403 if problem.is_vendors => failed(ErrorKind::Unauthenticated, NOT_ACCEPTED),
        404 | 405 | 410 | 501 => failed(ErrorKind::Unsupported, NOT_THERE),
        300..=399 => {
            failed(ErrorKind::ConfigInvalid, "the base URL redirects elsewhere; leave base_url out or correct it")
        }
        429 => failed(ErrorKind::RateLimited, "Personio allows 150 authentications a minute"),
        408 | 425 | 500..=599 => failed(ErrorKind::Unavailable, "Personio's authentication is failing"),
        status if problem.is_vendors => Err(Error::new(
            ErrorKind::Protocol,
            OPERATION,
            format!("Personio refuses the request for a token of version 2 with status {status}{}", problem.named()),
        )),
        status => Err(Error::new(
            ErrorKind::Protocol,
            OPERATION,
            format!("status {status} that is not Personio's, perhaps from a proxy or firewall in between"),
        )
        .with_retry(Retry::Backoff)),
    }
}

const NOT_THERE: &str =
    "there is no version 2 of Personio's API at this address; set `api` to `v1` in the connection's config";

fn read_grant(body: &Bytes, now: DateTime<Utc>) -> Result<Grant> {
    let unreadable =
        |_| Error::new(ErrorKind::Protocol, OPERATION, "the answer is not JSON").with_retry(Retry::Backoff);
    let document = Document::read(body).map_err(unreadable)?;
    let outline = document.root().and_then(members).map_err(unreadable)?;
    let token = stored(member(&outline, "access_token"), member(&outline, "expires_in"), now)?;
    let scope = member(&outline, "scope").filter(|raw| shape(raw) == Shape::Text).and_then(|raw| text(raw).ok());
    let scopes = scope.as_deref().and_then(Scopes::read);
    Ok(Grant { token: token.with_scope(scope), scopes })
}
