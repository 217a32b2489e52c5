//! Failures as RFC 9457 writes them: what everybody under `/v1` gets.

use gangway_app::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    explanation,
    problem::{Problem, status},
};

pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, as in RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView {
    /// Where the code is explained.
    #[schema(format = "uri-reference", example = "/docs/errors/request.invalid")]
    r#type: String,
    /// The code in words; the same for each occurrence.
    title: &'static str,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Stable code to decide by.
    #[schema(example = "request.invalid")]
    code: &'static str,
    /// What happened this time, and what to do next.
    detail: String,
    /// Each wrong value; only for invalid requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblemView>,
    /// Id of the object in the way, for conflicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    existing: Option<String>,
    /// Names this request in our logs; also the `X-Request-Id` header.
    #[schema(example = "req_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    request_id: String,
}

/// One wrong value.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub(crate) struct FieldProblemView {
    /// JSON pointer into the body, or the name of the parameter or header.
    #[schema(example = "/config/base_url")]
    pointer: String,
    /// What is wrong and what would be right.
    message: String,
}

/// The body that tells of a failure.
pub(crate) fn render(problem: &Problem) -> Option<String> {
    let view = ProblemView {
        r#type: explanation::address(problem.code),
        title: problem.code.title(),
        status: status(problem.code).as_u16(),
        code: problem.code.as_str(),
        detail: problem.detail.clone(),
        errors: problem
            .fields
            .iter()
            .map(|FieldError { pointer, message }| FieldProblemView {
                pointer: pointer.clone(),
                message: message.clone(),
            })
            .collect(),
        existing: problem.existing.clone(),
        request_id: problem.request.map(|id| id.to_string()).unwrap_or_default(),
    };
    serde_json::to_string(&view).ok()
}
