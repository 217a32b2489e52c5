//! What a request changes, noted as it was before, and the events that follow.
//!
//! The vendor tells ids and nothing else, and not of every change: of persons their own attributes and the company's, of
//! employments what its reference of employments lists, of absences state and time. Its pages (event catalogue, read 2026-11-23)
//! leave the members of a payload open: they are spelled here as in its other answers, `{id, person: {id}}`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::people::{Absence, Attendance, Person, Thing};
use crate::state::State;
use crate::v2;

/// Attributes of a person, beside the company's own.
const OF_PERSON: [&str; 5] = ["first_name", "last_name", "preferred_name", "email", "gender"];
/// Attributes of an employment, beside its cost centres.
const OF_EMPLOYMENT: [&str; 15] = [
    "status",
    "weekly_working_hours",
    "probation_period_end",
    "hire_date",
    "contract_end_date",
    "termination_date",
    "termination_type",
    "termination_reason",
    "last_working_day",
    "employment_type",
    "position",
    "supervisor",
    "office",
    "department",
    "team",
];
const LEGAL_ENTITY: &str = "subcompany";

/// Changed records as they were at first; none is one that was not there.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    people: BTreeMap<u64, Option<Person>>,
    absences: BTreeMap<u64, Option<Absence>>,
    attendances: BTreeMap<u64, Option<Attendance>>,
}

impl Journal {
    pub(crate) fn person(&mut self, id: u64, before: Option<&Person>) {
        self.people.entry(id).or_insert_with(|| before.cloned());
    }

    pub(crate) fn absence(&mut self, id: u64, before: Option<&Absence>) {
        self.absences.entry(id).or_insert_with(|| before.cloned());
    }

    pub(crate) fn attendance(&mut self, id: u64, before: Option<&Attendance>) {
        self.attendances.entry(id).or_insert_with(|| before.cloned());
    }

    /// What is told of the changes.
    pub(super) fn events(&self, state: &State) -> Vec<(&'static str, Value)> {
        let Self { people, absences, attendances } = self;
        let mut events = Vec::new();
        for (id, before) in people {
            of_person(state, *id, before.as_ref(), state.world.people.get(id), &mut events);
        }
        for (id, before) in absences {
            of_absence(state, *id, before.as_ref(), state.world.absences.get(id), &mut events);
        }
        for (id, before) in attendances {
            of_attendance(state, before.as_ref(), state.world.attendances.get(id), &mut events);
        }
        events
    }
}

type Events = Vec<(&'static str, Value)>;

fn of_person(state: &State, id: u64, before: Option<&Person>, after: Option<&Person>, events: &mut Events) {
    let person = json!({"id": id.to_string()});
    let employment = json!({"id": state.world.uuids.of(Thing::Employment, id), "person": person});
    match (before, after) {
        (None, Some(_)) => {
            events.push(("person.created", person));
            events.push(("employment.created", employment));
        }
        (Some(_), None) => {
            events.push(("employment.deleted", employment));
            events.push(("person.deleted", person));
        }
        (Some(before), Some(after)) => {
            let differs = |key: &str| before.get(key) != after.get(key);
            let keys = before.attributes.keys().chain(after.attributes.keys());
            let own = keys.filter(|key| key.starts_with("dynamic_")).any(|key| differs(key));
            if own || OF_PERSON.into_iter().any(differs) {
                events.push(("person.updated", person));
            }
            if OF_EMPLOYMENT.into_iter().any(differs) || differs(LEGAL_ENTITY) {
                events.push(("employment.updated", employment.clone()));
            }
            if differs("cost_centers") {
                events.push(("employment.updated.cost-centers", employment));
            }
        }
        (None, None) => {}
    }
}

fn of_absence(state: &State, id: u64, before: Option<&Absence>, after: Option<&Absence>, events: &mut Events) {
    let Some(shown) = after.or(before) else { return };
    let id = state.world.uuids.of(Thing::AbsencePeriod, id);
    let payload = json!({"id": id, "person": {"id": shown.employee_id.to_string()}});
    match (before, after) {
        (None, Some(_)) => events.push(("absence-period.created", payload)),
        (Some(_), None) => events.push(("absence-period.deleted", payload)),
        (Some(before), Some(after)) => {
            if before.status != after.status {
                events.push(("absence-period.updated.status", payload.clone()));
            }
            let time = |one: &Absence| (one.start_date, one.end_date, one.half_day_start, one.half_day_end);
            if time(before) != time(after) {
                events.push(("absence-period.updated.timerange", payload));
            }
        }
        (None, None) => {}
    }
}

/// An attendance is told of as its periods.
fn of_attendance(state: &State, before: Option<&Attendance>, after: Option<&Attendance>, events: &mut Events) {
    let Some(shown) = after.or(before) else { return };
    let periods = |one: Option<&Attendance>| one.map(|one| v2::period_ids(state, one)).unwrap_or_default();
    let payload = |id: &String| json!({"id": id, "person": {"id": shown.employee_id.to_string()}});
    let (old, new) = (periods(before), periods(after));
    for id in &new {
        if !old.contains(id) {
            events.push(("attendance-period.created", payload(id)));
        } else if before != after {
            events.push(("attendance-period.updated", payload(id)));
        }
    }
    for id in old.iter().filter(|id| !new.contains(id)) {
        events.push(("attendance-period.deleted", payload(id)));
    }
}
