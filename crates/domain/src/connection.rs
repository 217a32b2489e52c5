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
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Unchecked, Self::Active, Self::Degraded, Self::Failed];

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
    /// Tries in a row that failed; 0 when nothing is paused.
    pub failures: i32,
    /// Until when scheduled runs wait; none when they do not, or wait for somebody to act.
    pub paused_until: Option<DateTime<Utc>>,
}

/// Whether the scheduled runs of a connection wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// They do not.
    None,
    /// Until a time.
    Timed,
    /// Until somebody acts.
    Open,
}

impl Connection {
    /// The kind of pause. A timed one may be over, its next try not yet.
    pub const fn pause(&self) -> Pause {
        match (self.failures, self.paused_until) {
            (0, _) => Pause::None,
            (_, Some(_)) => Pause::Timed,
            (_, None) => Pause::Open,
        }
    }

    /// Whether scheduled runs wait at this moment.
    pub fn is_paused_at(&self, now: DateTime<Utc>) -> bool {
        self.pause() == Pause::Open || self.paused_until.is_some_and(|until| until > now)
    }
}
