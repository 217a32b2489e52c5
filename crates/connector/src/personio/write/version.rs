//! Through which version of the API something is written, and what is told of that.

use gangway_domain::record::Stream;

use super::BodyStyle;
use crate::{
    contract::{Finding, FindingLevel},
    personio::{
        PersonioConnection,
        api::{ApiVersion, Version, is_uuid},
        v2::write as v2,
    },
};

impl PersonioConnection {
    /// Whether the account takes more than employees: the guide knows no other writing.
    pub(in crate::personio) fn writes_periods(&self) -> bool {
        self.body_style == BodyStyle::Wrapped
    }

    /// The version that a stream is written through; systems built after the guide have one only.
    pub(in crate::personio) fn writes(&self, stream: Stream) -> Version {
        if self.body_style == BodyStyle::Flat { Version::V1 } else { self.api.writes(stream) }
    }

    /// Whether either version may be written through.
    pub(super) fn may_route(&self) -> bool {
        self.api == ApiVersion::Auto && self.body_style == BodyStyle::Wrapped
    }

    /// The version that an id is of, where either may be written through: version 1 has numbers.
    pub(super) fn version_of(&self, stream: Stream, id: &str) -> Version {
        match (self.may_route(), is_uuid(id)) {
            (false, _) => self.writes(stream),
            (true, true) => Version::V2,
            (true, false) => Version::V1,
        }
    }

    /// Which version a stream is written through that is read through this one, and what that leaves out. Where there is only version 1
    /// there is nothing to tell.
    pub(in crate::personio) fn told_of_writing(&self, stream: Stream, read_through: Version) -> Option<Finding> {
        if self.body_style == BodyStyle::Flat || self.api == ApiVersion::V1 {
            return None;
        }
        let message = match (read_through, stream) {
            (Version::V1, Stream::Employees) => {
                "Employees are written through version 1 of Personio's API, and their email addresses, which it does not change, \
                 through version 2"
            }
            (Version::V2, Stream::Employees) => {
                "Employees are written through version 2 of Personio's API, which takes no status and ends no employment"
            }
            (_, Stream::Absences) if self.may_route() => {
                "Absences are written through the version of Personio's API that the id of their type is of"
            }
            (_, Stream::Absences) => "Absences are written through version 2 of Personio's API",
            (Version::V1, Stream::Attendances) => "Attendances are written through version 1 of Personio's API",
            (Version::V2, Stream::Attendances) => {
                "Attendances are written through version 2 of Personio's API, breaks as periods of their own"
            }
        };
        let lacking =
            v2::missing_right(&self.v2, stream).map(|right| format!("; for version 2 the credential lacks {right}"));
        Some(Finding::new(FindingLevel::Info, "writing", format!("{message}{}", lacking.unwrap_or_default())))
    }
}
