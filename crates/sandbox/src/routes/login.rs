//! `POST /v1/auth`

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::Dialect;
use crate::request::Request;
use crate::state::State;
use crate::v2::Scopes;

pub(super) fn answer(state: &mut State, request: &Request, now: DateTime<Utc>) -> Answer {
    let in_query = request.parameter("client_id").is_some() || request.parameter("client_secret").is_some();
    if in_query && state.quirks.refuse_query_credentials {
        return Answer::error(403, 403, "Forbidden");
    }
    let pairs = if in_query { request.query.clone() } else { body_pairs(&request.body) };
    let field = |name| pairs.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let (id, secret) = (field("client_id"), field("client_secret"));
    let found = state
        .credentials
        .iter()
        .position(|credential| credential.client_id == id && credential.client_secret.expose_secret() == secret);
    let verdict = state.limiter.login(found, now);
    if !verdict.is_allowed {
        return Answer { headers: verdict.headers, ..Answer::too_many() };
    }
    let Some(credential) = found else { return Answer::wrong_credentials(state.dialect) };
    let (token, lives_s) = state.tokens.login(credential, state.quirks.token_mode, now);
    let scopes = state.credentials.get(credential).map_or(Scopes::NONE, |credential| credential.scopes);
    let data = match state.dialect {
        Dialect::Vendor => json!({
            "token": token,
            "expires_in": lives_s,
            "scope": scopes.names_of_v1(),
        }),
        Dialect::Guide => json!({"token": token}),
    };
    Answer::json(200, &json!({"success": true, "data": data}))
}

/// Reads a JSON object or a form, whatever the content type says: callers get it wrong, the vendor does not mind.
fn body_pairs(body: &[u8]) -> Vec<(String, String)> {
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
        return fields.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect();
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    crate::server::query_pairs(text)
}
