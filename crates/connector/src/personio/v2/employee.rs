//! Employees of version 2: a person, their employment in an answer of its own, and the names of units in lists. One request
//! for each person, since the vendor lists employments of one person only (developer.personio.de, v2.0 reference, read
//! 2026-11-23).

use std::collections::HashSet;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use gangway_domain::record::Stream;
use gangway_egress::{Class, Method, Request};
use serde_json::value::RawValue;

use super::{client::Client, list::List, person, person::Employment, scopes::Area};
use crate::{
    contract::{BadRecord, Error, ErrorKind, Page, ReadMode, ReadPage, Result, Retry, SourceRecord},
    personio::{
        client::Failure,
        employee,
        envelope::{Document, Unlisted},
        item::{Bad, Item},
        limits::most_items,
        source::{operation, plain_id, read_or_set_aside_with},
    },
};

const PATH: &str = "/v2/persons";
const ONE: &str = "/v2/persons/{id}";
const EMPLOYMENTS: &str = "/v2/persons/{id}/employments";
pub(super) const EMPLOYMENT: &str = "/v2/persons/{id}/employments/{id}";
const OPERATION: &str = operation(Stream::Employees);
const LIST: List =
    List { stream: Stream::Employees, operation: OPERATION, path: PATH, area: Area::Persons, is_beta: false };
/// The vendor gives up to 50. Each costs a request of its own, and a page that fails is read again as a whole.
const PAGE_SIZE: u32 = 25;
/// Most that the vendor gives.
pub(in crate::personio) const LARGEST_PAGE: u32 = 50;
/// Employments asked for until enough are found: some people have none.
const MOST_TRIES: usize = 10;

/// Reads one page.
pub(in crate::personio) async fn read_page(
    client: &Client,
    request: &ReadPage,
    page_size: Option<u32>,
) -> Result<Page, Failure> {
    let limit = page_size.map_or(PAGE_SIZE, |size| size.min(PAGE_SIZE));
    let filter = filter(request.mode);
    let listed = LIST.page(client, request.checkpoint.as_ref(), request.class, limit, filter).await?;
    let mut page = listed.empty_page();
    for read in complete(client, &listed.document, &listed.items()?, None, request.class).await? {
        match read {
            Ok(record) => page.records.push(record),
            Err(bad) => page.bad.push(bad),
        }
    }
    Ok(page)
}

/// Whoever changed since then. The vendor does not say whether a change of an employment is one of the person.
fn filter(mode: ReadMode) -> Vec<(String, String)> {
    let written = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    match mode {
        ReadMode::All => Vec::new(),
        // The bound is no part of what is asked for.
        ReadMode::Since(since) => vec![("updated_at.gt".to_owned(), written(since - TimeDelta::seconds(1)))],
    }
}

/// How many people to look at for their attributes.
#[derive(Debug, Clone, Copy)]
pub(in crate::personio) struct Sample {
    /// Persons on a page.
    pub(in crate::personio) persons: u32,
    /// Pages.
    pub(in crate::personio) pages: u32,
    /// Of how many to see the employment, which costs a request for each.
    pub(in crate::personio) employments: usize,
}

/// Reads some employees, units without names. Those who cannot be read are left out.
pub(in crate::personio) async fn sample(
    client: &Client,
    wanted: Sample,
    class: Class,
) -> Result<Vec<SourceRecord>, Failure> {
    let Sample { persons, pages, employments: mut n_wanted } = wanted;
    let mut n_tries = MOST_TRIES;
    let mut records = Vec::new();
    let mut checkpoint = None;
    for _ in 0..pages {
        let listed = LIST.page(client, checkpoint.as_ref(), class, persons, Vec::new()).await?;
        let mut items = listed.items()?;
        items.truncate(usize::try_from(persons).unwrap_or(usize::MAX));
        for item in items {
            let plain = read_or_set_aside_with(|raw, _| read(client, raw, None), &listed.document, item);
            let Ok(plain) = plain else { continue };
            let id = plain_id(&plain.external.id, OPERATION).ok().filter(|_| n_wanted > 0 && n_tries > 0);
            let Some(id) = id else {
                records.push(plain);
                continue;
            };
            n_tries -= 1;
            let employments = employments(client, id, class).await?;
            let whole =
                read_or_set_aside_with(|raw, _| read(client, raw, employments.as_ref()), &listed.document, item);
            let whole = whole.unwrap_or(plain);
            if whole.fields.contains_key("hire_date") {
                n_wanted -= 1;
            }
            records.push(whole);
        }
        match listed.next {
            Some(next) => checkpoint = Some(next),
            None => break,
        }
    }
    Ok(records)
}

/// Asks for one person, to see whether the list can be read.
pub(super) async fn probe(client: &Client, class: Class) -> Result<(), Failure> {
    LIST.probe(client, class, Vec::new()).await
}

/// Reads one employee; none when they are not there.
pub(in crate::personio) async fn read_one(
    client: &Client,
    id: &str,
    class: Class,
) -> Result<Option<SourceRecord>, Failure> {
    read_one_with(client, id, None, class).await
}

/// The same with this employment of theirs, which need not be the one that counts.
pub(super) async fn read_one_with(
    client: &Client,
    id: &str,
    employment_id: Option<&str>,
    class: Class,
) -> Result<Option<SourceRecord>, Failure> {
    const OPERATION: &str = "read one employee";
    let Some(document) = person(client, id, class).await? else { return Ok(None) };
    let unreadable = |message: String| Error::new(ErrorKind::Protocol, OPERATION, message).with_retry(Retry::Backoff);
    let one = document.one().map_err(|refusal| unreadable(format!("the answer {refusal}")))?;
    let read = complete(client, &document, &[one], employment_id, class).await?.into_iter().next();
    match read {
        Some(Ok(record)) if record.external.id == id => Ok(Some(record)),
        Some(Err(bad)) => Err(unreadable(format!("the record cannot be read: {}", bad.reason)).into()),
        _ => Err(unreadable("the answer holds another record than the one asked for".to_owned()).into()),
    }
}

