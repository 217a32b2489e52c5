//! Sending with a token, and judging an answer by status, flag and code. Texts of the vendor are localised and are never
//! looked at.

use gangway_egress::{Request, Response};
use secrecy::{ExposeSecret, SecretString};

use super::{ApiVersion, Credential, authentication, endpoints::assert_listed, envelope::Document, tokens};
use crate::contract::{Api, Error, ErrorKind, Result, Retry, Runtime, StoredToken};

/// Version 1's tokens.
const API: Api = Api::MAIN;

/// Sends requests of one connection.
pub(super) struct Client {
    credential: Credential,
    runtime: Runtime,
    /// Which versions may be asked.
    api: ApiVersion,
}

/// A failed request, with the vendor's status where there was one: some callers have a second way.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) status: Option<u16>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, status: None }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A request without an answer.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) error: Error,
    /// Its bytes may have left, so that nobody knows whether it was carried out.
    pub(super) may_have_left: bool,
}

impl Undelivered {
    pub(super) fn unsent(error: Error) -> Self {
        Self { error, may_have_left: false }
    }

    pub(super) fn by_port(operation: &'static str, error: gangway_egress::Error) -> Self {
        use gangway_egress::ErrorKind as Port;

        let may_have_left = !matches!(error.kind, Port::Invalid | Port::Connect | Port::Refused | Port::RateLimited);
        Self { error: Error::from_port(operation, error), may_have_left }
    }
}

impl From<Undelivered> for Error {
    fn from(undelivered: Undelivered) -> Self {
        undelivered.error
    }
}

/// What to do when a token is rejected and no new one is to be had now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    /// Fail: later it may be carried out.
    Must,
    /// Take the rejection for the answer.
    IfPossible,
}

/// What an answer means.
enum Verdict {
    Accepted(Option<Document>),
    /// The token is not (or no longer) valid.
    Rejected,
    Failed(Error),
}

impl Client {
    pub(super) fn new(credential: Credential, runtime: Runtime, api: ApiVersion) -> Self {
        Self { credential, runtime, api }
    }

    /// Sends a request whose answer is JSON.
    pub(super) async fn json(&self, operation: &'static str, request: Request) -> Result<Document, Failure> {
        let (response, document) = self.send(operation, request).await?;
        let status = Some(response.status);
        document.ok_or_else(|| Failure {
            error: Error::new(ErrorKind::Protocol, operation, "the answer is not JSON").with_retry(Retry::Backoff),
            status,
        })
    }

    /// Sends a request without a token, where none is to be had: what is served refuses that.
    pub(super) async fn json_without_token(
        &self,
        operation: &'static str,
        request: Request,
    ) -> Result<Option<Document>, Failure> {
        assert_listed(&request);
        let sent = self.runtime.http.send(request).await;
        let response = sent.map_err(|error| Error::from_port(operation, error))?;
        let status = Some(response.status);
        match judge(operation, &response) {
            Verdict::Accepted(document) => Ok(document),
            Verdict::Rejected => {
                let error = Error::new(ErrorKind::Unauthenticated, operation, "Personio wants a token for it");
                Err(Failure { error, status })
            }
            Verdict::Failed(error) => Err(Failure { error, status }),
        }
    }

