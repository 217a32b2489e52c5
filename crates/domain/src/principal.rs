//! Who is acting, and what a key may do.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{JobId, KeyId, TenantId, UserId};

/// The actor of an operation, as it is written to the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Principal {
    /// An API key.
    Key(KeyId),
    /// A console user.
    User(UserId),
    /// A background job.
    Job(JobId),
    /// The command line on the operator's machine.
    Cli,
}

impl Principal {
    /// Kind and id in one word (`key:key_…`), for the audit log.
    pub fn label(self) -> String {
        match self {
            Self::Key(id) => format!("key:{id}"),
            Self::User(id) => format!("user:{id}"),
            Self::Job(id) => format!("job:{id}"),
            Self::Cli => "cli".to_owned(),
        }
    }
}

/// Whose side a key is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// `gwo_…`: onboards tenants, acts for one with `Gangway-Tenant`.
    Operator,
    /// `gwt_…`: acts within one tenant.
    Tenant,
}

impl KeyKind {
    /// Prefix of the key's text.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Operator => "gwo",
            Self::Tenant => "gwt",
        }
    }

    /// Stable name, as stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Tenant => "tenant",
        }
    }

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Operator, Self::Tenant].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Operator: create, read and change tenants.
    #[serde(rename = "tenants:write")]
    TenantsWrite,
    /// Read and verify the audit log.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Have readings passed through to the vendor; what comes back can hold anything, so it needs `sensitive:read` too.
    #[serde(rename = "proxy:read")]
    ProxyRead,
    /// Create and revoke keys.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// Read connections, attributes, syncs, runs, budgets and jobs.
    #[serde(rename = "connections:read")]
    ConnectionsRead,
    /// Create and change connections, credentials, attribute choices and syncs; start runs.
    #[serde(rename = "connections:write")]
    ConnectionsWrite,
    /// Read employees, absences, attendances and events.
    #[serde(rename = "records:read")]
    RecordsRead,
    /// See selected sensitive attributes.
    #[serde(rename = "sensitive:read")]
    SensitiveRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 8] = [
        Self::TenantsWrite,
        Self::AuditRead,
        Self::ProxyRead,
        Self::KeysWrite,
        Self::ConnectionsRead,
        Self::ConnectionsWrite,
        Self::RecordsRead,
        Self::SensitiveRead,
    ];

    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantsWrite => "tenants:write",
            Self::AuditRead => "audit:read",
            Self::ProxyRead => "proxy:read",
            Self::KeysWrite => "keys:write",
            Self::ConnectionsRead => "connections:read",
            Self::ConnectionsWrite => "connections:write",
            Self::RecordsRead => "records:read",
            Self::SensitiveRead => "sensitive:read",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// Whether it opens what is held back by default: no key has it unasked, and an operator can give it without having it.
    pub const fn is_guarded(self) -> bool {
        matches!(self, Self::SensitiveRead | Self::ProxyRead)
    }

    /// What a key of that kind gets when nothing is asked: nothing that is guarded.
    pub fn defaults(kind: KeyKind) -> BTreeSet<Self> {
        match kind {
            KeyKind::Operator => Self::ALL.into_iter().filter(|scope| !scope.is_guarded()).collect(),
            KeyKind::Tenant => {
                [Self::AuditRead, Self::KeysWrite, Self::ConnectionsRead, Self::ConnectionsWrite, Self::RecordsRead]
                    .into_iter()
                    .collect()
            }
        }
    }
}

/// A key as stored: never its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Identity.
    pub id: KeyId,
    /// Whose side it is on.
    pub kind: KeyKind,
    /// The tenant it acts in; the platform tenant for operator keys.
    pub tenant: TenantId,
    /// Display name.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}
