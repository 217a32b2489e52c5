//! The values of one generated person. Who supervises whom and who has left is decided in `generator`.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, Months, NaiveDate};
use serde_json::{Value, json};

use crate::seed::Dice;

use super::catalogue::{
    BADGE, BIRTHDAY, BONUS, Catalogue, EMERGENCY, IBAN, INSURANCE, INSURERS, LANGUAGES, NOTES, PERMIT, PROFILE, SHIRT,
    SHIRTS, TAX_ID, TONGUES,
};
use super::names;
use super::org::{DEPARTMENTS, Organisation, Unit};
use super::records::TimeOffType;

/// What is decided before the values: the place in the tree and the phase of employment.
pub(crate) struct Outline {
    pub(crate) index: usize,
    pub(crate) status: &'static str,
    pub(crate) supervisor: Option<u64>,
    pub(crate) department: usize,
    pub(crate) team: Option<usize>,
    pub(crate) hired: NaiveDate,
    pub(crate) left: Option<NaiveDate>,
}

/// What the values are made from.
pub(crate) struct Source<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) types: &'a [TimeOffType],
}

pub(crate) type Values = BTreeMap<String, Value>;

/// Values of a person, the e-mail address still empty, and the part of the address before the `@`.
pub(crate) fn values(source: &Source<'_>, outline: &Outline, dice: &mut Dice) -> (Values, String) {
    let (first, first_ascii, gender) = *dice.pick(&names::FIRST);
    let (last, last_ascii) = *dice.pick(&names::LAST);
    let mut values = Vec::with_capacity(source.catalogue.iter().count());
    let mut put = |key: &str, value: Value| values.push((key.to_owned(), value));
    put("first_name", first.into());
    put("last_name", last.into());
    put("preferred_name", if dice.percent(20) { format!("{} {last}", shortened(first)).into() } else { Value::Null });
    put("gender", if dice.percent(10) { Value::Null } else { gender.into() });
    put("status", outline.status.into());
    put("position", position(outline, dice));
    put("supervisor", outline.supervisor.map_or(Value::Null, Value::from));
    employment(outline, dice, &mut put);
    units(source, outline, dice, &mut put);
    pay(source, outline, dice, &mut put);
    custom(source.catalogue, outline, dice, &mut put, &format!("{first_ascii}-{last_ascii}"));
    put("email", Value::Null);
    // Made at once, the map has full nodes.
    (values.into_iter().collect(), format!("{first_ascii}.{last_ascii}"))
}

fn shortened(name: &str) -> &str {
    name.split(['-', ' ']).next().unwrap_or(name)
}

fn position(outline: &Outline, dice: &mut Dice) -> Value {
    match (outline.index, DEPARTMENTS.get(outline.department)) {
        (0, _) => "Geschäftsführerin".into(),
        (1..=8, Some((name, _))) => format!("Leitung {name}").into(),
        _ if dice.percent(6) => Value::Null,
        (_, Some((_, positions))) => (*dice.pick(positions)).into(),
        (_, None) => Value::Null,
    }
}

/// The weekly hours: every sixth person works part time.
fn hours(index: usize) -> f64 {
    match index {
        i if i % 12 == 5 => 16.0,
        i if i % 24 == 4 => 19.25,
        i if i % 6 == 4 => [20.0, 24.0, 30.0, 32.0].get(index / 6 % 4).copied().unwrap_or(30.0),
        i if i % 7 == 3 => 38.5,
        _ => 40.0,
    }
}

/// Whole numbers without a fraction, as the vendor writes them.
#[expect(clippy::cast_possible_truncation, reason = "weekly hours and salaries are far below 2^53")]
pub(crate) fn number(value: f64) -> Value {
    if value.fract() == 0.0 { Value::from(value as i64) } else { Value::from(value) }
}

fn employment(outline: &Outline, dice: &mut Dice, put: &mut impl FnMut(&str, Value)) {
    let external = outline.index % 12 == 5;
    put("employment_type", if external { "external" } else { "internal" }.into());
    put("weekly_working_hours", number(hours(outline.index)));
    put("hire_date", date(outline.hired));
    let limited = external || dice.percent(8);
    put("contract_end_date", if limited { date(outline.hired + Months::new(36)) } else { Value::Null });
    put("probation_period_end", if dice.percent(70) { date(outline.hired + Months::new(6)) } else { Value::Null });
    let Some(left) = outline.left else { return };
    put("termination_date", date(left));
    put("termination_type", if dice.percent(80) { "employee".into() } else { "employer".into() });
    put("termination_reason", if dice.percent(50) { "Umzug, beruflich".into() } else { Value::Null });
    let unused_days = u64::try_from(dice.between(0, 12)).unwrap_or_default();
    put("last_working_day", date(left - Days::new(unused_days)));
}

