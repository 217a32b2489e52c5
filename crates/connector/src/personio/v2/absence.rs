//! Absences of version 2. They are version 1's, under ids that version 1 tells beside its own; the type is an id without a name,
//! the end is the midnight after the last day, and how many days or hours it is takes a request for each.
//!
//! Their times have no zone: they are told by the company's clock (developer.personio.de and open-source clients, read
//! 2026-11-23).

use bytes::Bytes;
use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::{Class, Method, Request};
use serde_json::{Map, Value, value::RawValue};

use super::{
    added, breakdown,
    client::Client,
    list::List,
    scopes::Area,
    value::{day, last_day, status},
};
use crate::{
    contract::{BadRecord, Error, ErrorKind, Page, ReadMode, ReadPage, Retry, SourceRecord},
    personio::{
        absence::certificate_status,
        client::Failure,
        item::{Bad, FieldRule, Item, V1, V2, external, rule},
        json::{Refusal, Shape, member, members, shape},
        source::{operation, plain_id, read_or_set_aside_with, vendor_time},
        value,
    },
};

const PATH: &str = "/v2/absence-periods";
const ONE: &str = "/v2/absence-periods/{id}";
const OPERATION: &str = operation(Stream::Absences);
const LIST: List =
    List { stream: Stream::Absences, operation: OPERATION, path: PATH, area: Area::Absences, is_beta: false };
/// The vendor gives up to 100. Each costs a request of its own, and a page that fails is read again as a whole.
const PAGE_SIZE: u32 = 25;

const RULES: &[FieldRule] = &[
    rule("status", &["approval"], status),
    rule("starts_on", &["starts_from"], day),
    rule("ends_on", &["ends_at"], last_day),
    rule("half_day_start", &["starts_from"], starts_with_second_half),
    rule("half_day_end", &["ends_at"], ends_with_first_half),
    rule("type", &["absence_type"], value::reference),
    rule("comment", &["comment"], value::plain_text),
    rule("certificate_status", &["certificate"], certificate_status),
    rule("created_at", &["created_at"], value::moment),
    rule("updated_at", &["updated_at"], value::moment),
];

/// Whether a canonical field is ever told.
pub(in crate::personio) fn tells(field: &str) -> bool {
    matches!(field, "employee" | "days" | "hours") || RULES.iter().any(|rule| rule.field == field)
}

/// Reads one page.
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
    let mut plain = Vec::new();
    for item in listed.items()? {
        match read_or_set_aside_with(read, &listed.document, item) {
            Ok(record) if is_outside(window, &record) => {}
            Ok(record) => plain.push(record),
            Err(bad) => page.bad.push(bad),
        }
    }
    client.types.learn(client, plain.iter().filter_map(type_id), request.class).await?;
    for record in plain {
        match complete(client, record, request.class).await? {
            Ok(record) => page.records.push(record),
            Err(bad) => page.bad.push(bad),
        }
    }
    Ok(page)
}

/// Asks for one absence, to see whether they can be read.
pub(in crate::personio) async fn probe(client: &Client, class: Class) -> Result<(), Failure> {
    LIST.probe(client, class, Vec::new()).await
}

/// The id of any absence that the list shows; none in an account without absences.
pub(in crate::personio) async fn any(client: &Client, class: Class) -> Result<Option<String>, Failure> {
    let listed = LIST.page(client, None, class, 1, Vec::new()).await?;
    let Some(first) = listed.items()?.into_iter().next() else { return Ok(None) };
    let unreadable = |bad: Bad| Error::new(ErrorKind::Protocol, OPERATION, bad.reason).with_retry(Retry::Backoff);
    Ok(Some(Item::open(first).and_then(|item| item.id()).map_err(unreadable)?))
}

