//! Processes, PostgreSQL and Redis are killed again and again while tenants sync and their companies are edited. In the end everything
//! is as the vendor has it, and each change was told once.
//!
//! `make chaos` kills 200 times beside 20 tenants.

mod company;
mod fleet;

use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use gangway_sandbox::Handle;
use gangway_testkit::postgres_url;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tokio_util::sync::CancellationToken;

use self::{company::Company, fleet::Fleet};

/// So long at most between two kills, should nothing be asked of the vendors.
const LONGEST: Duration = Duration::from_secs(2);

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Process,
    Postgres,
    Redis,
}

/// How often what was killed, and how often nothing had been asked of a vendor since the kill before.
#[derive(Debug, Default)]
struct Kills {
    processes: usize,
    postgres: usize,
    redis: usize,
    in_vain: usize,
}

/// How often is killed, beside how many tenants: `GANGWAY_CHAOS_KILLS=200` as `make chaos` does, or as every test run.
#[expect(
    clippy::disallowed_methods,
    reason = "`make chaos` names it in the environment, as the test runner passes no arguments"
)]
fn extent() -> (usize, u64) {
    let asked = std::env::var("GANGWAY_CHAOS_KILLS").ok();
    asked.map_or((20, 5), |n| (n.parse().expect("GANGWAY_CHAOS_KILLS is a number"), 20))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_records_are_the_vendors_and_each_change_is_told_once() {
    let (n_kills, n_tenants) = extent();
    if postgres_url().is_none() {
        return;
    }
    let mut companies: Vec<Company> = (1..=n_tenants).map(Company::new).collect();
    let origins: Vec<String> = companies.iter().map(|company| company.sandbox.base_url()).collect();
    let Some(fleet) = Fleet::start(&origins.join(",")).await else { return };
    let operator = fleet.out("key create --operator").await;
    for company in &mut companies {
        company.settle_in(&fleet, &operator).await;
    }
    let stop = CancellationToken::new();
    let handles: Vec<_> = companies.iter().map(|company| company.sandbox.handle()).collect();
    let n_requests = || handles.iter().map(Handle::request_count).sum::<u64>();
    let began = Instant::now();
    let concluded = async {
        let lives = join_all(companies.iter_mut().map(|company| company.live(&fleet, &stop)));
        let killing = async {
            let kills = kill(&fleet, n_kills, &n_requests).await;
            stop.cancel();
            kills
        };
        let (kills, _) = join(killing, lives).await;
        println!("{kills:?} in {:.0} s", began.elapsed().as_secs_f64());
        fleet.recover().await;
        for company in &companies {
            company.conclude(&fleet).await;
        }
        println!("concluded after {:.0} s, {} requests", began.elapsed().as_secs_f64(), n_requests());
    };
    tokio::select! {
        () = concluded => {}
        () = fleet.supervise() => {}
    }
    for company in companies {
        company.sandbox.stop().await;
    }
}

async fn kill(fleet: &Fleet, n_kills: usize, n_requests: &impl Fn() -> u64) -> Kills {
    let mut random = StdRng::seed_from_u64(1);
    let mut targets: Vec<Target> = (0..n_kills)
        .map(|number| match number % 10 {
            0 => Target::Postgres,
            1 => Target::Redis,
            _ => Target::Process,
        })
        .collect();
    targets.shuffle(&mut random);
    let mut kills = Kills::default();
    for target in targets {
        let before = n_requests();
        progress(n_requests, random.random_range(1..12)).await;
        if n_requests() == before {
            kills.in_vain += 1;
        }
        match target {
            Target::Process => {
                let place = random.random_range(0..usize::MAX);
                kills.processes += usize::from(fleet.kill(place).await);
            }
            Target::Postgres => {
                fleet.crash_postgres().await;
                kills.postgres += 1;
            }
            Target::Redis => {
                let n = random.random_range(1..12);
                fleet.kill_redis(progress(n_requests, n)).await;
                kills.redis += 1;
            }
        }
    }
    kills
}

/// Waits until vendors were asked so many times, but not for ever.
async fn progress(n_requests: &impl Fn() -> u64, n: u64) {
    let enough = n_requests() + n;
    let waiting = async {
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        while n_requests() < enough {
            interval.tick().await;
        }
    };
    // Without progress, time must do.
    tokio::time::timeout(LONGEST, waiting).await.ok();
}
