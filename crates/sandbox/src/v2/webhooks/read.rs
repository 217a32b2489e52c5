//! What a body says of a webhook, checked by the rules of the vendor's reference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use url::{Host, Url};

use crate::hooks::{Auth, EVENTS, Secret, Webhook};

use super::super::problem::Problem;

const MOST_HEADERS: usize = 3;
/// No custom header may begin so.
const FORBIDDEN: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "content-type"];

/// Sets what is named; members that are not known are ignored.
pub(super) fn apply(webhook: &mut Webhook, body: &Map<String, Value>) -> Result<(), Problem> {
    if let Some(given) = body.get("url") {
        webhook.url = address(given)?;
    }
    if let Some(given) = body.get("description") {
        given.as_str().ok_or_else(|| Problem::parameter("description"))?.clone_into(&mut webhook.description);
    }
    if let Some(given) = body.get("status") {
        webhook.is_enabled = status(given.as_str().unwrap_or_default())?;
    }
    if let Some(given) = body.get("enabled_events") {
        webhook.events = events(given)?;
    }
    webhook.auth = auth(&webhook.auth, body)?;
    Ok(())
}

/// Whether a status is that of a webhook that is told.
pub(super) fn status(text: &str) -> Result<bool, Problem> {
    match text {
        "ENABLED" => Ok(true),
        "DISABLED" => Ok(false),
        _ => Err(Problem::parameter("status")),
    }
}

/// The vendor takes HTTPS alone. Receivers on this machine, which only the sandbox can reach, may do without.
fn address(given: &Value) -> Result<String, Problem> {
    let refused = || Problem::parameter("url");
    let text = given.as_str().filter(|text| text.len() <= 2_000).ok_or_else(refused)?;
    let url = Url::parse(text).map_err(|_| refused())?;
    let may_be_plain = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    let is_good = url.scheme() == "https" || (url.scheme() == "http" && may_be_plain);
    if is_good && url.host().is_some() { Ok(text.to_owned()) } else { Err(refused()) }
}

fn events(given: &Value) -> Result<BTreeSet<String>, Problem> {
    let refused = || Problem::parameter("enabled_events");
    let names = given.as_array().filter(|names| !names.is_empty()).ok_or_else(refused)?;
    names
        .iter()
        .map(|name| name.as_str().filter(|name| EVENTS.contains(name)).map(str::to_owned).ok_or_else(refused))
        .collect()
}

fn auth(present: &Auth, body: &Map<String, Value>) -> Result<Auth, Problem> {
    let kind = match body.get("auth_type") {
        None => present.name(),
        Some(given) => given.as_str().unwrap_or_default(),
    };
    if kind != "CUSTOM" && body.get("custom_headers").is_some_and(|given| !is_nothing(given)) {
        return Err(Problem::parameter("custom_headers"));
    }
    match kind {
        "NONE" => Ok(Auth::None),
        "TOKEN" => match (body.get("token"), present) {
            (None, Auth::Token(token)) => Ok(Auth::Token(token.clone())),
            (None | Some(Value::Null), _) => Ok(Auth::Token(None)),
            (Some(Value::String(token)), _) if is_header_value(token) => Ok(Auth::Token(Some(Secret(token.clone())))),
            _ => Err(Problem::parameter("token")),
        },
        "CUSTOM" => match (body.get("custom_headers"), present) {
            (None, Auth::Custom(headers)) => Ok(Auth::Custom(headers.clone())),
            (given, _) => headers(given.unwrap_or(&Value::Null)).map(Auth::Custom),
        },
        _ => Err(Problem::parameter("auth_type")),
    }
}

fn is_nothing(given: &Value) -> bool {
    given.is_null() || given.as_array().is_some_and(Vec::is_empty) || given.as_object().is_some_and(Map::is_empty)
}

fn headers(given: &Value) -> Result<BTreeMap<String, Secret>, Problem> {
    let refused = || Problem::parameter("custom_headers");
    let given = given.as_object().filter(|given| (1..=MOST_HEADERS).contains(&given.len())).ok_or_else(refused)?;
    given
        .iter()
        .map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            let is_free = !FORBIDDEN.iter().any(|forbidden| lower.starts_with(forbidden));
            let value = value.as_str().filter(|value| is_name && is_free && is_header_value(value));
            value.map(|value| (lower, Secret(value.to_owned()))).ok_or_else(refused)
        })
        .collect()
}

fn is_header_value(text: &str) -> bool {
    (1..=2_000).contains(&text.len()) && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
