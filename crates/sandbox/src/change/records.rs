//! Adding, changing and removing absences and attendances.

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound as _, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::people::{Absence, Attendance, Project, days_count};
use crate::state::State;

use super::{Rejected, fields};

/// Parental leave ends before this; counting the working days of a longer one would hold up everybody.
const LONGEST_DAYS: i64 = 5_000;

/// The fields of an absence that may be given; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AbsenceFields {
    employee_id: Option<u64>,
    time_off_type_id: Option<u64>,
    /// The type's name instead of its id.
    #[serde(rename = "type")]
    kind: Option<String>,
    start_date: Option<NaiveDate>,
    end_date: Option<NaiveDate>,
    half_day_start: Option<bool>,
    half_day_end: Option<bool>,
    status: Option<String>,
    comment: Option<String>,
}

/// The fields of an attendance that may be given; what is absent stays, and `null` empties.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttendanceFields {
    employee_id: Option<u64>,
    date: Option<NaiveDate>,
    start_time: Option<String>,
    #[serde(default)]
    end_time: Given<String>,
    #[serde(rename = "break")]
    break_minutes: Option<u32>,
    status: Option<String>,
    #[serde(default)]
    comment: Given<String>,
    #[serde(default)]
    project: Given<Project>,
}

/// A field that may be given, and given as `null`.
#[derive(Debug, Default)]
enum Given<T> {
    #[default]
    Nothing,
    Value(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Value)
    }
}

impl<T> Given<T> {
    /// What was given, or else what was there.
    fn or(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Nothing => before,
            Self::Value(value) => value,
        }
    }
}

impl State {
    /// Adds an absence; person and first day are required.
    pub(crate) fn add_absence(&mut self, body: &Value, now: DateTime<Utc>) -> Result<u64, Rejected> {
        let given: AbsenceFields = read(body)?;
        let now = now.trunc_subsecs(0);
        let start_date = given.start_date.ok_or_else(|| Rejected::invalid("start_date", "is required"))?;
        let absence = Absence {
            id: 0,
            employee_id: given.employee_id.ok_or_else(|| Rejected::invalid("employee_id", "is required"))?,
            time_off_type_id: self.world.types.first().map_or(0, |kind| kind.id),
            start_date,
            end_date: given.end_date.unwrap_or(start_date),
            half_day_start: false,
            half_day_end: false,
            days_count: 0.0,
            status: "approved".to_owned(),
            comment: None,
            certificate: "not-required".to_owned(),
            created_at: now,
            updated_at: now,
        };
        let mut absence = self.merged_absence(absence, given, now)?;
        absence.id = self.next_id(self.world.absences.keys().next_back().copied());
        Ok(self.keep_absence(absence))
    }

    /// Sets the given fields of an absence.
    pub(crate) fn change_absence(&mut self, id: u64, body: &Value, now: DateTime<Utc>) -> Result<(), Rejected> {
        let absence = self.world.absences.get(&id).cloned().ok_or(Rejected::NotFound { what: "absence", id })?;
        let absence = self.merged_absence(absence, read(body)?, now.trunc_subsecs(0))?;
        self.keep_absence(absence);
        Ok(())
    }

    /// Removes an absence, which the API then never mentions again.
    pub(crate) fn remove_absence(&mut self, id: u64) -> Result<(), Rejected> {
        let gone = self.world.absences.remove(&id).ok_or(Rejected::NotFound { what: "absence", id })?;
        self.hooks.journal().absence(id, Some(&gone));
        self.changes.absences.insert(id, None);
        Ok(())
    }

    fn merged_absence(&self, absence: Absence, given: AbsenceFields, now: DateTime<Utc>) -> Result<Absence, Rejected> {
        let type_id = match (given.time_off_type_id, given.kind) {
            (Some(id), _) => self.world.time_off_type(id).map(|kind| kind.id),
            (None, Some(name)) => self.world.types.iter().find(|kind| kind.name == name).map(|kind| kind.id),
            (None, None) => Some(absence.time_off_type_id),
        };
        let type_id = type_id.ok_or_else(|| {
            let known: Vec<_> = self.world.types.iter().map(|kind| format!("{} ({})", kind.name, kind.id)).collect();
            Rejected::invalid("type", format!("is not one of {}", known.join(", ")))
        })?;
        let merged = Absence {
            employee_id: given.employee_id.unwrap_or(absence.employee_id),
            time_off_type_id: type_id,
            start_date: given.start_date.unwrap_or(absence.start_date),
            end_date: given.end_date.unwrap_or(absence.end_date),
            half_day_start: given.half_day_start.unwrap_or(absence.half_day_start),
            half_day_end: given.half_day_end.unwrap_or(absence.half_day_end),
            status: one_of("status", given.status.unwrap_or(absence.status), &["approved", "pending", "rejected"])?,
            comment: given.comment.or(absence.comment),
            updated_at: now,
            ..absence
        };
        self.must_exist(merged.employee_id)?;
        four_digits("start_date", merged.start_date)?;
        four_digits("end_date", merged.end_date)?;
        if merged.end_date < merged.start_date {
            return Err(Rejected::invalid("end_date", "lies before start_date"));
        }
        if (merged.end_date - merged.start_date).num_days() > LONGEST_DAYS {
            return Err(Rejected::invalid("end_date", format!("lies more than {LONGEST_DAYS} days after start_date")));
        }
        let days = days_count(merged.start_date, merged.end_date, merged.half_day_start, merged.half_day_end);
        Ok(Absence { days_count: days, ..merged })
    }

