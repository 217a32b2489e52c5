//! A bare POST to a receiver of webhooks: no budget, no retry, and nothing of the answer but its status.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    client::Client,
    guard::Origin,
    port::{Error, ErrorKind},
};

/// Names the call in errors.
const TEMPLATE: &str = "(receiver)";
/// Most of an answer that is read past.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What is sent, and where.
#[derive(Debug, Clone)]
pub struct Post {
    /// The receiver's address.
    pub url: Url,
    /// Headers beside the content type; their values may be secrets.
    pub headers: Vec<(String, SecretString)>,
    /// JSON.
    pub body: Bytes,
}

impl Client {
    /// Sends once and answers with the status.
    ///
    /// # Errors
    /// When the address is not allowed, a header is none, or no answer came.
    pub async fn post(&self, post: Post) -> Result<u16, Error> {
        let Post { url, headers, body } = post;
        let refused = |message: String| Error::new(ErrorKind::Refused, TEMPLATE, message);
        let origin = Origin::of(&url).map_err(|error| refused(error.to_string()))?;
        let access = self.guard().check(&origin).map_err(|refusal| refused(refusal.to_string()))?;
        let invalid = || Error::new(ErrorKind::Invalid, TEMPLATE, "a header cannot be sent");
        let mut builder = self.request(access, reqwest::Method::POST, url).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| invalid())?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        let request = builder.body(body).build().map_err(|_| invalid())?;
        let answer = self.exchange(access, request, MAX_ANSWER_BYTES).await;
        answer.map(|answer| answer.status).map_err(|failure| Error::new(failure.kind, TEMPLATE, failure.message))
    }
}
