//! Employees: list, single, attribute discovery and absence balances.

use bytes::Bytes;
use chrono::Datelike as _;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::Dialect;
use crate::pages::{self, Window};
use crate::people::{Person, number};
use crate::request::Request;
use crate::shapes::{EmployeeWriter, guide, time, vendor};
use crate::state::State;

pub(super) fn list(state: &mut State, request: &Request, holder: usize) -> Answer {
    let dialect = state.dialect;
    let (limit, offset) = match dialect {
        Dialect::Vendor => super::paging(request, 50, 100),
        Dialect::Guide => super::paging(request, 200, 200),
    };
    let window = Window { offset, limit };
    let asked = request.list("attributes");
    let filter = match Filter::read(request, &asked, dialect) {
        Ok(filter) => filter,
        Err(answer) => return answer,
    };
    let Some((scene, view)) = state.scene_and_view(holder) else { return Answer::missing_right() };
    let people = &scene.world.people;
    let (total, items) = if matches!(filter, Filter::None) && asked.is_empty() {
        (people.len(), view.page(scene, dialect, window))
    } else {
        let matching: Vec<&Person> = people.values().filter(|person| filter.takes(person)).collect();
        let unpaged = matches!(filter, Filter::Since { .. }) && !scene.quirks.updated_since_pages;
        let (skip, take) = if unpaged { (0, usize::MAX) } else { (offset, limit) };
        let page = matching.iter().skip(skip).take(take);
        let items = if asked.is_empty() {
            page.filter_map(|person| view.person(scene, dialect, person.id)).collect()
        } else {
            let writer = EmployeeWriter::new(scene, dialect, &asked);
            page.map(|person| Bytes::from(writer.written(person))).collect()
        };
        (matching.len(), items)
    };
    Answer::bytes(200, "application/json", pages::employees(&scene, dialect, window, total, &items))
}

/// Whom a list is narrowed to. The vendor ignores `email` beside `updated_since`.
enum Filter<'a> {
    None,
    Email(&'a str),
    Since { at: chrono::DateTime<chrono::Utc>, attributes: Vec<&'a str>, without_leavers: bool },
}

impl<'a> Filter<'a> {
    fn read(request: &'a Request, asked: &[&'a str], dialect: Dialect) -> Result<Self, Answer> {
        if let Some(text) = request.parameter("updated_since") {
            let at = time::parse_moment(text)
                .ok_or_else(|| Answer::invalid("updated_since", "The updated since is not a valid date."))?;
            // The guide says that people who left are not in such answers.
            let attributes = asked.iter().map(|key| guide::vendor_key(key)).collect();
            return Ok(Self::Since { at, attributes, without_leavers: dialect == Dialect::Guide });
        }
        Ok(request.parameter("email").map_or(Self::None, Self::Email))
    }

    fn takes(&self, person: &Person) -> bool {
        match self {
            Self::None => true,
            Self::Email(email) => person.text("email").eq_ignore_ascii_case(email),
            Self::Since { at, attributes, without_leavers } => {
                let changed = if attributes.is_empty() { person.modified_at } else { person.changed_at(attributes) };
                changed >= *at && !(*without_leavers && person.text("status") == "inactive")
            }
        }
    }
}

pub(super) fn get(state: &mut State, holder: usize, id: u64) -> Answer {
    let dialect = state.dialect;
    let language = state.quirks.error_language;
    let Some((scene, view)) = state.scene_and_view(holder) else { return Answer::missing_right() };
    let Some(person) = view.person(scene, dialect, id) else {
        return match dialect {
            Dialect::Vendor => Answer::not_found(language),
            Dialect::Guide => Answer::error(404, 404, "Not Found"),
        };
    };
    let mut body = br#"{"success":true,"data":"#.to_vec();
    body.extend_from_slice(&person);
    body.push(b'}');
    Answer::bytes(200, "application/json", body)
}

/// Lists the attributes this credential may read.
pub(super) fn attributes(state: &State, holder: usize) -> Answer {
    let forbidden = state.credentials.get(holder).is_some_and(|credential| credential.forbid_discovery);
    if forbidden || state.quirks.forbid_discovery {
        return Answer::missing_right();
    }
    let scene = state.scene(Some(holder));
    let shown = scene.world.catalogue.iter().filter(|attribute| scene.shows(attribute));
    let data: Value = shown.map(|attribute| vendor::attribute(&scene, attribute)).collect();
    Answer::json(200, &json!({"success": true, "data": data}))
}

/// Tells what is left of each entitlement this year.
pub(super) fn balance(state: &State, id: u64) -> Answer {
    let Some(person) = state.world.people.get(&id) else { return Answer::not_found(state.quirks.error_language) };
    let entitlements = person.get("absence_entitlement").as_array().cloned().unwrap_or_default();
    let rows = entitlements.iter().filter_map(|entitlement| {
        let type_id = entitlement.get("id")?.as_u64()?;
        let granted = entitlement.get("entitlement")?.as_f64()?;
        let (taken, planned) = state.world.days_taken(id, type_id, state.today.year(), state.today);
        Some(json!({
            "id": type_id,
            "name": entitlement.get("name"),
            "category": entitlement.get("category"),
            "balance": number(granted - taken),
            "available_balance": number(granted - taken - planned),
        }))
    });
    Answer::json(200, &json!({"success": true, "data": rows.collect::<Value>()}))
}
