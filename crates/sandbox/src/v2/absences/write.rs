//! Absence periods written. What waits for an approval is pending: there is no call to approve it.

use chrono::{NaiveDateTime, NaiveTime};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::people::{Absence, TimeOffType};
use crate::state::State;

use super::super::absence_types::{self, is_hourly};
use super::super::filter::wall_clock;
use super::super::problem::Problem;
use super::super::{Call, Outcome, Sent, no_content};
use super::span::{Half, Span, last_day};
use super::{find, is_hours, shape};

/// What a body sets.
struct Given {
    start: Sent<Edge>,
    /// Null is an absence without an end.
    end: Sent<Edge>,
    comment: Option<String>,
}

#[derive(Clone, Copy)]
struct Edge {
    at: NaiveDateTime,
    half: Option<Half>,
}

/// From when to when a written absence lasts.
#[derive(Clone, Copy)]
struct Extent {
    span: Span,
    start: Half,
    end: Half,
}

/// `POST /v2/absence-periods`. The vendor publishes no body of the answer; it is the new absence. Nor does it say how an unknown
/// person or type is refused.
pub(in super::super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let body = call.object()?;
    let id = |name: &str| body.get(name).and_then(|one| one.get("id")).and_then(Value::as_str);
    let (Some(person), Some(kind)) = (id("person"), id("absence_type")) else { return Err(Problem::content()) };
    let person = person.parse().ok().filter(|id| state.world.people.contains_key(id));
    let person: u64 = person.ok_or_else(|| Problem::Unprocessable("There is no such person.".to_owned()))?;
    let kind = absence_types::find(state, kind).cloned();
    let kind = kind.ok_or_else(|| Problem::Unprocessable("There is no such absence type.".to_owned()))?;
    let given = Given::read(&body)?;
    let extent = Extent::of(given.start.value().ok_or_else(Problem::content)?, given.end.value());
    extent.check(&kind)?;
    must_be_free(state, person, None, extent)?;
    let mut fields = extent.fields();
    fields.insert("employee_id".to_owned(), person.into());
    fields.insert("time_off_type_id".to_owned(), kind.id.into());
    fields.insert("status".to_owned(), status(call, &kind).into());
    fields.extend(given.comment.map(|comment| ("comment".to_owned(), comment.into())));
    let id = state.add_absence(&Value::Object(fields), call.now)?;
    note(state, id, &kind, extent);
    let made = state.world.absences.get(&id).ok_or(Problem::NotFound)?;
    Ok(Answer::json(201, &shape(state, made)))
}

/// `PATCH /v2/absence-periods/{id}`
pub(in super::super) fn change(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let absence = find(state, id)?.clone();
    let given = Given::read(&call.object()?)?;
    let kind = state.world.time_off_type(absence.time_off_type_id).cloned().ok_or(Problem::NotFound)?;
    let old = Extent::present(state, &absence);
    let old_edge = |at, half| Edge { at, half: Some(half) };
    let start = given.start.value().unwrap_or_else(|| old_edge(old.span.start, old.start));
    let extent = Extent::of(start, given.end.or(old.span.end.map(|at| old_edge(at, old.end))));
    extent.check(&kind)?;
    must_be_free(state, absence.employee_id, Some(absence.id), extent)?;
    let mut fields = extent.fields();
    fields.insert("status".to_owned(), status(call, &kind).into());
    fields.extend(given.comment.map(|comment| ("comment".to_owned(), comment.into())));
    state.change_absence(absence.id, &Value::Object(fields), call.now)?;
    note(state, absence.id, &kind, extent);
    Ok(no_content())
}

fn status(call: &Call<'_>, kind: &TimeOffType) -> &'static str {
    if kind.approval_required && !call.skips_approval() { "pending" } else { "approved" }
}

/// Keeps what version 1 has no fields for.
fn note(state: &mut State, id: u64, kind: &TimeOffType, extent: Extent) {
    let extras = &mut state.changes.v2;
    extras.hours.remove(&id);
    extras.open_ended.remove(&id);
    match extent.span.end {
        None => drop(extras.open_ended.insert(id)),
        Some(end) if is_hourly(kind) => drop(extras.hours.insert(id, (extent.span.start, end))),
        Some(_) => {}
    }
}

/// Nobody is absent twice at a time.
fn must_be_free(state: &State, person: u64, but: Option<u64>, extent: Extent) -> Result<(), Problem> {
    let span = extent.span.narrowed(extent.start, extent.end);
    let is_in_the_way = |absence: &&Absence| {
        let other = Extent::present(state, absence);
        absence.employee_id == person
            && Some(absence.id) != but
            && absence.status != "rejected"
            && other.span.narrowed(other.start, other.end).overlaps(span)
    };
    match state.world.absences.values().find(is_in_the_way) {
        Some(_) => Err(Problem::Conflict("The person is absent already at that time.".to_owned())),
        None => Ok(()),
    }
}

impl Given {
    fn read(body: &Map<String, Value>) -> Result<Self, Problem> {
        Ok(Self {
            start: Sent::read(body, "starts_from", Edge::read)?,
            end: Sent::read(body, "ends_at", Edge::read)?,
            comment: body.get("comment").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

impl Edge {
    fn read(given: &Value) -> Result<Self, Problem> {
        let at = given.get("date_time").and_then(Value::as_str).and_then(wall_clock).ok_or_else(Problem::content)?;
        let half = match given.get("type").and_then(Value::as_str) {
            None => None,
            Some(text) => Some(Half::named(text).ok_or_else(Problem::content)?),
        };
        Ok(Self { at, half })
    }
}

impl Extent {
    fn of(start: Edge, end: Option<Edge>) -> Self {
        Self {
            span: Span { start: start.at, end: end.map(|edge| edge.at) },
            start: start.half.unwrap_or(Half::First),
            end: end.and_then(|edge| edge.half).unwrap_or(Half::Second),
        }
    }

    /// That of an absence as it stands.
    fn present(state: &State, absence: &Absence) -> Self {
        let is_days = !is_hours(state, absence);
        Self {
            span: Span::of(state, absence),
            start: Half::of_start(absence.half_day_start && is_days),
            end: Half::of_end(absence.half_day_end && is_days),
        }
    }

    fn check(&self, kind: &TimeOffType) -> Result<(), Problem> {
        let refuse = |detail: &str| Err(Problem::Unprocessable(detail.to_owned()));
        let Self { span: Span { start, end }, .. } = *self;
        if end.is_some_and(|end| end <= start) {
            return refuse("The absence ends before it starts.");
        }
        if is_hourly(kind) {
            return Ok(());
        }
        let is_midnight = |at: NaiveDateTime| at.time() == NaiveTime::MIN;
        if !is_midnight(start) || !end.is_none_or(is_midnight) {
            return refuse("An absence in days starts and ends at midnight.");
        }
        let is_one_day = end.is_some_and(|end| last_day(end) == start.date());
        if is_one_day && self.start == Half::Second && self.end == Half::First {
            return refuse("A single day cannot start with its second half and end with its first.");
        }
        Ok(())
    }

    /// Version 1's fields.
    fn fields(&self) -> Map<String, Value> {
        let Self { span: Span { start, end }, start: first, end: last } = *self;
        let fields = json!({
            "start_date": start.date(),
            "end_date": end.map_or(start.date(), last_day),
            "half_day_start": first == Half::Second,
            "half_day_end": last == Half::First,
        });
        fields.as_object().cloned().unwrap_or_default()
    }
}
