//! Absence periods: version 1's time-offs with times, an end that is the midnight after the last day, and hours.

mod span;
mod write;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Weekday};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::people::{Absence, Thing, number};
use crate::state::State;

use super::absence_types::is_hourly;
use super::filter::{Range, any_clock, local, written};
use super::list::{HUNDRED, Listing};
use super::problem::Problem;
use super::{Call, Outcome, no_content};

use span::{Half, Span};

pub(super) use write::{change, create};

/// The zone that times are told in.
const ZONE: &str = "Europe/Berlin";
/// Hours of a working day, for an absence in hours that is known by its days alone.
const DAY_HOURS: f64 = 8.0;

/// An absence in plain values, for those who compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsencePeriod {
    /// Its id.
    pub id: String,
    /// Its number in version 1.
    pub absence: u64,
    /// The id of its type.
    pub absence_type: String,
    /// Whether it is counted in hours, and not in days.
    pub is_in_hours: bool,
    /// When it begins, by the company's clock.
    pub start: NaiveDateTime,
    /// When it ends, which is no part of it; `None` while that is open.
    pub end: Option<NaiveDateTime>,
    /// When it was made, by the company's clock.
    pub created_at: NaiveDateTime,
    /// When it last changed, by the company's clock.
    pub updated_at: NaiveDateTime,
}

/// All absences, in plain values.
pub(crate) fn plain(state: &State) -> Vec<AbsencePeriod> {
    let uuids = &state.world.uuids;
    let plain = |absence: &Absence| {
        let Span { start, end } = Span::of(state, absence);
        AbsencePeriod {
            id: uuids.of(Thing::AbsencePeriod, absence.id),
            absence: absence.id,
            absence_type: uuids.of(Thing::AbsenceType, absence.time_off_type_id),
            is_in_hours: is_hours(state, absence),
            start,
            end,
            created_at: local(absence.created_at),
            updated_at: local(absence.updated_at),
        }
    };
    state.world.absences.values().map(plain).collect()
}

/// The number of an absence.
pub(crate) fn absence_of(state: &State, id: &str) -> Option<u64> {
    find(state, id).ok().map(|absence| absence.id)
}

pub(super) fn list(state: &State, call: &Call<'_>) -> Outcome {
    let listing = Listing::read(call, HUNDRED)?;
    let filter = Filter::read(state, &listing)?;
    let absences = state.world.absences.range(listing.first_key()..).map(|(_, absence)| absence);
    let page = listing.cut(absences.filter(|absence| filter.takes(state, absence)), |absence| absence.id);
    Ok(page.answer(call, |absence| shape(state, absence)))
}

pub(super) fn get(state: &State, id: &str) -> Outcome {
    Ok(Answer::json(200, &shape(state, find(state, id)?)))
}

pub(super) fn remove(state: &mut State, id: &str) -> Outcome {
    let id = find(state, id)?.id;
    state.remove_absence(id)?;
    Ok(no_content())
}

