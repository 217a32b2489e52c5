//! Creating and deleting absences; [`absence_change`](super::absence_change) changes them. Whether a kind is counted in days or in hours decides what an absence needs, so the kinds are
//! known before anything is sent. Times have no zone; the end of an absence in days is the midnight after its last day.

use chrono::{Days, NaiveDate};
use gangway_egress::{Method, Request};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    super::{
        absence,
        absence_type::Unit,
        call::{About, id_in},
        client::Client,
        scopes::Area,
        value::clock,
    },
    answer::send,
    id,
};
use crate::{
    contract::{
        CreateAbsence, DeletePeriod, Error, ErrorKind, FieldProblem, Outcome, SourceRecord, WritableField, WriteError,
        Written,
    },
    personio::{
        json::{member, members},
        source::plain_id,
        write::{
            absence::REQUIRED,
            compare,
            period::{self, DECIDED, Rule, boolean, day, optional, rule, text, time},
            unseen,
        },
    },
};

const PATH: &str = "/v2/absence-periods";
pub(super) const ONE: &str = "/v2/absence-periods/{id}";

/// Why an absence stays whose it is, and of its kind.
pub(in crate::personio) const NO_MOVE: &str = "an absence stays its employee's; delete it and create another";
pub(in crate::personio) const NO_TURN: &str = "an absence stays of its kind; delete it and create another";

const CREATE: About = about("create an absence");
const DELETE: About = about("delete an absence");

pub(super) const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: "the credential lacks the right to write absences in version 2 of Personio's API (personio:absences:write); tick \
                        \"Absences: Write\" on the credential's page in Personio's settings (Integrations > API credentials)",
        not_found: "Personio does not find what was named: the absence, its employee or its type",
    }
}

pub(super) const RULES: &[Rule] = &[
    rule("employee", "employee", id),
    rule("type", "type", id),
    rule("starts_on", "starts_on", day),
    rule("starts_at", "starts_at", time),
    rule("ends_on", "ends_on", day),
    rule("ends_at", "ends_at", time),
    rule("half_day_start", "half_day_start", boolean),
    rule("half_day_end", "half_day_end", boolean),
    optional("comment", "comment", text),
];

/// Every canonical field, and the times of the day that an absence in hours begins and ends at.
pub(in crate::personio) const FIELDS: &[WritableField] = &[
    WritableField::fixed("employee", NO_MOVE),
    WritableField::fixed("type", NO_TURN),
    WritableField::open("starts_on"),
    WritableField::open("starts_at"),
    WritableField::open("ends_on"),
    WritableField::open("ends_at"),
    WritableField::open("half_day_start"),
    WritableField::open("half_day_end"),
    WritableField::open("comment"),
    WritableField::closed("status", DECIDED),
    WritableField::closed("days", DECIDED),
    WritableField::closed("hours", DECIDED),
    WritableField::closed("certificate_status", DECIDED),
    WritableField::closed("created_at", DECIDED),
    WritableField::closed("updated_at", DECIDED),
];

/// Creates an absence.
pub(in crate::personio) async fn create(client: &Client, request: CreateAbsence) -> Result<Written, WriteError> {
    let CreateAbsence { values, approval, api_version: _, class } = request;
    let (given, mut problems) = period::members(&values, RULES, FIELDS, |field| field.on_create);
    problems.extend(period::missing(&values, REQUIRED));
    if problems.is_empty() {
        problems.extend(order(&given).err());
    }
    if !problems.is_empty() {
        return Err(WriteError::Invalid(problems));
    }
    let kind = text_of(&given, "type");
    let learned = client.types.learn(client, std::iter::once(kind), class).await;
    learned.map_err(|failure| WriteError::refused(failure.into()))?;
    let unit = client.types.unit(kind);
    let counted = unit.ok_or_else(|| invalid("type", "is no kind of absence of this account"))?;
    let body = body(&given, counted).map_err(|problem| WriteError::Invalid(vec![problem]))?;
    let mut post = Request::new(Method::Post, PATH, PATH, class);
    post.query.push(("skip_approval".to_owned(), period::skips(approval).to_string()));
    let response = send(client, &CREATE, Area::Absences, post, Some(&body)).await?;
    let unknown =
        |message: &str| WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message.to_owned()));
    let Some(id) = id_in(&response) else {
        return Err(unknown("Personio accepted the new absence and names no id, so it must be looked for"));
    };
    let mut written = Written::accepted(id.clone());
    written.outcomes = match absence::read_one(client, &id, class).await {
        Ok(Some(record)) => compare::outcomes(&values, &with_times(record)),
        Ok(None) | Err(_) => unseen(&values),
    };
    if written.outcomes.get("employee") == Some(&Outcome::Ignored) {
        return Err(unknown("Personio accepted the new absence and shows somebody else's, so it must be looked for"));
    }
    Ok(written)
}

/// Deletes an absence; whether it is gone is for the caller to look.
pub(in crate::personio) async fn delete(client: &Client, request: &DeletePeriod) -> Result<(), WriteError> {
    let id = plain_id(&request.external_id, DELETE.operation).map_err(WriteError::refused)?;
    let delete = Request::new(Method::Delete, ONE, ONE.replace("{id}", id), request.class);
    send(client, &DELETE, Area::Absences, delete, None).await.map(drop)
}