    /// Sends a request with a token; on rejection authenticates again and tries once more.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        mut request: Request,
    ) -> Result<(Response, Option<Document>), Failure> {
        let without_status = |error| Failure { error, status: None };
        assert_listed(&request);
        request.headers.push(("accept", "application/json, image/*;q=0.9".to_owned()));
        let mut token = self.token(None, request.class).await.map_err(without_status)?;
        let mut has_retried = false;
        loop {
            request.bearer = Some(token.token.clone());
            let response = self
                .runtime
                .http
                .send(request.clone())
                .await
                .map_err(|error| without_status(Error::from_port(operation, error)))?;
            match judge(operation, &response) {
                Verdict::Accepted(document) => {
                    self.adopt(&token, &response).await.map_err(without_status)?;
                    return Ok((response, document));
                }
                Verdict::Rejected if !has_retried => {
                    has_retried = true;
                    // The status goes along: some endpoints answer so to a missing right, which a caller may know.
                    let status = Some(response.status);
                    token = self.token(Some(&token), request.class).await.map_err(|error| Failure { error, status })?;
                }
                Verdict::Rejected => {
                    let error = Error::new(
                        ErrorKind::Unauthenticated,
                        operation,
                        "Personio rejects the token it has just handed out; the credential may have been disabled",
                    );
                    return Err(Failure { error, status: Some(response.status) });
                }
                Verdict::Failed(error) => {
                    self.adopt(&token, &response).await.map_err(without_status)?;
                    return Err(Failure { error, status: Some(response.status) });
                }
            }
        }
    }

    /// Sends a request with a token and gives back whatever the vendor answers, unless it cannot be asked at all or repeats
    /// a secret: servers in front of an API like to show a request in their pages about failures.
    pub(super) async fn pass(&self, operation: &'static str, request: Request) -> Result<Response> {
        let (token, response, is_rejected) = self.attempt(operation, request, Renewal::IfPossible).await?;
        if !is_rejected {
            self.adopt(&token, &response).await?;
        }
        if self.repeats_secret(&token, &response) {
            let message = "the vendor's answer repeats a secret of this connection, so it was dropped";
            return Err(Error::new(ErrorKind::Protocol, operation, message));
        }
        Ok(response)
    }

    /// The same for a write, of which the caller judges the answer. Once there is one, nothing of ours makes it a failure: its status tells
    /// whether something was changed. A body that repeats a secret is emptied.
    pub(super) async fn deliver(&self, operation: &'static str, request: Request) -> Result<Response, Undelivered> {
        let (token, mut response, is_rejected) = self.attempt(operation, request, Renewal::Must).await?;
        if !is_rejected && let Err(error) = self.adopt(&token, &response).await {
            tracing::warn!(%error, "the token that came with the answer to a write could not be kept; the next call logs in again");
        }
        if self.repeats_secret(&token, &response) {
            response.body = bytes::Bytes::new();
        }
        Ok(response)
    }

    /// Sends a request with a token, and with a new one when that is rejected; answers with the token used and whether it was rejected.
    async fn attempt(
        &self,
        operation: &'static str,
        mut request: Request,
        renewal: Renewal,
    ) -> Result<(StoredToken, Response, bool), Undelivered> {
        assert_listed(&request);
        request.headers.push(("accept", "application/json, */*;q=0.1".to_owned()));
        let mut token = self.token(None, request.class).await.map_err(Undelivered::unsent)?;
        let mut has_retried = false;
        loop {
            request.bearer = Some(token.token.clone());
            let sent = self.runtime.http.send(request.clone()).await;
            let response = sent.map_err(|error| Undelivered::by_port(operation, error))?;
            let is_rejected = matches!(judge(operation, &response), Verdict::Rejected);
            // A missing right looks like a refused token: after one new token, or when none is to be had now, it is the answer.
            if is_rejected && !has_retried {
                has_retried = true;
                match self.token(Some(&token), request.class).await {
                    Ok(fresh) => {
                        token = fresh;
                        continue;
                    }
                    // What was rejected was not carried out, and later it may be.
                    Err(error) if renewal == Renewal::Must => return Err(Undelivered::unsent(error)),
                    Err(_) => {}
                }
            }
            return Ok((token, response, is_rejected));
        }
    }

    fn repeats_secret(&self, token: &StoredToken, response: &Response) -> bool {
        let renewed = authentication::token_in_header(response, self.runtime.clock.now());
        let secrets = [Some(&token.token), Some(&self.credential.client_secret), renewed.as_ref().map(|it| &it.token)];
        secrets.into_iter().flatten().any(|secret| repeats(&response.body, secret))
    }

    /// The token at hand; none where there is none, or the store does not answer.
    pub(super) async fn stored_token(&self) -> Option<StoredToken> {
        self.runtime.tokens.get(API).await.ok().flatten()
    }

    async fn token(&self, rejected: Option<&StoredToken>, class: gangway_egress::Class) -> Result<StoredToken> {
        tokens::token(&self.runtime, API, rejected, self.authenticate(class)).await
    }

    async fn authenticate(&self, class: gangway_egress::Class) -> Result<StoredToken> {
        let request = authentication::request(&self.credential, class)?;
        assert_listed(&request);
        let response = self
            .runtime
            .http
            .send(request)
            .await
            .map_err(|error| Error::from_port(authentication::OPERATION, error))?;
        // Where nothing else may be asked, it is the address that is wrong.
        if self.api == ApiVersion::Auto && authentication::has_ended(&response) {
            return Err(authentication::ended(response.status));
        }
        authentication::token(&response, self.runtime.clock.now())
    }

    async fn adopt(&self, current: &StoredToken, response: &Response) -> Result<()> {
        match authentication::token_in_header(response, self.runtime.clock.now()) {
            Some(token) if !token.is_same_token(current) => self.runtime.tokens.adopt(API, current, token).await,
            _ => Ok(()),
        }
    }

    /// The time, for ranges of days.
    pub(super) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.runtime.clock.now()
    }
}

