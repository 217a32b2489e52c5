//! Attendance periods written. A break becomes a part of the attendance that it lies in or adjoins, and one without work stands
//! alone; of several breaks in one attendance the company keeps no account. Times are kept to the minute.

use chrono::{NaiveDateTime, SubsecRound as _, Timelike as _};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::people::{Attendance, Project};
use crate::state::State;

use super::super::filter::wall_clock;
use super::super::problem::Problem;
use super::super::{Call, Outcome, Sent, no_content};
use super::layout::{Layout, Part, Span};
use super::{Period, find, id_of, layout_of};

/// `POST /v2/attendance-periods`
pub(in super::super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let body = call.object()?;
    let person = body.get("person").and_then(|person| person.get("id")).and_then(Value::as_str);
    let kind = body.get("type").and_then(Value::as_str).ok_or_else(Problem::content)?;
    let span = Span {
        start: Sent::read(&body, "start", moment)?.value().ok_or_else(Problem::content)?,
        end: Sent::read(&body, "end", moment)?.value(),
    };
    let person = person.ok_or_else(Problem::content)?.parse().ok().filter(|id| state.world.people.contains_key(id));
    let person: u64 = person.ok_or_else(|| refusal("There is no such person."))?;
    let project = Sent::read(&body, "project", |given| project(state, given))?.value().flatten();
    let (layout, at_hand) = match kind {
        "WORK" => (Layout { work: Some(span), ..Layout::default() }, None),
        "BREAK" if project.is_some() => return Err(refusal("A break has no project.")),
        "BREAK" if span.end.is_none() => return Err(refusal("A break has an end.")),
        "BREAK" => around(state, person, span),
        _ => return Err(Problem::content()),
    };
    check(state, person, at_hand, &layout)?;
    let id = match at_hand {
        Some(id) => id,
        None => state.add_attendance(&json!({"employee_id": person, "date": span.start.date()}), call.now)?,
    };
    let mut attendance = state.world.attendances.get(&id).cloned().ok_or(Problem::NotFound)?;
    if at_hand.is_none() {
        attendance.comment = text(&body, "comment");
        attendance.project = project;
        status(call).clone_into(&mut attendance.status);
    }
    keep(state, call, attendance, &layout);
    let made = if kind == "BREAK" { Part::Break } else { Part::Work };
    let affected: Vec<Value> = layout
        .parts()
        .filter(|(part, _)| *part != made)
        .map(|(part, _)| json!({"id": id_of(state, id, part)}))
        .collect();
    Ok(Answer::json(201, &json!({"id": id_of(state, id, made), "affected_periods": affected})))
}

/// `PATCH /v2/attendance-periods/{id}`: person and type stay.
pub(in super::super) fn change(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let Period { attendance, part, span } = find(state, id)?;
    let mut attendance = attendance.clone();
    let body = call.object()?;
    if body.get("type").is_some_and(|kind| kind != part.type_name()) {
        return Err(Problem::content());
    }
    let start = Sent::read(&body, "start", moment)?.value().unwrap_or(span.start);
    let end = Sent::read(&body, "end", moment)?.or(span.end);
    let layout = layout_of(state, &attendance);
    // Only what comes last can run on.
    if end.is_none() && layout.parts().last().is_none_or(|(last, _)| last != part || part == Part::Break) {
        return Err(refusal("Something follows this period."));
    }
    let layout = layout.moved(part, Span { start, end });
    check(state, attendance.employee_id, Some(attendance.id), &layout)?;
    let project = Sent::read(&body, "project", |given| project(state, given))?.or(Some(attendance.project.clone()));
    if part != Part::Break {
        attendance.project = project.flatten();
    } else if body.get("project").is_some_and(|given| !given.is_null()) {
        return Err(refusal("A break has no project."));
    }
    if body.contains_key("comment") && part != Part::Break {
        attendance.comment = text(&body, "comment");
    }
    status(call).clone_into(&mut attendance.status);
    keep(state, call, attendance, &layout);
    Ok(no_content())
}

