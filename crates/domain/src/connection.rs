//! A tenant's configured use of a connector.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ConnectionId;

/// Health of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Never checked since its credential was stored.
    Unchecked,
    /// The last call succeeded.
    Active,
    /// Works in part; `state_reason` says what is missing.
    Degraded,
    /// Does not work; `state_reason` says what to do.
    Failed,
}

impl ConnectionState {
    const ALL: [Self; 4] = [Self::Unchecked, Self::Active, Self::Degraded, Self::Failed];

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Active => "active",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A tenant's configured use of a connector, without its secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Identity.
    pub id: ConnectionId,
    /// Which connector (`personio`).
    pub connector: String,
    /// Display name, unique in the tenant.
    pub name: String,
    /// The connector's configuration, checked against its schema.
    pub config: Value,
    /// Health.
    pub state: ConnectionState,
    /// What happened and what to do, for a human; no secrets, no personal data.
    pub state_reason: Option<String>,
    /// Version of the credential in use, from 1.
    pub credential_version: i32,
    /// When the vendor last accepted the credential.
    pub checked_at: Option<DateTime<Utc>>,
    /// When the attributes were last discovered.
    pub discovered_at: Option<DateTime<Utc>>,
    /// Raised at every change; the strong `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
