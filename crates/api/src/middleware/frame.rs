//! The frame of every request: its id, its span, panics, problems for every failure, and headers that harden the answer.
//!
//! Spans and logs name the route's template, never its ids or query.

use std::panic::AssertUnwindSafe;

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures::FutureExt;
use gangway_domain::{Code, id::RequestId};
use gangway_metrics::{bounded, http::PROBLEMS};
use tracing::{Instrument, Span, field};

use crate::{
    limits::{HEADER_BYTES, HEADER_FIELDS, URL_BYTES},
    middleware::{Identity, measured::Measured},
    problem::Problem,
    problem_json,
    quotas::{self, Told},
    server::State,
};

/// Where every request must say who sends it.
const API: &str = "/v1/";

/// Scripts and styles only from ourselves; the reference page sets styles on elements.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

pub(crate) async fn frame(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Err(Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into());
    };
    let id: RequestId = state.app.new_id();
    request.extensions_mut().insert(id);
    let span = span(&request, id);
    let mut measured = Measured::begin(&request);
    if let (Some(hook), Some(parent)) = (&state.config.span_hook, text(request.headers(), "traceparent")) {
        hook(&span, parent);
    }

    if let Err(problem) = check_head(&request).and_then(|()| count_page(&request, &state)) {
        let told = request.extensions().get::<Told>().copied();
        let (request, _) = request.into_parts();
        measured.refused();
        let mut answer = failed(&span, id, problem, &mut measured).error_response();
        harden(answer.headers_mut(), id, told);
        return Ok(ServiceResponse::new(request, answer));
    }

    if *request.method() == Method::HEAD {
        // Answered as GET is; the HTTP library knows what was asked and leaves the body out.
        request.head_mut().method = Method::GET;
    }

    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;
    let response = match outcome {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => return Err(failed(&span, id, problem_of(&error), &mut measured).into()),
        Err(_) => {
            let problem = Problem::new(Code::Internal, gangway_app::INTERNAL);
            return Err(failed(&span, id, problem, &mut measured).into());
        }
    };
    if let Some(route) = response.request().match_pattern() {
        span.record("http.route", route);
    }
    let is_known = response.request().extensions().get::<Identity>().is_some();
    if !is_known && response.request().path().starts_with(API) {
        measured.refused();
    }
    let mut response = match problem_in(&response) {
        Some(problem) => {
            let answer = failed(&span, id, problem, &mut measured).error_response();
            response.into_response(answer)
        }
        None => response,
    };
    span.record("http.response.status_code", response.status().as_u16());
    measured.answered(response.status());
    let told = response.request().extensions().get::<Told>().copied();
    harden(response.headers_mut(), id, told);
    Ok(response)
}

/// Refuses what no client of ours needs, before anything is done with it.
fn check_head(request: &ServiceRequest) -> Result<(), Problem> {
    let uri = request.uri();
    let url_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if url_bytes > URL_BYTES {
        let detail = format!("The path with its query may have {URL_BYTES} bytes at most.");
        return Err(Problem::new(Code::UrlTooLong, detail));
    }
    let headers = request.headers();
    let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > HEADER_FIELDS || header_bytes > HEADER_BYTES {
        let detail =
            format!("A request may have {HEADER_FIELDS} header fields and {HEADER_BYTES} bytes of them at most.");
        return Err(Problem::new(Code::HeadersTooLarge, detail));
    }
    Ok(())
}

/// Counts who asks for a page or the document: nobody says there who it is. Probes are not counted.
fn count_page(request: &ServiceRequest, state: &State) -> Result<(), Problem> {
    if request.path().starts_with(API) || ["/healthz", "/readyz"].contains(&request.path()) {
        return Ok(());
    }
    let Some(peer) = request.peer_addr() else { return Ok(()) };
    let (told, outcome) = state.limiter.count_stranger(peer.ip());
    if let Some(told) = told {
        request.extensions_mut().insert(told);
    }
    outcome
}

fn span(request: &ServiceRequest, id: RequestId) -> Span {
    tracing::info_span!(
        "http.request",
        otel.kind = "server",
        // Any word is a method: what a stranger writes there is not repeated.
        http.request.method = bounded::method(request.method().as_str()),
        http.route = field::Empty,
        http.response.status_code = field::Empty,
        request.id = %id,
        tenant.id = field::Empty,
    )
}

/// Logs a failure in the request's span, and gives it the request's id.
fn failed(span: &Span, id: RequestId, problem: Problem, measured: &mut Measured) -> Problem {
    span.record("http.response.status_code", problem.status_code().as_u16());
    measured.answered(problem.status_code());
    PROBLEMS.add(1, [problem.code.as_str()]);
    span.in_scope(|| problem.log());
    problem.in_request(id)
}

fn problem_of(error: &Error) -> Problem {
    error.as_error::<Problem>().cloned().unwrap_or_else(|| Problem::of_status(error.as_response_error().status_code()))
}

/// The problem that an answer stands for, unless it is a good one.
fn problem_in(response: &ServiceResponse<BoxBody>) -> Option<Problem> {
    if let Some(error) = response.response().error() {
        return Some(problem_of(error));
    }
    let status = response.status();
    let is_failure = status.is_client_error() || status.is_server_error();
    let is_told = text(response.headers(), "content-type").is_some_and(|kind| kind == problem_json::MEDIA_TYPE);
    (is_failure && !is_told).then(|| Problem::of_status(status))
}

fn harden(headers: &mut HeaderMap, id: RequestId, told: Option<Told>) {
    if let Some(told) = told {
        quotas::tell(headers, told);
    }
    let is_html = text(headers, "content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    if is_html {
        set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
        set(header::X_FRAME_OPTIONS, "DENY");
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
