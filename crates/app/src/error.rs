//! What a use case answers when it cannot: a stable code, what happened to which object, and what to do next.

use std::{error::Error as StdError, fmt, time::Duration};

use gangway_connector::{self as connector, ErrorKind, Retry};
use gangway_domain::{Code, principal::Scope};
use gangway_egress as egress;
use gangway_storage as storage;
use gangway_vault as vault;

/// What is said of a fault of ours; problems carry the request's id, failed jobs and runs have one of their own.
pub const INTERNAL: &str = "Something went wrong on our side. The server's log names the cause beside this id.";

/// One wrong value in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer into the body (`/config/base_url`), or the parameter's name.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Failure of a use case.
#[derive(Debug)]
pub struct Error {
    /// Stable code.
    pub code: Code,
    /// What happened, to which object, and what to do next; without secrets or personal data.
    pub message: String,
    /// Wrong values, for `request.invalid`.
    pub fields: Vec<FieldError>,
    /// The object in the way, for conflicts.
    pub existing: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Whether trying again later may help without anyone acting.
    pub is_transient: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Wrong values that are told at once.
pub const MOST_FIELDS: usize = 50;

impl Error {
    /// An error of this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fields: Vec::new(),
            existing: None,
            retry_after: None,
            is_transient: false,
            source: None,
        }
    }

    /// `object.not-found` for a kind of object.
    pub fn not_found(what: &str) -> Self {
        // A tenant is looked for among all of them.
        let place = if what == "tenant" { "" } else { " in this tenant" };
        Self::new(Code::NotFound, format!("There is no such {what}{place}."))
    }

    /// `request.invalid` with one wrong value.
    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { pointer: pointer.into(), message: message.into() }])
    }

    /// `request.invalid` with several wrong values; of more than [`MOST_FIELDS`] the first.
    pub fn invalid_fields(mut fields: Vec<FieldError>) -> Self {
        fields.truncate(MOST_FIELDS);
        let mut error = Self::new(Code::RequestInvalid, "Correct the values named in `errors` and send it again.");
        error.fields = fields;
        error
    }

    /// `key.forbidden` for a missing scope.
    pub fn lacks(scope: Scope) -> Self {
        Self::new(Code::KeyForbidden, format!("The key lacks the scope `{}`. Use a key that has it.", scope.as_str()))
    }

    /// `server.internal` with its cause, which only logs show.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(Code::Internal, INTERNAL);
        error.source = Some(source.into());
        error
    }

    /// Names the object in the way.
    #[must_use]
    pub fn with_existing(mut self, id: impl fmt::Display) -> Self {
        self.existing = Some(id.to_string());
        self
    }

    /// Whether our own budget for the vendor account held a call back: nothing was sent, and nobody failed.
    pub fn is_of_own_budget(&self) -> bool {
        let port = egress_cause(self.source.as_deref().and_then(|source| source.downcast_ref::<connector::Error>()));
        port.is_some_and(|port| port.is_own_budget)
    }

    /// Says when to try again.
    #[must_use]
    pub const fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self.is_transient = true;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::NotFound(what) => Self::not_found(what),
            storage::Error::Taken => Self::new(Code::NameTaken, "The name is taken; choose another."),
            storage::Error::MissingReference => {
                Self::new(Code::NotFound, "An object that the request names is not there any more.")
            }
            storage::Error::Stale => Self::new(
                Code::VersionStale,
                "The object has changed since it was read; read it again and repeat the change.",
            ),
            storage::Error::Unavailable(_) => {
                let mut unavailable =
                    Self::new(Code::Unavailable, "The database does not answer; try again in some seconds.");
                unavailable.retry_after = Some(Duration::from_secs(5));
                unavailable.is_transient = true;
                unavailable.source = Some(Box::new(error));
                unavailable
            }
            storage::Error::Full(_) => {
                let message = "The disk under the server's database is full, so nothing was stored. Whoever runs the server must \
                               make room there; then try again.";
                let mut full = Self::new(Code::Unavailable, message).with_retry_after(Duration::from_secs(10));
                full.source = Some(Box::new(error));
                full
            }
            other => Self::internal(other),
        }
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Self::internal(error)
    }
}

impl From<connector::Error> for Error {
    fn from(error: connector::Error) -> Self {
        let code = match error.kind {
            ErrorKind::ConfigInvalid => Code::RequestInvalid,
            ErrorKind::Unauthenticated => Code::CredentialRefused,
            ErrorKind::Forbidden => Code::PermissionMissing,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::RateLimited => Code::VendorLimited,
            ErrorKind::Unavailable => Code::VendorUnavailable,
            ErrorKind::Unsupported => Code::Unsupported,
            ErrorKind::Refused if is_forbidden_origin(&error) => Code::OriginForbidden,
            _ => Code::VendorProtocol,
        };
        let mut mapped = Self::new(code, sentence(&error.message));
        match error.retry {
            Retry::Never => {}
            Retry::Backoff => mapped.is_transient = true,
            Retry::After(after) => {
                mapped.is_transient = true;
                mapped.retry_after = Some(after);
            }
        }
        mapped.source = Some(Box::new(error));
        mapped
    }
}

/// A connector's clause as what is told to people.
fn sentence(clause: &str) -> String {
    let mut rest = clause.chars();
    let mut text: String = rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// Whether the way out refused the address. A connector refuses for reasons of its own too (a damaged checkpoint, pages
/// without end), and then no list of origins helps.
fn is_forbidden_origin(error: &connector::Error) -> bool {
    egress_cause(Some(error)).is_some_and(|port| port.kind == egress::ErrorKind::Refused)
}

/// The failure of the way out that a connector's call failed by.
fn egress_cause(error: Option<&connector::Error>) -> Option<&egress::Error> {
    error?.source()?.downcast_ref::<egress::Error>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_port(kind: egress::ErrorKind) -> Code {
        Error::from(connector::Error::from_port("read employees", egress::Error::new(kind, "/x", "why"))).code
    }

    #[test]
    fn a_tenant_is_not_looked_for_in_a_tenant() {
        assert_eq!(Error::from(storage::Error::NotFound("tenant")).message, "There is no such tenant.");
        assert_eq!(Error::not_found("sync").message, "There is no such sync in this tenant.");
    }

    #[test]
    fn what_connectors_say_is_told_in_sentences() {
        for (clause, told) in
            [("not found", "Not found."), ("Personio fails; wait.", "Personio fails; wait."), ("", ".")]
        {
            let error = connector::Error::new(ErrorKind::Protocol, "read employees", clause);
            assert_eq!(Error::from(error).message, told);
        }
    }

    #[test]
    fn only_a_refused_address_is_a_forbidden_origin() {
        assert_eq!(from_port(egress::ErrorKind::Refused), Code::OriginForbidden);
        assert_eq!(from_port(egress::ErrorKind::Invalid), Code::VendorProtocol);
        let damaged = connector::Error::new(ErrorKind::Refused, "read employees", "the stored checkpoint is damaged");
        assert_eq!(Error::from(damaged).code, Code::VendorProtocol);
    }
}
