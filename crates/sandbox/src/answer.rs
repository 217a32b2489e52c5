//! An answer before it becomes HTTP, and the vendor's error bodies.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::config::Dialect;
use crate::faults::Delivery;
use crate::quirks::Language;

/// Status, body and headers of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Headers that a fault orders.
    pub(crate) ordered_headers: Box<[(String, String)]>,
    pub(crate) delivery: Delivery,
    /// How many milliseconds later than it is ready it begins.
    pub(crate) late_ms: u32,
}

impl Answer {
    pub(crate) fn bytes(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            headers: Vec::new(),
            ordered_headers: Box::default(),
            delivery: Delivery::Whole,
            late_ms: 0,
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, "application/json", body.to_string())
    }

    /// The vendor's answer to a write that shows no record.
    pub(crate) fn done(message: &str) -> Self {
        Self::json(200, &json!({"success": true, "data": {"message": message}}))
    }

    /// The vendor's error body: its own code may differ from the status.
    pub(crate) fn error(status: u16, code: u16, message: &str) -> Self {
        Self::json(status, &json!({"success": false, "error": {"code": code, "message": message}}))
    }

    /// The vendor's answer to parameters it does not accept.
    pub(crate) fn invalid(field: &str, message: &str) -> Self {
        let error = json!({
            "code": 0,
            "message": "The given data failed to pass validation.",
            "error_data": {field: [message]},
        });
        Self::json(422, &json!({"success": false, "error": error}))
    }

    /// The vendor's "not found", with its trailing space.
    pub(crate) fn not_found(language: Language) -> Self {
        Self::error(
            404,
            404,
            match language {
                Language::German => "Es ist ein Problem aufgetreten ",
                Language::English => "Something went wrong ",
            },
        )
    }

    /// The right is missing, which the vendor says with code 0.
    pub(crate) fn missing_right() -> Self {
        Self::error(403, 0, "personio.core.api.exceptions.api.forbidden.http.exception")
    }

    /// The client id and secret are not known.
    pub(crate) fn wrong_credentials(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Vendor => Self::error(403, 0, "Wrong credentials"),
            Dialect::Guide => Self::error(401, 401, "Wrong credentials"),
        }
    }

    pub(crate) fn too_many() -> Self {
        Self::error(429, 429, "Too many attempts")
    }

    pub(crate) fn is_error(&self) -> bool {
        self.status >= 400
    }
}
