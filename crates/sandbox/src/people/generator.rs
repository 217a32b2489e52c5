//! Makes the company from its seed: the tree of supervisors, who works part time, who left and who is still to come.
//!
//! A person depends on the seed, the company and its place only, so a larger company has the same first people.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::Value;

use crate::config::Config;
use crate::cores;
use crate::seed::Seed;

use super::Person;
use super::attributes::{Outline, Source, values};
use super::catalogue::Catalogue;
use super::org::{DEPARTMENTS, Organisation};
use super::records::{self, Absence, Attendance, TimeOffType};
use super::uuids::Uuids;

/// How many people report to one.
const REPORTS: usize = 8;

/// Everything the API can tell.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) organisation: Organisation,
    pub(crate) catalogue: Catalogue,
    pub(crate) types: Vec<TimeOffType>,
    pub(crate) people: BTreeMap<u64, Person>,
    pub(crate) absences: BTreeMap<u64, Absence>,
    pub(crate) attendances: BTreeMap<u64, Attendance>,
    pub(crate) uuids: Uuids,
    /// The host of e-mail addresses, under the reserved `.example`.
    pub(crate) mail_host: String,
}

impl World {
    pub(crate) fn generate(config: &Config, today: NaiveDate) -> Self {
        let seed = config.seed();
        let mut world = Self {
            organisation: Organisation::new(&seed),
            catalogue: Catalogue::new(&seed),
            types: TimeOffType::all(&seed),
            people: BTreeMap::new(),
            absences: BTreeMap::new(),
            attendances: BTreeMap::new(),
            uuids: Uuids::new(seed.clone()),
            mail_host: format!("{}.example", slug(&config.company)),
        };
        let ids = person_ids(&seed, config.people);
        let mut generated = cores::map(&ids, |index, id| world.generated(config, &seed, index, *id, &ids, today));
        // Who comes first has the address without a number.
        let mut n_of_name = HashMap::new();
        for Generated { person, local, .. } in &mut generated {
            person.attributes.insert("email".to_owned(), address(local, &world.mail_host, &mut n_of_name).into());
        }
        // Maps made from sorted lists have full nodes: half the memory of ones that grew.
        world.absences = generated.iter_mut().flat_map(|one| one.absences.drain(..)).map(|one| (one.id, one)).collect();
        world.attendances =
            generated.iter_mut().flat_map(|one| one.attendances.drain(..)).map(|one| (one.id, one)).collect();
        world.people = generated.into_iter().map(|one| (one.person.id, one.person)).collect();
        world
    }

    fn generated(
        &self,
        config: &Config,
        seed: &Seed,
        index: usize,
        id: u64,
        ids: &[u64],
        today: NaiveDate,
    ) -> Generated {
        let (person, local, anchor) = self.person(seed, index, id, ids, today);
        let place = index as u64;
        let Config { absences_per_person, attendances_per_person, .. } = config;
        Generated {
            absences: records::absences(seed, &person, place, *absences_per_person, anchor, &self.types),
            attendances: records::attendances(seed, &person, place, *attendances_per_person, anchor, today),
            person,
            local,
        }
    }

    fn person(&self, seed: &Seed, index: usize, id: u64, ids: &[u64], today: NaiveDate) -> (Person, String, NaiveDate) {
        let mut dice = seed.dice("person", index as u64);
        let days = |n: i64| Days::new(n.unsigned_abs());
        let (status, hired, left) = match index % 25 {
            7 => {
                let left = today - days(dice.between(20, 200));
                ("inactive", left - days(dice.between(300, 2_500)), Some(left))
            }
            13 => ("onboarding", today + days(dice.between(5, 90)), None),
            19 => ("leave", today - days(dice.between(400, 4_000)), None),
            // Some have told that they will go.
            22 => ("active", today - days(dice.between(400, 4_000)), Some(today + days(dice.between(10, 80)))),
            _ => ("active", today - days(dice.between(210, 5_000)), None),
        };
        let supervisor = index.checked_sub(1).and_then(|below| ids.get(below / REPORTS)).copied();
        let (department, team) = place(index);
        let outline = Outline { index, status, supervisor, department, team, hired, left };
        let source = Source { organisation: &self.organisation, catalogue: &self.catalogue, types: &self.types };
        let (attributes, local) = values(&source, &outline, &mut dice);

        let created_at = moment(hired.min(today) - days(dice.between(1, 60)), &mut |low, high| dice.between(low, high));
        let age = (today - days(1)).signed_duration_since(created_at.date_naive()).num_days();
        let changed = today - days(1 + dice.between(0, age.clamp(0, 400)));
        let modified_at = moment(changed, &mut |low, high| dice.between(low, high)).max(created_at);
        let person = Person {
            id,
            attributes,
            created_at,
            modified_at,
            changed_at: BTreeMap::new(),
            first_modified_at: modified_at,
            has_picture: dice.percent(65),
        };
        let anchor = if status == "inactive" { left.unwrap_or(today) } else { today };
        (person, local, anchor)
    }

