//! Sending to version 2 with a token of its own, and judging an answer by status and shape. Texts of the vendor are never
//! looked at.

use std::sync::{Mutex, PoisonError};

use gangway_egress::{Class, Request, Response};
use url::Url;

use super::{
    absence_type::Names,
    authentication,
    paging::Position,
    problem::Problem,
    scopes::{Access, Area, Scopes},
    units::Units,
};
use crate::{
    contract::{Api, Error, ErrorKind, Result, Retry, Runtime, StoredToken},
    personio::{
        Credential,
        authentication::OPERATION,
        client::{Failure, repeats},
        endpoints::assert_listed,
        envelope::Document,
        tokens,
    },
};

/// Version 2's tokens.
pub(super) const API: Api = Api::new("v2");

/// Sends requests of one connection to version 2.
pub(in crate::personio) struct Client {
    credential: Credential,
    runtime: Runtime,
    base_url: Url,
    granted: Mutex<Granted>,
    /// What absences call by id alone.
    pub(super) types: Names,
    /// What employments call by id alone.
    pub(super) units: Units,
}

/// What is known of the token's rights.
#[derive(Default)]
enum Granted {
    /// It came from the store, which keeps none, and may be old.
    #[default]
    Earlier,
    /// It was got here, and the answer did not say.
    Unsaid,
    /// It was got here with these.
    Said(Scopes),
}

enum Verdict {
    Accepted(Document),
    /// The token is not (or no longer) valid, or lacks a right: some endpoints answer both with 401.
    Rejected,
    Failed(Error),
}

impl Client {
    pub(in crate::personio) fn new(credential: Credential, runtime: Runtime, base_url: Url) -> Self {
        Self {
            credential,
            runtime,
            base_url,
            granted: Mutex::default(),
            types: Names::default(),
            units: Units::default(),
        }
    }

    /// Sends a request whose answer is JSON; on rejection authenticates again and tries once more.
    pub(in crate::personio) async fn get(
        &self,
        operation: &'static str,
        area: Area,
        mut request: Request,
    ) -> Result<Document, Failure> {
        let without_status = |error| Failure { error, status: None };
        request.headers.push(("accept", "application/json, application/problem+json".to_owned()));
        let mut token = self.token(None, request.class).await.map_err(without_status)?;
        let mut has_retried = false;
        loop {
            request.bearer = Some(token.token.clone());
            let sent = self.send(request.clone()).await;
            let response = sent.map_err(|error| without_status(Error::from_port(operation, error)))?;
            let failed = |error| Failure { error, status: Some(response.status) };
            match judge(operation, area, &response) {
                Verdict::Accepted(document) => return Ok(document),
                Verdict::Rejected if self.is_known_to_lack(area, Access::Read) => {
                    return Err(failed(Error::new(ErrorKind::Forbidden, operation, missing_right(area))));
                }
                Verdict::Rejected if !has_retried => {
                    has_retried = true;
                    token = self.token(Some(&token), request.class).await.map_err(failed)?;
                }
                Verdict::Rejected => {
                    let message =
                        "Personio rejects the token it has just handed out; the credential may have been disabled";
                    return Err(failed(Error::new(ErrorKind::Unauthenticated, operation, message)));
                }
                // A token keeps the rights that it was given with. One from the store may be older than the right.
                Verdict::Failed(error)
                    if error.kind == ErrorKind::Forbidden && !has_retried && !self.has_logged_in() =>
                {
                    has_retried = true;
                    match self.token(Some(&token), request.class).await {
                        Ok(fresh) => token = fresh,
                        Err(_) => return Err(failed(error)),
                    }
                }
                Verdict::Failed(error) => return Err(failed(error)),
            }
        }
    }

    /// Where the page after this answer starts; none at the end.
    pub(in crate::personio) fn next(
        &self,
        operation: &'static str,
        position: &Position,
        document: &Document,
    ) -> Result<Option<Position>> {
        position.next(operation, &self.base_url, document)
    }

