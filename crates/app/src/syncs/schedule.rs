//! When a sync runs by itself: `every 15m`, or a five-field cron expression in the tenant's time zone.
//!
//! Each sync is late by a fixed share of its interval (at most a tenth of it and five minutes), derived from its id, so that
//! thousands of tenants with the same schedule do not start in the same second.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use gangway_domain::id::SyncId;
use uuid::Uuid;

const MAX_JITTER: TimeDelta = TimeDelta::minutes(5);
/// Longer texts are no schedule; they would be kept and told by the audit log.
const MAX_BYTES: usize = 200;
const MAX_INTERVAL_DAYS: i64 = 366;
/// The fields of a cron expression, and the largest step that reaches a second value in each.
const FIELDS: [(&str, u32); 5] = [("minutes", 59), ("hours", 23), ("days", 30), ("months", 11), ("weekdays", 6)];

/// A schedule, read.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// At fixed intervals since the sync was created.
    Every(TimeDelta),
    /// At the times of a cron expression, in the tenant's zone.
    Cron(Box<Cron>),
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("a schedule has at most {MAX_BYTES} characters"));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["every", interval] => parse_interval(interval).map(Self::Every),
            [_, _, _, _, _] => parse_cron(&words.join(" ")).map(|cron| Self::Cron(Box::new(cron))),
            ["every", ..] => Err("write the interval in one word, like `every 15m`".to_owned()),
            _ => Err(format!(
                "a schedule is `every 15m` (m, h or d) or a cron expression of five fields; this has {} words",
                words.len()
            )),
        }
    }

    /// The first time after `now`, with the sync's own delay; none when the expression names a day that never comes.
    pub fn next_after(&self, now: DateTime<Utc>, sync: &Anchor) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(interval) => {
                let first = sync.created_at + jitter(*interval, sync.id);
                let step = interval.num_microseconds()?.max(1);
                let passed = (now - first).num_microseconds()?;
                let n = passed.div_euclid(step) + 1;
                Some(first + TimeDelta::microseconds(step.checked_mul(n.max(0))?))
            }
            Self::Cron(cron) => {
                let occurrence = cron.find_next_occurrence(&now.with_timezone(&sync.zone), false).ok()?;
                let following = cron.find_next_occurrence(&occurrence, false).ok()?;
                let delay = jitter(following.with_timezone(&Utc) - occurrence.with_timezone(&Utc), sync.id);
                Some(occurrence.with_timezone(&Utc) + delay)
            }
        }
    }
}

/// What a sync's times hang on.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// Whose delay it is.
    pub id: SyncId,
    /// Where intervals begin.
    pub created_at: DateTime<Utc>,
    /// In which cron expressions are meant.
    pub zone: Tz,
}

fn parse_interval(text: &str) -> Result<TimeDelta, String> {
    let help = "an interval is a whole number with m, h or d, like `15m`, `2h` or `1d`";
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let number: i64 = digits.parse().map_err(|_| help.to_owned())?;
    let interval = match text.strip_prefix(digits) {
        Some("m") => TimeDelta::try_minutes(number),
        Some("h") => TimeDelta::try_hours(number),
        Some("d") => TimeDelta::try_days(number),
        _ => return Err(help.to_owned()),
    };
    match interval {
        Some(interval) if interval < TimeDelta::minutes(1) => Err("the shortest interval is `1m`".to_owned()),
        Some(interval) if interval <= TimeDelta::days(MAX_INTERVAL_DAYS) => Ok(interval),
        _ => Err(format!("the longest interval is `{MAX_INTERVAL_DAYS}d`")),
    }
}

fn parse_cron(text: &str) -> Result<Cron, String> {
    // The parser takes a step beyond the field's end and an empty entry of a list, and then does what nobody meant.
    for (field, (name, most)) in text.split(' ').zip(FIELDS) {
        for entry in field.split(',') {
            let wrong =
                |what: String| Err(format!("the cron expression is not understood: {what} in the field of {name}"));
            if entry.is_empty() {
                return wrong("a list has an empty entry".to_owned());
            }
            let Some((base, step)) = entry.split_once('/') else { continue };
            let is_step = step.bytes().all(|byte| byte.is_ascii_digit())
                && step.parse().is_ok_and(|step: u32| (1..=most).contains(&step));
            if base.is_empty() || !is_step {
                return wrong(format!("a step is written like */2 and lies between 1 and {most}"));
            }
        }
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| format!("the cron expression is not understood: {error}"))
}

fn jitter(interval: TimeDelta, id: SyncId) -> TimeDelta {
    share_of((interval / 10).min(MAX_JITTER), id.uuid())
}