/// Reads one absence; none when it is not there.
pub(in crate::personio) async fn read_one(
    client: &Client,
    id: &str,
    class: Class,
) -> Result<Option<SourceRecord>, Failure> {
    const OPERATION: &str = "read one absence";
    let get = Request::new(Method::Get, ONE, ONE.replace("{id}", plain_id(id, OPERATION)?), class);
    let document = match client.get(OPERATION, Area::Absences, get).await {
        Ok(document) => document,
        Err(failure) if failure.error.kind == ErrorKind::NotFound => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let unreadable = |message: String| Error::new(ErrorKind::Protocol, OPERATION, message).with_retry(Retry::Backoff);
    let bad_record = |bad: BadRecord| unreadable(format!("the record cannot be read: {}", bad.reason));
    let one = document.one().map_err(|refusal| unreadable(format!("the answer {refusal}")))?;
    let record = read_or_set_aside_with(read, &document, one).map_err(bad_record)?;
    if !record.external.id.eq_ignore_ascii_case(id) {
        return Err(unreadable("the answer holds another record than the one asked for".to_owned()).into());
    }
    client.types.learn(client, type_id(&record).into_iter(), class).await?;
    Ok(Some(complete(client, record, class).await?.map_err(bad_record)?))
}

/// Adds what other answers say of an absence: the name of its type, and how long it is. One without an end has no length yet.
async fn complete(
    client: &Client,
    record: SourceRecord,
    class: Class,
) -> Result<Result<SourceRecord, BadRecord>, Failure> {
    let id = record.external.id.clone();
    let set_aside = |reason: &str| Ok(Err(BadRecord::new(Some(id.clone()), reason, record.raw.clone())));
    let mut found = Map::new();
    if let Some(kind) = type_id(&record) {
        found.insert("type".to_owned(), client.types.of(kind).into());
    }
    if record.fields.get("ends_on").is_some_and(Value::is_string) {
        let Ok(plain) = plain_id(&id, OPERATION) else { return set_aside("id is none that Personio gives out") };
        match breakdown::read(client, plain, class).await? {
            Some(Ok(length)) => length.put(&mut found),
            Some(Err(refusal)) => return set_aside(&format!("the absence {refusal}")),
            None => {}
        }
    }
    let read_again = || -> Result<SourceRecord, Bad> {
        let unreadable = |refusal| Bad::field("the record", refusal);
        let raw: &RawValue = serde_json::from_slice(&record.raw).map_err(|_| unreadable("is not JSON"))?;
        let whole = added::add(raw, found).map_err(unreadable)?;
        read(&whole, Bytes::copy_from_slice(whole.get().as_bytes()))
    };
    match read_again() {
        Ok(record) => Ok(Ok(record)),
        Err(bad) => set_aside(&bad.reason),
    }
}

fn type_id(record: &SourceRecord) -> Option<&str> {
    record.fields.get("type")?.get("id")?.as_str()
}

/// What has a part of these days begins by the last and ends after the first has begun. Whether the vendor counts what has no end
/// among the latter is not published.
fn filter(window: Window, mode: ReadMode) -> Vec<(String, String)> {
    let mut query = vec![
        ("starts_from.date_time.lte".to_owned(), format!("{}T23:59:59", window.to)),
        ("ends_at.date_time.gte".to_owned(), format!("{}T00:00:00", window.from)),
    ];
    if let ReadMode::Since(since) = mode {
        query.push(("updated_at.gte".to_owned(), vendor_time(since)));
    }
    query
}

/// Whether it is known to have no part of these days.
fn is_outside(window: Window, record: &SourceRecord) -> bool {
    let day = |field: &str| record.fields.get(field).and_then(Value::as_str).and_then(value::date_part);
    day("starts_on").is_some_and(|first| first > window.to) || day("ends_on").is_some_and(|last| last < window.from)
}

/// Reads one absence, with what was added to it if anything was.
pub(in crate::personio) fn read(raw: &RawValue, bytes: Bytes) -> Result<SourceRecord, Bad> {
    let item = Item::open(raw)?;
    let id = item.id()?;
    let read = || -> Result<SourceRecord, Bad> {
        let mut fields = item.fields(RULES)?;
        // An absence of no time is on the day that it begins.
        if let (Some(Value::String(first)), Some(Value::String(last))) =
            (fields.get("starts_on"), fields.get("ends_on"))
            && last < first
        {
            fields.insert("ends_on".to_owned(), first.clone().into());
        }
        let person = match item.value("person")? {
            Some(person) => value::id(person).map_err(|refusal| Bad::field("employee", refusal))?,
            None => None,
        };
        if let Some(person) = &person {
            fields.insert("employee".to_owned(), serde_json::json!({"id": person, "name": null}));
        }
        for (field, value) in added::read(raw)? {
            match field.as_str() {
                "type" => {
                    if let Some(kind) = fields.get_mut("type").and_then(Value::as_object_mut) {
                        kind.insert("name".to_owned(), value);
                    }
                }
                "days" | "hours" => drop(fields.insert(field, value)),
                _ => {}
            }
        }
        let mut record = item.record(id.clone(), fields, bytes)?;
        record.external = external(V2, id.clone());
        // A person has the same number in both versions.
        record.employee = person.map(|person| external(V1, person));
        Ok(record)
    };
    read().map_err(|bad| Bad { external_id: Some(id.clone()), ..bad })
}

/// Whether bytes are an absence of version 2: whoever was first read through the other version keeps that name.
pub(in crate::personio) fn is_one(raw: &RawValue) -> bool {
    members(raw).is_ok_and(|members| member(&members, "starts_from").is_some())
}

fn starts_with_second_half(raw: &RawValue) -> Result<Value, Refusal> {
    half(raw, "second_half")
}

fn ends_with_first_half(raw: &RawValue) -> Result<Value, Refusal> {
    half(raw, "first_half")
}

/// Whether an end is at this half of its day. Absences in hours have no halves.
fn half(raw: &RawValue, which: &str) -> Result<Value, Refusal> {
    if shape(raw) != Shape::Object {
        return Ok(Value::Null);
    }
    let half = member(&members(raw)?, "type").map_or(Ok(Value::Null), value::word)?;
    Ok(half.as_str().map_or(Value::Null, |half| Value::Bool(half == which)))
}
