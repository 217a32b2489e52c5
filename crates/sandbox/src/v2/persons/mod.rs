//! Persons: the list with its filters, one, and their removal.

mod shape;
mod write;

use chrono::{DateTime, Utc};

use crate::answer::Answer;
use crate::people::Person;
use crate::state::State;

use super::filter::{Range, moment};
use super::list::{Listing, TEN};
use super::problem::Problem;
use super::{Call, Outcome, no_content};

pub(super) use shape::{is_shown, shape};
pub(super) use write::{change, create};

/// Finds somebody by the id in a path.
pub(super) fn find<'a>(state: &'a State, id: &str) -> Result<&'a Person, Problem> {
    id.parse().ok().and_then(|id: u64| state.world.people.get(&id)).ok_or(Problem::NotFound)
}

pub(super) fn list(state: &State, call: &Call<'_>) -> Outcome {
    let listing = Listing::read(call, TEN)?;
    let filter = Filter::read(&listing)?;
    let scene = state.scene(Some(call.holder));
    let people = state.world.people.range(listing.first_key()..).map(|(_, person)| person);
    let matching = people.filter(|person| filter.takes(person));
    let page = listing.cut(matching, |person| person.id);
    Ok(page.answer(call, |person| shape(&scene, &call.origin, person)))
}

pub(super) fn get(state: &State, call: &Call<'_>, id: &str) -> Outcome {
    let person = find(state, id)?;
    Ok(Answer::json(200, &shape(&state.scene(Some(call.holder)), &call.origin, person)))
}

pub(super) fn remove(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let id = find(state, id)?.id;
    state.remove_person(id, call.now)?;
    Ok(no_content())
}

/// Whether somebody counts as active: on leave and still to come are active too.
fn is_active(person: &Person) -> bool {
    person.text("status") != "inactive"
}

struct Filter {
    ids: Option<Vec<String>>,
    emails: Option<Vec<String>>,
    texts: Vec<(&'static str, String)>,
    created_at: Range<DateTime<Utc>>,
    updated_at: Range<DateTime<Utc>>,
    status: Option<Status>,
}

#[derive(PartialEq, Eq)]
enum Status {
    Active,
    Inactive,
}

impl Filter {
    fn read(listing: &Listing) -> Result<Self, Problem> {
        let range = |name: &str| Range::read(listing, name, moment).ok_or_else(|| Problem::parameter(name));
        let several = |name| listing.several(name).map(|all| all.into_iter().map(str::to_owned).collect());
        let names = ["first_name", "last_name", "preferred_name"];
        Ok(Self {
            ids: several("id"),
            emails: several("email"),
            texts: names.iter().filter_map(|name| Some((*name, listing.filter(name)?.to_owned()))).collect(),
            created_at: range("created_at")?,
            updated_at: range("updated_at")?,
            status: match listing.filter("status") {
                None => None,
                Some("ACTIVE") => Some(Status::Active),
                Some("INACTIVE") => Some(Status::Inactive),
                Some(_) => return Err(Problem::parameter("status")),
            },
        })
    }

    fn takes(&self, person: &Person) -> bool {
        let Self { ids, emails, texts, created_at, updated_at, status } = self;
        let id = person.id.to_string();
        let email = person.text("email");
        ids.as_ref().is_none_or(|ids| ids.contains(&id))
            && emails.as_ref().is_none_or(|emails| emails.iter().any(|one| one.eq_ignore_ascii_case(email)))
            && texts.iter().all(|(key, wanted)| person.text(key) == wanted)
            && created_at.takes(person.created_at)
            && updated_at.takes(person.modified_at)
            && status.as_ref().is_none_or(|status| (*status == Status::Active) == is_active(person))
    }
}

#[cfg(test)]
mod tests;
