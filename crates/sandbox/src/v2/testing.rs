//! A sandbox that tests call as version 2, without HTTP.

use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::answer::Answer;
use crate::config::Config;
use crate::request::Request;
use crate::testing::{Bench, body};

/// How its host is spelled by the callers.
pub(super) const ORIGIN: &str = "http://sandbox.test:8443";

/// A sandbox that is called with a token of version 2.
pub(crate) struct V2 {
    pub(crate) bench: Bench,
    pub(crate) token: String,
}

impl V2 {
    pub(crate) fn new() -> Self {
        Self::of(Config::without_rate_limit)
    }

    pub(crate) fn of(change: impl FnOnce(Config) -> Config) -> Self {
        let mut v2 = Self { bench: Bench::of(change), token: String::new() };
        v2.token = body(&v2.log_in(&[]))["access_token"].as_str().unwrap_or_default().to_owned();
        v2
    }

    /// Logs in with some members of the form changed.
    pub(crate) fn log_in(&self, changes: &[(&str, &str)]) -> Answer {
        let config = &self.bench.handle.0.config;
        let secret = config.client_secret();
        let mut form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", config.client_id()),
            ("client_secret", secret.expose_secret().to_owned()),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            form.push((name, (*value).to_owned()));
        }
        let form: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.send_form("/v2/auth/token", &form.join("&"))
    }

    pub(crate) fn send_form(&self, path: &str, form: &str) -> Answer {
        let mut request = Request::new("POST", path);
        request.headers.content_type = Some("application/x-www-form-urlencoded; charset=utf-8".to_owned());
        request.body = form.to_owned().into();
        self.bench.handle.answer(&request)
    }

    fn request(&self, method: &str, target: &str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request::new(method, path);
        request.query = crate::server::query_pairs(query);
        request.authorization = Some(format!("Bearer {}", self.token));
        request.headers.host = Some("sandbox.test:8443".to_owned());
        request
    }

    pub(crate) fn send(&self, method: &str, target: &str, content: &Value) -> Answer {
        let mut request = self.request(method, target);
        request.body = content.to_string().into();
        self.bench.handle.answer(&request)
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.bench.handle.answer(&self.request("GET", target))
    }

    pub(crate) fn beta(&self, target: &str) -> Answer {
        let mut request = self.request("GET", target);
        request.headers.beta = Some("true".to_owned());
        self.bench.handle.answer(&request)
    }

    /// The body of an answer that must be good.
    pub(crate) fn ok(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        body(&answer)
    }

    /// All items of a list.
    pub(crate) fn all(&self, target: &str) -> Vec<Value> {
        collected(target, |target| self.get(target))
    }

    /// All items of a list in beta.
    pub(crate) fn all_beta(&self, target: &str) -> Vec<Value> {
        collected(target, |target| self.beta(target))
    }

    pub(crate) fn person_ids(&self) -> Vec<String> {
        self.bench.handle.people().iter().map(|person| person["id"].to_string()).collect()
    }

    pub(crate) fn switch(&self, switches: &Value) {
        self.bench.handle.change_switches(switches).unwrap();
    }

    pub(crate) fn fault(&self, fault: &Value) {
        assert_eq!(self.bench.post("/_sandbox/faults", fault).status, 201);
    }
}

fn collected(target: &str, get: impl Fn(&str) -> Answer) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = Some(target.to_owned());
    while let Some(target) = next {
        let answer = get(&target);
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        let page = body(&answer);
        items.extend(page["_data"].as_array().unwrap().iter().cloned());
        next = page["_meta"]["links"]["next"]["href"].as_str().map(|at| at.strip_prefix(ORIGIN).unwrap().to_owned());
    }
    items
}

/// Status and the first error's detail.
pub(super) fn refusal(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.content_type, "application/problem+json", "{:?}", answer.body);
    let error = body(answer)["errors"][0].clone();
    assert!(error["title"].is_string() && error["type"].is_string() && error["_meta"].is_object());
    (answer.status, error["detail"].as_str().unwrap().to_owned())
}
