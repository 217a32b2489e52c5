//! Types of absence: UUIDs here, which version 1 tells beside its numbers as `id_v2`.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::people::{Thing, TimeOffType};
use crate::state::State;

use super::list::{HUNDRED, Listing};
use super::problem::Problem;
use super::{Call, Outcome};

pub(super) fn list(state: &State, call: &Call<'_>) -> Outcome {
    let listing = Listing::read(call, HUNDRED)?;
    Ok(listing.cut(state.world.types.iter(), |kind| kind.id).answer(call, |kind| shape(state, kind)))
}

pub(super) fn get(state: &State, id: &str) -> Outcome {
    Ok(Answer::json(200, &shape(state, find(state, id).ok_or(Problem::NotFound)?)))
}

/// The type with this UUID.
pub(super) fn find<'a>(state: &'a State, id: &str) -> Option<&'a TimeOffType> {
    state.world.uuids.number(Thing::AbsenceType, id).and_then(|number| state.world.time_off_type(number))
}

/// Whether absences of this type have hours instead of days.
pub(super) fn is_hourly(kind: &TimeOffType) -> bool {
    kind.unit == "hour"
}

fn shape(state: &State, kind: &TimeOffType) -> Value {
    let unit = if is_hourly(kind) { "HOURLY" } else { "DAILY" };
    json!({"id": state.world.uuids.of(Thing::AbsenceType, kind.id), "name": kind.name, "unit": unit})
}