/// A share between nothing and all that follows from an id.
pub(super) fn share_of(all: TimeDelta, id: Uuid) -> TimeDelta {
    let all = all.num_microseconds().unwrap_or(0).max(0);
    // The last bytes of the id are its random bits.
    let [.., a, b, c, d] = *id.as_bytes();
    let share = i128::from(u32::from_be_bytes([a, b, c, d]));
    let share = i128::from(all) * share / i128::from(u32::MAX);
    TimeDelta::microseconds(i64::try_from(share).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use gangway_domain::id::uuid_v7;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    /// A sync without delay: its random bits are zero.
    fn prompt(zone: Tz) -> Anchor {
        Anchor { id: sync(0), created_at: at("2026-01-01T00:00:00Z"), zone }
    }

    fn sync(fill: u8) -> SyncId {
        SyncId::from_uuid(uuid_v7(at("2026-01-01T00:00:00Z"), [fill; 10]))
    }

    fn next(schedule: &str, now: &str, zone: Tz) -> String {
        let next = Schedule::parse(schedule).unwrap().next_after(at(now), &prompt(zone)).unwrap();
        next.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    #[test]
    fn intervals_count_from_creation() {
        assert_eq!(next("every 15m", "2026-01-01T00:15:00Z", Tz::UTC), "2026-01-01T00:30:00Z");
        assert_eq!(next("every 1d", "2026-03-01T12:00:00Z", Tz::UTC), "2026-03-02T00:00:00Z");
        assert_eq!(next("every  2h", "2025-12-31T00:00:00Z", Tz::UTC), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn cron_means_the_tenants_clock() {
        assert_eq!(next("0 6 * * *", "2026-01-10T00:00:00Z", Tz::Europe__Berlin), "2026-01-10T05:00:00Z");
        assert_eq!(next("0 6 * * *", "2026-07-10T00:00:00Z", Tz::Europe__Berlin), "2026-07-10T04:00:00Z");
        assert_eq!(next("30 1 * * MON", "2026-11-24T00:00:00Z", Tz::Asia__Kolkata), "2026-11-29T20:00:00Z");
    }

    #[test]
    fn an_hour_that_daylight_saving_skips_still_has_its_run() {
        // In Berlin 02:30 does not exist on 29 March 2026.
        let first = next("30 2 * * *", "2026-03-28T12:00:00Z", Tz::Europe__Berlin);
        assert!(("2026-03-29T01:00:00Z".."2026-03-29T02:01:00Z").contains(&first.as_str()), "{first}");
    }

    #[test]
    fn an_hour_that_comes_twice_runs_a_daily_schedule_once() {
        let first = next("30 2 * * *", "2026-10-24T12:00:00Z", Tz::Europe__Berlin);
        let second = next("30 2 * * *", &first, Tz::Europe__Berlin);
        assert!(first.starts_with("2026-10-25T"), "{first}");
        assert!(second.starts_with("2026-10-26T"), "{second}");
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let wrong = |text: &str| Schedule::parse(text).unwrap_err();
        assert!(wrong("every 30s").contains("like `15m`"));
        assert!(wrong("every 0m").contains("shortest"));
        assert!(wrong("every 9999999999999999999d").contains("like `15m`"));
        assert!(wrong("every 400d").contains("longest"));
        assert!(wrong("every 5 m").contains("one word"));
        assert!(wrong("* * * *").contains("4 words"));
        assert!(wrong("0 0 0 1 1 *").contains("6 words"));
        assert!(wrong("99 * * * *").contains("not understood"));
        assert!(
            wrong("*/99 * * * *")
                .contains("a step is written like */2 and lies between 1 and 59 in the field of minutes")
        );
        for text in [
            "*/0 * * * *",
            "*/60 * * * *",
            "*/+5 * * * *",
            "*/ * * * *",
            "0 */24 * * *",
            "/5 * * * *",
            "0-30/2/3 * * * *",
        ] {
            assert!(wrong(text).contains("a step is written"), "{text}");
        }
        for text in ["1,2,,3 * * * *", ", * * * *", "0 6 * * MON,"] {
            assert!(wrong(text).contains("empty entry"), "{text}");
        }
        assert!(wrong("").contains("0 words"));
    }

    #[test]
    fn usual_expressions_are_understood() {
        for text in [
            "*/15 * * * *",
            "0 */2 * * *",
            "5,35 6-20/2 * * MON-FRI",
            "0 0 1 JAN,JUL *",
            "0 4 L * *",
            "0 6 * * 1#2",
            "0 0 */30 * *",
        ] {
            assert!(Schedule::parse(text).is_ok(), "{text}: {:?}", Schedule::parse(text).err());
        }
    }

    #[test]
    fn a_long_interval_has_its_first_run_soon() {
        let every = Schedule::parse("every 366d").unwrap();
        let anchor = Anchor { id: sync(255), ..prompt(Tz::UTC) };
        let first = every.next_after(anchor.created_at, &anchor).unwrap();
        assert!(first - anchor.created_at <= MAX_JITTER, "{first}");
    }

    #[test]
    fn a_day_that_never_comes_has_no_next_time() {
        let never = Schedule::parse("0 0 30 2 *").map(|it| it.next_after(at("2026-01-01T00:00:00Z"), &prompt(Tz::UTC)));
        assert!(matches!(never, Ok(None) | Err(_)));
    }

    #[test]
    fn syncs_are_spread_by_their_ids_and_stay_where_they_are() {
        let every = Schedule::parse("every 10m").unwrap();
        let of = |fill| Anchor { id: sync(fill), ..prompt(Tz::UTC) };
        let now = at("2026-01-05T00:00:00Z");
        let times: Vec<_> = [0, 50, 200].map(|fill| every.next_after(now, &of(fill)).unwrap()).into();
        assert!(times[0] != times[1] && times[1] != times[2]);
        assert_eq!(every.next_after(now, &of(50)), every.next_after(now, &of(50)));
    }

    proptest! {
        #[test]
        fn the_next_time_is_always_ahead_and_within_interval_and_delay(
            minutes in 1_i64..50_000, offset in 0_i64..100_000_000, fill in 0_u8..=255,
        ) {
            let anchor = Anchor { id: sync(fill), ..prompt(Tz::UTC) };
            let now = anchor.created_at + TimeDelta::seconds(offset);
            let next = Schedule::Every(TimeDelta::minutes(minutes)).next_after(now, &anchor).unwrap();
            prop_assert!(next > now);
            prop_assert!(next - now <= TimeDelta::minutes(minutes) + MAX_JITTER);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            if let Ok(schedule) = Schedule::parse(&text) {
                let _next = schedule.next_after(at("2026-01-01T00:00:00Z"), &prompt(Tz::Europe__Berlin));
            }
        }
    }
}
