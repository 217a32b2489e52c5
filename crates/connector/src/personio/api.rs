//! Which version of the vendor's API a stream is read through.
//!
//! The records of the two are not the same (one attendance of version 1 is several of version 2; the types of absences have
//! other ids), so a run stays with the version that it began with, and `auto` goes by what the vendor answers and by nothing
//! that passes by itself: an outage never makes it change.

use gangway_domain::record::Stream;
use gangway_egress::{Class, Method, Request};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    PersonioConnection, absence_type,
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
    fn beginning_with(self, stream: Stream, preferred: Option<&str>) -> Vec<Version> {
        let mut versions = self.versions(stream).to_vec();
        versions.sort_by_key(|version| Some(version.code()) != preferred);
        versions
    }

    /// The version that a stream is written through, as far as ids do not say it: that which it is first read through.
    pub(super) fn writes(self, stream: Stream) -> Version {
        self.versions(stream).first().copied().unwrap_or(V1)
    }
}

impl PersonioConnection {
    /// Reads a page through the version that its run began with, or else through the first one that gives the stream.
    pub(super) async fn page(&self, request: &ReadPage) -> Result<Page> {
        let versions = self.to_ask(request.stream, request.checkpoint.as_ref(), request.api_version.as_deref())?;
        for (at, version) in versions.iter().enumerate() {
            let is_held = request.api_version.as_deref() == Some(version.code());
            match self.page_through(*version, request).await {
                Ok(page) => return Ok(Page { api_version: Some(version.code().to_owned()), ..page }),
                Err(failure)
                    if at + 1 < versions.len()
                        && self.gives_way(*version, is_held, request.stream, &failure, request.class).await => {}
                Err(failure) => return Err(explain(*version, request.stream, failure)),
            }
        }
        Err(nothing_left(request.stream))
    }

    /// The versions to ask for a page: that of its checkpoint, or all that the stream may be read through.
    fn to_ask(&self, stream: Stream, checkpoint: Option<&Checkpoint>, preferred: Option<&str>) -> Result<Vec<Version>> {
        let versions = self.api.beginning_with(stream, preferred);
        let Some(checkpoint) = checkpoint else { return Ok(versions) };
        let begun = if Position::made(checkpoint) { V2 } else { V1 };
        if versions.contains(&begun) {
            return Ok(vec![begun]);
        }
        let message = format!(
            "the run began with the other version of Personio's API, which `api` does not allow for {}; start it again",
            stream.as_str()
        );
        Err(Error::new(ErrorKind::Refused, operation(stream), message))
    }

    /// Whether a version that refused gives way to the other one. One that records are held from does only where it has ended: a
    /// list that is not there may be so by accident, and what belongs to it is asked for as well.
    async fn gives_way(
        &self,
        version: Version,
        is_held: bool,
        stream: Stream,
        failure: &Failure,
        class: Class,
    ) -> bool {
        if !is_not_served(version, failure) {
            return false;
        }
        if !is_held {
            return true;
        }
        if version == V2 {
            return false;
        }
        let beside = match stream {
            Stream::Employees => "/v1/company/employees/attributes",
            Stream::Absences => "/v1/company/time-off-types",
            Stream::Attendances => "/v1/company/attendances/projects",
        };
        let get = Request::new(Method::Get, beside, beside, class);
        matches!(self.client.json(operation(stream), get).await, Err(failure) if is_not_served(V1, &failure))
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
        let stream = Stream::Absences;
        let versions = self.to_ask(stream, request.checkpoint.as_ref(), None)?;
        for (at, version) in versions.iter().enumerate() {
            let read = match version {
                V1 => absence_type::read_page(&self.client, request.clone()).await.map_err(Failure::from),
                V2 => v2::absence_type::read_page(&self.v2, request).await,
            };
            match read {
                Ok(page) => return Ok(page),
                Err(failure) if at + 1 < versions.len() && is_not_served(*version, &failure) => {}
                Err(failure) if *version == V1 => return Err(failure.into()),
                Err(failure) => return Err(explain(V2, stream, failure)),
            }
        }
        Err(nothing_left(stream))
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
        let versions = self.api.beginning_with(Stream::Employees, request.api_version.as_deref());
        if versions.first() == Some(&V1) {
            let read = self.employee_of_v1(request).await;
            let is_missing =
                matches!(&read, Ok(None)) || matches!(&read, Err(error) if error.kind == ErrorKind::Unsupported);
            if !is_missing || !versions.contains(&V2) {
                return read;
            }
            match self.client.json("read one employee", bare_list(Stream::Employees, 1, 0, request.class)).await {
                Ok(_) => return read,
                Err(failure) if is_not_served(V1, &failure) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        let read = v2::employee::read_one(&self.v2, &request.external_id, request.class).await;
        read.map_err(|failure| explain(V2, Stream::Employees, failure))
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
        let versions = self.api.beginning_with(stream, held);
        let mut refusal = None;
        for (at, version) in versions.iter().enumerate() {
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
                    findings.extend(self.told(stream, *version, held, refusal));
                    findings.extend(self.told_of_writing(stream, *version));
                    return Ok((findings, Probed { version: *version, keys }));
                }
                Err(failure)
                    if at + 1 < versions.len()
                        && self
                            .gives_way(*version, held == Some(version.code()), stream, &failure, request.class)
                            .await =>
                {
                    refusal = Some(explain(*version, stream, failure).message);
                }
                Err(failure) if *version == V2 => {
                    // Other statuses are version 1's way of telling something else.
                    let status = failure.status.filter(|status| matches!(status, 401 | 403));
                    return Err(Failure { error: explain(V2, stream, failure), status });
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(nothing_left(stream).into())
    }

    /// Whether version 1 is asked which attributes there are.
    pub(super) fn may_discover_in_v1(&self) -> bool {
        self.api.versions(Stream::Employees).contains(&V1)
    }

    /// Whether version 1 has ended and version 2 may be asked instead.
    pub(super) fn may_turn_to_v2(&self, failure: &Failure) -> bool {
        self.api == ApiVersion::Auto && is_not_served(V1, failure)
    }

    /// Whether version 2 does not give something and version 1 may be asked instead.
    pub(super) fn may_turn_to_v1(&self, failure: &Failure) -> bool {
        self.api == ApiVersion::Auto && is_not_served(V2, failure)
    }

    /// Which version a stream is read through, and why. `refusal` is what another one said that was asked before.
    fn told(&self, stream: Stream, version: Version, held: Option<&str>, refusal: Option<String>) -> Option<Finding> {
        let is_second_choice = self.api.versions(stream).first() != Some(&version);
        let why = match (self.api, stream, refusal) {
            (ApiVersion::V1, ..) => return None,
            (_, _, Some(refusal)) => format!("since {} does not give them: {refusal}", version.other().name()),
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

fn nothing_left(stream: Stream) -> Error {
    Error::new(ErrorKind::Unsupported, operation(stream), "no version of Personio's API is left to ask")
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

    const fn other(self) -> Self {
        match self {
            V1 => V2,
            V2 => V1,
        }
    }
}

/// Whether a version itself says that it does not give this: of version 1 that it has ended, of version 2 also that it does not
/// give it to the credential, which may be one of version 1 alone.
fn is_not_served(version: Version, failure: &Failure) -> bool {
    match failure.error.kind {
        ErrorKind::NotFound | ErrorKind::Unsupported => true,
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => version == V2,
        _ => false,
    }
}

fn explain(version: Version, stream: Stream, failure: Failure) -> Error {
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
