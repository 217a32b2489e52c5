//! Settings of the use cases. `server` fills them from file and environment.

use std::collections::BTreeMap;

use gangway_connector::WindowLimit;
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
    /// What vendors allow, by connector, where the operator says something else than the connector's manifest
    /// (`limits.<connector>.…`).
    pub limits: BTreeMap<String, VendorLimits>,
    /// How we make ourselves known to vendors, by connector: settings of its manifest's `identity` (`identity.<connector>.…`).
    pub identity: BTreeMap<String, Vec<(&'static str, String)>>,
    /// How long a call waits for a vendor budget slot before it gives the time back, in seconds.
    pub budget_wait_seconds: u64,
    /// Hours taken off a cursor, since the vendor's clock and zone are not ours.
    pub cursor_overlap_hours: u32,
    /// Days back and ahead that windowed streams read.
    pub window_days: u32,
}

/// A vendor's limits as an operator sets them. Where there is nothing, the connector's manifest holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorLimits {
    /// All requests of one credential.
    pub credential: Option<WindowLimit>,
    /// Narrower limits by route template, in place of all of the manifest's.
    pub paths: Option<Vec<(String, WindowLimit)>>,
    /// Authentications of one credential.
    pub authentication: Option<WindowLimit>,
    /// All requests from one address of ours, over all tenants.
    pub address: Option<WindowLimit>,
    /// Requests of one credential in flight at once.
    pub in_flight: Option<u32>,
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
            limits: BTreeMap::new(),
            identity: BTreeMap::new(),
            budget_wait_seconds: 5,
            cursor_overlap_hours: 24,
            window_days: 400,
        }
    }
}
