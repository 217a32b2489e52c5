//! Time-off types: a short list, paged by items.

use std::collections::HashSet;

use gangway_domain::record::ExternalId;
use gangway_egress::{Method, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    client::Client,
    item::{Bad, FieldRule, Item, V1, external, rule},
    limits::most_items,
    paging::{SMALLEST_CUT, hash},
    value,
};
use crate::contract::{AbsenceType, AbsenceTypes, Checkpoint, Error, ErrorKind, ReadAbsenceTypes, Result};

const OPERATION: &str = "read absence types";
const PATH: &str = "/v1/company/time-off-types";
const PAGE_SIZE: u32 = 200;
/// More than any account has: a server that invents types for ever must not keep a run going.
const MAX_TYPES: u64 = 10_000;

const RULES: &[FieldRule] = &[
    rule("name", &["name"], value::plain_text),
    rule("category", &["category"], value::word),
    rule("unit", &["unit"], value::word),
    rule("approval_required", &["approval_required"], value::boolean),
];

/// Where the next page of types starts.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    types_from: u64,
    last: Vec<u64>,
}

/// Reads one page of types.
pub(super) async fn read_page(client: &Client, request: ReadAbsenceTypes) -> Result<AbsenceTypes> {
    let place: Place = match &request.checkpoint {
        Some(checkpoint) => checkpoint.unpack(OPERATION)?,
        None => Place::default(),
    };
    let mut list = Request::new(Method::Get, PATH, PATH, request.class);
    list.query.push(("limit".to_owned(), PAGE_SIZE.to_string()));
    list.query.push(("offset".to_owned(), place.types_from.to_string()));
    let document = client.json(OPERATION, list).await.map_err(|failure| match failure.status {
        Some(404 | 405 | 410) => {
            Error::new(ErrorKind::Unsupported, OPERATION, "this system has no list of absence types")
                .with_source(failure.error)
        }
        _ => failure.into(),
    })?;
    let items = document.items(most_items(PAGE_SIZE)).map_err(|unlisted| unlisted.into_error(OPERATION))?;

    let mut page = AbsenceTypes::default();
    let mut ids = Vec::with_capacity(items.len());
    for item in &items {
        match read(item) {
            Ok(found) => {
                ids.push(hash(found.external.id.as_bytes()));
                page.types.push(found);
            }
            Err(bad) => {
                ids.push(hash(item.get().as_bytes()));
                page.bad.push(bad.into_record(document.bytes_of(item)));
            }
        }
    }
    let seen: HashSet<u64> = place.last.into_iter().collect();
    if !ids.is_empty() && ids.iter().all(|id| seen.contains(id)) {
        return Ok(AbsenceTypes::default());
    }
    let read = place.types_from.saturating_add(u64::try_from(ids.len()).unwrap_or(u64::MAX));
    if read > MAX_TYPES {
        let message = format!("Personio sends more than {MAX_TYPES} absence types, more than any account can have");
        return Err(Error::new(ErrorKind::Protocol, OPERATION, message));
    }
    let is_last = match document.metadata.total {
        Some(total) => ids.is_empty() || read >= total,
        None => ids.len() < SMALLEST_CUT,
    };
    if !is_last {
        page.next = Some(Checkpoint::pack(OPERATION, &Place { types_from: read, last: ids })?);
    }
    Ok(page)
}

fn read(raw: &RawValue) -> Result<AbsenceType, Bad> {
    let item = Item::open(raw)?;
    let id = item.id()?;
    let with_id = |bad| Bad { external_id: Some(id.clone()), ..bad };
    let mut fields = item.fields(RULES).map_err(with_id)?;
    let mut words = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let external: ExternalId = external(V1, id.clone());
    let mut found = AbsenceType::new(external);
    found.also = item.aliases().map_err(with_id)?;
    found.name = words("name");
    found.category = words("category");
    found.unit = words("unit");
    found.approval_required = fields.get("approval_required").and_then(Value::as_bool);
    Ok(found)
}
