//! A tenant: a customer of the operator.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::id::TenantId;

/// Whether a tenant's work runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// Keys work and syncs run.
    Active,
    /// Keys are refused and syncs rest; nothing is deleted.
    Suspended,
}

impl TenantState {
    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Suspended].into_iter().find(|state| state.as_str() == text)
    }
}

/// A customer of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Identity.
    pub id: TenantId,
    /// Display name, unique for the operator.
    pub name: String,
    /// Zone in which the tenant's calendar dates are meant; offices may override it.
    pub time_zone: Tz,
    /// Whether its work runs.
    pub state: TenantState,
    /// Raised at every change; the strong `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
