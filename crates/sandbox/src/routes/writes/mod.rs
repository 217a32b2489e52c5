//! Employees created and changed. What the vendor does not know or does not let through version 1 is left out silently or with a
//! remark in `meta`, as its reference says (developer.personio.de, read 2026-11-23); the guide's systems take flat bodies.

pub(super) mod attendances;
pub(super) mod time_offs;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::change::Rejected;
use crate::config::Dialect;
use crate::request::Request;
use crate::state::State;

/// What version 1 takes, with its name among the attributes.
const VENDOR_KEYS: [(&str, &str); 13] = [
    ("email", "email"),
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("preferred_name", "preferred_name"),
    ("gender", "gender"),
    ("position", "position"),
    ("subcompany", "subcompany"),
    ("department", "department"),
    ("office", "office"),
    ("hire_date", "hire_date"),
    ("weekly_working_hours", "weekly_working_hours"),
    ("status", "status"),
    ("supervisor_id", "supervisor"),
];
/// Where the guide's names differ.
const GUIDE_KEYS: [(&str, &str); 2] = [("employee_type", "employment_type"), ("supervisor_id", "supervisor")];
/// An unknown name of these is left out with a remark.
const NAMED: [&str; 3] = ["department", "office", "subcompany"];

/// `POST /v1/company/employees`
pub(super) fn create(state: &mut State, request: &Request, now: DateTime<Utc>) -> Answer {
    let given = match read(state, request) {
        Ok(given) => given,
        Err(answer) => return answer,
    };
    let required: &[&str] = match state.dialect {
        Dialect::Vendor => &["email", "first_name", "last_name"],
        Dialect::Guide => &["email", "first_name", "last_name", "hire_date"],
    };
    for field in required {
        if given.plain.get(*field).is_none_or(Value::is_null) {
            return Answer::invalid(field, &format!("The {field} field is required."));
        }
    }
    let mut plain = given.plain;
    if let (None, Some(hired)) = (plain.get("status"), plain.get("hire_date").and_then(Value::as_str)) {
        let status = if hired > state.today.to_string().as_str() { "onboarding" } else { "active" };
        plain.insert("status".to_owned(), status.into());
    }
    let message = match state.dialect {
        Dialect::Vendor => "success",
        Dialect::Guide => "Employee created.",
    };
    match state.add_person(&Value::Object(plain), now) {
        Ok(id) => {
            let data = json!({"id": id, "message": message});
            let body = if given.remarks.is_empty() {
                json!({"success": true, "data": data})
            } else {
                json!({"success": true, "data": data, "meta": given.remarks})
            };
            Answer::json(200, &body)
        }
        Err(rejected) => refuse(&rejected),
    }
}

/// `PATCH /v1/company/employees/{id}`
pub(super) fn change(state: &mut State, request: &Request, id: u64, now: DateTime<Utc>) -> Answer {
    let mut given = match read(state, request) {
        Ok(given) => given,
        Err(answer) => return answer,
    };
    if state.dialect == Dialect::Vendor {
        given.plain.remove("email");
    }
    match state.change_person(id, &Value::Object(given.plain), now) {
        Ok(()) => Answer::json(
            200,
            &match state.dialect {
                Dialect::Vendor => json!({"success": true, "data": {"id": id}, "meta": given.remarks}),
                Dialect::Guide => json!({"success": true, "data": {"message": "Employee updated."}}),
            },
        ),
        Err(Rejected::NotFound { .. }) => super::unknown(state),
        Err(rejected) => refuse(&rejected),
    }
}

/// What a body sets, in the sandbox's own words.
struct Given {
    plain: Map<String, Value>,
    remarks: Vec<String>,
}

fn read(state: &State, request: &Request) -> Result<Given, Answer> {
    if state.quirks.forbid_writes {
        return Err(Answer::missing_right());
    }
    let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let fields = match (state.dialect, body) {
        (Dialect::Vendor, Value::Object(mut body)) => match body.remove("employee") {
            Some(Value::Object(fields)) => fields,
            _ => return Err(Answer::invalid("employee", "The employee field is required.")),
        },
        (Dialect::Guide, Value::Object(body)) => body,
        (Dialect::Vendor, _) => wrapped_form(&request.body),
        (Dialect::Guide, _) => return Err(Answer::error(400, 400, "Bad Request")),
    };
    let mut given = Given { plain: Map::new(), remarks: Vec::new() };
    for (key, value) in fields {
        if key == "custom_attributes" && state.dialect == Dialect::Vendor {
            for (key, value) in value.as_object().cloned().unwrap_or_default() {
                given.take(state, &key, &value, key.starts_with("dynamic_"))?;
            }
            continue;
        }
        let own = match state.dialect {
            Dialect::Vendor => VENDOR_KEYS.iter().find(|(theirs, _)| *theirs == key).map(|(_, own)| *own),
            Dialect::Guide => Some(GUIDE_KEYS.iter().find(|(theirs, _)| *theirs == key).map_or(&*key, |(_, own)| *own)),
        };
        let Some(own) = own else { continue };
        let value = if own == "supervisor" { value.get("id").cloned().unwrap_or(value) } else { value };
        given.take(state, own, &value, true)?;
    }
    Ok(given)
}

/// The fields of a form, written `employee[first_name]=…`.
fn wrapped_form(body: &[u8]) -> Map<String, Value> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let pairs = crate::server::query_pairs(text).into_iter();
    let named = pairs.filter_map(|(key, value)| {
        let key = key.strip_prefix("employee[")?.strip_suffix(']')?.to_owned();
        let is_number = ["supervisor_id", "weekly_working_hours"].contains(&&*key);
        let number = is_number.then(|| serde_json::from_str(&value).ok()).flatten();
        Some((key, number.unwrap_or(Value::String(value))))
    });
    named.collect()
}

impl Given {
    /// Takes a value over, if the company has such an attribute and the value fits it.
    fn take(&mut self, state: &State, key: &str, value: &Value, is_known: bool) -> Result<(), Answer> {
        if !is_known || state.world.catalogue.find(key).is_none() {
            return Ok(());
        }
        match state.check(key, value) {
            Ok(_) => drop(self.plain.insert(key.to_owned(), value.clone())),
            Err(_) if NAMED.contains(&key) || key.starts_with("dynamic_") => {
                self.remarks.push(format!("{key}: value was not found and is ignored"));
            }
            Err(_) if key == "supervisor" => {
                return Err(Answer::error(422, 422, &format!("Supervisor with ID {value} not found")));
            }
            Err(rejected) => return Err(refuse(&rejected)),
        }
        Ok(())
    }
}

fn refuse(rejected: &Rejected) -> Answer {
    match rejected {
        Rejected::Invalid { field, problem } => Answer::invalid(field, problem),
        Rejected::NotFound { .. } | Rejected::NotKept(_) => Answer::error(500, 500, "Server Error"),
    }
}

#[cfg(test)]
mod tests;
