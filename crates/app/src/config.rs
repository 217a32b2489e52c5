//! Settings of the use cases. `server` fills them from file and environment.

use gangway_egress::{ClientConfig, Origin};

/// Settings of the use cases.
#[derive(Debug, Clone)]
pub struct Config {
    /// Origins a connection's `base_url` may name beside its connector's own (`connector.allowed_origins`).
    pub connector_origins: Vec<Origin>,
    /// Origins that pass the address guard for webhooks (`webhooks.allowed_origins`), and for nothing else.
    pub webhook_origins: Vec<Origin>,
    /// How we name ourselves to the outside (`server.public_url`).
    pub public_url: String,
    /// How long a call waits for a vendor budget slot before it gives the time back, in seconds.
    pub budget_wait_seconds: u64,
    /// Hours taken off a cursor, since the vendor's clock and zone are not ours.
    pub cursor_overlap_hours: u32,
    /// Days back and ahead that windowed streams read.
    pub window_days: u32,
}

impl Config {
    /// The way out to vendors. What an operator vouches for as a receiver of webhooks may be no vendor's address: its guard
    /// knows the connectors' list only.
    pub fn vendor_client(&self) -> ClientConfig {
        ClientConfig { allowed_origins: self.connector_origins.clone(), ..ClientConfig::default() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connector_origins: Vec::new(),
            webhook_origins: Vec::new(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            budget_wait_seconds: 5,
            cursor_overlap_hours: 24,
            window_days: 400,
        }
    }
}
