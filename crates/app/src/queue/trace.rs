//! The trace that goes through the job row: an opaque W3C `traceparent`.
//!
//! The telemetry library belongs to `server`, which plugs it in here once at start; without it jobs simply carry none.

use std::sync::OnceLock;

/// How the telemetry library is reached.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// The `traceparent` of the current span.
    pub current: fn() -> Option<String>,
    /// Links a span to the span that a `traceparent` names.
    pub link: fn(&tracing::Span, &str),
}

static PORT: OnceLock<Port> = OnceLock::new();

/// Plugs the telemetry library in; the first call wins.
pub fn set_port(port: Port) {
    if PORT.set(port).is_err() {
        tracing::debug!("trace port was set before");
    }
}

/// The `traceparent` of the current span.
pub fn current() -> Option<String> {
    PORT.get().and_then(|port| (port.current)())
}

/// Links a job's span to the span that enqueued it.
pub fn link(span: &tracing::Span, traceparent: Option<&str>) {
    if let (Some(port), Some(traceparent)) = (PORT.get(), traceparent) {
        (port.link)(span, traceparent);
    }
}
