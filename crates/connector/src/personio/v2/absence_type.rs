//! Types of absence in version 2: ids of their own, and the names that absences leave out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use gangway_domain::record::Stream;
use gangway_egress::Class;
use serde_json::{Value, value::RawValue};

use super::{client::Client, list::List, scopes::Area};
use crate::{
    contract::{AbsenceType, AbsenceTypes, Error, ErrorKind, ReadAbsenceTypes},
    personio::{
        client::Failure,
        item::{Bad, FieldRule, Item, V2, external, rule},
        value,
    },
};

const OPERATION: &str = "read absence types";
const LIST: List = List {
    stream: Stream::Absences,
    operation: OPERATION,
    path: "/v2/absence-types",
    area: Area::Absences,
    is_beta: false,
};
const PAGE_SIZE: u32 = 100;
/// More than any account has: a server that invents types for ever must not keep a run going.
const MOST_PAGES: u32 = 100;

/// The vendor publishes name and unit; the others are read where they come.
const RULES: &[FieldRule] = &[
    rule("name", &["name"], value::plain_text),
    rule("category", &["category"], value::word),
    rule("unit", &["unit"], value::word),
    rule("approval_required", &["approval_required"], value::boolean),
];

/// Reads one page of types.
pub(in crate::personio) async fn read_page(
    client: &Client,
    request: &ReadAbsenceTypes,
) -> Result<AbsenceTypes, Failure> {
    let listed = LIST.page(client, request.checkpoint.as_ref(), request.class, PAGE_SIZE, Vec::new()).await?;
    let mut page = AbsenceTypes { next: listed.next.clone(), ..AbsenceTypes::default() };
    for item in listed.items()? {
        match read(item) {
            Ok(found) => page.types.push(found),
            Err(bad) => page.bad.push(bad.into_record(listed.document.bytes_of(item))),
        }
    }
    Ok(page)
}

fn read(raw: &RawValue) -> Result<AbsenceType, Bad> {
    let item = Item::open(raw)?;
    let id = item.id()?;
    let mut fields = item.fields(RULES).map_err(|bad| Bad { external_id: Some(id.clone()), ..bad })?;
    let mut words = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let mut found = AbsenceType::new(external(V2, id));
    found.name = words("name");
    found.category = words("category");
    // In the words of version 1.
    found.unit = words("unit").map(|unit| match unit.as_str() {
        "daily" => "day".to_owned(),
        "hourly" => "hour".to_owned(),
        _ => unit,
    });
    found.approval_required = fields.get("approval_required").and_then(Value::as_bool);
    Ok(found)
}

/// What is told of types by their ids, asked for when one is met that is not known. An id that no list shows has nothing.
#[derive(Default)]
pub(super) struct Names(Mutex<HashMap<String, Option<Told>>>);

#[derive(Clone)]
struct Told {
    name: Option<String>,
    /// In the words of version 1: `day` or `hour`.
    unit: Option<String>,
}

impl Names {
    /// Makes sure that these are known, with one look at the list where one is not.
    pub(super) async fn learn<'a>(
        &self,
        client: &Client,
        ids: impl Iterator<Item = &'a str>,
        class: Class,
    ) -> Result<(), Failure> {
        let unknown: Vec<String> = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ids.filter(|id| !known.contains_key(*id)).map(str::to_owned).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let listed = list(client, class).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(unknown.into_iter().map(|id| (id, None)));
        known.extend(listed);
        Ok(())
    }

    pub(super) fn of(&self, id: &str) -> Option<String> {
        self.told(id)?.name
    }

    /// What a type is counted in, where it says so. None for a type that is not there.
    pub(super) fn unit(&self, id: &str) -> Option<Unit> {
        self.told(id).map(|told| match told.unit.as_deref() {
            Some("day") => Unit::Days,
            Some("hour") => Unit::Hours,
            _ => Unit::Unsaid,
        })
    }

    fn told(&self, id: &str) -> Option<Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned().flatten()
    }
}

/// What absences of a type are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Days,
    Hours,
    Unsaid,
}

async fn list(client: &Client, class: Class) -> Result<HashMap<String, Option<Told>>, Failure> {
    let mut types = HashMap::new();
    let mut request = ReadAbsenceTypes::new(class);
    for _ in 0..MOST_PAGES {
        let page = read_page(client, &request).await?;
        let told = |found: AbsenceType| (found.external.id, Some(Told { name: found.name, unit: found.unit }));
        types.extend(page.types.into_iter().map(told));
        let Some(next) = page.next else { return Ok(types) };
        request = request.with_checkpoint(Some(next));
    }
    let message = "Personio sends more absence types than any account can have";
    Err(Error::new(ErrorKind::Protocol, OPERATION, message).into())
}
