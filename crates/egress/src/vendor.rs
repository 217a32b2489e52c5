//! The port a connector gets: one base URL, one budget.
//!
//! It takes a slot, sends once, gives the slot back, and reads what the vendor's headers say about its limits. It never
//! retries: that is the caller's business, who knows whether a request may be repeated.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::BuildHasher,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use gangway_limits::{Ask, BudgetKey, Budgets, Permit, Policy};
use gangway_metrics::{bounded, vendor as metrics};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use tracing::{Instrument, Span, field};
use url::Url;

use crate::{
    client::{Answer, Client},
    guard::{Access, Origin, OriginError, Refusal},
    port::{Body, Error, ErrorKind, HttpPort, Method, Request, Response},
    retry,
};

/// What a port is bound to.
#[derive(Debug, Clone)]
pub struct VendorPortConfig {
    /// Where the vendor's API begins; a path in it is kept.
    pub base_url: Url,
    /// The connector's own origins, from its manifest.
    pub allowed_origins: Vec<Origin>,
    /// Whose budget pays.
    pub budget_key: BudgetKey,
    /// The vendor's limits.
    pub policy: Arc<Policy>,
    /// The budgets of this process.
    pub budgets: Budgets,
    /// The longest wait for a slot inside a call; a longer one comes back as [`ErrorKind::RateLimited`].
    pub max_wait: Duration,
    /// Headers of every request, by which the vendor knows whose software asks.
    pub headers: Vec<(&'static str, String)>,
}

/// A port that can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// The base URL has no usable origin.
    #[error("the base URL is not usable: {0}")]
    BaseUrl(OriginError),
    /// The base URL has a query or a fragment.
    #[error("the base URL must have neither query nor fragment")]
    NotABase,
    /// A header of every request is none, or is set by the port itself.
    #[error("{0} cannot be sent with every request")]
    Header(&'static str),
    /// The origin may not be called.
    #[error("{origin} may not be called: {refusal}")]
    Refused {
        /// The base URL's origin.
        origin: Origin,
        /// Why.
        refusal: Refusal,
    },
}

/// Which budget pays, and by which limits.
#[derive(Debug, Clone)]
struct Budget {
    key: BudgetKey,
    policy: Arc<Policy>,
}

/// Sends one connection's requests. See [`HttpPort`].
pub struct VendorPort {
    client: Client,
    access: Access,
    host: String,
    base_url: Url,
    base_path: String,
    budget: RwLock<Budget>,
    budgets: Budgets,
    max_wait: Duration,
    headers: Vec<(HeaderName, HeaderValue)>,
    n_refusals: AtomicU32,
    jitter: AtomicU64,
}

impl fmt::Debug for VendorPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorPort")
            .field("origin", &self.host)
            .field("budget_key", &self.budget().key)
            .finish_non_exhaustive()
    }
}

impl VendorPort {
    pub(crate) fn new(client: Client, config: VendorPortConfig) -> Result<Self, PortError> {
        let VendorPortConfig { base_url, allowed_origins, budget_key, policy, budgets, max_wait, headers } = config;
        let headers = headers.into_iter().map(|(given, value)| {
            let name = HeaderName::from_bytes(given.as_bytes()).map_err(|_| PortError::Header(given))?;
            let value = HeaderValue::from_str(&value).map_err(|_| PortError::Header(given))?;
            if is_ours(&name) { Err(PortError::Header(given)) } else { Ok((name, value)) }
        });
        let headers = headers.collect::<Result<_, _>>()?;
        let origin = Origin::of(&base_url).map_err(PortError::BaseUrl)?;
        if base_url.query().is_some() || base_url.fragment().is_some() {
            return Err(PortError::NotABase);
        }
        let is_known = allowed_origins.contains(&origin) || client.guard().is_vouched(&origin);
        let access = if is_known { client.guard().check(&origin) } else { Err(Refusal::UnknownOrigin) };
        let access = access.map_err(|refusal| PortError::Refused { origin: origin.clone(), refusal })?;
        Ok(Self {
            client,
            access,
            host: origin.to_string(),
            base_path: base_url.path().trim_end_matches('/').to_owned(),
            base_url,
            budget: RwLock::new(Budget { key: budget_key, policy }),
            budgets,
            max_wait,
            headers,
            n_refusals: AtomicU32::new(0),
            jitter: AtomicU64::new(RandomState::new().hash_one(0)),
        })
    }

    /// Lets every later request draw on another budget: a credential joins the shared one as soon as the vendor has accepted
    /// it, in the middle of whatever it was opened for.
    pub fn draw_on(&self, key: BudgetKey, policy: Arc<Policy>) {
        *self.budget.write().unwrap_or_else(PoisonError::into_inner) = Budget { key, policy };
    }

