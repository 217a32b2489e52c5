//! A fake vendor that pages in every way seen or documented.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use gangway_egress::{Error, HttpPort, Request, Response};
use serde_json::{Value, json};

/// What an offset counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offset {
    Items,
    /// From 1; 0 is another name of 1.
    Pages,
    /// Looked past: always the first page.
    Ignored,
}

/// What comes in `metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meta {
    None,
    /// `total_elements`, `total_pages` and `current_page` from this number.
    Full(u64),
    /// Without `total_elements`.
    PagesOnly(u64),
}

/// How an item is dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dress {
    /// `{type, attributes}`
    Vendor,
    /// Flat, in a bare list.
    Guide,
}

/// A vendor with `n` items on pages of at most `size`.
#[derive(Debug)]
pub(super) struct FakeVendor {
    pub(super) n: usize,
    pub(super) size: usize,
    pub(super) offset: Offset,
    pub(super) meta: Meta,
    pub(super) dress: Dress,
    pub(super) requests: AtomicUsize,
}

impl FakeVendor {
    pub(super) fn new(n: usize, size: usize, offset: Offset, meta: Meta, dress: Dress) -> Self {
        Self { n, size, offset, meta, dress, requests: AtomicUsize::new(0) }
    }

    fn item(&self, path: &str, id: usize) -> Value {
        match (self.dress, path) {
            (Dress::Vendor, "/v1/company/attendances") => {
                json!({"id": id, "type": "AttendancePeriod", "attributes": {"employee": 7, "date": "2026-03-02"}})
            }
            (Dress::Vendor, "/v1/company/time-offs") => json!({"type": "TimeOffPeriod", "attributes": {"id": id}}),
            (Dress::Vendor, _) => json!({"type": "Employee", "attributes": {"id": {"label": "ID", "value": id}}}),
            (Dress::Guide, "/v1/company/employees") => json!({"type": "Employee", "attributes": {"id": {"value": id}}}),
            (Dress::Guide, _) => json!({"id": id, "employee_id": 7}),
        }
    }

    fn page(&self, request: &Request) -> Value {
        let number = |name: &str| {
            request
                .query
                .iter()
                .find(|(key, _)| key == name)
                .and_then(|(_, value)| value.parse::<usize>().ok())
                .unwrap_or(0)
        };
        let size = self.size.min(number("limit")).max(1);
        let offset = number("offset");
        let start = match self.offset {
            Offset::Items => offset,
            Offset::Pages => offset.max(1).saturating_sub(1) * size,
            Offset::Ignored => 0,
        };
        let items: Vec<Value> =
            (start.min(self.n)..(start + size).min(self.n)).map(|id| self.item(&request.path, id + 1)).collect();
        if self.dress == Dress::Guide && request.path != "/v1/company/employees" {
            return Value::Array(items);
        }
        let mut answer = json!({"success": true, "data": items});
        let (base, with_total) = match self.meta {
            Meta::None => return answer,
            Meta::Full(base) => (base, true),
            Meta::PagesOnly(base) => (base, false),
        };
        let mut metadata = json!({
            "current_page": (start / size) as u64 + base,
            "total_pages": self.n.div_ceil(size),
        });
        if with_total {
            metadata["total_elements"] = json!(self.n);
        }
        answer["metadata"] = metadata;
        answer
    }
}

#[async_trait]
impl HttpPort for FakeVendor {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        if request.is_authentication {
            return Ok(token("papi-1"));
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(Response::new(200, Vec::new(), self.page(&request).to_string()))
    }
}

/// A vendor that answers from a list, one answer per request, and keeps the requests.
#[derive(Default)]
pub(super) struct Script {
    answers: Mutex<std::collections::VecDeque<Result<Response, Error>>>,
    pub(super) sent: Mutex<Vec<Request>>,
}

impl Script {
    pub(super) fn new(answers: impl IntoIterator<Item = Response>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().map(Ok).collect()), sent: Mutex::default() }
    }

    pub(super) fn then_fails(self, error: Error) -> Self {
        self.answers.lock().unwrap().push_back(Err(error));
        self
    }

    pub(super) fn then(self, answer: Response) -> Self {
        self.answers.lock().unwrap().push_back(Ok(answer));
        self
    }

    /// Paths and tokens of what was sent.
    pub(super) fn ledger(&self) -> Vec<(String, Option<String>)> {
        use secrecy::ExposeSecret;
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .map(|request| {
                (request.path.clone(), request.bearer.as_ref().map(|token| token.expose_secret().to_owned()))
            })
            .collect()
    }
}

#[async_trait]
impl HttpPort for Script {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.sent.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(answer(500, "script ended")))
    }
}

pub(super) fn answer(status: u16, body: impl Into<String>) -> Response {
    Response::new(status, Vec::new(), body.into())
}

pub(super) fn token(token: &str) -> Response {
    answer(200, json!({"success": true, "data": {"token": token, "expires_in": 3600}}).to_string())
}

pub(super) fn refusal(status: u16, code: u16) -> Response {
    let body = json!({"success": false, "error": {"code": code, "message": "Es ist ein Problem aufgetreten "}});
    answer(status, body.to_string())
}

pub(super) fn list(items: &Value) -> Response {
    answer(200, json!({"success": true, "data": items}).to_string())
}
