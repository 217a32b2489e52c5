//! From when to when an absence lasts.

use chrono::{Days, NaiveDateTime, NaiveTime, TimeDelta};

use crate::people::Absence;
use crate::state::State;

/// Which half of a day an edge is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    First,
    Second,
}

impl Half {
    /// An absence whose first day counts half begins with its second half.
    pub(super) const fn of_start(is_half: bool) -> Self {
        if is_half { Self::Second } else { Self::First }
    }

    /// An absence whose last day counts half ends with its first half.
    pub(super) const fn of_end(is_half: bool) -> Self {
        if is_half { Self::First } else { Self::Second }
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        match text {
            "FIRST_HALF" => Some(Self::First),
            "SECOND_HALF" => Some(Self::Second),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::First => "FIRST_HALF",
            Self::Second => "SECOND_HALF",
        }
    }
}

/// A start, and an end that is not part of it; without one it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: NaiveDateTime,
    pub(super) end: Option<NaiveDateTime>,
}

impl Span {
    /// What version 2 shows: midnights, but for absences whose hours are known.
    pub(super) fn of(state: &State, absence: &Absence) -> Self {
        let extras = &state.changes.v2;
        if let Some((start, end)) = extras.hours.get(&absence.id).copied()
            && start.date() == absence.start_date
            && last_day(end) == absence.end_date
        {
            return Self { start, end: Some(end) };
        }
        let start = absence.start_date.and_time(NaiveTime::MIN);
        if extras.open_ended.contains(&absence.id) && absence.start_date == absence.end_date {
            return Self { start, end: None };
        }
        Self { start, end: Some((absence.end_date + Days::new(1)).and_time(NaiveTime::MIN)) }
    }

    /// Whether both hold some time.
    pub(super) fn overlaps(self, other: Self) -> bool {
        let ends_after = |end: Option<NaiveDateTime>, start| end.is_none_or(|end| end > start);
        ends_after(self.end, other.start) && ends_after(other.end, self.start)
    }

    /// Narrowed by its half days: they change at noon.
    pub(super) fn narrowed(self, start: Half, end: Half) -> Self {
        let noon = TimeDelta::hours(12);
        Self {
            start: if start == Half::Second { self.start + noon } else { self.start },
            end: self.end.map(|at| if end == Half::First { at - noon } else { at }),
        }
    }
}

/// The last day that a span with this end has a part of.
pub(super) fn last_day(end: NaiveDateTime) -> chrono::NaiveDate {
    (end - TimeDelta::seconds(1)).date()
}
