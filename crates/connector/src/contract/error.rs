//! Failures of a connector: what went wrong, whether trying again helps, and who must act.
//!
//! A message is written for an admin and holds neither secrets nor personal data nor the vendor's own text, which is
//! localised and may quote a record.

use std::{error::Error as StdError, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Result of a connector's call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The connection's config cannot work (a base URL that leads elsewhere).
    ConfigInvalid,
    /// The credential or its token is not accepted.
    Unauthenticated,
    /// The credential lacks a right.
    Forbidden,
    /// The object is not there.
    NotFound,
    /// Too many requests, by the vendor's count or by ours.
    RateLimited,
    /// The vendor cannot be reached or fails.
    Unavailable,
    /// The vendor has no such ability (any more).
    Unsupported,
    /// The vendor's answer is not what its documentation says.
    Protocol,
    /// We refused to make the call (address, damaged checkpoint, impossible request).
    Refused,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::ConfigInvalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::RateLimited,
        Self::Unavailable,
        Self::Unsupported,
        Self::Protocol,
        Self::Refused,
    ];

    /// Reads the stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Stable name, as in codes, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "config_invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Protocol => "protocol",
            Self::Refused => "refused",
        }
    }

    /// Who must act so that it ends.
    pub const fn owner(self) -> Owner {
        match self {
            Self::ConfigInvalid | Self::Unauthenticated | Self::Forbidden => Owner::Tenant,
            Self::NotFound | Self::RateLimited | Self::Unavailable | Self::Unsupported | Self::Protocol => {
                Owner::Vendor
            }
            Self::Refused => Owner::Operator,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The tenant's admin (credential, rights, config).
    Tenant,
    /// The vendor; mostly waiting helps.
    Vendor,
    /// The operator of this installation.
    Operator,
}

/// Whether the same call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will fail again until somebody acts.
    Never,
    /// Later, with growing pauses.
    Backoff,
    /// Not before this time has passed.
    After(Duration),
}

/// A failed call.
#[derive(Debug)]
#[non_exhaustive]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Whether to try again.
    pub retry: Retry,
    /// What was being done (`read employees`).
    pub operation: &'static str,
    /// What happened and what to do, for an admin.
    pub message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with the usual retry of its kind: waiting helps against limits and outages, not against the rest.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => Retry::Backoff,
            _ => Retry::Never,
        };
        Self { kind, retry, operation, message: message.into(), source: None }
    }

    /// Sets whether to try again.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Adds the cause, which is not part of `Display`.
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Who must act.
    pub const fn owner(&self) -> Owner {
        self.kind.owner()
    }

    /// Turns a failure of the HTTP port into one of the operation that needed it.
    pub fn from_port(operation: &'static str, error: gangway_egress::Error) -> Self {
        use gangway_egress::ErrorKind as Port;

        let (kind, retry, message) = match error.kind {
            Port::Refused => (ErrorKind::Refused, Retry::Never, "the address is not one this connector may call"),
            Port::Connect => (ErrorKind::Unavailable, Retry::Backoff, "the vendor's host could not be reached"),
            Port::TimedOut => (ErrorKind::Unavailable, Retry::Backoff, "the vendor did not answer in time"),
            Port::Broken => {
                (ErrorKind::Unavailable, Retry::Backoff, "the connection broke before the answer was complete")
            }
            Port::TooLarge => (ErrorKind::Protocol, Retry::Never, "the vendor's answer is larger than allowed"),
            // The vendor's limit or our own: the port says which.
            Port::RateLimited => (ErrorKind::RateLimited, Retry::Backoff, error.message.as_str()),
            _ => (ErrorKind::Refused, Retry::Never, "the request could not be built"),
        };
        let retry = match (retry, error.retry_after) {
            (Retry::Backoff, Some(after)) => Retry::After(after),
            (retry, _) => retry,
        };
        Self::new(kind, operation, message).with_retry(retry).with_source(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_failure_keeps_its_retry_time() {
        let port = gangway_egress::Error::new(gangway_egress::ErrorKind::RateLimited, "/x", "no slot")
            .with_retry_after(Duration::from_secs(7));
        let error = Error::from_port("read employees", port);
        assert_eq!(error.kind, ErrorKind::RateLimited);
        assert_eq!(error.retry, Retry::After(Duration::from_secs(7)));
        assert!(StdError::source(&error).is_some());
    }

    #[test]
    fn display_leaves_the_source_to_the_log_adapter() {
        let port = gangway_egress::Error::new(gangway_egress::ErrorKind::Connect, "/x", "inner words");
        assert!(!Error::from_port("read employees", port).to_string().contains("inner words"));
    }

    #[test]
    fn every_kind_is_read_back_by_its_name() {
        assert_eq!(ErrorKind::ALL.map(|kind| ErrorKind::parse(kind.as_str())), ErrorKind::ALL.map(Some));
        assert_eq!(ErrorKind::parse("of_tomorrow"), None);
    }

    #[test]
    fn every_kind_names_who_must_act() {
        assert_eq!(ErrorKind::Forbidden.owner(), Owner::Tenant);
        assert_eq!(ErrorKind::Unavailable.owner(), Owner::Vendor);
        assert_eq!(ErrorKind::Refused.owner(), Owner::Operator);
    }
}
