//! Which version of the vendor's API a stream is read through.
//!
//! The records of the two are not the same (one attendance of version 1 is several of version 2; the types of absences have
//! other ids), so a run stays with the version that it began with, and `auto` goes by what the vendor answers and by nothing
//! that passes by itself: an outage never makes it change.

use gangway_domain::record::Stream;
use gangway_egress::Class;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    PersonioConnection, absence_type,
    attempt::Attempt,
    capability::Probed,
    check,
    client::Failure,
    source::{self, bare_list, operation},
    v2::{self, Position},
};
use crate::contract::{
    AbsenceTypes, CheckRequest, Checkpoint, Error, ErrorKind, Finding, FindingLevel, Page, ReadAbsenceTypes, ReadOne,
    ReadPage, Result, SourceRecord,
};

/// Which version of the API to read through, where the connector knows both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiVersion {
    /// Version 1.
    V1,
    /// Version 2.
    V2,
    /// For each stream the one that its records were read through so far, or else the one that suits it better; the other one
    /// where that is not served.
    #[default]
    Auto,
}

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

use Version::{V1, V2};

impl ApiVersion {
    /// The versions that a stream may be read through, first the one to ask first.
    ///
    /// Attendances of version 1 were announced to end; an absence costs a request of its own in version 2, which does not tell
    /// whether a certificate is due, and so does an employee.
    pub(super) const fn versions(self, stream: Stream) -> &'static [Version] {
        match (self, stream) {
            (Self::V1, _) => &[V1],
            (Self::V2, _) => &[V2],
            (Self::Auto, Stream::Employees | Stream::Absences) => &[V1, V2],
            (Self::Auto, Stream::Attendances) => &[V2, V1],
        }
    }

    /// The same, but first the one that is preferred, if it is one of them.
    pub(super) fn beginning_with(self, stream: Stream, preferred: Option<&str>) -> Vec<Version> {
        let mut versions = self.versions(stream).to_vec();
        versions.sort_by_key(|version| Some(version.code()) != preferred);
        versions
    }
}

impl PersonioConnection {
    /// Reads a page through the version that its run began with, or else through the first one that gives the stream.
    pub(super) async fn page(&self, request: &ReadPage) -> Result<Page> {
        let ReadPage { stream, checkpoint, api_version, class, .. } = request;
        let mut attempt = self.attempt_from(*stream, checkpoint.as_ref(), api_version.as_deref(), *class)?;
        loop {
            match self.page_through(attempt.version, request).await {
                Ok(page) => return Ok(Page { api_version: Some(attempt.version.code().to_owned()), ..page }),
                Err(failure) => {
                    attempt.give_way(failure).await.map_err(|(version, failure)| explain(version, *stream, failure))?;
                }
            }
        }
    }