/// `GET /v2/absence-periods/{id}/breakdowns`: what each working day counts.
pub(super) fn breakdowns(state: &State, call: &Call<'_>, id: &str) -> Outcome {
    let absence = find(state, id)?;
    let span = Span::of(state, absence);
    let days = absence.start_date.iter_days().take_while(|day| *day <= absence.end_date);
    let days = days.filter(|day| !is_weekend(*day));
    let unit = if is_hours(state, absence) { "HOUR" } else { "DAY" };
    let listing = Listing::read(call, HUNDRED)?;
    let page = listing.cut(days, |day| u64::try_from(day.num_days_from_ce()).unwrap_or_default());
    Ok(page.answer(call, |day| {
        let value = if unit == "HOUR" { hours_on(&span, day) } else { share_of(absence, day) };
        json!({"date": day.to_string(), "effective_duration": {"unit": unit, "value": number(value)}})
    }))
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a Absence, Problem> {
    let number = state.world.uuids.number(Thing::AbsencePeriod, id);
    number.and_then(|number| state.world.absences.get(&number)).ok_or(Problem::NotFound)
}

fn is_hours(state: &State, absence: &Absence) -> bool {
    state.world.time_off_type(absence.time_off_type_id).is_some_and(is_hourly)
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

fn share_of(absence: &Absence, day: NaiveDate) -> f64 {
    let half = |is: bool| if is { 0.5 } else { 0.0 };
    let start = half(absence.half_day_start && day == absence.start_date);
    let end = half(absence.half_day_end && day == absence.end_date);
    1.0 - start - end
}

fn hours_on(span: &Span, day: NaiveDate) -> f64 {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    let (from, to) = (span.start.max(midnight), span.end.unwrap_or(midnight).min(midnight + chrono::Days::new(1)));
    let minutes = i32::try_from((to - from).num_minutes()).unwrap_or_default();
    (f64::from(minutes) / 60.0).clamp(0.0, DAY_HOURS)
}

fn shape(state: &State, absence: &Absence) -> Value {
    let span = Span::of(state, absence);
    let edge = |at: NaiveDateTime, half: Half| {
        if is_hours(state, absence) {
            json!({"date_time": written(at)})
        } else {
            json!({"date_time": written(at), "type": half.name()})
        }
    };
    let uuids = &state.world.uuids;
    json!({
        "id": uuids.of(Thing::AbsencePeriod, absence.id),
        "person": {"id": absence.employee_id.to_string()},
        "absence_type": {"id": uuids.of(Thing::AbsenceType, absence.time_off_type_id)},
        "starts_from": edge(span.start, Half::of_start(absence.half_day_start)),
        "ends_at": span.end.map(|end| edge(end, Half::of_end(absence.half_day_end))),
        "timezone_id": ZONE,
        "comment": absence.comment.as_deref().unwrap_or_default(),
        // `REJECTED`, which an administrator can make, is not among the vendor's published states.
        "approval": {"status": absence.status.to_uppercase()},
        "created_at": written(local(absence.created_at)),
        "updated_at": written(local(absence.updated_at)),
    })
}

struct Filter {
    people: Option<Vec<u64>>,
    types: Option<Vec<u64>>,
    starts_from: Range<NaiveDateTime>,
    ends_at: Range<NaiveDateTime>,
    updated_at: Range<NaiveDateTime>,
}

impl Filter {
    fn read(state: &State, listing: &Listing) -> Result<Self, Problem> {
        let range = |name: &str| Range::read(listing, name, any_clock).ok_or_else(|| Problem::parameter(name));
        let uuids = &state.world.uuids;
        // Ids that name nothing match nothing.
        let numbers = |name: &str, number: &dyn Fn(&str) -> Option<u64>| {
            listing.several(name).map(|ids| ids.into_iter().filter_map(number).collect())
        };
        Ok(Self {
            people: numbers("person.id", &|id| id.parse().ok()),
            types: numbers("absence_type.id", &|id| uuids.number(Thing::AbsenceType, id)),
            starts_from: range("starts_from.date_time")?,
            ends_at: range("ends_at.date_time")?,
            updated_at: range("updated_at")?,
        })
    }

    fn takes(&self, state: &State, absence: &Absence) -> bool {
        let Self { people, types, starts_from, ends_at, updated_at } = self;
        let is_one_of = |ids: &Option<Vec<u64>>, id| ids.as_ref().is_none_or(|ids| ids.contains(&id));
        if !is_one_of(people, absence.employee_id) || !is_one_of(types, absence.time_off_type_id) {
            return false;
        }
        let span = Span::of(state, absence);
        // What has no end ends after every bound.
        let end = span.end.unwrap_or(NaiveDateTime::MAX);
        starts_from.takes(span.start) && ends_at.takes(end) && updated_at.takes(local(absence.updated_at))
    }
}

#[cfg(test)]
mod tests;
