//! An hour of saturating bulk work and interactive calls against simulated vendor limiters, on a paused clock.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::{collections::VecDeque, sync::Arc, sync::Mutex, time::Duration};

use futures::future::{join, join_all};
use gangway_limits::{Ask, BudgetKey, Budgets, Class, PathLimit, Permit, Policy};
use tokio::time::{Instant, sleep, sleep_until};

const LIMIT: u32 = 200;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const WARM_UP: Duration = Duration::from_mins(10);
const EMPLOYEES: &str = "/v1/company/employees";

/// A small generator with a seed, so that each run is the same.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn exponential(&mut self, rate: f64) -> f64 {
        -(1.0 - self.unit() * 0.999_999).ln() / rate
    }

    /// One way to the vendor: mostly 20 to 100 ms, one in a hundred up to 1.5 s.
    fn latency(&mut self) -> Duration {
        let seconds = if self.unit() < 0.99 { 0.02 + self.exponential(50.0) } else { 0.5 + self.unit() };
        Duration::from_secs_f64(seconds)
    }
}

enum Limiter {
    Sliding { log: VecDeque<Instant>, limit: usize, window: Duration },
    Fixed { start: Instant, phase: Duration, window: u128, n: u32 },
    Bucket { tokens: f64, filled_at: Instant },
    Both(Box<Limiter>, Box<Limiter>),
}

impl Limiter {
    fn sliding(limit: usize, window: Duration) -> Self {
        Self::Sliding { log: VecDeque::new(), limit, window }
    }

    fn accepts(&mut self, now: Instant) -> bool {
        match self {
            Self::Sliding { log, limit, window } => {
                while log.front().is_some_and(|at| *at + *window <= now) {
                    log.pop_front();
                }
                let accepted = log.len() < *limit;
                if accepted {
                    log.push_back(now);
                }
                accepted
            }
            Self::Fixed { start, phase, window, n } => {
                let current = (now - *start + *phase).as_nanos() / MINUTE.as_nanos();
                if current != *window {
                    (*window, *n) = (current, 0);
                }
                *n += 1;
                *n <= LIMIT
            }
            Self::Bucket { tokens, filled_at } => {
                let rate = f64::from(LIMIT) / MINUTE.as_secs_f64();
                *tokens = (*tokens + (now - *filled_at).as_secs_f64() * rate).min(f64::from(LIMIT));
                *filled_at = now;
                let accepted = *tokens >= 1.0;
                if accepted {
                    *tokens -= 1.0;
                }
                accepted
            }
            Self::Both(one, two) => one.accepts(now) && two.accepts(now),
        }
    }
}

#[derive(Default)]
struct Outcome {
    accepted: u32,
    refused: u32,
    waits: Vec<Duration>,
}

struct World {
    budgets: Budgets,
    policy: Arc<Policy>,
    start: Instant,
    random: Mutex<Random>,
    vendor: Mutex<Limiter>,
    outcome: Mutex<Outcome>,
}

impl World {
    async fn slot(&self, class: Class) -> Permit {
        let ask = Ask {
            key: BudgetKey::new([7; 32]),
            policy: &self.policy,
            template: EMPLOYEES,
            host: "https://vendor.example",
            class,
            is_authentication: false,
            request_timeout: MINUTE,
        };
        loop {
            match self.budgets.acquire(&ask, Duration::from_mins(5)).await {
                Ok(permit) => return permit,
                Err(wait) => sleep(wait.retry_after).await,
            }
        }
    }

    fn latency(&self) -> Duration {
        self.random.lock().unwrap().latency()
    }

    async fn call(&self, permit: Permit) {
        sleep(self.latency()).await;
        let now = Instant::now();
        let accepted = self.vendor.lock().unwrap().accepts(now);
        if now > self.start + WARM_UP {
            let mut outcome = self.outcome.lock().unwrap();
            outcome.accepted += u32::from(accepted);
            outcome.refused += u32::from(!accepted);
        }
        sleep(self.latency()).await;
        permit.finish();
    }

    async fn bulk(&self) {
        while Instant::now() < self.start + HOUR {
            let permit = self.slot(Class::Sweep).await;
            self.call(permit).await;
        }
    }

    async fn interactive(&self, at: Instant) {
        sleep_until(at).await;
        let permit = self.slot(Class::Interactive).await;
        if at > self.start + WARM_UP {
            self.outcome.lock().unwrap().waits.push(Instant::now() - at);
        }
        self.call(permit).await;
    }
}