    /// The versions to ask for a page: that of its checkpoint, or all that the stream may be read through.
    fn attempt_from<'a>(
        &'a self,
        stream: Stream,
        checkpoint: Option<&Checkpoint>,
        held: Option<&'a str>,
        class: Class,
    ) -> Result<Attempt<'a>> {
        let attempt = self.attempt(stream, held, class);
        let Some(checkpoint) = checkpoint else { return Ok(attempt) };
        let begun = if Position::made(checkpoint) { V2 } else { V1 };
        if self.api.versions(stream).contains(&begun) {
            return Ok(attempt.only(begun));
        }
        let message = format!(
            "the run began with the other version of Personio's API, which `api` does not allow for {}; start it again",
            stream.as_str()
        );
        Err(Error::new(ErrorKind::Refused, operation(stream), message))
    }

    async fn page_through(&self, version: Version, request: &ReadPage) -> Result<Page, Failure> {
        match (version, request.stream) {
            (V2, Stream::Employees) => v2::employee::read_page(&self.v2, request, self.page_size).await,
            (V2, Stream::Absences) => v2::absence::read_page(&self.v2, request, self.page_size).await,
            (V2, Stream::Attendances) => v2::attendance::read_page(&self.v2, request, self.page_size).await,
            (V1, _) => self.page_of_v1(request).await,
        }
    }

    /// Reads a page of the kinds of absence, through the version that absences are read through.
    pub(super) async fn types(&self, request: &ReadAbsenceTypes) -> Result<AbsenceTypes> {
        let ReadAbsenceTypes { checkpoint, api_version, class } = request;
        let stream = Stream::Absences;
        let mut attempt = self.attempt_from(stream, checkpoint.as_ref(), api_version.as_deref(), *class)?;
        loop {
            let read = match attempt.version {
                V1 => absence_type::read_page(&self.client, request.clone()).await.map_err(Failure::from),
                V2 => v2::absence_type::read_page(&self.v2, request).await,
            };
            let failure = match read {
                Ok(page) => return Ok(page),
                Err(failure) => failure,
            };
            // An account may show absences and no list of their kinds; those of the other version would not be theirs.
            let failure = if attempt.version == V1 && attempt.has_next() && attempt.is_about_the_version(&failure.error)
            {
                match self.client.json(operation(stream), self.short_list(stream, *class)).await {
                    Ok(_) => return Err(failure.into()),
                    Err(of_list) => of_list,
                }
            } else {
                failure
            };
            attempt.give_way(failure).await.map_err(|(version, failure)| match version {
                V1 => Error::from(failure),
                V2 => explain(V2, stream, failure),
            })?;
        }
    }

    /// Which version a single absence is asked for in, and its id there. One that only the other version gave cannot be asked for
    /// in this: "not found" would not mean that it is gone.
    pub(super) fn absence_to_ask(&self, request: &ReadOne) -> Result<(Version, String)> {
        let of = |id: &str| if is_uuid(id) { V2 } else { V1 };
        let ids = || std::iter::once(&request.external_id).chain(request.names.iter().map(|name| &name.id));
        for version in self.api.beginning_with(Stream::Absences, request.api_version.as_deref()) {
            if let Some(id) = ids().find(|id| of(id) == version) {
                return Ok((version, id.clone()));
            }
        }
        let message = format!(
            "the absence was read through {} of Personio's API, which `api` does not allow, so it cannot be asked for",
            of(&request.external_id).name()
        );
        Err(Error::new(ErrorKind::Unsupported, "read one absence", message))
    }

    /// One employee. Where either version may be read, version 1's "not found" counts while it gives the list: once it has ended
    /// nobody would be found.
    pub(super) async fn employee(&self, request: &ReadOne) -> Result<Option<SourceRecord>> {
        let stream = Stream::Employees;
        let mut attempt = self.attempt(stream, request.api_version.as_deref(), request.class);
        if attempt.version == V1 {
            let read = self.employee_of_v1(request).await;
            let is_missing = match &read {
                Ok(found) => found.is_none(),
                Err(error) => attempt.is_about_the_version(error),
            };
            if !is_missing || !attempt.has_next() {
                return read;
            }
            match self.client.json("read one employee", bare_list(stream, 1, 0, request.class)).await {
                Ok(_) => return read,
                Err(failure) => {
                    attempt.give_way(failure).await.map_err(|(version, failure)| explain(version, stream, failure))?;
                }
            }
        }
        let read = v2::employee::read_one(&self.v2, &request.external_id, request.class).await;
        read.map_err(|failure| explain(V2, stream, failure))
    }

    /// One absence of version 2.
    pub(super) async fn absence_of_v2(&self, request: &ReadOne) -> Result<Option<SourceRecord>> {
        let read = v2::absence::read_one(&self.v2, &request.external_id, request.class).await;
        let found = read.map_err(|failure| explain(V2, Stream::Absences, failure))?;
        match found {
            Some(_) => self.single_absences_of_v2.work(),
            None => self.single_absences_of_v2.believe_absent_in_v2(&self.v2, request).await?,
        }
        Ok(found)
    }

    /// Asks for one record of a stream as a run would, and tells which version gives it where there is a choice.
    pub(super) async fn probe(
        &self,
        stream: Stream,
        request: &CheckRequest,
    ) -> Result<(Vec<Finding>, Probed), Failure> {
        let held = request.api_versions.get(&stream).map(String::as_str);
        let mut attempt = self.attempt(stream, held, request.class);
        loop {
            let version = attempt.version;
            let probed = match (version, stream) {
                (V2, Stream::Employees) => check::probe_v2(&self.v2, request).await,
                (V2, Stream::Absences) => {
                    v2::absence::probe(&self.v2, request.class).await.map(|()| (Vec::new(), None))
                }
                (V2, Stream::Attendances) => {
                    let today = self.client.now().date_naive();
                    v2::attendance::probe(&self.v2, today, request.class).await.map(|()| (Vec::new(), None))
                }
                (V1, _) => check::probe(&self.client, stream, request).await,
            };
            match probed {
                Ok((mut findings, keys)) => {
                    findings.extend(self.told(stream, version, held, attempt.into_refusal()));
                    return Ok((findings, Probed { version, keys }));
                }
                Err(failure) => attempt.give_way(failure).await.map_err(|(version, failure)| match version {
                    V1 => failure,
                    V2 => {
                        // Other statuses are version 1's way of telling something else.
                        let status = failure.status.filter(|status| matches!(status, 401 | 403));
                        Failure { error: explain(V2, stream, failure), status }
                    }
                })?,
            }
        }
    }

    /// Which version a stream is read through, and why. `refusal` is why one that was asked before does not give it.
    fn told(&self, stream: Stream, version: Version, held: Option<&str>, refusal: Option<String>) -> Option<Finding> {
        let is_second_choice = self.api.versions(stream).first() != Some(&version);
        let why = match (self.api, stream, refusal) {
            (ApiVersion::V1, ..) => return None,
            (_, _, Some(refusal)) => refusal,
            (ApiVersion::V2, ..) => "since `api` says so".to_owned(),
            (ApiVersion::Auto, ..) if is_second_choice && held == Some(version.code()) => {
                "since it answers, and the records held of them were read through it".to_owned()
            }
            (ApiVersion::Auto, Stream::Employees | Stream::Absences, None) => {
                "since it answers, and version 2 costs a request for each of them".to_owned()
            }
            (ApiVersion::Auto, Stream::Attendances, None) => "since it answers".to_owned(),
        };
        let capital = check::capital(stream);
        let message = format!("{capital} are read through {} of Personio's API, {why}", version.name());
        Some(Finding::new(FindingLevel::Info, "api_version", message))
    }
}