fn units(source: &Source<'_>, outline: &Outline, dice: &mut Dice, put: &mut impl FnMut(&str, Value)) {
    let organisation = source.organisation;
    let department = organisation.departments.get(outline.department).filter(|_| outline.index > 0);
    put("department", department.map_or(Value::Null, Unit::value));
    let team = outline.team.and_then(|team| organisation.teams.get(team));
    put("team", team.map_or(Value::Null, Unit::value));
    let office = usize::try_from(dice.between(0, 6)).unwrap_or_default();
    // The seventh choice is somebody who works from nowhere in particular.
    put("office", organisation.offices.get(office).map_or(Value::Null, Unit::value));
    put("holiday_calendar", organisation.calendar(if office < 6 { office } else { 1 }));
    let subcompany = match office {
        3 => 1,
        4 => 2,
        _ => 0,
    };
    put("subcompany", organisation.subcompanies.get(subcompany).map_or(Value::Null, Unit::value));
    let share = |place: usize, percentage: i64| {
        organisation
            .cost_centers
            .get(place)
            .map_or(Value::Null, |unit| json!({"id": unit.id, "name": unit.name, "percentage": percentage}))
    };
    let center = outline.department % 5;
    put(
        "cost_centers",
        match dice.between(0, 9) {
            0 => json!([]),
            1 | 2 => json!([share(center, 70), share((center + 1) % 5, 30)]),
            3 => json!([share(center, 50), share((center + 1) % 5, 30), share((center + 2) % 5, 20)]),
            _ => json!([share(center, 100)]),
        },
    );
    put("work_schedule", organisation.schedule(hours(outline.index)));
}

fn pay(source: &Source<'_>, outline: &Outline, dice: &mut Dice, put: &mut impl FnMut(&str, Value)) {
    if outline.index % 12 == 5 {
        put(
            "hourly_salary",
            json!(dice.between(1_300, 2_400)).as_f64().map_or(Value::Null, |cents| number(cents / 100.0)),
        );
        put("fix_salary", Value::Null);
        put("fix_salary_interval", Value::Null);
    } else {
        let yearly = dice.percent(15);
        put("fix_salary", json!(if yearly { dice.between(36, 140) * 1_000 } else { dice.between(2_400, 11_900) }));
        put("fix_salary_interval", if yearly { "yearly" } else { "monthly" }.into());
        put("hourly_salary", json!(0));
    }
    let entitlement = |kind: &TimeOffType, days: i64| json!({"id": kind.id, "name": kind.name, "category": kind.category, "entitlement": days});
    let vacation = source.types.first().map(|kind| entitlement(kind, dice.between(24, 32)));
    let special = source.types.last().filter(|_| outline.index.is_multiple_of(5)).map(|kind| entitlement(kind, 2));
    put("absence_entitlement", vacation.into_iter().chain(special).collect());
}

fn custom(catalogue: &Catalogue, outline: &Outline, dice: &mut Dice, put: &mut impl FnMut(&str, Value), slug: &str) {
    let mut set = |label: &str, value: Value| put(catalogue.custom_key(label), value);
    set(IBAN, iban(dice).into());
    let age_days = u64::try_from(dice.between(20 * 365, 64 * 365)).unwrap_or_default();
    set(BIRTHDAY, date(outline.hired - Days::new(age_days)));
    set(SHIRT, if dice.percent(15) { Value::Null } else { (*dice.pick(&SHIRTS)).into() });
    let spoken: Vec<&str> = TONGUES.iter().copied().filter(|_| dice.percent(35)).collect();
    set(LANGUAGES, if spoken.is_empty() { Value::Null } else { spoken.into() });
    // 030 23125 xxx is kept free for fiction by the German regulator.
    let (contact, ..) = *dice.pick(&names::FIRST);
    set(EMERGENCY, format!("{contact}, +49 30 23125 {}", dice.digits(3)).into());
    set(INSURANCE, if dice.percent(5) { Value::Null } else { (*dice.pick(&INSURERS)).into() });
    set(TAX_ID, format!("{}{}", dice.between(1, 9), dice.digits(10)).into());
    set(
        BONUS,
        if dice.percent(10) {
            number(500.5 * f64::from(u8::try_from(dice.between(1, 9)).unwrap_or(1)))
        } else {
            Value::Null
        },
    );
    set(PROFILE, if dice.percent(60) { format!("https://linkedin.example/in/{slug}").into() } else { Value::Null });
    set(BADGE, json!(1_000 + outline.index * 3));
    set(
        NOTES,
        match dice.between(0, 9) {
            0 => "Erste Zeile\nZweite Zeile mit \"Anführung\" und Schrägstrich \\\r\n\tEingerückt: 50 % – ⌚".into(),
            1 => "Langer Vermerk. ".repeat(120).into(),
            _ => Value::Null,
        },
    );
    set(PERMIT, if dice.percent(12) { date(outline.hired + Months::new(48)) } else { Value::Null });
}

/// An account number with valid check digits at a bank that does not exist.
fn iban(dice: &mut Dice) -> String {
    let account = format!("99999999{}", dice.digits(10));
    // D = 13, E = 14: ISO 13616 moves the country and "00" to the end and takes the remainder by 97.
    let remainder =
        format!("{account}131400").bytes().fold(0_u32, |sum, digit| (sum * 10 + u32::from(digit - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

pub(crate) fn date(day: NaiveDate) -> Value {
    format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()).into()
}
