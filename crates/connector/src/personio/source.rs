//! Reading pages, single records and pictures.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use gangway_domain::{
    record::{ExternalId, Stream},
    sync::Window,
};
use gangway_egress::{Class, Method, Request};
use serde_json::value::RawValue;

use super::{
    PersonioConnection, absence,
    api::Version,
    attendance,
    client::Failure,
    employee,
    envelope::Document,
    item::{Bad, Item, V2, is_flat},
    limits::{has_too_many_values, most_items},
    paging::{Decision, Keep, Observed, Position, hash},
    v2,
};
use crate::contract::{
    AbsenceTypes, BadRecord, Checkpoint, Error, ErrorKind, Page, Picture, ReadAbsenceTypes, ReadMode, ReadOne,
    ReadPage, ReadPicture, Result, Retry, Source, SourceRecord,
};

/// Most employees the vendor gives per page since 2025-01-31; asking for more may be refused.
pub(super) const EMPLOYEES_PAGE_SIZE: u32 = 100;
/// Most time-offs and attendances per page.
pub(super) const PERIODS_PAGE_SIZE: u32 = 200;
const LARGEST_PICTURE_BYTES: usize = 16 * 1024 * 1024;
const WIDEST_PICTURE: u32 = 4_096;

pub(super) const ONE_ABSENCE_TEMPLATE: &str = "/v1/company/time-offs/{id}";
const PICTURE_TEMPLATE: &str = "/v1/company/employees/{id}/profile-picture/{width}";

#[async_trait]
impl Source for PersonioConnection {
    fn api_versions(&self, stream: Stream) -> Vec<&'static str> {
        self.api.versions(stream).iter().map(|version| version.code()).collect()
    }

    fn kept_fields(&self, stream: Stream) -> &'static [&'static str] {
        match stream {
            // Not their units: version 2 may not show what these are called.
            Stream::Employees => &[
                "first_name",
                "last_name",
                "preferred_name",
                "email",
                "status",
                "position",
                "hire_date",
                "contract_end_date",
                "termination_date",
                "weekly_hours",
            ],
            // An absence of version 1 may name no id of version 2, and one attendance is several periods there.
            Stream::Absences | Stream::Attendances => &[],
        }
    }

    async fn read_page(&self, request: ReadPage) -> Result<Page> {
        self.page(&request).await
    }

    async fn read_one(&self, request: ReadOne) -> Result<Option<SourceRecord>> {
        match request.stream {
            Stream::Employees => {
                plain_id(&request.external_id, "read one employee")?;
                self.employee(&request).await
            }
            Stream::Absences => {
                plain_id(&request.external_id, "read one absence")?;
                let (version, external_id) = self.absence_to_ask(&request)?;
                plain_id(&external_id, "read one absence")?;
                let request = ReadOne { external_id, ..request };
                match version {
                    Version::V1 => self.absence_of_v1(&request).await,
                    Version::V2 => self.absence_of_v2(&request).await,
                }
            }
            Stream::Attendances => Err(Error::new(
                ErrorKind::Unsupported,
                "read one attendance",
                "Personio has no way to read a single attendance",
            )),
        }
    }

    async fn read_picture(&self, request: ReadPicture) -> Result<Option<Picture>> {
        let operation = "read a picture";
        let id = plain_id(&request.external_id, operation)?;
        let width = request.width.clamp(1, WIDEST_PICTURE);
        let path = format!("/v1/company/employees/{id}/profile-picture/{width}");
        let mut get = Request::new(Method::Get, PICTURE_TEMPLATE, path, request.class);
        get.max_answer_bytes = LARGEST_PICTURE_BYTES;
        let response = match self.client.send(operation, get).await {
            Ok((response, _)) => response,
            Err(failure) if failure.error.kind == ErrorKind::NotFound => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        if response.status == 204 || response.body.is_empty() {
            return Ok(None);
        }
        match response.header("content-type") {
            Some(kind) if kind.starts_with("image/") => Ok(Some(Picture::new(kind, response.body.clone()))),
            _ => Err(Error::new(ErrorKind::Protocol, operation, "the answer is not an image")),
        }
    }

    async fn read_absence_types(&self, request: ReadAbsenceTypes) -> Result<AbsenceTypes> {
        self.types(&request).await
    }
}

impl PersonioConnection {
    /// A page of version 1.
    pub(super) async fn page_of_v1(&self, request: &ReadPage) -> Result<Page, Failure> {
        let stream = request.stream;
        let operation = operation(stream);
        let position = match &request.checkpoint {
            Some(checkpoint) => Position::resume(checkpoint, stream, operation)?,
            None => Position::start(stream, page_size(stream, self.page_size)),
        };
        let list = list_request(request, &position)?;
        let document = self.client.json(operation, list).await?;
        Ok(page(stream, &document, &position)?)
    }