impl Version {
    pub(super) const fn name(self) -> &'static str {
        match self {
            V1 => "version 1",
            V2 => "version 2",
        }
    }

    /// As the host and the config know it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            V1 => "v1",
            V2 => "v2",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            V1 => V2,
            V2 => V1,
        }
    }
}

/// What a failure to read a stream means.
pub(super) fn explain(version: Version, stream: Stream, failure: Failure) -> Error {
    if version == V1 {
        return source::explain(stream, failure);
    }
    let message = match failure.error.kind {
        ErrorKind::NotFound => format!(
            "Personio does not offer {} in version 2 of its API at this address; set `api` to `v1` in the connection's config",
            stream.as_str()
        ),
        // Version 1 may well accept it.
        ErrorKind::Unauthenticated => NOT_ACCEPTED.to_owned(),
        _ => return failure.into(),
    };
    let kind = if failure.error.kind == ErrorKind::NotFound { ErrorKind::Unsupported } else { failure.error.kind };
    Error::new(kind, operation(stream), message).with_source(failure.error)
}

const NOT_ACCEPTED: &str = "version 2 of Personio's API does not accept this client ID and secret; generate a credential that is \
                            for it in Personio's settings, or set `api` to `v1` in the connection's config";

/// Whether an id is one of version 2's; version 1 has numbers.
pub(super) fn is_uuid(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
