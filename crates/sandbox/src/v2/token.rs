//! `POST /v2/auth/token` and `/v2/auth/revoke`: client credentials of RFC 6749, sent as a form and nothing else.

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::request::Request;
use crate::state::State;

use super::problem::{CONTENT_TYPE, Problem, REFERENCE, stamp, trace};
use super::scopes::Scopes;

const FORM: &str = "application/x-www-form-urlencoded";
const REQUIRED: [&str; 3] = ["grant_type", "client_id", "client_secret"];

/// Gives a token for a client id and secret.
pub(super) fn grant(state: &mut State, request: &Request, now: DateTime<Utc>) -> Answer {
    let content_type = request.headers.content_type.as_deref().unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM)) {
        let error = Error::new("invalid_request", "The body must be a form.");
        return error.at("type", "invalid_request.invalid_request_content_type").answer(now);
    }
    let form = Form::read(request);
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| form.field(name).is_none()).collect();
    if !missing.is_empty() {
        let error = Error::new("invalid_request", "Parameters are missing or not valid.");
        let meta = json!({"missing_parameters": missing});
        return error.at("error_uri", "invalid_request.required_parameters_missing").with("meta", meta).answer(now);
    }
    let field = |name| form.field(name).unwrap_or_default();
    if field("grant_type") != "client_credentials" {
        let error = Error::new("unsupported_grant_type", "There is no such grant.");
        let meta = json!({"grant_type": field("grant_type")});
        return error.at("error_uri", "unsupported_grant_type").with("meta", meta).answer(now);
    }
    let (id, secret) = (field("client_id"), field("client_secret"));
    let found = find(state, id, secret);
    if !state.buckets.login(found.map(|(place, _)| place), now) {
        return Problem::TooMany.answer(now);
    }
    let Some((credential, held)) = found else { return invalid_client(now) };
    let Some(scopes) = asked(field("scope"), held) else {
        // What is unknown and what is not granted cannot be told apart.
        let error = Error::new("invalid_scope", "A scope is not valid.");
        return error.at("error_uri", "invalid_scope").answer(now);
    };
    let (token, lives_s) = state.tokens.grant(credential, scopes, now);
    let body = json!({
        "access_token": token,
        "expires_in": lives_s,
        "token_type": "Bearer",
        "scope": scopes.names().join(" "),
    });
    Answer::json(200, &body)
}

/// Ends a token; one that nobody has is no error.
pub(super) fn revoke(state: &mut State, request: &Request) -> Answer {
    if let Some(token) = Form::read(request).field("token") {
        state.tokens.revoke(token);
    }
    Answer::bytes(200, "application/json", "")
}

/// The refusal of a client id and secret.
pub(crate) fn invalid_client(now: DateTime<Utc>) -> Answer {
    let error = Error::new("invalid_client", "The client is not known or its secret is wrong.");
    error.at("error_uri", "invalid_client").answer(now)
}

/// The scopes of a token: what is asked for, or all that the credential holds.
fn asked(text: &str, held: Scopes) -> Option<Scopes> {
    let mut names = text.split_whitespace().peekable();
    if names.peek().is_none() {
        return Some(held);
    }
    let asked = names.try_fold(Scopes::NONE, |scopes, name| Some(scopes.and(Scopes::named(name)?)))?;
    held.contains(asked).then_some(asked)
}

fn find(state: &State, id: &str, secret: &str) -> Option<(usize, Scopes)> {
    let mut credentials = state.credentials.iter().enumerate();
    let found = credentials.find(|(_, one)| one.client_id == id && one.client_secret.expose_secret() == secret);
    found.map(|(place, credential)| (place, credential.scopes))
}

struct Form(Vec<(String, String)>);

impl Form {
    fn read(request: &Request) -> Self {
        Self(crate::server::query_pairs(std::str::from_utf8(&request.body).unwrap_or_default()))
    }

    fn field(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }
}

/// An error of RFC 6749 in the vendor's shape, always with status 400.
struct Error {
    code: &'static str,
    says: &'static str,
    more: Map<String, Value>,
}

impl Error {
    fn new(code: &'static str, says: &'static str) -> Self {
        Self { code, says, more: Map::new() }
    }

    /// Names the vendor's page about it, in the member that it stands in.
    fn at(self, member: &str, anchor: &str) -> Self {
        self.with(member, format!("{REFERENCE}credentials.oauth2.{anchor}").into())
    }

    fn with(mut self, member: &str, value: Value) -> Self {
        self.more.insert(member.to_owned(), value);
        self
    }

    fn answer(self, now: DateTime<Utc>) -> Answer {
        let Self { code, says, more } = self;
        let mut body = more;
        body.insert("timestamp".to_owned(), stamp(now).into());
        body.insert("trace_id".to_owned(), trace(now));
        body.insert("error".to_owned(), code.into());
        body.insert("error_description".to_owned(), says.into());
        Answer::bytes(400, CONTENT_TYPE, Value::Object(body).to_string())
    }
}