fn invalid(field: &str, message: &str) -> WriteError {
    WriteError::Invalid(vec![problem(field, message)])
}

pub(super) fn problem(field: &str, message: &str) -> FieldProblem {
    FieldProblem::new(format!("/fields/{field}"), message)
}

pub(super) fn text_of<'a>(given: &'a Map<String, Value>, field: &str) -> &'a str {
    given.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn is_set(given: &Map<String, Value>, field: &str) -> bool {
    given.get(field).and_then(Value::as_bool).unwrap_or_default()
}

/// Texts of days and times are in order where they are.
pub(super) fn order(given: &Map<String, Value>) -> Result<(), FieldProblem> {
    let text = |field| text_of(given, field);
    if text("ends_on") < text("starts_on") {
        return Err(problem("ends_on", "lies before the first day"));
    }
    let has_times = given.contains_key("starts_at") && given.contains_key("ends_at");
    if has_times && text("starts_on") == text("ends_on") && text("ends_at") <= text("starts_at") {
        return Err(problem("ends_at", "must lie after the beginning"));
    }
    Ok(())
}

/// The body. A kind that does not say what it is counted in is counted in hours where times are given.
fn body(given: &Map<String, Value>, unit: Unit) -> Result<Value, FieldProblem> {
    let has = |field| given.contains_key(field);
    let is_in_hours = match unit {
        Unit::Hours => true,
        Unit::Days => false,
        Unit::Unsaid => has("starts_at") || has("ends_at"),
    };
    let (starts_from, ends_at) = (start(given, is_in_hours)?, end(given, is_in_hours)?);
    is_fitting(given, is_in_hours)?;
    has_a_half(given, is_in_hours)?;
    let text = |field| text_of(given, field);
    let mut body = json!({
        "person": {"id": text("employee")},
        "absence_type": {"id": text("type")},
        "starts_from": starts_from,
        "ends_at": ends_at,
    });
    if let (Some(comment), Some(body)) = (given.get("comment"), body.as_object_mut()) {
        body.insert("comment".to_owned(), comment.clone());
    }
    Ok(body)
}

/// Whether nothing is given that absences counted so do not have.
pub(super) fn is_fitting(given: &Map<String, Value>, is_in_hours: bool) -> Result<(), FieldProblem> {
    if is_in_hours {
        let half = ["half_day_start", "half_day_end"].into_iter().find(|field| is_set(given, field));
        return half.map_or(Ok(()), |half| Err(problem(half, "is for kinds of absence that are counted in days")));
    }
    let time = ["starts_at", "ends_at"].into_iter().find(|field| given.contains_key(*field));
    time.map_or(Ok(()), |time| Err(problem(time, "is for kinds of absence that are counted in hours")))
}

/// Whether something is left of a single day.
pub(super) fn has_a_half(given: &Map<String, Value>, is_in_hours: bool) -> Result<(), FieldProblem> {
    let is_single = text_of(given, "starts_on") == text_of(given, "ends_on");
    if !is_in_hours && is_single && is_set(given, "half_day_start") && is_set(given, "half_day_end") {
        let message = "cannot be the first half of a day of which the second half is the beginning";
        return Err(problem("half_day_end", message));
    }
    Ok(())
}

/// Where it begins, as the vendor takes it.
pub(super) fn start(given: &Map<String, Value>, is_in_hours: bool) -> Result<Value, FieldProblem> {
    if is_in_hours {
        return hour(given, "starts_on", "starts_at");
    }
    let half = if is_set(given, "half_day_start") { "SECOND_HALF" } else { "FIRST_HALF" };
    Ok(json!({"date_time": format!("{}T00:00:00", text_of(given, "starts_on")), "type": half}))
}

/// Where it ends.
pub(super) fn end(given: &Map<String, Value>, is_in_hours: bool) -> Result<Value, FieldProblem> {
    if is_in_hours {
        return hour(given, "ends_on", "ends_at");
    }
    let last = text_of(given, "ends_on").parse::<NaiveDate>().ok();
    let after = last.and_then(|last| last.checked_add_days(Days::new(1)));
    let after = after.ok_or_else(|| problem("ends_on", "must be a day with another after it"))?;
    let half = if is_set(given, "half_day_end") { "FIRST_HALF" } else { "SECOND_HALF" };
    Ok(json!({"date_time": format!("{after}T00:00:00"), "type": half}))
}

fn hour(given: &Map<String, Value>, day: &str, time: &str) -> Result<Value, FieldProblem> {
    if !given.contains_key(time) {
        return Err(problem(time, "is missing: this kind of absence is counted in hours"));
    }
    Ok(json!({"date_time": format!("{}T{}:00", text_of(given, day), text_of(given, time))}))
}

/// Adds the times of the day, which are no canonical fields: only whoever writes them asks for them.
pub(super) fn with_times(mut record: SourceRecord) -> SourceRecord {
    let times = || -> Option<[(&'static str, Value); 2]> {
        let raw: &RawValue = serde_json::from_slice(&record.raw).ok()?;
        let outline = members(raw).ok()?;
        let of = |key| clock(member(&outline, key)?).ok();
        Some([("starts_at", of("starts_from")?), ("ends_at", of("ends_at")?)])
    };
    if let Some(times) = times() {
        record.fields.extend(times.map(|(field, time)| (field.to_owned(), time)));
    }
    record
}