    pub(super) async fn send(&self, request: Request) -> Result<Response, gangway_egress::Error> {
        assert_listed(&request);
        self.runtime.http.send(request).await
    }

    /// Whether an answer repeats a secret of this connection.
    pub(super) fn repeats_secret(&self, token: &StoredToken, response: &Response) -> bool {
        [&token.token, &self.credential.client_secret].into_iter().any(|secret| repeats(&response.body, secret))
    }

    /// Whether the token was got here without this right.
    pub(super) fn is_known_to_lack(&self, area: Area, access: Access) -> bool {
        let granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(&*granted, Granted::Said(scopes) if !scopes.may(area, access))
    }

    pub(super) fn has_logged_in(&self) -> bool {
        !matches!(*self.granted.lock().unwrap_or_else(PoisonError::into_inner), Granted::Earlier)
    }

    /// Makes sure that there is a token.
    pub(in crate::personio) async fn log_in(&self, class: Class) -> Result<()> {
        self.token(None, class).await.map(drop)
    }

    /// The token at hand; none where there is none, or the store does not answer.
    pub(in crate::personio) async fn stored_token(&self) -> Option<StoredToken> {
        self.runtime.tokens.get(API).await.ok().flatten()
    }

    pub(super) async fn token(&self, rejected: Option<&StoredToken>, class: Class) -> Result<StoredToken> {
        tokens::token(&self.runtime, API, rejected, self.authenticate(class)).await
    }

    async fn authenticate(&self, class: Class) -> Result<StoredToken> {
        let request = authentication::request(&self.credential, class);
        assert_listed(&request);
        let sent = self.runtime.http.send(request).await;
        let response = sent.map_err(|error| Error::from_port(OPERATION, error))?;
        let grant = authentication::grant(&response, self.runtime.clock.now())?;
        *self.granted.lock().unwrap_or_else(PoisonError::into_inner) =
            grant.scopes.map_or(Granted::Unsaid, Granted::Said);
        Ok(grant.token)
    }
}

/// Judges an answer of a resource endpoint.
fn judge(operation: &'static str, area: Area, response: &Response) -> Verdict {
    let failed = |kind, message: String| Verdict::Failed(Error::new(kind, operation, message));
    let unclear = |message: String| {
        Verdict::Failed(Error::new(ErrorKind::Protocol, operation, message).with_retry(Retry::Backoff))
    };
    let status = response.status;
    if (200..=299).contains(&status) {
        return match Document::read_with(&response.body, "_data") {
            Ok(document) => Verdict::Accepted(document),
            Err(refusal) => unclear(format!("the answer {refusal}")),
        };
    }
    let problem = Problem::read(&response.body);
    match status {
        401 => Verdict::Rejected,
        403 if problem.is_vendors => failed(ErrorKind::Forbidden, missing_right(area)),
        404 if problem.is_vendors => failed(ErrorKind::NotFound, "not found".to_owned()),
        405 | 410 | 501 => failed(ErrorKind::Unsupported, format!("Personio does not offer this (status {status})")),
        429 => failed(ErrorKind::RateLimited, "too many requests for this credential".to_owned()),
        408 | 425 | 500..=599 => failed(ErrorKind::Unavailable, format!("Personio fails with status {status}")),
        300..=399 => failed(
            ErrorKind::ConfigInvalid,
            "the base URL redirects elsewhere; leave base_url out or correct it".to_owned(),
        ),
        status if problem.is_vendors => {
            failed(ErrorKind::Protocol, format!("Personio refuses the request with status {status}{}", problem.named()))
        }
        status => unclear(format!(
            "status {status} that is not Personio's, perhaps from a proxy or firewall in between, or a wrong base_url"
        )),
    }
}

fn missing_right(area: Area) -> String {
    format!(
        "the credential lacks the right to read this in version 2 of Personio's API ({}); tick Read for {} on the credential's \
         page in Personio's settings (Integrations > API credentials)",
        area.scope(),
        area.on_screen()
    )
}
