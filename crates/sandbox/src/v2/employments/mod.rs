//! Employments: each person has one. Organisational units stand in it by their ids alone.

mod shape;
mod write;

use crate::answer::Answer;
use crate::people::{Person, Thing};
use crate::state::State;

use super::filter::{Range, moment};
use super::list::{Listing, TEN};
use super::persons::find;
use super::problem::Problem;
use super::{Call, Outcome};

use shape::shape;

pub(super) use write::{change, org_unit_kind, read};

pub(super) fn list(state: &State, call: &Call<'_>, person: &str) -> Outcome {
    let person = find(state, person)?;
    let listing = Listing::read(call, TEN)?;
    let range = Range::read(&listing, "updated_at", moment).ok_or_else(|| Problem::parameter("updated_at"))?;
    let id = state.world.uuids.of(Thing::Employment, person.id);
    let is_meant = listing.several("id").is_none_or(|ids| ids.contains(&id.as_str()));
    let matching = (is_meant && range.takes(person.modified_at)).then_some(person);
    let scene = state.scene(Some(call.holder));
    let page = listing.cut(matching.into_iter(), |person| person.id);
    Ok(page.answer(call, |person| shape(&scene, &call.origin, person)))
}

pub(super) fn get(state: &State, call: &Call<'_>, person: &str, id: &str) -> Outcome {
    let person = find_of(state, person, id)?;
    Ok(Answer::json(200, &shape(&state.scene(Some(call.holder)), &call.origin, person)))
}

/// The person whose employment this is.
fn find_of<'a>(state: &'a State, person: &str, id: &str) -> Result<&'a Person, Problem> {
    let person = find(state, person)?;
    let is_theirs = state.world.uuids.number(Thing::Employment, id) == Some(person.id);
    is_theirs.then_some(person).ok_or(Problem::NotFound)
}

#[cfg(test)]
mod tests;
