//! Attendances of version 2: periods of work and of breaks, each with an id of its own, where version 1 has one record with
//! the minutes of its break.
//!
//! Their times have no zone: they are told by the company's clock, and a filter with a zone is refused (developer.personio.de
//! and its forum, read 2026-11-23).

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{Days, NaiveDate};
use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::{Class, Method, Request};
use serde_json::{Value, value::RawValue};

use super::{
    client::Client,
    list::List,
    scopes::Area,
    value::{clock, day, status},
};
use crate::{
    contract::{Error, ErrorKind, Page, ReadMode, ReadPage, Result, Retry, SourceRecord},
    personio::{
        client::Failure,
        item::{Bad, FieldRule, Item, V1, V2, external, rule},
        source::{operation, plain_id, read_or_set_aside_with, vendor_time},
        value,
    },
};

const OPERATION: &str = operation(Stream::Attendances);
const LIST: List = List {
    stream: Stream::Attendances,
    operation: OPERATION,
    path: "/v2/attendance-periods",
    area: Area::Attendances,
    is_beta: false,
};
/// The vendor names no limit of this list; that of absence periods is 100.
const PAGE_SIZE: u32 = 100;
/// A look at what was just written ends here.
const MOST_PAGES_OF_PEOPLE: u32 = 20;

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

/// Whether a canonical field is ever told.
pub(in crate::personio) fn tells(field: &str) -> bool {
    matches!(field, "employee") || RULES.iter().any(|rule| rule.field == field)
}

/// Reads one page of periods.
pub(in crate::personio) async fn read_page(
    client: &Client,
    request: &ReadPage,
    page_size: Option<u32>,
) -> Result<Page, Failure> {
    let window = request
        .window
        .ok_or_else(|| Error::new(ErrorKind::Refused, OPERATION, "a range of days is needed to read this stream"))?;
    let limit = page_size.map_or(PAGE_SIZE, |size| size.min(PAGE_SIZE));
    let filter = filter(window, request.mode);
    let listed = LIST.page(client, request.checkpoint.as_ref(), request.class, limit, filter).await?;
    let mut page = listed.empty_page();
    for item in listed.items()? {
        match read_or_set_aside_with(read, &listed.document, item) {
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
    LIST.probe(client, class, filter(Window { from, to: today }, ReadMode::All)).await
}

/// Reads one period; none when it is not there.
pub(super) async fn read_one(client: &Client, id: &str, class: Class) -> Result<Option<SourceRecord>, Failure> {
    const OPERATION: &str = "read one attendance";
    const ONE: &str = "/v2/attendance-periods/{id}";
    let get = Request::new(Method::Get, ONE, ONE.replace("{id}", plain_id(id, OPERATION)?), class);
    let document = match client.get(OPERATION, Area::Attendances, get).await {
        Ok(document) => document,
        Err(failure) if failure.error.kind == ErrorKind::NotFound => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let unreadable = |message: String| Error::new(ErrorKind::Protocol, OPERATION, message).with_retry(Retry::Backoff);
    let one = document.one().map_err(|refusal| unreadable(format!("the answer {refusal}")))?;
    let record = read_or_set_aside_with(read, &document, one)
        .map_err(|bad| unreadable(format!("the record cannot be read: {}", bad.reason)))?;
    if !record.external.id.eq_ignore_ascii_case(id) {
        return Err(unreadable("the answer holds another record than the one asked for".to_owned()).into());
    }
    Ok(Some(record))
}

/// The periods of people in some days, as far as they can be read.
pub(super) async fn of_people(
    client: &Client,
    people: &BTreeSet<String>,
    window: Window,
    class: Class,
) -> Vec<SourceRecord> {
    let mut filter = filter(window, ReadMode::All);
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    filter.push(("person.id".to_owned(), people.join(",")));
    let mut records = Vec::new();
    let mut checkpoint = None;
    for _ in 0..MOST_PAGES_OF_PEOPLE {
        let listed = LIST.page(client, checkpoint.as_ref(), class, PAGE_SIZE, filter.clone()).await;
        let Ok(listed) = listed else { return records };
        let Ok(items) = listed.items() else { return records };
        let read = items.into_iter().map(|item| read_or_set_aside_with(read, &listed.document, item));
        records.extend(read.filter_map(Result::ok));
        match listed.next {
            Some(next) => checkpoint = Some(next),
            None => return records,
        }
    }
    records
}

/// A period belongs to the day that its shift began: what begins a day before or after the window may belong into it.
fn filter(window: Window, mode: ReadMode) -> Vec<(String, String)> {
    let day = Days::new(1);
    let from = window.from.checked_sub_days(day).unwrap_or(window.from);
    let to = window.to.checked_add_days(day).unwrap_or(window.to);
    let mut query = vec![
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
