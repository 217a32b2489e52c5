//! Calls that change something, or whose answer is no list: the caller judges what came.

use bytes::Bytes;
use gangway_egress::{Request, Response};

use super::{
    client::Client,
    problem::Problem,
    scopes::{Access, Area},
};
use crate::{
    contract::{Error, ErrorKind, Retry, WriteError},
    personio::{
        client::Undelivered,
        envelope::Document,
        json::{member, members},
        source::plain_id,
        value,
    },
};

impl Client {
    /// Sends a request with a token, and with a new one when that is rejected, which was not carried out then.
    pub(super) async fn deliver(
        &self,
        operation: &'static str,
        area: Area,
        access: Access,
        mut request: Request,
    ) -> Result<Response, Undelivered> {
        request.headers.push(("accept", "application/json, application/problem+json".to_owned()));
        let mut token = self.token(None, request.class).await.map_err(Undelivered::unsent)?;
        let mut has_retried = false;
        loop {
            request.bearer = Some(token.token.clone());
            let sent = self.send(request.clone()).await;
            let mut response = sent.map_err(|error| Undelivered::by_port(operation, error))?;
            let may_be_stale = match response.status {
                401 => !self.is_known_to_lack(area, access),
                // A token keeps the rights that it was given with. One from the store may be older than the right.
                403 => Problem::read(&response.body).is_vendors && !self.has_logged_in(),
                _ => false,
            };
            // Its status still tells whether something was changed.
            if self.repeats_secret(&token, &response) {
                response.body = Bytes::new();
            }
            if has_retried || !may_be_stale {
                return Ok(response);
            }
            has_retried = true;
            match self.token(Some(&token), request.class).await {
                Ok(fresh) => token = fresh,
                Err(_) if response.status == 403 => return Ok(response),
                Err(error) => return Err(Undelivered::unsent(error)),
            }
        }
    }
}

/// What to say about an answer.
pub(super) struct About {
    pub(super) operation: &'static str,
    /// When the credential may not.
    pub(super) missing_right: &'static str,
    /// When something is not there.
    pub(super) not_found: &'static str,
}

/// A request that got no answer. Only one whose bytes may have left is in doubt.
pub(super) fn unanswered(undelivered: Undelivered) -> WriteError {
    let Undelivered { error, may_have_left } = undelivered;
    if may_have_left { WriteError::Unknown(error.with_retry(Retry::Never)) } else { WriteError::refused(error) }
}

/// Whether something was carried out, by status and by whose answer it is; texts are never looked at.
pub(super) fn judge(about: &About, response: &Response) -> Result<(), WriteError> {
    let About { operation, missing_right, not_found } = *about;
    let problem = Problem::read(&response.body);
    let refused = |kind, message: String| Err(WriteError::refused(Error::new(kind, operation, message)));
    let unknown =
        |kind, message: String| Err(WriteError::Unknown(Error::new(kind, operation, message).with_retry(Retry::Never)));
    match response.status {
        200..=299 => Ok(()),
        401 => refused(ErrorKind::Forbidden, format!("{missing_right}; or the credential was disabled")),
        403 if problem.is_vendors => refused(ErrorKind::Forbidden, missing_right.to_owned()),
        404 if problem.is_vendors => refused(ErrorKind::NotFound, not_found.to_owned()),
        status @ (405 | 410 | 501) => {
            refused(ErrorKind::Unsupported, format!("Personio does not offer this (status {status})"))
        }
        429 => refused(ErrorKind::RateLimited, "too many requests for this credential".to_owned()),
        status @ (408 | 425 | 500..=599) => unknown(
            ErrorKind::Unavailable,
            format!("Personio fails with status {status}; the change may have been made"),
        ),
        // These say where the result is, so there may be one; the others that nothing was done here.
        302 | 303 => unknown(ErrorKind::ConfigInvalid, "the base URL redirects elsewhere after the change".to_owned()),
        300..=399 => refused(ErrorKind::ConfigInvalid, "the base URL redirects elsewhere".to_owned()),
        status if problem.is_vendors => {
            refused(ErrorKind::Protocol, format!("Personio refuses this with status {status}{}", problem.named()))
        }
        status => refused(
            ErrorKind::Protocol,
            format!("status {status} that is not Personio's, perhaps from a proxy or firewall in between"),
        ),
    }
}

/// The id of the object that an answer shows, bare or in `_data`; only one that can go into a path.
pub(super) fn id_in(response: &Response) -> Option<String> {
    let document = Document::read_with(&response.body, "_data").ok()?;
    let shown = document.data().or_else(|_| document.root()).ok()?;
    let id = value::id(member(&members(shown).ok()?, "id")?).ok().flatten()?;
    plain_id(&id, "read an id").is_ok().then_some(id)
}
