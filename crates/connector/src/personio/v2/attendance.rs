//! Attendances of version 2: periods of work and of breaks, each with an id of its own, where version 1 has one record with
//! the minutes of its break.
//!
//! Their times have no zone: they are told by the company's clock, and a filter with a zone is refused (developer.personio.de
//! and its forum, read 2026-11-23).

use bytes::Bytes;
use chrono::{Days, NaiveDate};
use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::{Class, Method, Request};
use serde_json::{Value, value::RawValue};

use super::{client::Client, paging::Position, scopes::Area};
use crate::{
    contract::{Checkpoint, Error, ErrorKind, Page, ReadMode, ReadPage, Result, SourceRecord},
    personio::{
        client::Failure,
        item::{Bad, FieldRule, Item, V1, V2, external, rule},
        json::{Refusal, Shape, is_empty, member, members, shape, text},
        limits::most_items,
        source::{operation, read_or_set_aside_with, vendor_time},
        value,
    },
};

const LIST: &str = "/v2/attendance-periods";
/// The vendor names no limit of this list; that of absence periods is 100.
const PAGE_SIZE: u32 = 100;

const OPERATION: &str = operation(Stream::Attendances);

const RULES: &[FieldRule] = &[
    rule("kind", &["type"], value::word),
    rule("date", &["attribution_date"], value::date),
    rule("starts_at", &["start"], clock),
    rule("ends_at", &["end"], clock),
    rule("status", &["approval"], status),
    rule("comment", &["comment"], value::plain_text),
    rule("project", &["project"], value::reference),
    rule("is_holiday", &["is_holiday"], value::boolean),
    rule("is_time_off", &["is_on_time_off"], value::boolean),
    rule("updated_at", &["updated_at"], value::moment),
];

/// Reads one page of periods.
pub(in crate::personio) async fn read_page(
    client: &Client,
    request: &ReadPage,
    page_size: Option<u32>,
) -> Result<Page, Failure> {
    let refused = |error| Failure { error, status: None };
    let window = request.window.ok_or_else(|| {
        refused(Error::new(ErrorKind::Refused, OPERATION, "a range of days is needed to read this stream"))
    })?;
    let position = match &request.checkpoint {
        Some(checkpoint) => Position::resume(checkpoint, Stream::Attendances, LIST, OPERATION).map_err(refused)?,
        None => Position::start(Stream::Attendances, LIST),
    };
    let limit = page_size.map_or(PAGE_SIZE, |size| size.min(PAGE_SIZE));
    let mut list = Request::new(Method::Get, LIST, LIST, request.class);
    list.query = match position.query() {
        // The cursor carries the filter.
        Some(query) => query.to_vec(),
        None => filter(limit, window, request.mode),
    };
    let document = client.list(OPERATION, Area::Attendances, list).await?;
    let items = document.items(most_items(limit)).map_err(|unlisted| refused(unlisted.into_error(OPERATION)))?;
    let next = client.next(OPERATION, &position, &document).map_err(refused)?;
    let mut page = Page { done: next.is_none(), ..Page::default() };
    page.next = next.map(|next| Checkpoint::pack(OPERATION, &next)).transpose().map_err(refused)?;
    for item in items {
        match read_or_set_aside_with(read, &document, item) {
            Ok(record) if is_outside(window, &record) => {}
            Ok(record) => page.records.push(record),
            Err(bad) => page.bad.push(bad),
        }
    }
    Ok(page)
}

/// Asks for one period, to see whether they can be read.
pub(in crate::personio) async fn probe(client: &Client, today: NaiveDate, class: Class) -> Result<(), Failure> {
    let from = today.checked_sub_days(Days::new(30)).unwrap_or(today);
    let mut list = Request::new(Method::Get, LIST, LIST, class);
    list.query = filter(1, Window { from, to: today }, ReadMode::All);
    let document = client.list(OPERATION, Area::Attendances, list).await?;
    let unlisted = document.items(most_items(1)).err();
    unlisted.map_or(Ok(()), |unlisted| Err(Failure { error: unlisted.into_error(OPERATION), status: None }))
}

/// A period belongs to the day that its shift began: what begins a day before or after the window may belong into it.
fn filter(limit: u32, window: Window, mode: ReadMode) -> Vec<(String, String)> {
    let day = Days::new(1);
    let from = window.from.checked_sub_days(day).unwrap_or(window.from);
    let to = window.to.checked_add_days(day).unwrap_or(window.to);
    let mut query = vec![
        ("limit".to_owned(), limit.to_string()),
        ("start.date_time.gte".to_owned(), format!("{from}T00:00:00")),
        ("start.date_time.lte".to_owned(), format!("{to}T23:59:59")),
    ];
    if let ReadMode::Since(since) = mode {
        query.push(("updated_at.gte".to_owned(), vendor_time(since)));
    }
    query
}

fn is_outside(window: Window, record: &SourceRecord) -> bool {
    let day = record.fields.get("date").and_then(Value::as_str).and_then(value::date_part);
    day.is_some_and(|day| day < window.from || day > window.to)
}

/// Reads one period.
pub(in crate::personio) fn read(raw: &RawValue, bytes: Bytes) -> Result<SourceRecord, Bad> {
    let item = Item::open(raw)?;
    let id = item.id()?;
    let read = || -> Result<SourceRecord, Bad> {
        let mut fields = item.fields(RULES)?;
        if fields.get("date").is_none_or(Value::is_null)
            && let Some(start) = item.value("start")?
        {
            fields.insert("date".to_owned(), day(start).map_err(|refusal| Bad::field("date", refusal))?);
        }
        let person = match item.value("person")? {
            Some(person) => value::id(person).map_err(|refusal| Bad::field("employee", refusal))?,
            None => None,
        };
        if let Some(person) = &person {
            fields.insert("employee".to_owned(), serde_json::json!({"id": person, "name": null}));
        }
        let mut record = item.record(id.clone(), fields, bytes)?;
        record.external = external(V2, id.clone());
        // A person has the same number in both versions, and employees are read through version 1.
        record.employee = person.map(|person| external(V1, person));
        Ok(record)
    };
    read().map_err(|bad| Bad { external_id: Some(id.clone()), ..bad })
}

/// `{date_time}`, or the bare time.
fn date_time(raw: &RawValue) -> Result<Option<&RawValue>, Refusal> {
    if shape(raw) != Shape::Object {
        return Ok(Some(raw));
    }
    Ok(member(&members(raw)?, "date_time").filter(|raw| !is_empty(raw)))
}

/// The time of day on the company's clock. One that is told in UTC cannot be put on it without knowing where the company is.
fn clock(raw: &RawValue) -> Result<Value, Refusal> {
    let Some(raw) = date_time(raw)? else { return Ok(Value::Null) };
    if shape(raw) == Shape::Text && text(raw)?.trim_end().ends_with(['Z', 'z']) {
        return Err("is told in UTC instead of by the company's clock");
    }
    value::time(raw)
}

fn day(raw: &RawValue) -> Result<Value, Refusal> {
    date_time(raw)?.map_or(Ok(Value::Null), value::date)
}

/// `{status}`, or the bare word.
fn status(raw: &RawValue) -> Result<Value, Refusal> {
    if shape(raw) != Shape::Object {
        return value::word(raw);
    }
    member(&members(raw)?, "status").map_or(Ok(Value::Null), value::word)
}
