//! A vendor's limit in real time: eight syncs of one credential that could go on for ever, and one person a second, for three minutes.

use std::time::{Duration, Instant};

use anyhow::ensure;
use chrono::TimeDelta;
use gangway_domain::{Clock as _, SystemClock};
use gangway_sandbox::{Config, Limits, RateLimit, Sandbox};
use gangway_testkit::Client;

use crate::{
    platform::{Platform, Tenant},
    report::{Report, number, quantile},
};

const SYNCS: usize = 8;
/// More pages than the limit lets through in the whole run.
const PEOPLE: usize = 30_000;
const WARM_UP: Duration = Duration::from_secs(75);
const STEADY: Duration = Duration::from_mins(3);
const ENOUGH: usize = 100_000;

/// Both variants beside each other: the credential's limit alone, and with 15 a second on the list of employees.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let (plain, burst) = tokio::join!(variant(None), variant(Some(15)));
    for (name, found) in [("200 per 60 s", plain?), ("200 per 60 s and 15/s", burst?)] {
        let Found { n_answered, ceiling, n_refused, n_sent, mut waits, round_trip } = found;
        let what = format!("budget {name}, {SYNCS} syncs of one credential");
        #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
        let (use_of_it, bound) = (n_answered as f64 / ceiling, 3.0 / n_sent as f64);
        report.value(
            &format!("{what}: use of the ceiling over {} s", STEADY.as_secs()),
            format!(
                "{n_answered} of {} requests = {:.2} % (round trip {} ms)",
                number(ceiling),
                use_of_it * 100.0,
                number(round_trip)
            ),
            "≥ 99 %",
            Some(use_of_it >= 0.99),
        );
        report.value(
            &format!("{what}: 429 in the sandbox's ledger"),
            format!("{n_refused} of {n_sent} (below {bound:.4} by the rule of three)"),
            "0",
            Some(n_refused == 0),
        );
        let (n, p99) = (waits.len(), quantile(&mut waits, 0.99));
        report.value(
            &format!("{what}: p99 of a person's call, one a second"),
            format!("{} s of {n} calls (median {} s)", number(p99), number(quantile(&mut waits, 0.5))),
            "≤ 1 s",
            Some(p99 <= 1.0),
        );
    }
    Ok(())
}

struct Found {
    n_answered: usize,
    ceiling: f64,
    n_refused: usize,
    n_sent: usize,
    waits: Vec<f64>,
    round_trip: f64,
}

async fn variant(employees_burst_per_s: Option<u32>) -> anyhow::Result<Found> {
    let limits = Limits { employees_burst_per_s, ..Limits::default() };
    let config = Config { rate_limit: RateLimit::On(limits), ..Config::new(PEOPLE, 1) };
    let sandbox = Sandbox::bind(config)?;
    let paths = employees_burst_per_s.map_or_else(String::new, |n| format!("/v1/company/employees={n}/1"));
    let platform = Platform::start(&[
        ("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", sandbox.base_url()),
        ("GANGWAY__LIMITS__PERSONIO__PATHS", paths),
        ("GANGWAY__WORKER__CONCURRENCY", "16".to_owned()),
    ])
    .await?;
    let mut tenants = Vec::new();
    for n in 0..SYNCS {
        tenants.push(platform.tenant(&format!("Tenant {n}"), &sandbox).await?);
    }
    let person = sandbox.handle().people()[0]["id"].clone();
    for tenant in &tenants {
        let sync = platform.sync(tenant, "employees").await;
        platform.start_run(tenant, &sync, "full").await;
    }
    let begun = (Instant::now(), SystemClock.now());
    let mut waits = Vec::new();
    let mut round_trips = Vec::new();
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    while begun.0.elapsed() < WARM_UP + STEADY {
        interval.tick().await;
        let took = ask(&platform.client, &tenants[waits.len() % SYNCS], &person.to_string()).await?;
        // The first window still holds what setting up has asked for.
        if begun.0.elapsed() > WARM_UP {
            waits.push(took);
        }
        let asked = Instant::now();
        drop(tokio::net::TcpStream::connect(sandbox.addr()).await?);
        round_trips.push(asked.elapsed().as_secs_f64());
    }
    let (from, to) = (begun.1 + TimeDelta::from_std(WARM_UP)?, begun.1 + TimeDelta::from_std(WARM_UP + STEADY)?);
    let ledger = sandbox.handle().ledger(ENOUGH);
    ensure!(usize::try_from(ledger.total)? <= ENOUGH, "the ledger was cut off");
    let is_login = |route: &str| route.contains("/auth");
    let within = ledger.recent.iter().filter(|entry| entry.at >= from && entry.at < to && !is_login(entry.route));
    let n_answered = within.filter(|entry| entry.status != 429).count();
    let n_refused = ledger.recent.iter().filter(|entry| entry.status == 429).count();
    // A slot is held for a window after the answer.
    let round_trip = quantile(&mut round_trips, 0.5);
    let ceiling = f64::from(limits.limit) * STEADY.as_secs_f64() / (f64::from(limits.window_s) + round_trip);
    drop(platform.stop().await?);
    sandbox.stop().await;
    Ok(Found { n_answered, ceiling, n_refused, n_sent: ledger.recent.len(), waits, round_trip: round_trip * 1e3 })
}

/// How long a person's call took; for ever when the budget had no slot for it.
async fn ask(client: &Client, tenant: &Tenant, person: &str) -> anyhow::Result<f64> {
    let asked = Instant::now();
    let path = format!("/v1/connections/{}/proxy?path=/v1/company/employees/{person}", tenant.connection);
    let answer = client.get(&tenant.key, &path).await;
    if answer.status == 503 {
        return Ok(f64::INFINITY);
    }
    let body = answer.expect(200);
    ensure!(body["status"] == 200, "{body}");
    Ok(asked.elapsed().as_secs_f64())
}
