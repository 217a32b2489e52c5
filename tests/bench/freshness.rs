//! How long a change in the vendor's account takes to be an event, and what that costs at the vendor: days that are played on a
//! clock that moves only when told, with the real schedules, engine and sandbox.
//!
//! The clock stands still while a run is carried out, so what is measured is what the schedule costs; how long the carrying out takes
//! is the subject of the other parts.

use std::{collections::BTreeMap, time::Instant};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::syncs;
use gangway_sandbox::{Config, RouteCount};
use gangway_testkit::{TestApp, TestDb};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::report::{Report, quantile};

const PEOPLE: usize = 1_000;
/// Changes in a day: one of twenty people.
const CHANGES: usize = 50;
const STREAMS: [&str; 3] = ["employees", "absences", "attendances"];
/// Schedules and their intervals in minutes.
const SCHEDULES: [(&str, i64); 3] = [("every 15m", 15), ("every 5m", 5), ("every 1m", 1)];
const MINUTES_OF_A_DAY: i64 = 24 * 60;
/// Most that employees may cost at the goal's freshness.
const MOST_REQUESTS: u64 = 200;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    for (schedule, minutes) in SCHEDULES {
        let begun = Instant::now();
        let Day { mut waits, requests } = Box::pin(play(schedule, minutes)).await?;
        println!("a day of {schedule} in {:.0} s", begun.elapsed().as_secs_f64());
        let n_changes = waits.len();
        let (half, most) = (quantile(&mut waits, 0.5), quantile(&mut waits, 0.99));
        report.value(
            &format!("{schedule}: a change is an event after, p50 / p99 of {n_changes}"),
            format!("{half:.0} / {most:.0} s"),
            "printed",
            None,
        );
        for (stream, n) in &requests {
            let is_goal = *stream == "employees";
            report.value(
                &format!("{schedule}: requests for {PEOPLE} people a day, {stream}"),
                format!("{n}"),
                if is_goal { "≤ 200 (with webhooks)" } else { "printed" },
                is_goal.then_some(*n <= MOST_REQUESTS),
            );
        }
    }
    Ok(())
}

/// What a day brought.
struct Day {
    /// Seconds from a change to its event.
    waits: Vec<f64>,
    /// Requests by stream, and for everything else.
    requests: BTreeMap<&'static str, u64>,
}

/// A day after the first load, with a sweep in it.
async fn play(schedule: &str, minutes: i64) -> anyhow::Result<Day> {
    let start: DateTime<Utc> = "2026-11-23T00:00:00Z".parse()?;
    let sandbox = Config::new(PEOPLE, 1).without_rate_limit();
    let app = TestApp::on(TestDb::sqlite().await).sandbox(sandbox).unpaced().clock_at(start).start().await;
    let clock = app.clock.clone().context("it was given one")?;
    let tenant = app.onboard("Acme").await;
    for stream in STREAMS {
        let body = json!({"connection_id": tenant.connection, "stream": stream, "schedule": schedule});
        app.client.post(&tenant.key, "/v1/syncs", &body).await.expect(201);
    }
    // First loads, and what each stream is late by.
    for _ in 0..2 {
        clock.advance(TimeDelta::minutes(minutes.max(6)));
        syncs::start_due(&app.app).await?;
        app.run_jobs_until_idle().await;
    }
    let handle = app.sandbox.handle();
    let before = counts(&handle.ledger(0).routes);
    let people: Vec<u64> = handle.people().iter().filter_map(|person| person["id"].as_u64()).collect();
    let mut random = StdRng::seed_from_u64(1);
    let mut moments: Vec<i64> = (0..CHANGES).map(|_| random.random_range(0..MINUTES_OF_A_DAY * 60)).collect();
    moments.sort_unstable();
    let begun = app.app.now();
    let mut changed: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let mut moments = moments.into_iter().peekable();
    // One interval more, for the last changes.
    for step in 1..=MINUTES_OF_A_DAY + minutes {
        let end = begun + TimeDelta::minutes(step);
        while let Some(second) = moments.next_if(|second| begun + TimeDelta::seconds(*second) <= end) {
            let at = begun + TimeDelta::seconds(second);
            clock.advance(at - app.app.now());
            let name = format!("Name {second}");
            let somebody = people[random.random_range(0..people.len())];
            handle.change_person(somebody, &json!({"last_name": name}))?;
            changed.insert(name, at);
        }
        clock.advance(end - app.app.now());
        if syncs::start_due(&app.app).await? > 0 {
            app.run_jobs_until_idle().await;
        }
    }
    let mut waits = Vec::new();
    for event in app.client.list(&tenant.key, "/v1/events").await {
        let name = event["data"]["changes"]["last_name"]["new"].as_str();
        let Some(at) = name.and_then(|name| changed.get(name)) else { continue };
        let told: DateTime<Utc> = event["occurred_at"].as_str().context("an event has a time")?.parse()?;
        waits.push((told - *at).as_seconds_f64());
    }
    let mut requests = BTreeMap::new();
    for (stream, n) in counts(&handle.ledger(0).routes) {
        requests.insert(stream, n - before.get(stream).copied().unwrap_or_default());
    }
    app.stop().await;
    Ok(Day { waits, requests })
}

fn counts(routes: &[RouteCount]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for count in routes {
        let stream = match count.route {
            route if route.contains("/company/employees") || route.contains("/persons") => "employees",
            route if route.contains("time-off") || route.contains("absence") => "absences",
            route if route.contains("attendance") => "attendances",
            _ => "tokens and others",
        };
        *counts.entry(stream).or_default() += count.total;
    }
    counts
}
