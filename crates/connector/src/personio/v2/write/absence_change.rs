//! Changing absences: days, halves, times and the comment. The vendor takes a beginning or an end as a whole, so what of it is not
//! named comes from the absence as it stands.

use gangway_egress::{Class, Method, Request};
use serde_json::{Map, Value};

use super::{
    super::{absence, absence_type::Unit, call::About, client::Client, scopes::Area},
    absence::{FIELDS, ONE, RULES, about, end, has_a_half, is_fitting, order, problem, start, text_of, with_times},
    answer::send,
};
use crate::{
    contract::{Error, ErrorKind, FieldProblem, UpdateAbsence, Values, WriteError, Written},
    personio::{
        source::plain_id,
        write::{compare, period, unseen},
    },
};

const UPDATE: About = about("change an absence");

const STARTS: [&str; 3] = ["starts_on", "starts_at", "half_day_start"];
const ENDS: [&str; 3] = ["ends_on", "ends_at", "half_day_end"];

/// What is wrong with values for a change, as far as it shows without the absence.
pub(in crate::personio) fn problems(values: &Values) -> Vec<FieldProblem> {
    let (given, mut problems) = period::members(values, RULES, FIELDS, |field| field.on_update);
    if given.is_empty() && problems.is_empty() {
        problems.push(FieldProblem::new("", "names nothing to change"));
    }
    problems
}

/// Changes an absence.
pub(in crate::personio) async fn update(client: &Client, request: UpdateAbsence) -> Result<Written, WriteError> {
    let UpdateAbsence { external_id, values, approval, class } = request;
    let id = plain_id(&external_id, UPDATE.operation).map_err(WriteError::refused)?.to_owned();
    let problems = problems(&values);
    if !problems.is_empty() {
        return Err(WriteError::Invalid(problems));
    }
    let (given, _) = period::members(&values, RULES, FIELDS, |field| field.on_update);
    let mut body = Map::new();
    if let Some(comment) = given.get("comment") {
        body.insert("comment".to_owned(), comment.clone());
    }
    if is_named(&given, &STARTS) || is_named(&given, &ENDS) {
        let present = Present::read(client, &id, class).await?;
        body.extend(present.changed(&given).map_err(|problem| WriteError::Invalid(vec![problem]))?);
    }
    let mut patch = Request::new(Method::Patch, ONE, ONE.replace("{id}", &id), class);
    patch.query.push(("skip_approval".to_owned(), period::skips(approval).to_string()));
    send(client, &UPDATE, Area::Absences, patch, Some(&Value::Object(body))).await?;
    let mut written = Written::accepted(id.clone());
    written.outcomes = match absence::read_one(client, &id, class).await {
        Ok(Some(record)) => compare::outcomes(&values, &with_times(record)),
        Ok(None) | Err(_) => unseen(&values),
    };
    Ok(written)
}

fn is_named(given: &Map<String, Value>, fields: &[&str]) -> bool {
    fields.iter().any(|field| given.contains_key(*field))
}

/// An absence as it stands.
struct Present {
    fields: Map<String, Value>,
    is_in_hours: bool,
}

impl Present {
    async fn read(client: &Client, id: &str, class: Class) -> Result<Self, WriteError> {
        let read = absence::read_one(client, id, class).await;
        let record = read.map_err(|failure| WriteError::refused(failure.into()))?;
        let record = record
            .ok_or_else(|| WriteError::refused(Error::new(ErrorKind::NotFound, UPDATE.operation, UPDATE.not_found)))?;
        let record = with_times(record);
        let kind = record.fields.get("type").and_then(|kind| kind.get("id")?.as_str());
        let is_in_hours = match kind.and_then(|kind| client.types.unit(kind)) {
            Some(Unit::Hours) => true,
            Some(Unit::Days) => false,
            // Those in hours have no halves.
            Some(Unit::Unsaid) | None => record.fields.get("half_day_start").is_none_or(Value::is_null),
        };
        let has = |field: &str| match field {
            "starts_on" | "ends_on" => true,
            "starts_at" | "ends_at" => is_in_hours,
            "half_day_start" | "half_day_end" => !is_in_hours,
            _ => false,
        };
        let fields = record.fields.into_iter().filter(|(field, value)| {
            // The midnight after a day is told as an end on that day: alone it says nothing.
            has(field) && !value.is_null() && !(field == "ends_at" && *value == "00:00")
        });
        Ok(Self { fields: fields.filter(|(field, value)| is_writable(field, value)).collect(), is_in_hours })
    }

    /// The beginning and the end, as far as a change touches them.
    fn changed(self, given: &Map<String, Value>) -> Result<Map<String, Value>, FieldProblem> {
        let Self { mut fields, is_in_hours } = self;
        is_fitting(given, is_in_hours)?;
        fields.extend(given.clone());
        if text_of(&fields, "starts_on").is_empty() {
            return Err(problem("starts_on", "is missing: when the absence begins is not shown"));
        }
        if text_of(&fields, "ends_on").is_empty() {
            if is_named(given, &ENDS) {
                return Err(problem("ends_on", "is missing: the absence has no end"));
            }
        } else {
            order(&fields)?;
            has_a_half(&fields, is_in_hours)?;
        }
        let mut body = Map::new();
        if is_named(given, &STARTS) {
            body.insert("starts_from".to_owned(), start(&fields, is_in_hours)?);
        }
        if is_named(given, &ENDS) {
            body.insert("ends_at".to_owned(), end(&fields, is_in_hours)?);
        }
        Ok(body)
    }
}

/// Whether a value that was read can be written as it is: times may have seconds.
fn is_writable(field: &str, value: &Value) -> bool {
    RULES.iter().find(|rule| rule.field == field).is_some_and(|rule| (rule.read)(value).is_ok())
}
