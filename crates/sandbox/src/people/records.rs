//! Absences and attendances, with the types a person may be absent for.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use serde::{Deserialize, Serialize};

use crate::seed::{Dice, Seed};

use super::Person;

/// A reason to be absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TimeOffType {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) approval_required: bool,
}

impl TimeOffType {
    pub(crate) fn all(seed: &Seed) -> Vec<Self> {
        let first = 20_000 + seed.number("time-off-types", 700_000);
        let ids = (0_u64..).map(|index| first + index * 11);
        let rows = [
            ("Paid vacation", "paid_vacation", "day", true),
            ("Sick days", "sick_leave", "day", false),
            ("Home office", "offsite_work", "day", false),
            ("Elternzeit", "maternity_parental_leave", "day", true),
            ("Unpaid vacation", "unpaid_vacation", "day", true),
            ("Kind krank", "child_care", "hour", false),
            ("Sonderurlaub", "other", "day", true),
        ];
        let types = rows.into_iter().zip(ids);
        types
            .map(|((name, category, unit, approval_required), id)| Self { id, name, category, unit, approval_required })
            .collect()
    }
}

/// An absence in whole or half days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Absence {
    /// Its number.
    pub id: u64,
    /// Who is absent.
    pub employee_id: u64,
    /// Why, as the number of a type.
    pub time_off_type_id: u64,
    /// The first day.
    pub start_date: NaiveDate,
    /// The last day.
    pub end_date: NaiveDate,
    /// Whether the first day counts half.
    pub half_day_start: bool,
    /// Whether the last day counts half.
    pub half_day_end: bool,
    /// Working days, with halves.
    pub days_count: f64,
    /// `approved`, `pending` or `rejected`.
    pub status: String,
    /// What the person wrote.
    pub comment: Option<String>,
    /// `not-required`, `required` or `sent`.
    pub certificate: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A span of work on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendance {
    /// Its number.
    pub id: u64,
    /// Who worked.
    pub employee_id: u64,
    /// The day.
    pub date: NaiveDate,
    /// When it began, `HH:MM`.
    pub start_time: String,
    /// When it ended; `None` while it runs.
    pub end_time: Option<String>,
    /// The break in minutes.
    #[serde(rename = "break")]
    pub break_minutes: u32,
    /// What the person wrote.
    pub comment: Option<String>,
    /// `confirmed`, `pending` or `rejected`.
    pub status: String,
    /// What it was for.
    pub project: Option<Project>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A project that time is booked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// Counts Monday to Friday, less the halves.
pub(crate) fn days_count(start: NaiveDate, end: NaiveDate, half_start: bool, half_end: bool) -> f64 {
    let days = start.iter_days().take_while(|day| *day <= end).filter(|day| !is_weekend(*day));
    let whole: f64 = days.map(|_| 1.0).sum();
    let half = |is: bool| if is { 0.5 } else { 0.0 };
    (whole - half(half_start) - half(half_end)).max(0.0)
}

/// Absences of one person in equal slices around `anchor`, so that none overlaps another.
pub(crate) fn absences(
    seed: &Seed,
    person: &Person,
    place: u64,
    n: usize,
    anchor: NaiveDate,
    types: &[TimeOffType],
) -> Vec<Absence> {
    let mut dice = seed.dice("absences", place);
    // Who has left cannot be absent afterwards.
    let span: i64 = if person.text("status") == "inactive" { 170 } else { 300 };
    let slices = i64::try_from(n.max(1)).unwrap_or(1);
    let first_id = 100_000 + seed.number("absence-ids", 5_000_000) + place * (n as u64).max(100);
    let start_of_span = anchor - Days::new(180);
    let make = |(slice, id): (i64, u64)| {
        let length = *dice.pick(&[0, 0, 1, 2, 4, 11]);
        let slice_start = span * slice / slices;
        let room = (span / slices - 12).max(0);
        let start = weekday_from(start_of_span + Days::new((slice_start + dice.between(0, room)).unsigned_abs()));
        let end = weekday_before(start + Days::new(length)).max(start);
        let kind = types.get(*dice.pick(&[0_usize, 1, 0, 2, 0, 1, 6, 4, 5, 3]));
        let half_day_start = dice.percent(15);
        let half_day_end = start != end && dice.percent(15);
        let made = at(start.min(anchor) - Days::new(dice.between(1, 40).unsigned_abs()), &mut dice);
        Absence {
            id,
            employee_id: person.id,
            time_off_type_id: kind.map_or(0, |kind| kind.id),
            start_date: start,
            end_date: end,
            half_day_start,
            half_day_end,
            days_count: days_count(start, end, half_day_start, half_day_end),
            status: if dice.percent(92) { "approved" } else { "pending" }.to_owned(),
            comment: dice.percent(20).then(|| "Brückentag – danke für die Vertretung!".to_owned()),
            certificate: if kind.is_some_and(|kind| kind.category == "sick_leave") {
                "required"
            } else {
                "not-required"
            }
            .to_owned(),
            created_at: made,
            updated_at: made + TimeDelta::minutes(dice.between(0, 600)),
        }
    };
    (0..slices).zip(first_id..).take(n).map(make).collect()
}

/// Attendances on the last working days up to `anchor`.
pub(crate) fn attendances(
    seed: &Seed,
    person: &Person,
    place: u64,
    n: usize,
    anchor: NaiveDate,
    today: NaiveDate,
) -> Vec<Attendance> {
    let mut dice = seed.dice("attendances", place);
    let first_id = 6_000_000 + seed.number("attendance-ids", 50_000_000) + place * (n as u64).max(100);
    let project_id = 300 + seed.number("projects", 5_000);
    let days = (1..).map(|back| anchor - Days::new(back)).filter(|day| !is_weekend(*day));
    let make = |(day, id): (NaiveDate, u64)| {
        let start = 7 * 60 + dice.between(0, 12) * 15;
        let minutes =
            if person.get("weekly_working_hours").as_f64().is_some_and(|hours| hours < 30.0) { 240 } else { 480 };
        let pause = u32::try_from(*dice.pick(&[0_i64, 30, 45, 60])).unwrap_or_default();
        let end = start + minutes + i64::from(pause);
        let project = dice.percent(30).then(|| Project { id: project_id, name: "Umzug Rechenzentrum".to_owned() });
        Attendance {
            id,
            employee_id: person.id,
            date: day,
            start_time: clock(start),
            end_time: Some(clock(end)),
            break_minutes: pause,
            comment: dice.percent(15).then(|| "Kundentermin".to_owned()),
            status: "confirmed".to_owned(),
            project,
            updated_at: at(day.min(today), &mut dice) + TimeDelta::hours(6),
        }
    };
    days.zip(first_id..).take(n).map(make).collect()
}

fn clock(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

fn at(day: NaiveDate, dice: &mut Dice) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(dice.between(6 * 3_600, 16 * 3_600))
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

fn weekday_from(day: NaiveDate) -> NaiveDate {
    day.iter_days().find(|day| !is_weekend(*day)).unwrap_or(day)
}

fn weekday_before(day: NaiveDate) -> NaiveDate {
    day.iter_days().rev().find(|day| !is_weekend(*day)).unwrap_or(day)
}
