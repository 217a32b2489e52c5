//! Asking one version of the vendor's API after the other: when the first gives way, and whose word counts when none is left.
//!
//! A version gives way where the vendor itself says that it is not served, or that the credential is not one for it; an outage never
//! makes it. One that records are held from gives way only where it has ended: one address that is not there for a moment must not
//! lead a whole stream elsewhere. See decision 12 (`docs/decisions`).

use gangway_domain::record::Stream;
use gangway_egress::{Class, Method, Request};

use super::{
    PersonioConnection,
    api::{
        Version::{self, V1, V2},
        explain,
    },
    authentication,
    client::Failure,
    source::{bare_list, operation},
};
use crate::contract::{Error, ErrorKind};

/// The version to ask now, and the one after it.
pub(super) struct Attempt<'a> {
    connection: &'a PersonioConnection,
    stream: Stream,
    held: Option<&'a str>,
    class: Class,
    /// The version to ask now.
    pub(super) version: Version,
    next: Option<Version>,
    refusal: Option<Failure>,
}

/// What the login of version 1 says of all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    /// It is not there any more.
    Ended,
    /// It does not take the credential.
    Refused,
}

impl Login {
    fn said(version: Version, error: &Error) -> Option<Self> {
        if version != V1 || error.operation != authentication::OPERATION {
            return None;
        }
        match error.kind {
            ErrorKind::Unsupported => Some(Self::Ended),
            ErrorKind::Unauthenticated => Some(Self::Refused),
            _ => None,
        }
    }
}

/// Whether a failure is of those that a version may give way for.
pub(super) fn is_about(version: Version, error: &Error) -> bool {
    Login::said(version, error).is_some() || is_not_served(version, error)
}

impl PersonioConnection {
    /// The versions that a stream may be asked through, first the one that its records are held from.
    pub(super) fn attempt<'a>(&'a self, stream: Stream, held: Option<&'a str>, class: Class) -> Attempt<'a> {
        let mut versions = self.api.beginning_with(stream, held).into_iter();
        let version = versions.next().unwrap_or(V1);
        Attempt { connection: self, stream, held, class, version, next: versions.next(), refusal: None }
    }
}

impl Attempt<'_> {
    /// The same with one version alone, since a run has begun with it.
    pub(super) fn only(self, version: Version) -> Self {
        Self { version, next: None, ..self }
    }

    /// Whether the other version may be asked, and nothing is held from this one.
    pub(super) fn is_free(&self) -> bool {
        self.next.is_some() && !self.is_held()
    }

    /// Whether the other version may be asked.
    pub(super) fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// Whether a failure is of those that this version may give way for.
    pub(super) fn is_about_the_version(&self, error: &Error) -> bool {
        is_about(self.version, error)
    }

    /// Turns to the other version if this one gives way; else the failure that stands, and the version that it is of.
    pub(super) async fn give_way(&mut self, failure: Failure) -> Result<(), (Version, Failure)> {
        let login = Login::said(self.version, &failure.error);
        if login == Some(Login::Ended)
            && let Err(error) = self.connection.v2.log_in(self.class).await
        {
            let is_neither = error.kind == ErrorKind::Unsupported;
            return Err((V1, if is_neither { authentication::no_api() } else { error }.into()));
        }
        let Some(next) = self.next else { return Err(self.last_word(login, failure)) };
        let gives_way = match login {
            Some(Login::Ended) => !self.is_held() || self.has_list_ended().await,
            Some(Login::Refused) => !self.is_held() && self.connection.v2.log_in(self.class).await.is_ok(),
            None => is_not_served(self.version, &failure.error) && (!self.is_held() || self.has_ended_beside().await),
        };
        if !gives_way {
            return Err((self.version, failure));
        }
        self.refusal = Some(failure);
        self.version = next;
        self.next = None;
        Ok(())
    }

    /// Why the version that was asked before is not the one that answers.
    pub(super) fn into_refusal(self) -> Option<String> {
        let before = self.version.other();
        let refusal = self.refusal?;
        Some(if Login::said(before, &refusal.error) == Some(Login::Refused) {
            format!("since the credential is one for {} only", self.version.name())
        } else {
            format!("since {} does not give them: {}", before.name(), explain(before, self.stream, refusal).message)
        })
    }

    fn is_held(&self) -> bool {
        self.held == Some(self.version.code())
    }

    /// What version 2 says of the stream tells more than that version 1 has no login for it.
    fn last_word(&mut self, login: Option<Login>, failure: Failure) -> (Version, Failure) {
        match self.refusal.take() {
            Some(refusal) if login.is_some() && refusal.error.operation != authentication::OPERATION => (V2, refusal),
            _ => (self.version, failure),
        }
    }

    /// Whether the list is not there either; while it is, it refuses who has no token.
    async fn has_list_ended(&self) -> bool {
        let list = bare_list(self.stream, 1, 0, self.class);
        let asked = self.connection.client.json_without_token(operation(self.stream), list).await;
        asked.is_err_and(|failure| is_not_served(V1, &failure.error))
    }

    /// Whether what belongs to the list of version 1 is not there either.
    async fn has_ended_beside(&self) -> bool {
        if self.version == V2 {
            return false;
        }
        let beside = match self.stream {
            Stream::Employees => "/v1/company/employees/attributes",
            Stream::Absences => "/v1/company/time-off-types",
            Stream::Attendances => "/v1/company/attendances/projects",
        };
        let get = Request::new(Method::Get, beside, beside, self.class);
        let asked = self.connection.client.json(operation(self.stream), get).await;
        asked.is_err_and(|failure| is_not_served(V1, &failure.error))
    }
}

/// Whether a version itself says that it does not give this: of version 1 that it has ended, of version 2 also that it does not
/// give it to the credential, which may be one of version 1 alone.
fn is_not_served(version: Version, error: &Error) -> bool {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::Unsupported => true,
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => version == V2,
        _ => false,
    }
}
