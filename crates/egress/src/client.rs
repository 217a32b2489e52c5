//! The one HTTP client of the process.
//!
//! No redirects, no proxy from the environment, no retries, no cookies; time-outs and size caps on everything. Vouched
//! origins have a pool of their own, since their names are resolved without the guard.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use gangway_domain::{Clock, SystemClock};
use reqwest::{redirect, retry};

use crate::{
    guard::{Access, AddressGuard, Origin},
    port::ErrorKind,
    resolver::{PublicOnly, is_refusal},
    vendor::{PortError, VendorPort, VendorPortConfig},
};

/// Most headers accepted in an answer.
const MAX_HEADERS: usize = 100;
/// Most bytes of headers accepted in an answer.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Settings of the client.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Time for name resolution, TCP and TLS.
    pub connect_timeout: Duration,
    /// Time for a whole request, to the last byte of the answer.
    pub request_timeout: Duration,
    /// Largest answer, after decompression, whatever a request allows.
    pub max_answer_bytes: usize,
    /// `User-Agent`.
    pub user_agent: String,
    /// Origins an operator vouches for: HTTP and private addresses are fine there. For one purpose: who vouches for a receiver
    /// of webhooks vouches for no vendor, so each purpose has a client of its own.
    pub allowed_origins: Vec<Origin>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            max_answer_bytes: 64 * 1024 * 1024,
            user_agent: concat!("gangway/", env!("CARGO_PKG_VERSION")).to_owned(),
            allowed_origins: Vec::new(),
        }
    }
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up; are CA certificates (package ca-certificates) installed?")]
pub struct BuildError(#[source] reqwest::Error);

/// Sends to third parties. Build it once: connections are pooled in it; clones share them.
#[derive(Clone)]
pub struct Client {
    guarded: reqwest::Client,
    vouched: reqwest::Client,
    inner: Arc<Inner>,
}

struct Inner {
    guard: AddressGuard,
    request_timeout: Duration,
    max_answer_bytes: usize,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("guard", &self.inner.guard).finish_non_exhaustive()
    }
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) message: &'static str,
}

const TOO_LARGE: Failure = Failure { kind: ErrorKind::TooLarge, message: "the answer is larger than allowed" };

impl Client {
    /// Builds the client.
    ///
    /// # Errors
    /// [`BuildError`] when TLS can't be set up.
    pub fn new(config: ClientConfig) -> Result<Self, BuildError> {
        Self::with_clock(config, Arc::new(SystemClock))
    }

    /// Builds the client with a clock, which dates in `Retry-After` are compared with.
    ///
    /// # Errors
    /// [`BuildError`] when TLS can't be set up.
    pub fn with_clock(config: ClientConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let ClientConfig { connect_timeout, request_timeout, max_answer_bytes, user_agent, allowed_origins } = config;
        // An error means that one is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        #[expect(clippy::disallowed_methods, reason = "this is the client that all others are refused for")]
        let builder = || {
            reqwest::Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .connect_timeout(connect_timeout)
                .timeout(request_timeout)
                .pool_idle_timeout(Duration::from_secs(30))
                .http1_max_headers(MAX_HEADERS)
                .http2_max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
                .user_agent(user_agent.as_str())
        };
        Ok(Self {
            guarded: builder().https_only(true).dns_resolver(PublicOnly).build().map_err(BuildError)?,
            vouched: builder().build().map_err(BuildError)?,
            inner: Arc::new(Inner {
                guard: AddressGuard::new(allowed_origins),
                request_timeout,
                max_answer_bytes,
                clock,
            }),
        })
    }

    /// A port bound to one connection's origin and budget.
    ///
    /// # Errors
    /// [`PortError`] when the base URL is not usable or its origin not allowed.
    pub fn vendor_port(&self, config: VendorPortConfig) -> Result<VendorPort, PortError> {
        VendorPort::new(self.clone(), config)
    }