/// A person without their employment; none when they are not there.
pub(super) async fn person(client: &Client, id: &str, class: Class) -> Result<Option<Document>, Failure> {
    const OPERATION: &str = "read one employee";
    let get = Request::new(Method::Get, ONE, ONE.replace("{id}", plain_id(id, OPERATION)?), class);
    unless_missing(client.get(OPERATION, Area::Persons, get).await)
}

fn unless_missing(read: Result<Document, Failure>) -> Result<Option<Document>, Failure> {
    match read {
        Ok(document) => Ok(Some(document)),
        Err(failure) if failure.error.kind == ErrorKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Asks for the employments of persons, or for this one, and for the names in them; each ends as a record or as a bad record.
async fn complete(
    client: &Client,
    document: &Document,
    items: &[&RawValue],
    employment_id: Option<&str>,
    class: Class,
) -> Result<Vec<Result<SourceRecord, BadRecord>>, Failure> {
    let mut found = Vec::with_capacity(items.len());
    let mut units = HashSet::new();
    for item in items {
        let plain = match read_or_set_aside_with(|raw, _| read(client, raw, None), document, item) {
            Ok(plain) => plain,
            Err(bad) => {
                found.push(Err(bad));
                continue;
            }
        };
        let Ok(id) = plain_id(&plain.external.id, OPERATION) else {
            let (id, reason) = (plain.external.id.clone(), "id is none that Personio gives out");
            found.push(Err(BadRecord::new(Some(id), reason, document.bytes_of(item))));
            continue;
        };
        let employments = match employment_id {
            Some(employment_id) => one_employment(client, id, employment_id, class).await?,
            None => employments(client, id, class).await?,
        };
        if let Some(employments) = &employments
            && let Ok(items) = shown(employments)
            && let Ok(Some(employment)) = Employment::chosen(&items)
        {
            units.extend(employment.units().unwrap_or_default());
        }
        found.push(Ok((*item, employments)));
    }
    client.units.learn(client, units, class).await?;
    let finish = |(item, employments): (&RawValue, Option<Document>)| {
        read_or_set_aside_with(|raw, _| read(client, raw, employments.as_ref()), document, item)
    };
    Ok(found.into_iter().map(|found| found.and_then(finish)).collect())
}

/// The employments of a person; none when the vendor knows none of them.
pub(super) async fn employments(client: &Client, id: &str, class: Class) -> Result<Option<Document>, Failure> {
    let mut get = Request::new(Method::Get, EMPLOYMENTS, EMPLOYMENTS.replace("{id}", id), class);
    get.query.push(("limit".to_owned(), LARGEST_PAGE.to_string()));
    let Some(document) = unless_missing(client.get(OPERATION, Area::Persons, get).await)? else { return Ok(None) };
    document.items(most_items(LARGEST_PAGE)).map_err(|unlisted| unlisted.into_error(OPERATION))?;
    Ok(Some(document))
}

/// One employment of a person; none when it is not there.
async fn one_employment(client: &Client, person: &str, id: &str, class: Class) -> Result<Option<Document>, Failure> {
    const OPERATION: &str = "read one employment";
    let path = EMPLOYMENT.replacen("{id}", person, 1).replacen("{id}", id, 1);
    let get = Request::new(Method::Get, EMPLOYMENT, path, class);
    let Some(document) = unless_missing(client.get(OPERATION, Area::Persons, get).await)? else { return Ok(None) };
    let is_it = document.one().and_then(|one| Employment::chosen(&[one])).is_ok_and(|opened| {
        let found = opened.and_then(|employment| employment.id());
        found.is_some_and(|found| found.eq_ignore_ascii_case(id))
    });
    if is_it {
        return Ok(Some(document));
    }
    let message = "the answer holds another employment than the one asked for";
    Err(Error::new(ErrorKind::Protocol, OPERATION, message).into())
}

/// The employments in an answer: a list of them, or one by itself.
fn shown(document: &Document) -> Result<Vec<&RawValue>, Unlisted> {
    match document.items(most_items(LARGEST_PAGE)) {
        Err(Unlisted::Shape(_)) => document.one().map(|one| vec![one]).map_err(Unlisted::Shape),
        listed => listed,
    }
}

/// Reads a person with their employment through the reader of version 1.
fn read(client: &Client, raw: &RawValue, employments: Option<&Document>) -> Result<SourceRecord, Bad> {
    let id = Item::open(raw)?.id()?;
    let read = || -> Result<SourceRecord, Bad> {
        let about = |refusal| Bad::field("the employment", refusal);
        let items = match employments {
            Some(document) => shown(document).map_err(|_| about("cannot be read"))?,
            None => Vec::new(),
        };
        let employment = Employment::chosen(&items).map_err(about)?;
        if employment.as_ref().is_some_and(|employment| employment.is_of_another(&id)) {
            return Err(about("is somebody else's"));
        }
        let arranged = person::arranged(raw, employment.as_ref(), &client.units)?;
        employee::read(&arranged, Bytes::copy_from_slice(arranged.get().as_bytes()))
    };
    read().map_err(|bad| Bad { external_id: Some(id.clone()), ..bad })
}