    fn keep_absence(&mut self, absence: Absence) -> u64 {
        let id = absence.id;
        self.changes.absences.insert(id, Some(absence.clone()));
        let old = self.world.absences.insert(id, absence);
        self.hooks.journal().absence(id, old.as_ref());
        id
    }

    /// Adds an attendance; person and day are required.
    pub(crate) fn add_attendance(&mut self, body: &Value, now: DateTime<Utc>) -> Result<u64, Rejected> {
        let given: AttendanceFields = read(body)?;
        let now = now.trunc_subsecs(0);
        let attendance = Attendance {
            id: 0,
            employee_id: given.employee_id.ok_or_else(|| Rejected::invalid("employee_id", "is required"))?,
            date: given.date.ok_or_else(|| Rejected::invalid("date", "is required"))?,
            start_time: "09:00".to_owned(),
            end_time: None,
            break_minutes: 0,
            comment: None,
            status: "confirmed".to_owned(),
            project: None,
            updated_at: now,
        };
        let mut attendance = self.merged_attendance(attendance, given, now)?;
        attendance.id = self.next_id(self.world.attendances.keys().next_back().copied());
        Ok(self.keep_attendance(attendance))
    }

    /// Sets the given fields of an attendance.
    pub(crate) fn change_attendance(&mut self, id: u64, body: &Value, now: DateTime<Utc>) -> Result<(), Rejected> {
        let attendance =
            self.world.attendances.get(&id).cloned().ok_or(Rejected::NotFound { what: "attendance", id })?;
        let attendance = self.merged_attendance(attendance, read(body)?, now.trunc_subsecs(0))?;
        self.keep_attendance(attendance);
        Ok(())
    }

    /// Removes an attendance.
    pub(crate) fn remove_attendance(&mut self, id: u64) -> Result<(), Rejected> {
        let gone = self.world.attendances.remove(&id).ok_or(Rejected::NotFound { what: "attendance", id })?;
        self.hooks.journal().attendance(id, Some(&gone));
        self.changes.attendances.insert(id, None);
        Ok(())
    }

    fn merged_attendance(
        &self,
        attendance: Attendance,
        given: AttendanceFields,
        now: DateTime<Utc>,
    ) -> Result<Attendance, Rejected> {
        let merged = Attendance {
            employee_id: given.employee_id.unwrap_or(attendance.employee_id),
            date: given.date.unwrap_or(attendance.date),
            start_time: time_of_day("start_time", given.start_time.unwrap_or(attendance.start_time))?,
            end_time: match given.end_time.or(attendance.end_time) {
                Some(text) => Some(time_of_day("end_time", text)?),
                None => None,
            },
            break_minutes: given.break_minutes.unwrap_or(attendance.break_minutes),
            comment: given.comment.or(attendance.comment),
            status: one_of("status", given.status.unwrap_or(attendance.status), &["confirmed", "pending", "rejected"])?,
            project: given.project.or(attendance.project),
            updated_at: now,
            ..attendance
        };
        self.must_exist(merged.employee_id)?;
        four_digits("date", merged.date)?;
        Ok(merged)
    }

    /// Takes back an attendance that was just added.
    pub(crate) fn forget_attendance(&mut self, id: u64) {
        self.world.attendances.remove(&id);
        self.changes.attendances.remove(&id);
    }

    /// Puts an attendance in the place of the one with its number.
    pub(crate) fn keep_attendance(&mut self, attendance: Attendance) -> u64 {
        let id = attendance.id;
        self.changes.attendances.insert(id, Some(attendance.clone()));
        let old = self.world.attendances.insert(id, attendance);
        self.hooks.journal().attendance(id, old.as_ref());
        id
    }

    fn must_exist(&self, employee: u64) -> Result<(), Rejected> {
        if self.world.people.contains_key(&employee) {
            Ok(())
        } else {
            Err(Rejected::invalid("employee_id", format!("there is no person with the id {employee}")))
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &Value) -> Result<T, Rejected> {
    fields(body)?;
    T::deserialize(body).map_err(|error| Rejected::invalid("body", error.to_string()))
}

fn one_of(field: &str, text: String, options: &[&str]) -> Result<String, Rejected> {
    if options.contains(&text.as_str()) {
        Ok(text)
    } else {
        Err(Rejected::invalid(field, format!("must be one of {}", options.join(", "))))
    }
}

/// Days at the end of what can be counted have no next one.
fn four_digits(field: &str, day: NaiveDate) -> Result<(), Rejected> {
    if (1..=9998).contains(&chrono::Datelike::year(&day)) {
        Ok(())
    } else {
        Err(Rejected::invalid(field, "must be a day of a year with four digits"))
    }
}

fn time_of_day(field: &str, text: String) -> Result<String, Rejected> {
    if text.len() == 5 && NaiveTime::parse_from_str(&text, "%H:%M").is_ok() {
        Ok(text)
    } else {
        Err(Rejected::invalid(field, "must be a time written HH:MM"))
    }
}
