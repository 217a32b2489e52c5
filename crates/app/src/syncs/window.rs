//! Which days a run of a windowed stream reads: the whole window, or what a scheduled sweep takes of it.
//!
//! A sweep of the whole window every day would ask for years of days that hardly change. Scheduled sweeps read the last days,
//! and then one slice of the rest, so that all of it is swept once per cycle. Slices follow each other; the days that have
//! left the recent ones in the meantime were swept daily until then, and wait for the next cycle.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use gangway_domain::sync::{SyncRun, Window};
use gangway_storage::TenantTx;

use crate::{Ctx, Result};

/// A tenant's days around today.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar {
    zone: Tz,
    today: NaiveDate,
    /// Days back and ahead.
    reach: TimeDelta,
    /// Days back that are recent.
    recent: TimeDelta,
    /// In how many slices the rest is read.
    n_slices: i64,
}

impl Calendar {
    /// The tenant's, now.
    pub(super) async fn of(ctx: &Ctx, tx: &TenantTx) -> Result<Self> {
        let zone = tx.syncs().get_tenant().await?.time_zone;
        let settings = tx.settings().get().await?.settings;
        let reach = settings.window_days.unwrap_or(ctx.app().config.window_days);
        Ok(Self::at(ctx.app().now(), zone, reach, settings.sweep_recent_days, settings.sweep_cycle_days))
    }

    fn at(now: DateTime<Utc>, zone: Tz, reach: u32, recent: u32, cycle: u32) -> Self {
        Self {
            zone,
            today: now.with_timezone(&zone).date_naive(),
            reach: TimeDelta::days(reach.into()),
            recent: TimeDelta::days(recent.min(reach).into()),
            // Both sides of the recent days end with a shorter slice.
            n_slices: i64::from(cycle).saturating_sub(1).max(1),
        }
    }

    /// All the days that are read.
    pub(super) fn whole(&self) -> Window {
        Window { from: self.today - self.reach, to: self.today + self.reach }
    }

    /// The days that every sweep reads.
    pub(super) fn recent(&self) -> Window {
        Window { from: self.today - self.recent, to: self.today }
    }

    /// Whether a run that reads some of the days only reads the recent ones.
    pub(super) fn is_recent(&self, run: &SyncRun) -> bool {
        let day = self.day_of(run);
        run.window.is_some_and(|window| window.from <= day && day <= window.to)
    }

    /// The slice after the one that a run read; the first one without.
    pub(super) fn slice_after(&self, last: Option<&SyncRun>) -> Window {
        let (whole, recent) = (self.whole(), self.recent());
        let day = TimeDelta::days(1);
        let n_days = (recent.from - whole.from).num_days() + (whole.to - recent.to).num_days();
        let length = TimeDelta::days((n_days + self.n_slices - 1) / self.n_slices);
        let mut from = whole.from;
        // What the last one ended at, by the calendar of its day: the days that came since wait for the next cycle.
        if let Some((window, read_on)) = last.and_then(|run| Some((run.window?, self.day_of(run))))
            && window.to < whole.to - (self.today - read_on)
        {
            from = from.max(window.to + day);
            if from >= recent.from - (self.today - read_on) && from <= recent.to {
                from = recent.to + day;
            }
        }
        if from >= recent.from && from <= recent.to {
            from = recent.to + day;
        }
        let end = if from < recent.from { recent.from - day } else { whole.to };
        Window { from, to: end.min(from + length - day) }
    }

    fn day_of(&self, run: &SyncRun) -> NaiveDate {
        run.created_at.with_timezone(&self.zone).date_naive()
    }
}

#[cfg(test)]
mod tests {
    use gangway_domain::{
        id::{ConnectionId, SyncId, SyncRunId},
        record::Stream,
        sync::{RunCounts, RunMode, RunState},
    };
    use uuid::Uuid;

    use super::*;

    fn noon(day: i64) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("2026-11-23T12:00:00Z").unwrap().to_utc() + TimeDelta::days(day)
    }

    fn calendar(day: i64) -> Calendar {
        Calendar::at(noon(day), Tz::Europe__Berlin, 400, 14, 30)
    }

    fn run(window: Window, day: i64) -> SyncRun {
        SyncRun {
            id: SyncRunId::from_uuid(Uuid::nil()),
            sync: SyncId::from_uuid(Uuid::nil()),
            connection: ConnectionId::from_uuid(Uuid::nil()),
            stream: Stream::Absences,
            mode: RunMode::Full,
            state: RunState::Completed,
            counts: RunCounts::default(),
            total: None,
            since: None,
            window: Some(window),
            checkpoint: None,
            error_code: None,
            error_message: None,
            credential_version: 1,
            created_at: noon(day),
            started_at: None,
            finished_at: None,
        }
    }

    #[test]
    fn today_is_the_tenants_today() {
        let late = DateTime::parse_from_rfc3339("2026-11-23T23:30:00Z").unwrap().to_utc();
        let days = |zone| {
            let window = Calendar::at(late, zone, 400, 14, 30).whole();
            (window.from.to_string(), window.to.to_string())
        };
        assert_eq!(days(Tz::Europe__Berlin), ("2025-10-20".into(), "2027-12-29".into()));
        assert_eq!(days(Tz::UTC), ("2025-10-19".into(), "2027-12-28".into()));
    }

    #[test]
    fn every_day_is_swept_once_per_cycle() {
        let mut last: Option<SyncRun> = None;
        let mut swept: std::collections::HashMap<NaiveDate, Vec<i64>> = std::collections::HashMap::new();
        for day in 0..120 {
            let calendar = calendar(day);
            let slice = calendar.slice_after(last.as_ref());
            for window in [calendar.recent(), slice] {
                assert!(window.from <= window.to, "{window:?} on day {day}");
                let mut date = window.from;
                while date <= window.to {
                    swept.entry(date).or_default().push(day);
                    date += TimeDelta::days(1);
                }
            }
            let whole = calendar.whole();
            assert!(slice.from >= whole.from && slice.to <= whole.to, "{slice:?} on day {day}");
            let run = run(slice, day);
            assert!(!calendar.is_recent(&run), "{slice:?} on day {day}");
            last = Some(run);
        }
        // Days that stay in the window throughout: never longer than a cycle, and the days that a shift leaves, without a sweep.
        let mut date = calendar(119).whole().from;
        while date <= calendar(0).whole().to {
            let days = &swept[&date];
            let longest = days.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            assert!(days[0] <= 31 && longest <= 46, "{date} was swept on days {days:?}");
            date += TimeDelta::days(1);
        }
    }

    #[test]
    fn a_window_of_recent_days_only_has_a_future_to_slice() {
        let calendar = Calendar::at(noon(0), Tz::UTC, 1, 14, 30);
        let slice = calendar.slice_after(None);
        assert_eq!((slice.from, slice.to), (calendar.whole().to, calendar.whole().to));
        assert_eq!(calendar.slice_after(Some(&run(slice, 0))), slice);
    }

    #[test]
    fn the_recent_days_are_told_from_a_slice_whatever_is_set_meanwhile() {
        let recent = run(calendar(0).recent(), 0);
        for reach in [20, 400, 1_000] {
            assert!(Calendar::at(noon(0), Tz::Europe__Berlin, reach, 14, 30).is_recent(&recent), "{reach}");
        }
    }
}
