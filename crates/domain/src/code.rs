//! Stable error codes: what API clients and admins see, one page each in `docs/errors.md`.

use std::fmt;

/// What kind of failure a code is; `api` maps it to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeClass {
    /// The request cannot be read (400).
    Malformed,
    /// No usable key (401).
    Unauthenticated,
    /// The key may not do this (403).
    Forbidden,
    /// Not there, or another tenant's (404).
    NotFound,
    /// The method is not offered (405).
    MethodNotAllowed,
    /// In the way of another object or request (409).
    Conflict,
    /// `If-Match` names an old version (412).
    Stale,
    /// Larger than allowed (413).
    TooLarge,
    /// The URL is longer than allowed (414).
    UrlTooLong,
    /// The headers are more than allowed (431).
    HeadersTooLarge,
    /// The body's type is not JSON (415).
    UnsupportedMedia,
    /// Read, but wrong (422).
    Invalid,
    /// Asked too often (429).
    Limited,
    /// Our fault (500).
    Internal,
    /// The vendor's fault (502).
    Vendor,
    /// Temporarily away (503).
    Unavailable,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $class:ident, $title:literal;)*) => {
        /// A stable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// Its stable text.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// Its class.
            pub const fn class(self) -> CodeClass { match self { $(Self::$name => CodeClass::$class,)* } }
            /// A short human title.
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }
            /// Reads the stable text.
            pub fn parse(text: &str) -> Option<Self> { Self::ALL.iter().copied().find(|code| code.as_str() == text) }
        }
    };
}

codes! {
    /// Not JSON, or not the expected shape.
    RequestMalformed = "request.malformed", Malformed, "The request cannot be read";
    /// Readable, but values are wrong; `errors` points at each.
    RequestInvalid = "request.invalid", Invalid, "The request has invalid values";
    /// Body over the limit.
    RequestTooLarge = "request.too-large", TooLarge, "The request is too large";
    /// Path and query over the limit.
    UrlTooLong = "request.url-too-long", UrlTooLong, "The URL is too long";
    /// Header fields over the limit, by number or size.
    HeadersTooLarge = "request.headers-too-large", HeadersTooLarge, "The headers are too large";
    /// The caller asks more often than it may.
    RateLimited = "request.rate-limited", Limited, "Too many requests";
    /// Not `application/json`.
    RequestUnsupportedMedia = "request.unsupported-media", UnsupportedMedia, "The body must be JSON";
    /// No such route.
    RouteNotFound = "route.not-found", NotFound, "There is no such route";
    /// Route without that method.
    RouteMethodNotAllowed = "route.method-not-allowed", MethodNotAllowed, "The route does not offer this method";
    /// No `Authorization: Bearer gw…`.
    KeyMissing = "key.missing", Unauthenticated, "An API key is needed";
    /// Unknown, mistyped, expired or revoked key.
    KeyInvalid = "key.invalid", Unauthenticated, "The API key is not valid";
    /// The key lacks a scope.
    KeyForbidden = "key.forbidden", Forbidden, "The API key may not do this";
    /// An operator key without `Gangway-Tenant`.
    TenantRequired = "tenant.required", Malformed, "Name the tenant to act for";
    /// The tenant is suspended.
    TenantSuspended = "tenant.suspended", Forbidden, "The tenant is suspended";
    /// No such object for this tenant.
    NotFound = "object.not-found", NotFound, "There is no such object";
    /// A unique name is taken.
    NameTaken = "object.name-taken", Conflict, "The name is taken";
    /// The same stream is synced already; `existing` names the sync.
    SyncExists = "sync.exists", Conflict, "The stream is synced already";
    /// A run of this sync is under way.
    SyncRunning = "sync.running", Conflict, "A run of this sync is under way";
    /// `If-Match` names an old version.
    VersionStale = "object.stale", Stale, "The object has changed";
    /// The same `Idempotency-Key` with another body.
    IdempotencyMismatch = "idempotency.mismatch", Invalid, "The idempotency key was used for another request";
    /// The same `Idempotency-Key` is being worked on.
    IdempotencyRunning = "idempotency.running", Conflict, "The first request with this key is still running";
    /// What the first request with this `Idempotency-Key` made is not there any more.
    IdempotencyGone = "idempotency.gone", Conflict, "What the first request with this key made is gone";
    /// The address is not on the connector's or the operator's list.
    OriginForbidden = "connection.origin-forbidden", Invalid, "The address is not allowed";
    /// The vendor refused the credential.
    CredentialRefused = "connection.credential-refused", Vendor, "The vendor refused the credential";
    /// The vendor refused a right.
    PermissionMissing = "connection.permission-missing", Vendor, "The vendor refused access";
    /// The vendor did not answer, or with a server error.
    VendorUnavailable = "connection.vendor-unavailable", Vendor, "The vendor is not available";
    /// The vendor's answer cannot be understood.
    VendorProtocol = "connection.vendor-protocol", Vendor, "The vendor's answer is not understood";
    /// The vendor asks to slow down, or our budget is used up.
    VendorLimited = "connection.vendor-limited", Unavailable, "The vendor's limit is reached";
    /// The connection does not offer that.
    Unsupported = "connection.unsupported", Invalid, "The connector does not offer this";
    /// The job is not in a state that allows this.
    JobNotFailed = "job.not-failed", Conflict, "Only a failed job can be retried";
    /// Newer work has taken the place of the job's; `existing` names it.
    JobOutdated = "job.outdated", Conflict, "Newer work has taken the job's place";
    /// A later full run has taken the place of these held deletions; `existing` names it.
    HeldOutdated = "held.outdated", Conflict, "Newer deletions are held";
    /// Somebody said otherwise.
    HeldDecided = "held.decided", Conflict, "The held deletions are decided already";
    /// A dependency of ours is away.
    Unavailable = "server.unavailable", Unavailable, "Temporarily unavailable";
    /// A bug or a broken invariant.
    Internal = "server.internal", Internal, "Something went wrong on our side";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