/// Runs an hour and checks the promises: no refusal, hardly a slot unused, people served within a second.
async fn keeps_its_promises(limiter: impl Fn(&mut Random) -> Limiter, policy: Policy) {
    for n_workers in [8, 32] {
        let mut random = Random(n_workers);
        let vendor = limiter(&mut random);
        let start = Instant::now();
        let mut arrivals = Vec::new();
        let mut at = start;
        while at < start + HOUR {
            at += Duration::from_secs_f64(random.exponential(0.5));
            arrivals.push(at);
        }
        let world = World {
            budgets: Budgets::default(),
            policy: Arc::new(policy.clone()),
            start,
            random: Mutex::new(random),
            vendor: Mutex::new(vendor),
            outcome: Mutex::default(),
        };
        let bulk = join_all((0..n_workers).map(|_| world.bulk()));
        let interactive = join_all(arrivals.into_iter().map(|at| world.interactive(at)));
        join(bulk, interactive).await;

        let mut outcome = world.outcome.into_inner().unwrap();
        assert_eq!(outcome.refused, 0, "{n_workers} workers");
        let use_of_limit =
            f64::from(outcome.accepted) / ((HOUR.as_secs_f64() - WARM_UP.as_secs_f64()) * f64::from(LIMIT) / 60.0);
        let round_trip = 0.1;
        assert!(use_of_limit >= 0.99 * 60.0 / (60.0 + round_trip), "{n_workers} workers use {use_of_limit}");
        outcome.waits.sort_unstable();
        let p99 = outcome.waits[outcome.waits.len() * 99 / 100];
        assert!(p99 <= Duration::from_secs(1), "{n_workers} workers: interactive p99 {p99:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sliding_log_never_refuses() {
    keeps_its_promises(|_| Limiter::sliding(200, MINUTE), Policy::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_of_any_phase_never_refuses() {
    let limiter = |random: &mut Random| Limiter::Fixed {
        start: Instant::now(),
        phase: MINUTE.mul_f64(random.unit()),
        window: u128::MAX,
        n: 0,
    };
    keeps_its_promises(limiter, Policy::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_bucket_never_refuses() {
    let limiter = |_: &mut Random| Limiter::Bucket { tokens: f64::from(LIMIT), filled_at: Instant::now() };
    keeps_its_promises(limiter, Policy::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_limit_beside_the_window_never_refuses() {
    let second = Duration::from_secs(1);
    let limiter =
        |_: &mut Random| Limiter::Both(Box::new(Limiter::sliding(15, second)), Box::new(Limiter::sliding(200, MINUTE)));
    let policy = Policy { paths: vec![PathLimit::new(EMPLOYEES, 15, second)], ..Policy::default() };
    keeps_its_promises(limiter, policy).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_burst_people_do_not_wait_for_the_end_of_the_window() {
    let start = Instant::now();
    let world = World {
        budgets: Budgets::default(),
        policy: Arc::new(Policy::default()),
        start,
        random: Mutex::new(Random(1)),
        vendor: Mutex::new(Limiter::sliding(200, MINUTE)),
        outcome: Mutex::default(),
    };
    // Somebody sets eight connections up, and their syncs begin at once.
    join_all((0..40).map(|_| world.interactive(start))).await;
    let waits = Mutex::new(Vec::new());
    let person = |second: u32| {
        let (world, waits) = (&world, &waits);
        async move {
            let at = start + Duration::from_secs(second.into()) + Duration::from_millis(300);
            sleep_until(at).await;
            let permit = world.slot(Class::Interactive).await;
            waits.lock().unwrap().push(Instant::now() - at);
            world.call(permit).await;
        }
    };
    let bulk = async {
        tokio::time::timeout(MINUTE * 5, join_all((0..8).map(|_| world.bulk()))).await.unwrap_err();
    };
    join(bulk, join_all((1..300).map(person))).await;
    let mut waits = waits.into_inner().unwrap();
    waits.sort_unstable();
    let p99 = waits[waits.len() * 99 / 100];
    assert!(p99 <= Duration::from_secs(1), "p99 {p99:?}, longest {:?}", waits.last());
    assert_eq!(world.outcome.into_inner().unwrap().refused, 0);
}

#[tokio::test(start_paused = true)]
async fn unpaced_clumps_are_never_refused_either() {
    let second = Duration::from_secs(1);
    let policy = Policy {
        pacing: false,
        max_in_flight: 64,
        paths: vec![PathLimit::new(EMPLOYEES, 15, second)],
        ..Policy::default()
    };
    let start = Instant::now();
    let world = World {
        budgets: Budgets::default(),
        policy: Arc::new(policy),
        start,
        random: Mutex::new(Random(1)),
        vendor: Mutex::new(Limiter::Both(
            Box::new(Limiter::sliding(15, second)),
            Box::new(Limiter::sliding(200, MINUTE)),
        )),
        outcome: Mutex::default(),
    };
    join_all((0..32).map(|_| world.bulk())).await;
    let outcome = world.outcome.into_inner().unwrap();
    assert_eq!(outcome.refused, 0);
    assert!(outcome.accepted > 9_700, "{}", outcome.accepted);
}
