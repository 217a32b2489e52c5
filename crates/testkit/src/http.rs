//! A client for our own API in tests.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::eventually;

/// Speaks to an API under one base URL.
#[derive(Debug, Clone)]
pub struct Client {
    client: reqwest::Client,
    base: String,
}

/// An answer, read completely.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; null when it is none.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body, when the status is the expected one.
    ///
    /// # Panics
    /// When it is another.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "answer: {}", String::from_utf8_lossy(&self.bytes));
        self.body
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// For the API at a base URL, without a slash at its end.
    ///
    /// # Panics
    /// When TLS can't be set up.
    #[expect(clippy::disallowed_methods, reason = "tests speak to our own API on loopback, which egress would refuse")]
    pub fn new(base: impl Into<String>) -> Self {
        // Installs the TLS provider that this client needs too.
        gangway_egress::Client::new(gangway_egress::ClientConfig::default()).expect("TLS can be set up");
        let client = reqwest::Client::builder().no_proxy().build().expect("the TLS provider is installed");
        Self { client, base: base.into() }
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request with a key, for special headers; send it with [`Client::send`].
    pub fn request(&self, method: Method, key: &str, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(key)
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the API answers completely")
    }

    /// Sends a request to somebody who may die meanwhile.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = response.headers().iter().map(text).collect();
        let bytes = response.bytes().await?.to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body, bytes })
    }

    /// Waits until the API answers that it is ready.
    ///
    /// # Panics
    /// When that takes longer than any start.
    pub async fn wait_until_ready(&self) {
        let url = format!("{}/readyz", self.base);
        eventually("the API to be ready", async || {
            self.client.get(&url).send().await.is_ok_and(|response| response.status().is_success())
        })
        .await;
    }

    /// GET.
    pub async fn get(&self, key: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, key, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, key, path).json(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, key, path).json(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, key, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, key: &str, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, key, path)).await
    }

    /// Every item of a listing, page by page.
    ///
    /// # Panics
    /// When a page is refused.
    pub async fn list(&self, key: &str, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.get(key, &format!("{path}{separator}limit=200{after}")).await.expect(200);
            items.extend(page.get("data").and_then(Value::as_array).cloned().unwrap_or_default());
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = format!("&after={next}"),
                None => return items,
            }
        }
    }
}