    /// The person whose address this is, without regard to case.
    pub(crate) fn by_email(&self, email: &str) -> Option<&Person> {
        self.people.values().find(|person| person.text("email").eq_ignore_ascii_case(email))
    }

    /// Everybody whose supervisor is `id`.
    pub(crate) fn reports(&self, id: u64) -> Vec<u64> {
        self.people.values().filter(|person| person.supervisor_id() == Some(id)).map(|person| person.id).collect()
    }

    pub(crate) fn time_off_type(&self, id: u64) -> Option<&TimeOffType> {
        self.types.iter().find(|kind| kind.id == id)
    }

    /// Approved days of one type in a year: those begun by `today`, and those still to come.
    pub(crate) fn days_taken(&self, person: u64, type_id: u64, year: i32, today: NaiveDate) -> (f64, f64) {
        let counted = self.absences.values().filter(|absence| {
            absence.employee_id == person
                && absence.time_off_type_id == type_id
                && absence.start_date.year() == year
                && absence.status == "approved"
        });
        counted.fold((0.0, 0.0), |(taken, planned), absence| {
            let is_begun = absence.start_date <= today;
            if is_begun { (taken + absence.days_count, planned) } else { (taken, planned + absence.days_count) }
        })
    }

    /// An attribute of a unit named by an administrator: a unit that exists, by name.
    pub(crate) fn unit_named(&self, kind: super::UnitKind, name: &str) -> Option<Value> {
        self.organisation.units(kind).iter().find(|unit| unit.name == name).map(super::Unit::value)
    }
}

/// One person with everything that is theirs, before the address is settled.
struct Generated {
    person: Person,
    /// The part of the address before the `@`.
    local: String,
    absences: Vec<Absence>,
    attendances: Vec<Attendance>,
}

/// The address of the next person of this name: names end in a letter, so a number makes it nobody else's.
fn address<'a>(local: &'a str, host: &str, n_of_name: &mut HashMap<&'a str, u32>) -> String {
    let n = n_of_name.entry(local).or_default();
    *n += 1;
    if *n == 1 { format!("{local}@{host}") } else { format!("{local}{n}@{host}") }
}

/// Department and team of a place: those of the heads above it.
fn place(index: usize) -> (usize, Option<usize>) {
    let mut path = Vec::new();
    let mut at = index;
    while at > 0 {
        path.push(at);
        at = (at - 1) / REPORTS;
    }
    let department = path.last().map_or(0, |head| (head - 1) % DEPARTMENTS.len());
    let second = path.len().checked_sub(2).and_then(|below| path.get(below));
    let team = second.filter(|_| !index.is_multiple_of(9)).map(|head| department * 3 + (head - 1) % 3);
    (department, team)
}

fn person_ids(seed: &Seed, n: usize) -> Vec<u64> {
    let first = 1_000_000 + seed.number("people", 8_000_000);
    (0..n as u64).map(|index| first + index * 7 + u64::from(seed.digest("person-id", index)[0] % 7)).collect()
}

fn moment(day: NaiveDate, between: &mut impl FnMut(i64, i64) -> i64) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(between(6 * 3_600, 17 * 3_600))
}

fn slug(company: &str) -> String {
    let letters: String =
        company.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = letters.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "company".to_owned() } else { words.join("-") }
}