/// `DELETE /v2/attendance-periods/{id}`
pub(in super::super) fn remove(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let Period { attendance, part, .. } = find(state, id)?;
    let attendance = attendance.clone();
    let layout = layout_of(state, &attendance).without(part);
    if layout.whole().is_some() {
        keep(state, call, attendance, &layout);
    } else {
        state.remove_attendance(attendance.id)?;
    }
    Ok(no_content())
}

/// Without `skip_approval` a new or changed period waits: whether the vendor's company asks for approvals is its own setting.
fn status(call: &Call<'_>) -> &'static str {
    if call.skips_approval() { "confirmed" } else { "pending" }
}

fn refusal(detail: &str) -> Problem {
    Problem::Unprocessable(detail.to_owned())
}

/// The layout that a new break makes, and the attendance it becomes a part of.
fn around(state: &State, person: u64, pause: Span) -> (Layout, Option<u64>) {
    let alone = Layout { pause: Some(pause), ..Layout::default() };
    let attendances = state.world.attendances.values().filter(|attendance| attendance.employee_id == person);
    let joined = attendances.filter(|attendance| attendance.break_minutes == 0).find_map(|attendance| {
        let whole = layout_of(state, attendance).whole()?;
        let (end, back) = (whole.end?, pause.end?);
        let is_before = back <= whole.start;
        if pause.start > end || back < whole.start || (pause.start < whole.start && !is_before) {
            return None;
        }
        let span = |start, end| (start < end).then_some(Span { start, end: Some(end) });
        let layout = Layout { work: span(whole.start, pause.start), pause: Some(pause), rest: span(back, end) };
        // A break in the place of all work is none.
        (layout.work.is_some() || layout.rest.is_some()).then_some((layout, Some(attendance.id)))
    });
    joined.unwrap_or((alone, None))
}

/// Refuses what cannot be, and what somebody already does at that time.
fn check(state: &State, person: u64, but: Option<u64>, layout: &Layout) -> Result<(), Problem> {
    let Some(whole) = layout.whole().filter(|_| layout.is_possible()) else {
        return Err(refusal("The period ends before it starts, or lasts longer than a day."));
    };
    let others = state.world.attendances.values();
    let mut others = others.filter(|other| other.employee_id == person && Some(other.id) != but);
    let is_in_the_way = |other: &Attendance| {
        other.status != "rejected" && layout_of(state, other).whole().is_some_and(|other| other.overlaps(whole))
    };
    if others.any(is_in_the_way) { Err(refusal("The person has another period at that time.")) } else { Ok(()) }
}

fn keep(state: &mut State, call: &Call<'_>, mut attendance: Attendance, layout: &Layout) {
    attendance.updated_at = call.now.trunc_subsecs(0);
    match layout.write(&mut attendance) {
        Some(start) => drop(state.changes.v2.break_starts.insert(attendance.id, start)),
        None => drop(state.changes.v2.break_starts.remove(&attendance.id)),
    }
    state.keep_attendance(attendance);
}

/// A time to the minute.
fn moment(given: &Value) -> Result<NaiveDateTime, Problem> {
    let at = given.get("date_time").and_then(Value::as_str).and_then(wall_clock).ok_or_else(Problem::content)?;
    Ok(at.date().and_hms_opt(at.hour(), at.minute(), 0).unwrap_or(at))
}

/// A project that somebody has booked time on; an empty id is none.
fn project(state: &State, given: &Value) -> Result<Option<Project>, Problem> {
    let id = given.get("id").and_then(Value::as_str).unwrap_or_default();
    if id.is_empty() {
        return Ok(None);
    }
    let mut known = state.world.attendances.values().filter_map(|attendance| attendance.project.as_ref());
    let found = known.find(|project| project.id.to_string() == id).cloned();
    found.map(Some).ok_or_else(|| refusal("There is no such project."))
}

fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).map(str::to_owned)
}
