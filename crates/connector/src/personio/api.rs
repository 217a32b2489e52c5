//! Which version of the vendor's API a stream is read through.
//!
//! Only attendances can be read through either. Their records are not the same in both (one of version 1 is several of version
//! 2), so a run stays with the version that it began with, and `auto` goes by what the vendor answers and by nothing that
//! passes by itself: an outage never makes it change.

use gangway_domain::record::Stream;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    PersonioConnection,
    client::Failure,
    source::operation,
    v2::{self, Position},
};
use crate::contract::{CheckRequest, Error, ErrorKind, Finding, FindingLevel, Page, ReadPage, Result};

/// Which version of the API to read through, where the connector knows both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiVersion {
    /// Version 1.
    #[default]
    V1,
    /// Version 2.
    V2,
    /// Version 2 where it answers, else version 1.
    Auto,
}

/// How attendances are read, and why.
pub(super) enum Route {
    V1(Finding),
    V2(Finding),
}

impl PersonioConnection {
    /// A page of attendances through version 2; none where version 1 is to be asked.
    pub(super) async fn attendances_of_v2(&self, request: &ReadPage) -> Result<Option<Page>> {
        let begun_by_v2 = request.checkpoint.as_ref().map(Position::made);
        match (self.api, begun_by_v2) {
            (ApiVersion::V1, Some(true)) => {
                let message =
                    "the run began with version 2 of Personio's API, which `api` no longer allows; start it again";
                return Err(Error::new(ErrorKind::Refused, operation(Stream::Attendances), message));
            }
            (ApiVersion::V1, _) | (ApiVersion::Auto, Some(false)) => return Ok(None),
            (ApiVersion::V2 | ApiVersion::Auto, _) => {}
        }
        match v2::read_page(&self.v2, request, self.page_size).await {
            Ok(page) => Ok(Some(page)),
            Err(failure) if self.api == ApiVersion::Auto && begun_by_v2.is_none() && is_not_served(&failure) => {
                Ok(None)
            }
            Err(failure) => Err(explain(failure)),
        }
    }

    /// Asks version 2 for attendances, where that decides; none where version 1 is read because nobody asked for another.
    pub(super) async fn route_of_attendances(&self, request: &CheckRequest) -> Result<Option<Route>, Failure> {
        if self.api == ApiVersion::V1 {
            return Ok(None);
        }
        let found = |message: String| Finding::new(FindingLevel::Info, "api_version", message);
        match v2::probe(&self.v2, self.client.now().date_naive(), request.class).await {
            Ok(()) => {
                let why = if self.api == ApiVersion::V2 { "`api` says so" } else { "it answers" };
                Ok(Some(Route::V2(found(format!(
                    "Attendances are read through version 2 of Personio's API, since {why}; employees and absences through \
                     version 1"
                )))))
            }
            Err(failure) if self.api == ApiVersion::Auto && is_not_served(&failure) => {
                let why = explain(failure).message;
                Ok(Some(Route::V1(found(format!(
                    "All streams are read through version 1 of Personio's API, attendances too, since version 2 does not \
                     give them: {why}"
                )))))
            }
            Err(failure) => {
                // Others are version 1's way of telling something else.
                let status = failure.status.filter(|status| matches!(status, 401 | 403));
                Err(Failure { error: explain(failure), status })
            }
        }
    }
}

/// Whether version 2 itself says that it does not give this to the credential.
fn is_not_served(failure: &Failure) -> bool {
    matches!(
        failure.error.kind,
        ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Unsupported
    )
}

fn explain(failure: Failure) -> Error {
    let told = match failure.error.kind {
        ErrorKind::NotFound => (ErrorKind::Unsupported, NOT_THERE),
        // Version 1 may well accept it.
        ErrorKind::Unauthenticated => (ErrorKind::Unauthenticated, NOT_ACCEPTED),
        _ => return failure.into(),
    };
    Error::new(told.0, operation(Stream::Attendances), told.1).with_source(failure.error)
}

const NOT_THERE: &str = "Personio does not offer attendances in version 2 of its API at this address; set `api` to `v1` in the \
                         connection's config";
const NOT_ACCEPTED: &str = "version 2 of Personio's API does not accept this client ID and secret; generate a credential that is \
                            for it in Personio's settings, or set `api` to `v1` in the connection's config";
