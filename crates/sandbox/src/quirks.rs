//! The switches for the vendor's oddities. Each may be turned at run time; none changes who the people are.

use serde::{Deserialize, Serialize};

/// The switches, as the admin endpoint shows and takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent switch of the emulated vendor")]
pub struct Quirks {
    /// Whether a token lasts or is replaced by each answer.
    pub token_mode: TokenMode,
    /// Which version of the API a token opens.
    pub token_reach: TokenReach,
    /// Whether `POST /v1/auth` refuses credentials in the query string.
    pub refuse_query_credentials: bool,
    /// Whether version 2 is not there at all.
    pub v2_unavailable: bool,
    /// Whether version 1 serves nothing any longer but tokens.
    pub v1_gone: bool,
    /// Whether version 1 gives no tokens any longer; those that are out stay good.
    pub v1_login_gone: bool,
    /// Whether version 1 serves attendances no longer.
    pub v1_attendances_gone: bool,
    /// Whether lists carry `metadata`.
    pub metadata: bool,
    /// Whether nobody may list the attributes.
    pub forbid_discovery: bool,
    /// Whether nobody may write.
    pub forbid_writes: bool,
    /// How many times each request to a webhook is sent, 1 to 10.
    pub webhook_copies: u8,
    /// Whether what is due at the same time is sent to webhooks the wrong way round.
    pub webhooks_reversed: bool,
    /// Whether weekly hours are a string.
    pub string_hours: bool,
    /// Whether half days are 0 and 1.
    pub numeric_half_days: bool,
    /// Whether some empty values are `""` or `[]` instead of null.
    pub empty_shapes: bool,
    /// Whether some people's tags are a JSON list in a string.
    pub tags_as_json: bool,
    /// Whether some absences carry offsets without a colon.
    pub mixed_offsets: bool,
    /// Whether lists with `updated_since` are paginated.
    pub updated_since_pages: bool,
    /// Whether errors of resource endpoints come with status 200.
    pub errors_with_200: bool,
    /// The language of error texts.
    pub error_language: Language,
    /// The language of the standard attributes' labels.
    pub label_language: Language,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            token_mode: TokenMode::Stable,
            token_reach: TokenReach::OwnVersion,
            refuse_query_credentials: true,
            v2_unavailable: false,
            v1_gone: false,
            v1_login_gone: false,
            v1_attendances_gone: false,
            metadata: true,
            forbid_discovery: false,
            forbid_writes: false,
            webhook_copies: 1,
            webhooks_reversed: false,
            string_hours: true,
            numeric_half_days: true,
            empty_shapes: true,
            tags_as_json: true,
            mixed_offsets: true,
            updated_since_pages: true,
            errors_with_200: false,
            error_language: Language::German,
            label_language: Language::English,
        }
    }
}

impl Quirks {
    /// Whether employees look the same under both.
    pub(crate) fn shape_employees_like(&self, other: &Self) -> bool {
        let Self {
            token_mode: _,
            token_reach: _,
            refuse_query_credentials: _,
            v2_unavailable: _,
            v1_gone: _,
            v1_login_gone: _,
            v1_attendances_gone: _,
            metadata: _,
            forbid_discovery: _,
            forbid_writes: _,
            webhook_copies: _,
            webhooks_reversed: _,
            string_hours,
            numeric_half_days: _,
            empty_shapes,
            tags_as_json,
            mixed_offsets: _,
            updated_since_pages: _,
            errors_with_200: _,
            error_language: _,
            label_language,
        } = self;
        *string_hours == other.string_hours
            && *empty_shapes == other.empty_shapes
            && *tags_as_json == other.tags_as_json
            && *label_language == other.label_language
    }
}

/// How tokens live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenMode {
    /// The same token for 24 hours.
    Stable,
    /// Each answer carries the next token and the used one is blacklisted.
    Rotating,
}

/// Which version of the API a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenReach {
    /// The one that gave it.
    OwnVersion,
    /// Both.
    BothVersions,
}

/// A language of the emulated company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// German.
    German,
    /// English.
    English,
}