/// Whether a body holds a secret as it is, or as JSON or a URL would write it.
pub(super) fn repeats(body: &[u8], secret: &SecretString) -> bool {
    if holds(body, secret) {
        return true;
    }
    let has = |byte: u8| body.contains(&byte);
    let unescaped = if has(b'\\') { unescaped(body) } else { body.to_vec() };
    holds(&unescaped, secret)
        || (has(b'%') && holds(&percent_encoding::percent_decode(&unescaped).collect::<Vec<u8>>(), secret))
}

/// The body with JSON's escapes of ASCII taken away; a secret has nothing else.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        let code = after.strip_prefix(b"u").and_then(|after| after.get(..4));
        let code =
            code.and_then(|digits| str::from_utf8(digits).ok()).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let (letter, left) = match (*byte, code.and_then(|code| u8::try_from(code).ok()), after.split_first()) {
            (b'\\', Some(letter), _) => (letter, after.get(5..).unwrap_or_default()),
            (b'\\', None, Some((letter, left))) => (*letter, left),
            _ => (*byte, after),
        };
        plain.push(letter);
        rest = left;
    }
    plain
}

/// Whether bytes hold a secret. Shorter ones are found anywhere by chance.
fn holds(body: &[u8], secret: &SecretString) -> bool {
    let secret = secret.expose_secret().as_bytes();
    let Some(first) = secret.first().filter(|_| secret.len() >= 8) else { return false };
    let mut starts = body.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.any(|(start, _)| body.get(start..).is_some_and(|rest| rest.starts_with(secret)))
}

/// Judges an answer of a resource endpoint.
fn judge(operation: &'static str, response: &Response) -> Verdict {
    let is_image = response.header("content-type").is_some_and(|kind| kind.starts_with("image/"));
    let document = if is_image { None } else { Document::read(&response.body).ok() };
    let code = document.as_ref().and_then(|document| document.error_code);
    let is_vendors = document.as_ref().is_some_and(|document| document.is_vendors);
    let failed = |kind, message: String| Verdict::Failed(Error::new(kind, operation, message));
    let unclear = |message: String| {
        Verdict::Failed(Error::new(ErrorKind::Protocol, operation, message).with_retry(Retry::Backoff))
    };

    match response.status {
        200..=299 if document.as_ref().and_then(|document| document.success) == Some(false) => match code {
            Some(401 | 403) => Verdict::Rejected,
            Some(404) => failed(ErrorKind::NotFound, "not found".to_owned()),
            Some(429) => failed(ErrorKind::RateLimited, "too many requests for this credential".to_owned()),
            Some(code @ 500..=599) => failed(ErrorKind::Unavailable, format!("Personio reports error {code}")),
            code => unclear(format!("Personio reports error {} with status 200", code.unwrap_or_default())),
        },
        200..=299 => Verdict::Accepted(document),
        401 => Verdict::Rejected,
        403 if code == Some(403) => Verdict::Rejected,
        403 if is_vendors => failed(ErrorKind::Forbidden, MISSING_RIGHT.to_owned()),
        404 if is_vendors => failed(ErrorKind::NotFound, "not found".to_owned()),
        405 | 410 | 501 => {
            failed(ErrorKind::Unsupported, format!("Personio no longer offers this (status {})", response.status))
        }
        429 => failed(ErrorKind::RateLimited, "too many requests for this credential".to_owned()),
        408 | 425 | 500..=599 => {
            failed(ErrorKind::Unavailable, format!("Personio fails with status {}", response.status))
        }
        300..=399 => failed(
            ErrorKind::ConfigInvalid,
            "the base URL redirects elsewhere; leave base_url out or correct it".to_owned(),
        ),
        status if is_vendors => failed(
            ErrorKind::Protocol,
            format!("Personio refuses the request with status {status}, code {}", code.unwrap_or_default()),
        ),
        status => unclear(format!(
            "status {status} without Personio's envelope, perhaps from a proxy or firewall in between, or a wrong base_url"
        )),
    }
}

const MISSING_RIGHT: &str = "the credential lacks the right to read this; tick it on the credential's page in Personio's \
                             settings (Integrations > API credentials)";
