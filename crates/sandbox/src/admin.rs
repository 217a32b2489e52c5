//! The endpoints under `/_sandbox/`, for tests, documentation and curl. They stand outside the vendor's API: no token,
//! no limit, not in the ledger.

use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::change::Rejected;
use crate::faults::Fault;
use crate::handle::Handle;
use crate::request::Request;

/// The prefix of all admin paths.
pub(crate) const PREFIX: &str = "/_sandbox";

const HELP: &str = "GET or POST /_sandbox/people, /_sandbox/absences, /_sandbox/attendances; PATCH or DELETE \
                    /_sandbox/people/{id}, /_sandbox/absences/{id}, /_sandbox/attendances/{id}; GET \
                    /_sandbox/attributes, /_sandbox/types, /_sandbox/ledger, /_sandbox/webhooks; GET or POST /_sandbox/quirks; GET, POST or DELETE /_sandbox/faults; \
                    DELETE /_sandbox/faults/{id}";

/// Answers an admin request.
pub(crate) fn answer(handle: &Handle, request: &Request) -> Answer {
    let path = request.path.strip_prefix(PREFIX).unwrap_or_default().trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    let body = || -> Result<Value, Rejected> {
        serde_json::from_slice(&request.body)
            .map_err(|error| Rejected::invalid("body", format!("is not JSON: {error}")))
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| Rejected::invalid("id", "must be a number"));
    let result = match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["people"]) => Ok(json!({"people": handle.people()})),
        ("GET", ["people", id]) => number(id).and_then(|id| {
            handle.person(id).map(|person| json!({"person": person})).ok_or(Rejected::NotFound { what: "person", id })
        }),
        ("POST", ["people"]) => body().and_then(|body| handle.add_person(&body)).map(|id| json!({"id": id})),
        ("PATCH", ["people", id]) => {
            number(id).and_then(|id| handle.change_person(id, &body()?).map(|()| json!({"id": id})))
        }
        ("DELETE", ["people", id]) => number(id).and_then(|id| handle.remove_person(id).map(|()| json!({"id": id}))),

        ("GET", ["absences"]) => Ok(json!({"absences": handle.absences()})),
        ("POST", ["absences"]) => body().and_then(|body| handle.add_absence(&body)).map(|id| json!({"id": id})),
        ("PATCH", ["absences", id]) => {
            number(id).and_then(|id| handle.change_absence(id, &body()?).map(|()| json!({"id": id})))
        }
        ("DELETE", ["absences", id]) => number(id).and_then(|id| handle.remove_absence(id).map(|()| json!({"id": id}))),

        ("GET", ["attendances"]) => Ok(json!({"attendances": handle.attendances()})),
        ("POST", ["attendances"]) => body().and_then(|body| handle.add_attendance(&body)).map(|id| json!({"id": id})),
        ("PATCH", ["attendances", id]) => {
            number(id).and_then(|id| handle.change_attendance(id, &body()?).map(|()| json!({"id": id})))
        }
        ("DELETE", ["attendances", id]) => {
            number(id).and_then(|id| handle.remove_attendance(id).map(|()| json!({"id": id})))
        }

        ("GET", ["types"]) => Ok(json!({"types": handle.time_off_types()})),
        ("GET", ["attributes"]) => Ok(json!({"attributes": handle.attributes()})),
        ("GET", ["ledger"]) => {
            let n = request.parameter("recent").and_then(|text| text.parse().ok()).unwrap_or(100);
            Ok(json!(handle.ledger(n)))
        }
        ("GET", ["webhooks"]) => Ok(json!({
            "webhooks": handle.webhooks(),
            "deliveries": handle.webhook_deliveries(),
            "waiting": handle.webhooks_waiting(),
        })),

        ("GET", ["quirks"]) => Ok(json!(handle.quirks())),
        ("POST", ["quirks"]) => body().and_then(|body| handle.change_switches(&body)).map(|quirks| json!(quirks)),

        ("GET", ["faults"]) => Ok(json!({"faults": handle.faults()})),
        ("POST", ["faults"]) => {
            body().and_then(read_fault).and_then(|fault| handle.add_fault(fault)).map(|id| json!({"id": id}))
        }
        ("DELETE", ["faults"]) => {
            handle.remove_faults();
            Ok(json!({"faults": []}))
        }
        ("DELETE", ["faults", id]) => number(id).and_then(|id| handle.remove_fault(id).map(|()| json!({"id": id}))),
        _ => return Answer::json(404, &json!({"error": "there is no such admin endpoint", "endpoints": HELP})),
    };
    match result {
        Ok(body) => Answer::json(if request.method == "POST" && segments != ["quirks"] { 201 } else { 200 }, &body),
        Err(rejected) => Answer::json(rejected.status(), &json!({"error": rejected.to_string()})),
    }
}

fn read_fault(body: Value) -> Result<Fault, Rejected> {
    Fault::deserialize(body).map_err(|error| Rejected::invalid("fault", error.to_string()))
}
