//! Who waits, who goes first, and what is left behind by those who give up.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::{sync::Arc, time::Duration};

use futures::future::{join_all, poll_immediate};
use gangway_domain::ManualClock;
use gangway_limits::{Ask, BudgetKey, Budgets, Class, Limit, PathLimit, Permit, Policy, Settings, Wait};
use tokio::time::{Instant, advance, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const KEY: BudgetKey = BudgetKey::new([1; 32]);
const HOST: &str = "https://vendor.example";

fn policy(ceiling: u32, seconds: u64) -> Arc<Policy> {
    Arc::new(Policy { ceiling, window: SECOND * u32::try_from(seconds).unwrap(), pacing: false, ..Policy::default() })
}

fn ask(policy: &Arc<Policy>) -> Ask<'_> {
    Ask {
        key: KEY,
        policy,
        template: "/v1/people",
        host: HOST,
        class: Class::Incremental,
        is_authentication: false,
        request_timeout: SECOND * 30,
    }
}

async fn try_now(budgets: &Budgets, ask: &Ask<'_>) -> Result<Permit, Wait> {
    budgets.acquire(ask, Duration::ZERO).await
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_refused_at_once_with_the_time_to_come_back() {
    let (budgets, policy) = (Budgets::default(), policy(1, 60));
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    let before = Instant::now();
    let wait = budgets.acquire(&ask(&policy), SECOND * 5).await.unwrap_err();
    assert_eq!(Instant::now(), before);
    assert_eq!(wait.retry_after, SECOND * 60);
    advance(wait.retry_after).await;
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_happens_inside_the_call() {
    let (budgets, policy) = (Budgets::default(), policy(1, 2));
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    let before = Instant::now();
    budgets.acquire(&ask(&policy), SECOND * 5).await.unwrap().finish();
    assert_eq!(before.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permit_dropped_without_an_answer_is_held_for_time_out_and_window() {
    let (budgets, policy) = (Budgets::default(), policy(1, 60));
    drop(try_now(&budgets, &ask(&policy)).await.unwrap());
    let wait = try_now(&budgets, &ask(&policy)).await.unwrap_err();
    assert_eq!(wait.retry_after, SECOND * 90);
}

#[tokio::test(start_paused = true)]
async fn the_highest_class_goes_first_and_first_come_first_served_inside_it() {
    let (budgets, policy) = (Budgets::default(), policy(1, 1));
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    let order = std::sync::Mutex::new(Vec::new());
    let classes = [Class::Sweep, Class::Flow, Class::Incremental, Class::Flow, Class::Interactive];
    join_all(classes.into_iter().enumerate().map(|(index, class)| {
        let (budgets, policy, order) = (&budgets, &policy, &order);
        async move {
            let permit = budgets.acquire(&Ask { class, ..ask(policy) }, SECOND * 60).await.unwrap();
            order.lock().unwrap().push(index);
            permit.finish();
        }
    }))
    .await;
    assert_eq!(order.into_inner().unwrap(), [4, 1, 3, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_neither_waiter_nor_slot() {
    let (budgets, policy) = (Budgets::default(), policy(1, 2));
    let first = try_now(&budgets, &ask(&policy)).await.unwrap();
    for _ in 0..10 {
        assert!(timeout(SECOND, budgets.acquire(&ask(&policy), SECOND * 60)).await.is_err());
    }
    let view = budgets.snapshot(KEY).unwrap();
    assert_eq!((view.held, view.waiting.total()), (1, 0));
    first.finish();
    sleep(SECOND * 2).await;
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
}

#[tokio::test(start_paused = true)]
async fn a_slot_granted_to_someone_who_no_longer_takes_it_passes_on() {
    let (budgets, policy) = (Budgets::default(), policy(1, 1));
    let first = try_now(&budgets, &ask(&policy)).await.unwrap();
    let asked = ask(&policy);
    let mut gone = Box::pin(budgets.acquire(&asked, SECOND * 60));
    assert!(poll_immediate(&mut gone).await.is_none());
    first.finish();
    // The driver grants the slot meanwhile, but nobody polls the future that it is for.
    sleep(SECOND * 2).await;
    assert_eq!(budgets.snapshot(KEY).unwrap().in_flight, 1);
    drop(gone);
    assert_eq!(budgets.snapshot(KEY).unwrap().held, 0);
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
}

#[tokio::test(start_paused = true)]
async fn a_path_at_its_limit_does_not_hold_up_other_paths() {
    let budgets = Budgets::default();
    let policy = Arc::new(Policy {
        pacing: false,
        paths: vec![PathLimit::new("/v1/documents", 1, SECOND * 60), PathLimit::new("/v1/documents", 1, SECOND)],
        ..Policy::default()
    });
    let documents = Ask { template: "/v1/documents", ..ask(&policy) };
    try_now(&budgets, &documents).await.unwrap().finish();
    assert_eq!(try_now(&budgets, &documents).await.unwrap_err().retry_after, SECOND * 60);
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
}

#[tokio::test(start_paused = true)]
async fn authentication_has_a_limit_of_its_own_beside_the_ceiling() {
    let budgets = Budgets::default();
    let policy =
        Arc::new(Policy { ceiling: 1, pacing: false, authentication: Limit::new(2, SECOND * 60), ..Policy::default() });
    let authentication = Ask { is_authentication: true, ..ask(&policy) };
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    try_now(&budgets, &authentication).await.unwrap().finish();
    try_now(&budgets, &authentication).await.unwrap().finish();
    assert!(try_now(&budgets, &authentication).await.is_err());
    assert_eq!(budgets.snapshot(KEY).unwrap().held, 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_on_their_way_than_allowed() {
    let budgets = Budgets::default();
    let policy = Arc::new(Policy { pacing: false, max_in_flight: 2, ..Policy::default() });
    let first = try_now(&budgets, &ask(&policy)).await.unwrap();
    let second = try_now(&budgets, &ask(&policy)).await.unwrap();
    assert!(try_now(&budgets, &ask(&policy)).await.is_err());
    first.finish();
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    second.finish();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_blocks_the_budget_or_the_path_within_bounds() {
    let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
    let budgets = Budgets::with_clock(Settings::default(), Arc::new(clock));
    let policy = Arc::new(Policy {
        pacing: false,
        paths: vec![PathLimit::new("/v1/documents", 60, SECOND * 60)],
        ..Policy::default()
    });
    let documents = Ask { template: "/v1/documents", ..ask(&policy) };
    let permit = try_now(&budgets, &documents).await.unwrap();
    permit.penalise_path(SECOND * 7);
    permit.finish();
    assert_eq!(try_now(&budgets, &documents).await.unwrap_err().retry_after, SECOND * 7);
    let permit = try_now(&budgets, &ask(&policy)).await.unwrap();
    permit.penalise(Duration::MAX);
    permit.finish();
    assert_eq!(try_now(&budgets, &ask(&policy)).await.unwrap_err().retry_after, SECOND * 600);
    let json = serde_json::to_value(budgets.snapshot(KEY).unwrap()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "limit": 200, "window_s": 60, "held": 2, "in_flight": 0,
            "waiting": {"interactive": 0, "flow": 0, "webhook_follow_up": 0, "incremental": 0, "sweep": 0},
            "last_429_at": "2026-11-23T12:00:00Z", "blocked_until": "2026-11-23T12:10:00Z",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_says_is_left_is_adopted_for_a_window_but_never_to_a_standstill() {
    let (budgets, policy) = (Budgets::default(), policy(100, 60));
    let permit = try_now(&budgets, &ask(&policy)).await.unwrap();
    permit.correct(500);
    assert_eq!(budgets.snapshot(KEY).unwrap().held, 1);
    permit.correct(40);
    assert_eq!(budgets.snapshot(KEY).unwrap().held, 60);
    permit.correct(0);
    assert_eq!(budgets.snapshot(KEY).unwrap().held, 90);
    permit.finish();
    advance(SECOND * 60).await;
    assert_eq!(budgets.snapshot(KEY).unwrap().held, 0);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_our_address_is_shared_fairly_by_all_budgets() {
    let budgets = Budgets::default();
    let policy = Arc::new(Policy { address: Some(Limit::new(120, SECOND * 60)), ..Policy::default() });
    let until = Instant::now() + SECOND * 600;
    // The first budget is greedy, the others ask with one worker each.
    let workers = std::iter::repeat_n(0_u8, 32).chain(1..=5);
    let calls = join_all(workers.map(|owner| {
        let (budgets, policy) = (&budgets, &policy);
        async move {
            let mut n_calls = 0_u32;
            while Instant::now() < until {
                let asked = Ask { key: BudgetKey::new([owner; 32]), ..ask(policy) };
                if let Ok(permit) = budgets.acquire(&asked, SECOND * 120).await {
                    sleep(SECOND / 10).await;
                    permit.finish();
                    n_calls += 1;
                }
            }
            (owner, n_calls)
        }
    }))
    .await;
    let of = |owner| calls.iter().filter(|(other, _)| *other == owner).map(|(_, n_calls)| n_calls).sum::<u32>();
    let total: u32 = (0..=5).map(of).sum();
    assert!((1_180..=1_340).contains(&total), "{total}");
    for owner in 1..=5 {
        assert!(f64::from(of(owner)) >= 0.9 * f64::from(total) / 6.0, "{owner}: {} of {total}", of(owner));
    }
}

#[tokio::test(start_paused = true)]
async fn hosts_do_not_share_an_address_limit() {
    let budgets = Budgets::default();
    let policy = Arc::new(Policy { pacing: false, address: Some(Limit::new(1, SECOND * 60)), ..Policy::default() });
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    assert!(try_now(&budgets, &ask(&policy)).await.is_err());
    try_now(&budgets, &Ask { host: "https://other.example", ..ask(&policy) }).await.unwrap().finish();
}

#[tokio::test(start_paused = true)]
async fn a_changed_policy_keeps_the_slots_that_are_held() {
    let (budgets, wide, narrow) = (Budgets::default(), policy(3, 60), policy(2, 60));
    let held = [try_now(&budgets, &ask(&wide)).await.unwrap(), try_now(&budgets, &ask(&wide)).await.unwrap()];
    assert!(try_now(&budgets, &ask(&narrow)).await.is_err());
    held.into_iter().for_each(Permit::finish);
    let with_path = Arc::new(Policy { paths: vec![PathLimit::new("/v1/people", 1, SECOND)], ..(*wide).clone() });
    try_now(&budgets, &ask(&with_path)).await.unwrap().finish();
    assert!(try_now(&budgets, &ask(&with_path)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn idle_budgets_are_forgotten_and_held_ones_are_not() {
    let (budgets, policy) = (Budgets::default(), policy(10, 60));
    for owner in 0..50 {
        try_now(&budgets, &Ask { key: BudgetKey::new([owner; 32]), ..ask(&policy) }).await.unwrap().finish();
    }
    let on_its_way = try_now(&budgets, &ask(&policy)).await.unwrap();
    assert_eq!(budgets.n_budgets(), 50);
    advance(SECOND * 7200).await;
    try_now(&budgets, &Ask { key: BudgetKey::new([99; 32]), ..ask(&policy) }).await.unwrap().finish();
    assert_eq!(budgets.n_budgets(), 2);
    on_its_way.finish();
}

#[test]
fn waiters_outlive_the_runtime_that_ran_the_driver() {
    let (budgets, policy) = (Budgets::default(), policy(1, 1));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (first, second) = (runtime(), runtime());
    first.block_on(async {
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
        assert!(timeout(SECOND / 10, budgets.acquire(&ask(&policy), SECOND * 60)).await.is_err());
    });
    drop(first);
    second.block_on(async {
        sleep(SECOND * 2).await;
        budgets.acquire(&ask(&policy), SECOND * 60).await.unwrap().finish();
        budgets.acquire(&ask(&policy), SECOND * 60).await.unwrap().finish();
    });
}
