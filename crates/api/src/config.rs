//! Settings of the HTTP listener. `server` fills them.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use tracing::Span;

use crate::{Quotas, limits};

/// Gives a request's span its parent from the caller's `traceparent`; `server` wires it to OpenTelemetry.
pub type SpanHook = Arc<dyn Fn(&Span, &str) + Send + Sync>;

/// Settings of the HTTP listener.
#[derive(Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How others reach it, when that differs from the address they asked: the first server of the served document.
    pub public_url: Option<String>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// How long a client may take to send its headers, and then its body.
    pub client_timeout: Duration,
    /// How long a connection may do nothing between two requests.
    pub keep_alive: Duration,
    /// Connections that each thread holds; further ones wait.
    pub connections: usize,
    /// How long requests under way may take to end once the server stops.
    pub shutdown_timeout: Duration,
    /// How often who may ask.
    pub quotas: Quotas,
    /// Threads that serve requests.
    pub workers: usize,
    /// Takes up the caller's trace.
    pub span_hook: Option<SpanHook>,
}

impl Config {
    /// The defaults for an address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            public_url: None,
            max_body_bytes: limits::BODY_BYTES,
            client_timeout: limits::CLIENT_TIMEOUT,
            keep_alive: limits::KEEP_ALIVE,
            connections: limits::CONNECTIONS,
            shutdown_timeout: Duration::from_secs(4),
            quotas: Quotas::default(),
            workers: 2,
            span_hook: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .field("max_body_bytes", &self.max_body_bytes)
            .finish_non_exhaustive()
    }
}
