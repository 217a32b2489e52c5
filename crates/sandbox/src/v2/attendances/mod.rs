//! Attendance periods: the work and the break of an attendance apart. Times have no zone, and one that is sent with a zone is
//! refused.

mod layout;
mod write;

use chrono::{NaiveDate, NaiveDateTime};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::people::Attendance;
use crate::shapes::time::parse_date;
use crate::shapes::vendor::AbsentDays;
use crate::state::State;

use super::filter::{Range, local, wall_clock, written};
use super::list::{HUNDRED, Listing};
use super::problem::Problem;
use super::{Call, Outcome};

use layout::{Layout, Part, Span};

pub(super) use write::{change, create, remove};

/// One period, with what it is a part of.
#[derive(Clone, Copy)]
struct Period<'a> {
    attendance: &'a Attendance,
    part: Part,
    span: Span,
}

impl Period<'_> {
    /// Rises through the list: four places for each attendance.
    fn key(&self) -> u64 {
        self.attendance.id * 4 + self.part as u64
    }
}

/// A period in plain values, for those who compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttendancePeriod {
    /// Its id.
    pub id: String,
    /// The number of the attendance it is a part of.
    pub attendance: u64,
    /// Whether it is the break, and not work.
    pub is_break: bool,
    /// When it began, by the company's clock.
    pub start: NaiveDateTime,
    /// When it ended; `None` while it runs.
    pub end: Option<NaiveDateTime>,
    /// When it last changed, by the company's clock.
    pub updated_at: NaiveDateTime,
}

/// All periods, in plain values.
pub(crate) fn plain(state: &State) -> Vec<AttendancePeriod> {
    let periods = state.world.attendances.values().flat_map(|attendance| periods(state, attendance));
    let plain = |Period { attendance, part, span }: Period<'_>| AttendancePeriod {
        id: id_of(state, attendance.id, part),
        attendance: attendance.id,
        is_break: part == Part::Break,
        start: span.start,
        end: span.end,
        updated_at: local(attendance.updated_at),
    };
    periods.map(plain).collect()
}

/// The attendance that a period is a part of.
pub(crate) fn attendance_of(state: &State, id: &str) -> Option<u64> {
    find(state, id).ok().map(|period| period.attendance.id)
}

/// The ids of an attendance's periods.
pub(crate) fn period_ids(state: &State, attendance: &Attendance) -> Vec<String> {
    periods(state, attendance).map(|period| id_of(state, attendance.id, period.part)).collect()
}

pub(super) fn list(state: &State, call: &Call<'_>) -> Outcome {
    let listing = Listing::read(call, HUNDRED)?;
    let filter = Filter::read(&listing)?;
    let attendances = state.world.attendances.range(listing.first_key() / 4..).map(|(_, attendance)| attendance);
    let periods = attendances.flat_map(|attendance| periods(state, attendance));
    let page = listing.cut(periods.filter(|period| filter.takes(period)), Period::key);
    let absent = AbsentDays::of(&state.world, page.items.iter().map(|period| period.attendance.employee_id));
    Ok(page.answer(call, |period| shape(state, &absent, period)))
}

pub(super) fn get(state: &State, id: &str) -> Outcome {
    let period = find(state, id)?;
    let absent = AbsentDays::of(&state.world, std::iter::once(period.attendance.employee_id));
    Ok(Answer::json(200, &shape(state, &absent, period)))
}

fn layout_of(state: &State, attendance: &Attendance) -> Layout {
    Layout::of(attendance, state.changes.v2.break_starts.get(&attendance.id).copied())
}

fn periods<'a>(state: &State, attendance: &'a Attendance) -> impl Iterator<Item = Period<'a>> + use<'a> {
    layout_of(state, attendance).parts().map(move |(part, span)| Period { attendance, part, span })
}

fn find<'a>(state: &'a State, id: &str) -> Result<Period<'a>, Problem> {
    let found = Part::ALL.into_iter().find_map(|part| {
        let number = state.world.uuids.number(part.thing(), id)?;
        let attendance = state.world.attendances.get(&number)?;
        Some(Period { attendance, part, span: layout_of(state, attendance).get(part)? })
    });
    found.ok_or(Problem::NotFound)
}

fn id_of(state: &State, attendance: u64, part: Part) -> String {
    state.world.uuids.of(part.thing(), attendance)
}

fn shape(state: &State, absent: &AbsentDays, period: Period<'_>) -> Value {
    let Period { attendance, part, span } = period;
    let changed_at = written(local(attendance.updated_at));
    let mut value = json!({
        "id": id_of(state, attendance.id, part),
        "type": part.type_name(),
        "person": {"id": attendance.employee_id.to_string()},
        "approval": {"status": attendance.status.to_uppercase()},
        "start": {"date_time": written(span.start)},
        "end": span.end.map(|end| json!({"date_time": written(end)})),
        "attribution_date": attendance.date,
        "is_auto_generated": false,
        "is_holiday": false,
        "is_on_time_off": absent.covers(attendance.employee_id, attendance.date),
        // When it was made is not kept.
        "created_at": changed_at,
        "updated_at": changed_at,
    });
    if let (Some(members), Part::Work | Part::Rest) = (value.as_object_mut(), part) {
        members.insert("comment".to_owned(), attendance.comment.as_deref().unwrap_or_default().into());
        let project = attendance.project.as_ref().map(|project| json!({"id": project.id.to_string()}));
        members.insert("project".to_owned(), project.unwrap_or_default());
    }
    value
}

struct Filter {
    people: Option<Vec<u64>>,
    projects: Option<Vec<u64>>,
    status: Option<String>,
    start: Range<NaiveDateTime>,
    end: Range<NaiveDateTime>,
    attribution_date: Range<NaiveDate>,
    updated_at: Range<NaiveDateTime>,
}

impl Filter {
    fn read(listing: &Listing) -> Result<Self, Problem> {
        let range = |name: &str| Range::read(listing, name, wall_clock).ok_or_else(Problem::content);
        // Ids that name nothing match nothing.
        let numbers =
            |name: &str| listing.several(name).map(|ids| ids.into_iter().filter_map(|id| id.parse().ok()).collect());
        let status = listing.filter("status");
        if status.is_some_and(|status| !["CONFIRMED", "PENDING", "REJECTED"].contains(&status)) {
            return Err(Problem::parameter("status"));
        }
        Ok(Self {
            people: numbers("person.id"),
            projects: numbers("project.id"),
            status: status.map(str::to_lowercase),
            start: range("start.date_time")?,
            end: range("end.date_time")?,
            attribution_date: Range::read(listing, "attribution_date", parse_date).ok_or_else(Problem::content)?,
            updated_at: range("updated_at")?,
        })
    }

    fn takes(&self, period: &Period<'_>) -> bool {
        let Self { people, projects, status, start, end, attribution_date, updated_at } = self;
        let Period { attendance, part, span } = period;
        let project = attendance.project.as_ref().filter(|_| *part != Part::Break).map(|project| project.id);
        people.as_ref().is_none_or(|ids| ids.contains(&attendance.employee_id))
            && projects.as_ref().is_none_or(|ids| project.is_some_and(|id| ids.contains(&id)))
            && status.as_ref().is_none_or(|status| *status == attendance.status)
            && start.takes(span.start)
            && span.end.map_or_else(|| end.takes_nothing(), |at| end.takes(at))
            && attribution_date.takes(attendance.date)
            && updated_at.takes(local(attendance.updated_at))
    }
}

#[cfg(test)]
mod tests;