    fn budget(&self) -> Budget {
        self.budget.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The URL of a request: the path must come out as it went in, so that no dot segment, backslash or `?` in an id leads
    /// to another resource than the template says.
    fn url(&self, request: &Request) -> Result<Url, Error> {
        let invalid =
            || Error::new(ErrorKind::Invalid, request.template, "the path is not well-formed; encode its segments");
        if !request.path.starts_with('/') {
            return Err(invalid());
        }
        let path = format!("{}{}", self.base_path, request.path);
        let mut url = self.base_url.clone();
        url.set_path(&path);
        if url.path() != path || path.contains("//") {
            return Err(invalid());
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    fn build(&self, request: &Request) -> Result<reqwest::Request, Error> {
        let template = request.template;
        let invalid = |message| Error::new(ErrorKind::Invalid, template, message);
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.client.request(self.access, method, self.url(request)?);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("a header's name is not valid"))?;
            if is_ours(&name) {
                return Err(invalid("a header is set that the port sets itself"));
            }
            let value = HeaderValue::from_str(value).map_err(|_| invalid("a header's value is not valid"))?;
            builder = builder.header(name, value);
        }
        if let Some(token) = &request.bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                .map_err(|_| invalid("the token holds characters that no header may have"))?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        builder = match &request.body {
            Body::Empty => builder,
            Body::Json(json) => builder.header(CONTENT_TYPE, "application/json").body(json.expose_secret().to_owned()),
            Body::Form(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name, value.expose_secret())).collect();
                builder.form(&pairs)
            }
        };
        builder.build().map_err(|_| invalid("the request can't be built"))
    }

    async fn acquire(&self, budget: &Budget, request: &Request) -> Result<Permit, Error> {
        let ask = Ask {
            key: budget.key,
            policy: &budget.policy,
            template: request.template,
            host: &self.host,
            class: request.class,
            is_authentication: request.is_authentication,
            request_timeout: self.client.request_timeout(),
        };
        let (begun, class) = (Instant::now(), request.class.as_str());
        let permit = self.budgets.acquire(&ask, self.max_wait).await;
        metrics::BUDGET_WAIT.record(begun.elapsed(), [class]);
        permit.map_err(|wait| {
            metrics::BUDGET_POSTPONED.add(1, [class]);
            let what = if request.is_authentication { "logins" } else { "requests" };
            let message =
                format!("our budget of {what} for this vendor account is used up for now, and nothing was sent");
            Error::new(ErrorKind::RateLimited, request.template, message)
                .with_retry_after(wait.retry_after)
                .of_own_budget()
        })
    }

    /// Windows of the limits this request has of its own.
    fn own_windows(policy: &Policy, request: &Request) -> impl Iterator<Item = Duration> {
        let authentication = request.is_authentication.then_some(policy.authentication.window);
        let template = request.template;
        let paths = policy.paths.iter().filter(move |path| authentication.is_none() && path.template == template);
        authentication.into_iter().chain(paths.map(|path| path.window))
    }

    /// Tells the budget what the vendor's answer says about its limits.
    fn settle(&self, policy: &Policy, permit: Permit, request: &Request, answer: Answer) -> Result<Response, Error> {
        let Answer { status, headers, body } = answer;
        if status != 429 {
            self.n_refusals.store(0, Ordering::Relaxed);
            if Self::own_windows(policy, request).next().is_none()
                && let Some(remaining) = retry::remaining(&headers, policy.ceiling)
            {
                permit.correct(remaining);
            }
            permit.finish();
            return Ok(Response::new(status, headers, body));
        }
        metrics::REFUSALS.add(1, [request.class.as_str()]);
        let n_refusals = self.n_refusals.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let jitter = self.jitter.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let configured = Self::own_windows(policy, request).min();
        let advice = retry::advise(&headers, self.client.clock().now(), configured, n_refusals, jitter);
        // A wait longer than the path's own windows can't come from them.
        if Self::own_windows(policy, request).max().is_some_and(|longest| advice.wait <= longest) {
            permit.penalise_path(advice.wait);
        } else {
            permit.penalise(advice.wait);
        }
        permit.finish();
        tracing::warn!(
            http.route = request.template,
            retry_after_ms = u64::try_from(advice.wait.as_millis()).unwrap_or(u64::MAX),
            evidence = ?advice.evidence,
            "the vendor refused a request as one too many"
        );
        Err(Error::new(
            ErrorKind::RateLimited,
            request.template,
            "the vendor answered that these are too many requests (429)",
        )
        .with_retry_after(advice.wait))
    }

    async fn send_in_span(&self, request: Request) -> Result<Response, Error> {
        let built = self.build(&request)?;
        let budget = self.budget();
        let permit = self.acquire(&budget, &request).await?;
        let begun = Instant::now();
        let answer = self.client.exchange(self.access, built, request.max_answer_bytes).await;
        let (status, error) = match &answer {
            Ok(answer) => (bounded::status(answer.status), "none"),
            Err(failure) => ("none", failure.kind.as_str()),
        };
        metrics::REQUESTS.record(begun.elapsed(), [request.method.as_str(), request.template, status, error]);
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                permit.finish();
                return Err(Error::new(failure.kind, request.template, failure.message));
            }
        };
        Span::current().record("http.response.status_code", answer.status);
        self.settle(&budget.policy, permit, &request, answer)
    }
}

#[async_trait]
impl HttpPort for VendorPort {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let span = tracing::info_span!(
            "vendor.request",
            otel.kind = "client",
            http.route = request.template,
            http.request.method = request.method.as_str(),
            http.response.status_code = field::Empty,
            budget.class = request.class.as_str(),
            error.kind = field::Empty,
        );
        let outcome = self.send_in_span(request).instrument(span.clone()).await;
        if let Err(error) = &outcome {
            span.record("error.kind", field::debug(error.kind));
        }
        outcome
    }
}

/// Headers that a connector may not set: they steer the connection, or tell the vendor about our traces.
fn is_ours(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "host"
            | "authorization"
            | "connection"
            | "content-length"
            | "transfer-encoding"
            | "upgrade"
            | "te"
            | "trailer"
            | "expect"
            | "accept-encoding"
            | "traceparent"
            | "tracestate"
            | "baggage"
    )
}
