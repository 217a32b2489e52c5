//! Through which version of the API something is written, and what is told of that.

use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::{Class, Request};

use super::BodyStyle;
use crate::{
    contract::{Access, Allowed, ErrorKind, Finding, FindingLevel, WriteError},
    personio::{
        PersonioConnection,
        api::{ApiVersion, Version, is_uuid},
        source::{add_window, bare_list, operation},
        v2::{attendance, write as v2},
    },
};

impl PersonioConnection {
    /// Whether the account takes more than employees: the guide knows no other writing.
    pub(in crate::personio) fn writes_periods(&self) -> bool {
        self.body_style == BodyStyle::Wrapped
    }

    /// The version that a stream is written through, as far as ids do not say it: that which its records are held from, or else are first
    /// read through. Systems built after the guide have one only.
    pub(in crate::personio) fn writes(&self, stream: Stream, held: Option<&str>) -> Version {
        let versions = self.api.beginning_with(stream, held);
        versions.into_iter().next().filter(|_| self.writes_periods()).unwrap_or(Version::V1)
    }

    /// Whether the version that a stream is written through does not serve it and the other one is written through instead, by the rules
    /// that reading has. Asks for its list.
    pub(super) async fn turns(&self, stream: Stream, held: Option<&str>, class: Class) -> bool {
        let mut attempt = self.attempt(stream, held, class);
        if !self.may_route() || (attempt.version == Version::V2 && !attempt.is_free()) {
            return false;
        }
        let asked = match attempt.version {
            Version::V1 => self.client.json(operation(stream), self.short_list(stream, class)).await.map(drop),
            Version::V2 => attendance::probe(&self.v2, self.client.now().date_naive(), class).await,
        };
        match asked {
            Ok(()) => false,
            Err(failure) => attempt.give_way(failure).await.is_ok(),
        }
    }

    /// Asks version 1 whether a list is there.
    pub(in crate::personio) fn short_list(&self, stream: Stream, class: Class) -> Request {
        let mut list = bare_list(stream, 1, 0, class);
        if stream != Stream::Employees {
            let today = self.client.now().date_naive();
            add_window(&mut list, Window { from: today, to: today });
        }
        list
    }

    /// Whether either version may be written through.
    pub(in crate::personio) fn may_route(&self) -> bool {
        self.api == ApiVersion::Auto && self.body_style == BodyStyle::Wrapped
    }

    /// The version that an id is of, where either may be written through: version 1 has numbers.
    pub(super) fn version_of(&self, stream: Stream, id: &str) -> Version {
        match (self.may_route(), is_uuid(id)) {
            (false, _) => self.writes(stream, None),
            (true, true) => Version::V2,
            (true, false) => Version::V1,
        }
    }

    /// Which version a stream is written through that is read through this one, and what that leaves out. Where there is only version 1
    /// there is nothing to tell. `email` is what holds for a change of an email address that version 2 makes.
    pub(in crate::personio) fn told_of_writing(
        &self,
        stream: Stream,
        read_through: Version,
        email: Option<&Access>,
    ) -> Option<Finding> {
        if self.body_style == BodyStyle::Flat || self.api == ApiVersion::V1 {
            return None;
        }
        let message = match (read_through, stream) {
            (Version::V1, Stream::Employees) => match email {
                Some(Access { allowed: Allowed::No, reason: Some(reason), .. }) => {
                    format!("Employees are written through version 1 of Personio's API; {reason}")
                }
                _ => "Employees are written through version 1 of Personio's API, and their email addresses, which it does not change, \
                      through version 2, which also deletes them"
                    .to_owned(),
            },
            (Version::V1, Stream::Attendances) => "Attendances are written through version 1 of Personio's API".to_owned(),
            (_, Stream::Absences) if self.may_route() => self.lacking(
                stream,
                "Absences are written through the version of Personio's API that the id of their type is of, and changed through version 2",
            ),
            (_, Stream::Absences) => self.lacking(stream, "Absences are written through version 2 of Personio's API"),
            (Version::V2, Stream::Employees) => self.lacking(
                stream,
                "Employees are written through version 2 of Personio's API, which takes no status and ends no employment",
            ),
            (Version::V2, Stream::Attendances) => self.lacking(
                stream,
                "Attendances are written through version 2 of Personio's API, breaks as periods of their own",
            ),
        };
        Some(Finding::new(FindingLevel::Info, "writing", message))
    }

    /// The same with the right that is known to be missing for it in version 2.
    fn lacking(&self, stream: Stream, message: &str) -> String {
        let right = v2::missing_right(&self.v2, stream);
        let lacking = right.map(|right| format!("; for version 2 the credential lacks {right}"));
        format!("{message}{}", lacking.unwrap_or_default())
    }
}

/// Whether a refusal may be about the version and not about what was to be written. Values that are wrong are told without a request.
pub(super) fn is_about_the_version(version: Version, error: &WriteError) -> bool {
    match error {
        WriteError::Refused { error, .. } => match error.kind {
            ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::Unauthenticated => true,
            ErrorKind::Forbidden => version == Version::V2,
            _ => false,
        },
        WriteError::Invalid(_) | WriteError::Unknown(_) | WriteError::Partly { .. } => false,
    }
}