    /// One employee of version 1.
    pub(super) async fn employee_of_v1(&self, request: &ReadOne) -> Result<Option<SourceRecord>> {
        self.one_of_v1(request, "read one employee", "/v1/company/employees/{id}").await
    }

    async fn absence_of_v1(&self, request: &ReadOne) -> Result<Option<SourceRecord>> {
        let found = self.one_of_v1(request, "read one absence", ONE_ABSENCE_TEMPLATE).await?;
        match found {
            Some(_) => self.single_absences.work(),
            None => {
                self.single_absences.believe_absent(&self.client, &request.external_id, request.class).await?;
            }
        }
        Ok(found)
    }

    async fn one_of_v1(
        &self,
        request: &ReadOne,
        operation: &'static str,
        template: &'static str,
    ) -> Result<Option<SourceRecord>> {
        let id = plain_id(&request.external_id, operation)?;
        let get = Request::new(Method::Get, template, template.replace("{id}", id), request.class);
        match self.client.json(operation, get).await {
            Ok(document) => one(request.stream, &document, id, operation).map(Some),
            Err(failure) if failure.error.kind == ErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// What is done to a stream, for messages.
pub(super) const fn operation(stream: Stream) -> &'static str {
    match stream {
        Stream::Employees => "read employees",
        Stream::Absences => "read absences",
        Stream::Attendances => "read attendances",
    }
}

/// The list endpoint of a stream.
pub(super) const fn list_path(stream: Stream) -> &'static str {
    match stream {
        Stream::Employees => "/v1/company/employees",
        Stream::Absences => "/v1/company/time-offs",
        Stream::Attendances => "/v1/company/attendances",
    }
}

fn page_size(stream: Stream, configured: Option<u32>) -> u32 {
    let most = if stream == Stream::Employees { EMPLOYEES_PAGE_SIZE } else { PERIODS_PAGE_SIZE };
    configured.map_or(most, |size| size.min(most))
}

fn list_request(request: &ReadPage, position: &Position) -> Result<Request> {
    let ReadPage { stream, mode, window, checkpoint: _, attributes, api_version: _, class } = request;
    let mut list = bare_list(*stream, position.limit(), position.offset(), *class);
    match stream {
        Stream::Employees => {
            if let ReadMode::Since(since) = mode {
                list.query.push(("updated_since".to_owned(), vendor_time(*since)));
            }
            if let Some(keys) = attributes {
                let id = std::iter::once("id");
                let others = keys.iter().map(String::as_str).filter(|key| *key != "id");
                list.query.extend(id.chain(others).map(|key| ("attributes[]".to_owned(), key.to_owned())));
            }
        }
        Stream::Absences | Stream::Attendances => {
            let window = window.ok_or_else(|| {
                Error::new(ErrorKind::Refused, operation(*stream), "a range of days is needed to read this stream")
            })?;
            add_window(&mut list, window);
            if let ReadMode::Since(since) = mode {
                list.query.push(("updated_from".to_owned(), vendor_time(*since)));
            }
        }
    }
    Ok(list)
}

/// A request for a page without filters.
pub(super) fn bare_list(stream: Stream, limit: u32, offset: u64, class: Class) -> Request {
    let path = list_path(stream);
    let mut list = Request::new(Method::Get, path, path, class);
    list.query.push(("limit".to_owned(), limit.to_string()));
    list.query.push(("offset".to_owned(), offset.to_string()));
    if stream == Stream::Attendances {
        list.query.push(("includePending".to_owned(), "true".to_owned()));
    }
    list
}

/// Adds the range of days, which attendances require and time-offs may.
pub(super) fn add_window(list: &mut Request, window: Window) {
    list.query.push(("start_date".to_owned(), window.from.to_string()));
    list.query.push(("end_date".to_owned(), window.to.to_string()));
}

/// The format the vendor documents has no zone; UTC is sent and the overlap of the cursor covers the rest.
pub(super) fn vendor_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Version 1 of attendances was announced to end on 2026-08-30; how it then answers is not published.
/// And a list that is not there says nothing about any record.
pub(super) fn explain(stream: Stream, failure: Failure) -> Error {
    match (stream, failure.status) {
        (Stream::Attendances, Some(404 | 405 | 410)) => Error::new(
            ErrorKind::Unsupported,
            operation(stream),
            "Personio no longer offers attendances in version 1 of its API, which it announced to end on 2026-08-30; set \
             `api` to `v2` in the connection's config to read them through version 2",
        )
        .with_source(failure.error),
        _ if failure.error.kind == ErrorKind::NotFound => {
            let message = format!("Personio answers that its list of {} was not found", stream.as_str());
            Error::new(ErrorKind::Protocol, operation(stream), message).with_source(failure.error)
        }
        _ => failure.into(),
    }
}

/// Ids go into a path: only what the vendor itself hands out.
pub(super) fn plain_id<'a>(id: &'a str, operation: &'static str) -> Result<&'a str> {
    let is_plain =
        !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain { Ok(id) } else { Err(Error::new(ErrorKind::Refused, operation, "this is not an id of Personio's")) }
}

fn read_item(stream: Stream, raw: &RawValue, bytes: Bytes) -> Result<SourceRecord, Bad> {
    match stream {
        Stream::Employees => employee::read(raw, bytes),
        Stream::Absences => absence::read(raw, bytes),
        Stream::Attendances => attendance::read(raw, bytes),
    }
}

/// Reads a record again from bytes that were handed over with it.
pub(super) fn read_stored(stream: Stream, external: &ExternalId, stored: &[u8]) -> Result<SourceRecord> {
    let unreadable = |reason: &str| {
        Error::new(ErrorKind::Protocol, "read a stored record", format!("the record cannot be read again: {reason}"))
    };
    let text = str::from_utf8(stored).map_err(|_| unreadable("it is not UTF-8"))?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| unreadable("it is not JSON"))?;
    if has_too_many_values(raw.get()) {
        return Err(unreadable("it holds too many values"));
    }
    let bytes = Bytes::copy_from_slice(raw.get().as_bytes());
    let read = match stream {
        Stream::Employees => employee::read_stored(raw, &external.id, bytes),
        Stream::Attendances if external.source == V2 => v2::attendance::read(raw, bytes),
        Stream::Absences if v2::absence::is_one(raw) => v2::absence::read(raw, bytes),
        Stream::Absences | Stream::Attendances => read_item(stream, raw, bytes),
    };
    read.map_err(|bad| unreadable(&bad.reason))
}

