//! The generated company: same seed, same people; every shape a reader must cope with is there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value;

use crate::config::{Config, Dialect};

use super::*;

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 15).unwrap()
}

fn world(people: usize, seed: u64) -> World {
    World::generate(&Config::new(people, seed), today())
}

fn snapshots(world: &World) -> Vec<Value> {
    world.people.values().map(Person::snapshot).collect()
}

#[test]
fn the_same_seed_makes_the_same_company() {
    let (one, two) = (world(250, 1), world(250, 1));
    assert_eq!(snapshots(&one), snapshots(&two));
    assert_eq!(one.absences, two.absences);
    assert_eq!(one.attendances, two.attendances);
    assert_ne!(snapshots(&one), snapshots(&world(250, 2)));
    let guide = World::generate(&Config::new(250, 1).with_dialect(Dialect::Guide), today());
    assert_eq!(snapshots(&one), snapshots(&guide));
}

#[test]
fn a_larger_company_has_the_same_first_people() {
    assert_eq!(snapshots(&world(40, 1)), snapshots(&world(90, 1))[..40]);
}

#[test]
fn custom_keys_belong_to_company_and_seed() {
    let keys = |company: &str, seed| -> Vec<String> {
        let config = Config { company: company.into(), ..Config::new(1, seed) };
        let world = World::generate(&config, today());
        world.catalogue.iter().filter(|a| a.is_custom()).map(|a| a.key.clone()).collect()
    };
    let acme = keys("Acme", 1);
    assert_eq!(acme.iter().collect::<BTreeSet<_>>().len(), 12);
    assert!(keys("Other", 1).iter().chain(&keys("Acme", 2)).all(|key| !acme.contains(key)));
}

#[test]
fn addresses_are_unique_and_reserved() {
    let world = world(2_000, 5);
    let addresses: BTreeSet<&str> = world.people.values().map(|person| person.text("email")).collect();
    assert_eq!(addresses.len(), 2_000);
    assert!(addresses.iter().all(|address| address.is_ascii() && address.ends_with("@acme.example")));
}

#[test]
fn every_phase_of_employment_and_oddity_is_there() {
    let world = world(250, 1);
    let mut statuses: BTreeMap<&str, usize> = BTreeMap::new();
    for person in world.people.values() {
        *statuses.entry(person.text("status")).or_default() += 1;
        let hired = person.text("hire_date").parse::<NaiveDate>().unwrap();
        assert_eq!(hired > today(), person.text("status") == "onboarding");
        assert!(person.text("status") != "inactive" || !person.get("termination_date").is_null());
        assert!(person.created_at <= person.modified_at && person.modified_at.date_naive() <= today());
    }
    assert_eq!(statuses, BTreeMap::from([("active", 220), ("inactive", 10), ("leave", 10), ("onboarding", 10)]));
    let any = |test: &dyn Fn(&Person) -> bool| world.people.values().any(test);
    assert!(any(&|p| p.text("last_name").contains('ü')));
    assert!(any(&|p| !p.text("last_name").chars().any(|c| c.is_ascii())));
    assert!(any(&|p| p.text("last_name").chars().count() > 60));
    assert!(any(&|p| p.get("weekly_working_hours").as_f64() == Some(19.25)));
    assert!(any(&|p| p.get("cost_centers").as_array().is_some_and(|c| c.len() == 3)));
    assert!(any(&|p| p.get("office").is_null()) && any(&|p| p.get("position").is_null()));
}

#[test]
fn supervisors_form_a_tree() {
    let world = world(250, 1);
    let roots = world.people.values().filter(|person| person.supervisor_id().is_none()).count();
    assert_eq!(roots, 1);
    for person in world.people.values() {
        let mut at = person;
        for _ in 0..5 {
            at = at.supervisor_id().map_or(at, |id| &world.people[&id]);
        }
        assert_eq!(at.supervisor_id(), None);
    }
}

#[test]
fn cost_centers_add_up() {
    for person in world(250, 1).people.values() {
        let centers = person.get("cost_centers").as_array().unwrap().clone();
        let sum: i64 = centers.iter().map(|center| center["percentage"].as_i64().unwrap()).sum();
        assert!(centers.is_empty() || sum == 100);
    }
}

#[test]
fn absences_and_attendances_lie_around_today_and_overlap_nothing() {
    let world = world(100, 1);
    assert_eq!((world.absences.len(), world.attendances.len()), (400, 800));
    let mut by_person: BTreeMap<u64, Vec<&Absence>> = BTreeMap::new();
    for absence in world.absences.values() {
        assert!((absence.start_date - today()).num_days().abs() < 400);
        assert!(absence.start_date <= absence.end_date && absence.updated_at.date_naive() <= today());
        by_person.entry(absence.employee_id).or_default().push(absence);
    }
    for absences in by_person.values_mut() {
        absences.sort_by_key(|absence| absence.start_date);
        assert!(absences.windows(2).all(|pair| pair[0].end_date < pair[1].start_date));
    }
    assert!(world.absences.values().any(|absence| absence.start_date > today()));
    assert!(world.attendances.values().all(|attendance| attendance.date < today()));
}

#[test]
fn ibans_have_valid_check_digits() {
    let world = world(20, 1);
    let key = world.catalogue.custom_key("IBAN").to_owned();
    for person in world.people.values() {
        let iban = person.text(&key);
        let moved = format!("{}1314{}", &iban[4..], &iban[2..4]);
        assert_eq!(moved.parse::<u128>().unwrap() % 97, 1);
    }
}
