//! Failures to order: the next requests for a path are answered as told, before token, limits and routes have a say, as a
//! proxy, a firewall or an outage would. They are in the ledger, count against no limit and are not kept over a restart.

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::request::Request;

/// What to answer to which of the next requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Requests whose path begins like this are hit.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The answer's body; its content type is HTML when it begins with `<`, else JSON.
    #[serde(default)]
    pub body: String,
    /// `Retry-After` in seconds.
    #[serde(default)]
    pub retry_after_s: Option<u32>,
    /// How many requests are hit.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// One answer of this status with an empty body.
    pub fn once(path: impl Into<String>, status: u16) -> Self {
        Self { path: path.into(), status, body: String::new(), retry_after_s: None, times: once() }
    }

    /// Sets the body.
    pub fn with_body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// What is wrong with it, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if !self.path.starts_with("/v1/") {
            return Some("path: must begin with /v1/");
        }
        // An informational status would leave the caller waiting for the real one.
        (!(200..=599).contains(&self.status)).then_some("status: must lie between 200 and 599")
    }

    fn answer(&self) -> Answer {
        let content_type = if self.body.starts_with('<') { "text/html" } else { "application/json" };
        let headers = self.retry_after_s.map(|seconds| ("retry-after", seconds.to_string()));
        Answer { headers: headers.into_iter().collect(), ..Answer::bytes(self.status, content_type, self.body.clone()) }
    }
}

/// The failures still to come, in the order they were told.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// The answer to this request, if it is to fail.
    pub(crate) fn answer(&mut self, request: &Request) -> Option<Answer> {
        self.0.retain(|fault| fault.times > 0);
        let fault = self.0.iter_mut().find(|fault| request.path.starts_with(&fault.path))?;
        fault.times -= 1;
        Some(fault.answer())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Bench, body, header};

    const LIST: &str = "/v1/company/employees?limit=1";

    fn order(bench: &Bench, fault: &serde_json::Value) -> u16 {
        bench.post("/_sandbox/quirks", &json!({"fail_next": fault})).status
    }

    #[test]
    fn the_next_requests_of_a_path_fail_as_told() {
        let bench = Bench::new();
        let fault =
            json!({"path": "/v1/company/employees", "status": 503, "body": "<p>busy", "retry_after_s": 7, "times": 2});
        assert_eq!(order(&bench, &fault), 200);
        assert_eq!(bench.get("/v1/company/time-off-types").status, 200);
        for _ in 0..2 {
            let answer = bench.get(LIST);
            assert_eq!((answer.status, answer.content_type), (503, "text/html"));
            assert_eq!((answer.body.as_ref(), header(&answer, "retry-after")), (b"<p>busy".as_slice(), Some("7")));
        }
        assert_eq!(bench.get(LIST).status, 200);
        assert_eq!(bench.handle.ledger(0).count("/v1/company/employees"), 3);
    }

    #[test]
    fn failures_come_in_the_order_they_were_told() {
        let bench = Bench::new();
        for status in [500, 429] {
            order(&bench, &json!({"path": "/v1/company", "status": status}));
        }
        assert_eq!([bench.get(LIST).status, bench.get(LIST).status, bench.get(LIST).status], [500, 429, 200]);
    }

    #[test]
    fn a_login_can_fail_too() {
        let bench = Bench::new();
        order(&bench, &json!({"path": "/v1/auth", "status": 500}));
        assert_eq!([bench.login().status, bench.login().status], [500, 200]);
    }

    #[test]
    fn an_impossible_failure_is_refused_and_changes_nothing() {
        let bench = Bench::new();
        let fault = json!({"path": "/v1/auth", "status": 100});
        for fault in [fault, json!({"path": "/", "status": 500}), json!({"path": "/v1/auth"}), json!(5)] {
            assert_eq!(order(&bench, &fault), 422, "{fault}");
        }
        assert_eq!(body(&bench.login())["success"], true);
    }
}