/// Reads an item; each ends as a record or as a bad record.
pub(super) fn read_or_set_aside(
    stream: Stream,
    document: &Document,
    raw: &RawValue,
) -> Result<SourceRecord, BadRecord> {
    read_or_set_aside_with(|raw, bytes| read_item(stream, raw, bytes), document, raw)
}

/// The same with any reader.
pub(super) fn read_or_set_aside_with(
    read: impl FnOnce(&RawValue, Bytes) -> Result<SourceRecord, Bad>,
    document: &Document,
    raw: &RawValue,
) -> Result<SourceRecord, BadRecord> {
    let bytes = document.bytes_of(raw);
    let set_aside = |reason: &str| {
        let external_id = Item::open(raw).and_then(|item| item.id()).ok();
        Err(BadRecord::new(external_id, reason, bytes.clone()))
    };
    if document.is_damaged(raw) {
        return set_aside("the record is not UTF-8");
    }
    if has_too_many_values(raw.get()) {
        return set_aside("the record holds too many values");
    }
    read(raw, bytes.clone()).map_err(|bad| bad.into_record(bytes))
}

/// Reads a page and decides what follows.
pub(super) fn page(stream: Stream, document: &Document, position: &Position) -> Result<Page> {
    let operation = operation(stream);
    let items = document.items(most_items(position.limit())).map_err(|unlisted| unlisted.into_error(operation))?;
    let read: Vec<_> = items.iter().map(|item| read_or_set_aside(stream, document, item)).collect();
    let ids: Vec<u64> = read
        .iter()
        .map(|outcome| match outcome {
            Ok(record) => hash(record.external.id.as_bytes()),
            Err(bad) => bad.external_id.as_ref().map_or_else(|| hash(&bad.raw), |id| hash(id.as_bytes())),
        })
        .collect();
    let observed =
        Observed { is_flat: items.first().is_some_and(|item| is_flat(item)), metadata: document.metadata, ids };
    let Decision { keep, next, total, total_changed } = position.advance(&observed);

    let seen = position.seen();
    let mut page = Page { done: next.is_none(), total, total_changed, ..Page::default() };
    page.next = next.map(|next| Checkpoint::pack(operation, &next)).transpose()?;
    for (outcome, id) in read.into_iter().zip(&observed.ids) {
        let is_kept = match keep {
            Keep::All => true,
            Keep::Unseen => !seen.contains(id),
            Keep::None => false,
        };
        match outcome {
            _ if !is_kept => {}
            Ok(record) => page.records.push(record),
            Err(bad) => page.bad.push(bad),
        }
    }
    Ok(page)
}

/// Reads the answer to a question for one record.
fn one(stream: Stream, document: &Document, id: &str, operation: &'static str) -> Result<SourceRecord> {
    let unreadable = |message: String| Error::new(ErrorKind::Protocol, operation, message).with_retry(Retry::Backoff);
    let items = document.items(most_items(1)).map_err(|unlisted| unlisted.into_error(operation))?;
    let [item] = items.as_slice() else {
        return Err(unreadable("the answer does not hold one record".to_owned()));
    };
    let record = read_or_set_aside(stream, document, item).map_err(|bad| {
        Error::new(ErrorKind::Protocol, operation, format!("the record cannot be read: {}", bad.reason))
    })?;
    if record.external.id != id && record.also.iter().all(|other| other.id != id) {
        return Err(unreadable("the answer holds another record than the one asked for".to_owned()));
    }
    Ok(record)
}
