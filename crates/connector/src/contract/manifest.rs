//! What a connector says about itself before any credential exists. One snapshot per connector is committed, so that a
//! change of the promise is seen in review.

use gangway_domain::record::Stream;
use serde::Serialize;
use serde_json::Value;

use super::proxy::ProxyPath;

/// A connector's description of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Stable id (`personio`).
    pub id: &'static str,
    /// Name for people.
    pub display_name: &'static str,
    /// The vendor's API documentation.
    pub documentation_url: &'static str,
    /// JSON Schema of the config.
    pub config_schema: Value,
    /// JSON Schema of the credential; each description says where the value is found in the vendor's screens.
    pub credential_schema: Value,
    /// Origins (scheme, host, port) a credential may be sent to.
    pub origins: Vec<String>,
    /// What can be read.
    pub streams: Vec<StreamManifest>,
    /// What can be passed through.
    pub proxy: Vec<ProxyPath>,
    /// Whether and how the vendor tells of changes.
    pub webhooks: Option<WebhookManifest>,
    /// How the operator makes itself known to the vendor.
    pub identity: Vec<IdentityHeader>,
    /// How often the vendor may be asked.
    pub limits: ManifestLimits,
    /// What an admin should know, one sentence each.
    pub notes: Vec<&'static str>,
}

impl Manifest {
    /// A manifest with schemas taken from a connector's types; streams, origins and notes are added to it.
    pub fn of<C: super::Connector>(
        display_name: &'static str,
        documentation_url: &'static str,
        limits: ManifestLimits,
    ) -> Self {
        Self {
            id: C::ID,
            display_name,
            documentation_url,
            config_schema: schemars::schema_for!(C::Config).to_value(),
            credential_schema: schemars::schema_for!(C::Credential).to_value(),
            origins: Vec::new(),
            streams: Vec::new(),
            proxy: Vec::new(),
            webhooks: None,
            identity: Vec::new(),
            limits,
            notes: Vec::new(),
        }
    }

    /// The description of one stream.
    pub fn stream(&self, stream: Stream) -> Option<&StreamManifest> {
        self.streams.iter().find(|candidate| candidate.stream == stream)
    }
}

/// What a connector says about one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about a vendor, serialised as such")]
pub struct StreamManifest {
    /// The stream.
    pub stream: Stream,
    /// Only a range of days can be read.
    pub windowed: bool,
    /// The vendor can tell what changed since a moment.
    pub supports_since: bool,
    /// The vendor says how many records there are.
    pub has_total: bool,
    /// A single read confirms a deletion.
    pub confirms_deletion: bool,
    /// What the admin must permit, in the vendor's words.
    pub requires_permission: &'static str,
    /// The plan that the vendor sells it with; none where its pages name none.
    pub requires_plan: Option<&'static str>,
    /// Records asked for per page.
    pub page_size: u32,
}

/// How a vendor tells of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WebhookManifest {
    /// What the admin must permit so that they can be registered, in the vendor's words.
    pub requires_permission: &'static str,
    /// How many seconds the vendor waits for an answer.
    pub patience_seconds: u32,
    /// For how many days it knows what it has sent.
    pub kept_days: u32,
    /// How many events it sends again for one call.
    pub redelivered_at_once: u32,
}

/// A header by which a vendor knows whose software asks. The operator sets its value (`identity.<connector>.<setting>`); without one it
/// is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IdentityHeader {
    /// Name among the operator's settings (`partner_id`).
    pub setting: &'static str,
    /// The header, in lower case.
    pub header: &'static str,
    /// What the vendor wants in it, for an operator.
    pub help: &'static str,
    /// What the vendor takes.
    pub format: IdentityFormat,
}

/// What a vendor takes in an [`IdentityHeader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityFormat {
    /// Capitals, digits and underscores, a capital first.
    UpperSnakeCase,
}

impl IdentityFormat {
    /// Whether a value is one; none is longer than 100 characters.
    pub fn takes(self, text: &str) -> bool {
        let is_word = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        match self {
            Self::UpperSnakeCase => {
                let begins_well = text.starts_with(|first: char| first.is_ascii_uppercase());
                text.len() <= 100 && begins_well && text.bytes().all(is_word)
            }
        }
    }
}

/// A number of requests in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WindowLimit {
    /// Requests.
    pub requests: u32,
    /// Length of the window in seconds.
    pub window_seconds: u32,
}

impl WindowLimit {
    /// `requests` in `window_seconds`.
    pub const fn new(requests: u32, window_seconds: u32) -> Self {
        Self { requests, window_seconds }
    }
}

/// A narrower limit on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PathLimit {
    /// Route template, as in the requests.
    pub template: &'static str,
    /// The limit.
    pub limit: WindowLimit,
}

/// How often a vendor may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestLimits {
    /// All requests of one credential.
    pub credential: WindowLimit,
    /// Narrower limits by path.
    pub paths: Vec<PathLimit>,
    /// Authentications of one credential.
    pub authentication: WindowLimit,
    /// All requests from one address of ours, shared by all tenants.
    pub address: Option<WindowLimit>,
    /// Requests of one credential in flight at once.
    pub in_flight: u32,
}
