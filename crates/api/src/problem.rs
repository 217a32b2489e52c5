//! The one type of failure that routes answer: a stable code, what happened, and which values are wrong. The one place that maps
//! codes to statuses; how a failure is written on the wire is a file of its own ([`crate::problem_json`]).

use std::{
    error::Error as StdError,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use gangway_app::{self as app, FieldError};
use gangway_domain::{Code, code::CodeClass, id::RequestId};

use crate::problem_json;

/// Result of a handler.
pub(crate) type Result<T> = std::result::Result<T, Problem>;

/// A failure on its way to the client. Boxed: it travels in every result of a handler.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Parts>);

/// What a problem is made of.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) code: Code,
    pub(crate) detail: String,
    pub(crate) fields: Vec<FieldError>,
    pub(crate) existing: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// Methods a route does offer, for 405.
    pub(crate) allow: Option<String>,
    pub(crate) request: Option<RequestId>,
    source: Option<Arc<app::Error>>,
}

impl Deref for Problem {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            fields: Vec::new(),
            existing: None,
            retry_after: None,
            allow: None,
            request: None,
            source: None,
        }))
    }

    /// `object.not-found` for a path that names nothing.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what} in this tenant."))
    }

    /// `request.invalid` with these wrong values.
    pub(crate) fn invalid(fields: Vec<FieldError>) -> Self {
        app::Error::invalid_fields(fields).into()
    }

    /// `request.malformed`.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::RequestMalformed, detail)
    }

    /// For failures that the HTTP library answers itself.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::new(Code::RouteNotFound, "Look the route up in /docs."),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(Code::RouteMethodNotAllowed, "Look the route's methods up in /docs.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Code::RequestTooLarge, "The request is too large."),
            status if status.is_client_error() => Self::malformed("The request cannot be read."),
            _ => Self::new(Code::Internal, app::INTERNAL),
        }
    }

    pub(crate) fn in_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// Writes failures of ours to the log, once, with their causes.
    pub(crate) fn log(&self) {
        if !self.status_code().is_server_error() {
            return;
        }
        let causes = self.source.as_deref().map(causes).unwrap_or_default();
        if self.code.class() == CodeClass::Internal {
            tracing::error!(
                error.code = self.code.as_str(),
                error.causes = causes,
                "a request failed: {}",
                self.detail
            );
        } else {
            tracing::warn!(error.code = self.code.as_str(), error.causes = causes, "a request failed: {}", self.detail);
        }
    }
}

/// An error's causes in one line; none of them holds values of rows, requests or vendors.
fn causes(error: &app::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        let app::Error { code, message, fields, existing, retry_after, .. } = &error;
        Self(Box::new(Parts {
            code: *code,
            detail: message.clone(),
            fields: fields.clone(),
            existing: existing.clone(),
            retry_after: *retry_after,
            allow: None,
            request: None,
            source: Some(Arc::new(error)),
        }))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status(self.code)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, problem_json::MEDIA_TYPE));
        response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(request) = self.request {
            response.insert_header(("x-request-id", request.to_string()));
        }
        if let Some(after) = self.retry_after {
            // Rounded up: asking a moment too early would be refused again.
            response.insert_header((header::RETRY_AFTER, after.as_millis().div_ceil(1000).to_string()));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        // The content type is set above; `json` would replace it.
        match problem_json::render(self) {
            Some(body) => response.body(body),
            None => response.finish(),
        }
    }
}

/// The status of a code.
pub(crate) const fn status(code: Code) -> StatusCode {
    match code.class() {
        CodeClass::Malformed => StatusCode::BAD_REQUEST,
        CodeClass::Unauthenticated => StatusCode::UNAUTHORIZED,
        CodeClass::Forbidden => StatusCode::FORBIDDEN,
        CodeClass::NotFound => StatusCode::NOT_FOUND,
        CodeClass::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        CodeClass::Conflict => StatusCode::CONFLICT,
        CodeClass::Stale => StatusCode::PRECONDITION_FAILED,
        CodeClass::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        CodeClass::UrlTooLong => StatusCode::URI_TOO_LONG,
        CodeClass::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        CodeClass::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        CodeClass::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        CodeClass::Limited => StatusCode::TOO_MANY_REQUESTS,
        CodeClass::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        CodeClass::Vendor => StatusCode::BAD_GATEWAY,
        CodeClass::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up() {
        let mut problem = Problem::new(Code::VendorLimited, "x");
        problem.retry_after = Some(Duration::from_millis(1_001));
        assert_eq!(problem.error_response().headers().get("retry-after").unwrap(), "2");
    }

    #[test]
    fn causes_are_logged_but_never_answered() {
        let problem = Problem::from(app::Error::internal("inner words"));
        assert!(!problem.detail.contains("inner words"));
        assert!(causes(problem.source.as_deref().unwrap()).contains("inner words"));
    }
}