    /// The guard with the operator's list.
    pub fn guard(&self) -> &AddressGuard {
        &self.inner.guard
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.inner.request_timeout
    }

    pub(crate) fn request(&self, access: Access, method: reqwest::Method, url: url::Url) -> reqwest::RequestBuilder {
        match access {
            Access::Guarded => self.guarded.request(method, url),
            Access::Vouched => self.vouched.request(method, url),
        }
    }

    /// Sends a request and reads the answer up to `max_answer_bytes`.
    pub(crate) async fn exchange(
        &self,
        access: Access,
        request: reqwest::Request,
        max_answer_bytes: usize,
    ) -> Result<Answer, Failure> {
        let client = match access {
            Access::Guarded => &self.guarded,
            Access::Vouched => &self.vouched,
        };
        let mut response = client.execute(request).await.map_err(|error| classify(&error))?;
        let status = response.status().as_u16();
        let headers = read_headers(response.headers())?;
        let max_answer_bytes = max_answer_bytes.min(self.inner.max_answer_bytes);
        let announced = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced.is_some_and(|length| length > max_answer_bytes) {
            return Err(TOO_LARGE);
        }
        let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > max_answer_bytes {
                return Err(TOO_LARGE);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

fn read_headers(headers: &reqwest::header::HeaderMap) -> Result<Vec<(String, String)>, Failure> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || size > MAX_HEADER_BYTES {
        return Err(Failure { kind: ErrorKind::TooLarge, message: "the answer's headers are larger than allowed" });
    }
    let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        value.to_str().ok().map(|value| (name.as_str().to_owned(), value.to_owned()))
    };
    Ok(headers.iter().filter_map(text).collect())
}

/// Says what failed without repeating what the library says: its texts hold the URL with the query.
fn classify(error: &reqwest::Error) -> Failure {
    let (kind, message) = if is_refusal(error) {
        (ErrorKind::Refused, "the host's name leads to an address that is not public")
    } else if error.is_connect() {
        (ErrorKind::Connect, connect_message(error))
    } else if error.is_timeout() {
        (ErrorKind::TimedOut, "no complete answer within the time-out")
    } else if error.is_builder() {
        (ErrorKind::Invalid, "the request can't be sent to that URL")
    } else if error.is_decode() {
        (ErrorKind::Broken, "the answer broke off or its encoding is damaged")
    } else {
        (ErrorKind::Broken, "the connection broke before the answer was complete")
    };
    Failure { kind, message }
}

fn connect_message(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return "no connection within the time-out";
    }
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            if io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some() {
                return "the TLS handshake failed; is the host's certificate valid and its issuer known here?";
            }
            if io.kind() == std::io::ErrorKind::ConnectionRefused {
                return "the host refused the connection; is it up, and is the port right?";
            }
        }
        if error.is::<rustls::Error>() {
            return "the TLS handshake failed; is the host's certificate valid and its issuer known here?";
        }
        source = error.source();
    }
    "could not connect; check the host's name and this machine's network"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_at_connect_time() {
        let client = Client::new(ClientConfig::default()).unwrap();
        let url = "https://localhost:9/".parse().unwrap();
        let request = client.request(Access::Guarded, reqwest::Method::GET, url).build().unwrap();
        let failure = client.exchange(Access::Guarded, request, 10).await.err().unwrap();
        assert_eq!(failure.kind, ErrorKind::Refused);
    }

    #[tokio::test]
    async fn the_guarded_pool_sends_nothing_in_plain_text() {
        let client = Client::new(ClientConfig::default()).unwrap();
        let url = "http://8.8.8.8/".parse().unwrap();
        let request = client.request(Access::Guarded, reqwest::Method::GET, url).build().unwrap();
        let failure = client.exchange(Access::Guarded, request, 10).await.err().unwrap();
        assert_eq!(failure.kind, ErrorKind::Invalid);
    }
}
