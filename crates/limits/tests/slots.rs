//! Whatever callers do, the slots held never exceed the ceiling, and a vendor that counts never finds one too many.

#![expect(clippy::indexing_slicing, reason = "helpers of tests: a panic is a failed test")]

use std::{collections::VecDeque, sync::Arc, time::Duration};

use gangway_limits::{Ask, BudgetKey, Budgets, Class, PathLimit, Permit, Policy};
use proptest::prelude::*;
use tokio::time::{Instant, advance};

const KEY: BudgetKey = BudgetKey::new([3; 32]);
const PATHS: [&str; 2] = ["/v1/people", "/v1/documents"];

#[derive(Debug, Clone)]
enum Step {
    Acquire(usize, usize),
    Finish(usize),
    Drop(usize),
    Correct(usize, u32),
    Penalise(bool, u64),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..PATHS.len(), 0..5_usize).prop_map(|(path, class)| Step::Acquire(path, class)),
        4 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => (any::<usize>(), 0..20_u32).prop_map(|(index, remaining)| Step::Correct(index, remaining)),
        1 => (any::<bool>(), 0..5_000_u64).prop_map(|(path, millis)| Step::Penalise(path, millis)),
        4 => (0..3_000_u64).prop_map(Step::Pass),
    ]
}

/// A vendor that counts each request as it is sent.
struct SlidingLog {
    limit: usize,
    window: Duration,
    log: VecDeque<Instant>,
}

impl SlidingLog {
    fn count(&mut self, now: Instant) -> bool {
        while self.log.front().is_some_and(|at| *at + self.window <= now) {
            self.log.pop_front();
        }
        self.log.push_back(now);
        self.log.len() <= self.limit
    }
}

async fn run(ceiling: u32, pacing: bool, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let second = Duration::from_secs(1);
    let policy = Arc::new(Policy {
        ceiling,
        window: second * 10,
        pacing,
        paths: vec![PathLimit::new(PATHS[1], 2, second)],
        ..Policy::default()
    });
    let budgets = Budgets::default();
    let mut whole = SlidingLog { limit: ceiling as usize, window: second * 10, log: VecDeque::new() };
    let mut path_log = SlidingLog { limit: 2, window: second, log: VecDeque::new() };
    let mut permits: Vec<Permit> = Vec::new();
    for step in steps {
        match step {
            Step::Acquire(path, class) => {
                let ask = Ask {
                    key: KEY,
                    policy: &policy,
                    template: PATHS[path],
                    host: "https://vendor.example",
                    class: Class::ALL[class],
                    is_authentication: false,
                    request_timeout: second * 5,
                };
                if let Ok(permit) = budgets.acquire(&ask, second).await {
                    prop_assert!(whole.count(Instant::now()), "the ceiling was passed");
                    prop_assert!(path == 0 || path_log.count(Instant::now()), "the path's limit was passed");
                    permits.push(permit);
                }
            }
            Step::Finish(index) if !permits.is_empty() => permits.swap_remove(index % permits.len()).finish(),
            Step::Drop(index) if !permits.is_empty() => drop(permits.swap_remove(index % permits.len())),
            Step::Correct(index, remaining) if !permits.is_empty() => permits[index % permits.len()].correct(remaining),
            Step::Penalise(path, millis) => {
                budgets.penalise(KEY, path.then_some(PATHS[1]), Duration::from_millis(millis));
            }
            Step::Pass(millis) => advance(Duration::from_millis(millis)).await,
            Step::Finish(_) | Step::Drop(_) | Step::Correct(..) => {}
        }
        if let Some(view) = budgets.snapshot(KEY) {
            prop_assert!(view.held <= ceiling, "{} held of {ceiling}", view.held);
            prop_assert_eq!(view.in_flight as usize, permits.len());
            prop_assert_eq!(view.waiting.total(), 0);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn slots_held_never_exceed_the_ceiling(
        ceiling in 1_u32..12,
        pacing: bool,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(ceiling, pacing, steps))?;
    }
}
