//! `make bench-budget`: a vendor's limit that many processes share over Redis, in real time and, for whole hours with crises, on a played
//! Redis that runs the same scripts.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use gangway_limits::SharedStore;
use gangway_testkit::{
    budget_day::{Counts, Crisis, Day, Outcome, observe, simulate},
    redis_url,
};

use crate::report::{Report, number};

const PROCESSES: usize = 4;
const WORKERS: [usize; 2] = [8, 32];
/// Each cell of the grid is an hour, played so often.
const SEEDS: u64 = 3;

/// Six cells beside each other on one Redis, six minutes each after the first window: one request is 0.08 % of them.
pub(crate) async fn real_time(report: &mut Report) -> anyhow::Result<()> {
    let url = redis_url().context("GANGWAY_TEST_REDIS_URL names a Redis of its own; make bench-budget starts one")?;
    let cells = [Counts::Sliding, Counts::Fixed, Counts::SlidingAndBurst];
    let days: Vec<Day> = cells.into_iter().flat_map(|counts| WORKERS.map(|n| (counts, n))).zip(1..).map(day).collect();
    let server = || SharedStore::at(&url).server();
    let played = futures::future::join_all(days.iter().map(async |day| observe(day, server()?).await)).await;
    for (day, outcome) in days.iter().zip(played) {
        tell(report, &format!("Redis in real time, {}", name(day)), &[outcome?]);
    }
    Ok(())
}

fn day(((counts, n_workers), seed): ((Counts, usize), u64)) -> Day {
    Day {
        counts,
        n_workers,
        n_processes: PROCESSES,
        crisis: Crisis::None,
        every: Duration::ZERO,
        warm_up: Duration::from_secs(75),
        steady: Duration::from_mins(6),
        seed,
    }
}

/// The whole grid: each way of counting, few and many callers, each crisis.
pub(crate) fn grid(report: &mut Report) -> anyhow::Result<()> {
    let cells: Vec<Vec<Day>> = Counts::ALL
        .into_iter()
        .flat_map(|counts| WORKERS.map(|n_workers| (counts, n_workers)))
        .flat_map(|cell| Crisis::ALL.map(|crisis| (cell, crisis)))
        .map(|((counts, n_workers), crisis)| (1..=SEEDS).map(|seed| hour(counts, n_workers, crisis, seed)).collect())
        .collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..std::thread::available_parallelism()?.get())
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    while let Some((number, days)) = take(&next, &cells) {
                        let begun = Instant::now();
                        let played = days.iter().map(play).collect::<anyhow::Result<Vec<_>>>()?;
                        progress(number, days, &played, begun);
                        outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((number, played));
                    }
                    Ok(())
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(number, _)| *number);
    for (days, (_, played)) in cells.iter().zip(&outcomes) {
        if let Some(day) = days.first() {
            tell(report, &format!("played, {SEEDS} hours, {}", name(day)), played);
        }
    }
    Ok(())
}

/// A cell takes minutes, and the table comes at the end.
fn progress(number: usize, days: &[Day], played: &[Outcome], begun: Instant) {
    let Some(day) = days.first() else { return };
    let n_refused: usize = played.iter().map(|outcome| outcome.n_refused).sum();
    let used = played.iter().map(|outcome| outcome.use_of_ceiling).fold(f64::INFINITY, f64::min);
    println!(
        "cell {} of {}, {}: {n_refused} refused, {:.2} % used, in {:.0} s",
        number + 1,
        Counts::ALL.len() * WORKERS.len() * Crisis::ALL.len(),
        name(day),
        used * 100.0,
        begun.elapsed().as_secs_f64()
    );
}

fn take<'a>(next: &AtomicUsize, cells: &'a [Vec<Day>]) -> Option<(usize, &'a [Day])> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    cells.get(number).map(|days| (number, days.as_slice()))
}

fn hour(counts: Counts, n_workers: usize, crisis: Crisis, seed: u64) -> Day {
    Day {
        crisis,
        every: Duration::from_mins(6),
        warm_up: Duration::from_mins(2),
        steady: Duration::from_hours(1),
        ..day(((counts, n_workers), seed))
    }
}

fn play(day: &Day) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(simulate(day))
}

fn name(day: &Day) -> String {
    let Day { counts, n_workers, crisis, .. } = day;
    let counts = match counts {
        Counts::Sliding => "sliding log",
        Counts::Fixed => "fixed window",
        Counts::Bucket => "token bucket",
        Counts::SlidingAndBurst => "sliding log and 15/s",
    };
    let crisis = match crisis {
        Crisis::None => "",
        Crisis::Process => ", a process dies every 6 min",
        Crisis::Redis => ", Redis dies every 6 min",
        Crisis::Both => ", Redis and a process die every 6 min",
    };
    format!("{counts}, {n_workers} callers in {PROCESSES} processes{crisis}")
}

fn tell(report: &mut Report, what: &str, outcomes: &[Outcome]) {
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let least = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).fold(f64::INFINITY, f64::min);
    let (n_sent, n_refused) = (sum(|outcome| outcome.n_sent), sum(|outcome| outcome.n_refused));
    let n_unsure = sum(|outcome| outcome.n_unsure);
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let bound = 3.0 / n_sent as f64;
    let apart =
        if n_unsure > 0 { format!("; {n_unsure} more where Redis and a holder died together") } else { String::new() };
    let refused = format!("{n_refused} of {n_sent} (< {bound:.1e}){apart}");
    report.value(&format!("{what}: 429"), refused, "0", Some(n_refused == 0));
    let used = least(|outcome| outcome.use_of_ceiling);
    let away = least(|outcome| outcome.use_while_away.unwrap_or(f64::INFINITY));
    let away = if away.is_finite() { format!("; {:.1} % while Redis was away", away * 100.0) } else { String::new() };
    report.value(
        &format!("{what}: use of the ceiling, the least"),
        format!("{:.2} %{away}", used * 100.0),
        "≥ 99.5 %",
        Some(used >= 0.995),
    );
    let mut waits: Vec<f64> = outcomes.iter().flat_map(|outcome| outcome.waits.iter().copied()).collect();
    let p99 = crate::report::quantile(&mut waits, 0.99);
    report.value(
        &format!("{what}: p99 of a person's wait"),
        format!("{} s of {} calls", number(p99), waits.len()),
        "≤ 1 s",
        Some(p99 <= 1.0),
    );
}
