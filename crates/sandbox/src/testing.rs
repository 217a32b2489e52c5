//! What the tests of this crate share: a sandbox without HTTP and a clock that moves when told.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::ManualClock;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::Config;
use crate::handle::Handle;
use crate::request::Request;
use crate::state::Shared;

/// A sandbox that is called without HTTP.
pub(crate) struct Bench {
    pub(crate) handle: Handle,
    pub(crate) clock: ManualClock,
    pub(crate) token: String,
    config: Config,
}

pub(crate) fn start() -> DateTime<Utc> {
    "2026-06-15T08:00:00Z".parse().unwrap()
}

impl Bench {
    /// Sixty people, no limits, logged in.
    pub(crate) fn new() -> Self {
        Self::of(Config::without_rate_limit)
    }

    pub(crate) fn of(change: impl FnOnce(Config) -> Config) -> Self {
        let clock = ManualClock::new(start());
        let config = change(Config::new(60, 3).with_clock(Arc::new(clock.clone())));
        let shared = Shared::new(config.clone(), "http://127.0.0.1:1".to_owned()).unwrap();
        let mut bench = Self { handle: Handle(Arc::new(shared)), clock, token: String::new(), config };
        bench.log_in();
        bench
    }

    pub(crate) fn log_in(&mut self) {
        let answer = self.login();
        self.token = body(&answer)["data"]["token"].as_str().unwrap_or_default().to_owned();
    }

    pub(crate) fn login(&self) -> Answer {
        let secret = self.config.client_secret();
        self.post("/v1/auth", &json!({"client_id": self.config.client_id(), "client_secret": secret.expose_secret()}))
    }

    pub(crate) fn advance_s(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    pub(crate) fn send(&self, method: &str, target: &str, content: &Value) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request::new(method, path);
        request.query = crate::server::query_pairs(query);
        request.authorization = (!self.token.is_empty()).then(|| format!("Bearer {}", self.token));
        if !content.is_null() {
            request.body = content.to_string().into();
        }
        self.handle.answer(&request)
    }

    pub(crate) fn post(&self, target: &str, content: &Value) -> Answer {
        self.send("POST", target, content)
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &Value::Null)
    }

    /// The body of an answer that must be good.
    pub(crate) fn ok(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        body(&answer)
    }
}

pub(crate) fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}
