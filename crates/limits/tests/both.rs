//! What callers may rely on, whichever store counts: each behaviour runs in memory and on Redis, in real time.

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::{join, join_all, poll_immediate};
use gangway_limits::{Ask, Budgets, Class, Limit, PathLimit, Permit, Policy};
use support::{Deployment, HOST, KEY, MILLISECOND, SECOND, ask, policy, try_now, until};
use tokio::time::{Instant, timeout};

/// Both stores, the second where there is a Redis.
async fn stores() -> Vec<Budgets> {
    let mut stores = vec![Budgets::default()];
    if let Some(deployment) = Deployment::shared().await {
        stores.push(deployment.process().await);
    }
    stores
}

async fn n_waiting(budgets: &Budgets) -> usize {
    budgets.look(KEY).await.map_or(0, |view| view.waiting.total())
}

async fn n_held(budgets: &Budgets) -> u32 {
    budgets.look(KEY).await.map_or(0, |view| view.held)
}

/// Real time passes between a call and its answer, but no more than this.
fn is_about(actual: Duration, expected: Duration) -> bool {
    actual <= expected && actual + SECOND * 5 > expected
}

#[tokio::test]
async fn a_long_wait_is_refused_at_once_with_the_time_to_come_back() {
    for budgets in stores().await {
        let policy = policy(1, SECOND * 60);
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
        let before = Instant::now();
        let wait = budgets.acquire(&ask(&policy), SECOND * 30).await.unwrap_err();
        assert!(before.elapsed() < SECOND * 10, "{budgets:?}");
        assert!(is_about(wait.retry_after, SECOND * 60), "{budgets:?}: {wait:?}");
    }
}

#[tokio::test]
async fn a_short_wait_happens_inside_the_call() {
    for budgets in stores().await {
        let policy = policy(1, MILLISECOND * 300);
        let first = try_now(&budgets, &ask(&policy)).await.unwrap();
        let answered = Instant::now();
        first.finish();
        budgets.acquire(&ask(&policy), SECOND * 20).await.unwrap().finish();
        assert!(answered.elapsed() >= MILLISECOND * 300, "{budgets:?}");
    }
}

#[tokio::test]
async fn a_permit_dropped_without_an_answer_is_held_for_time_out_and_window() {
    for budgets in stores().await {
        let policy = policy(1, SECOND * 60);
        drop(try_now(&budgets, &ask(&policy)).await.unwrap());
        let wait = try_now(&budgets, &ask(&policy)).await.unwrap_err();
        assert!(is_about(wait.retry_after, SECOND * 90), "{budgets:?}: {wait:?}");
    }
}

#[tokio::test]
async fn an_unsent_request_gives_its_slot_back_at_once() {
    for budgets in stores().await {
        let policy = policy(1, SECOND * 60);
        try_now(&budgets, &ask(&policy)).await.unwrap().put_back();
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    }
}

#[tokio::test]
async fn the_highest_class_goes_first_and_first_come_first_served_inside_it() {
    for budgets in stores().await {
        let policy = policy(1, MILLISECOND * 60);
        let first = try_now(&budgets, &ask(&policy)).await.unwrap();
        let order = Mutex::new(Vec::new());
        let classes = [Class::Sweep, Class::Flow, Class::Incremental, Class::Flow, Class::Interactive];
        let calls = join_all(classes.into_iter().enumerate().map(|(index, class)| {
            let (budgets, policy, order) = (&budgets, &policy, &order);
            async move {
                let permit = budgets.acquire(&Ask { class, ..ask(policy) }, SECOND * 60).await.unwrap();
                order.lock().unwrap().push(index);
                permit.finish();
            }
        }));
        let start = async {
            until("all wait", || async { n_waiting(&budgets).await == 5 }).await;
            first.finish();
        };
        join(calls, start).await;
        assert_eq!(order.into_inner().unwrap(), [4, 1, 3, 2, 0], "{budgets:?}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_neither_waiter_nor_slot() {
    for budgets in stores().await {
        let policy = policy(1, MILLISECOND * 200);
        let first = try_now(&budgets, &ask(&policy)).await.unwrap();
        for _ in 0..5 {
            assert!(timeout(MILLISECOND * 20, budgets.acquire(&ask(&policy), SECOND * 60)).await.is_err());
        }
        until("nobody waits", || async { n_waiting(&budgets).await == 0 }).await;
        assert_eq!(n_held(&budgets).await, 1, "{budgets:?}");
        first.finish();
        budgets.acquire(&ask(&policy), SECOND * 20).await.unwrap().finish();
    }
}

#[tokio::test]
async fn a_slot_granted_to_someone_who_no_longer_takes_it_passes_on() {
    for budgets in stores().await {
        let policy = policy(1, MILLISECOND * 200);
        let first = try_now(&budgets, &ask(&policy)).await.unwrap();
        let asked = ask(&policy);
        let mut gone = Box::pin(budgets.acquire(&asked, SECOND * 60));
        assert!(poll_immediate(&mut gone).await.is_none());
        first.finish();
        // The slot is granted meanwhile, but nobody polls the future that it is for.
        until("it is granted", || async {
            budgets.look(KEY).await.unwrap().in_flight == 1 && n_waiting(&budgets).await == 0
        })
        .await;
        drop(gone);
        until("it is free", || async { n_held(&budgets).await == 0 }).await;
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    }
}

#[tokio::test]
async fn a_path_at_its_limit_does_not_hold_up_other_paths() {
    for budgets in stores().await {
        let paths = vec![PathLimit::new("/v1/documents", 1, SECOND * 60), PathLimit::new("/v1/documents", 1, SECOND)];
        let policy = Arc::new(Policy { pacing: false, paths, ..Policy::default() });
        let documents = Ask { template: "/v1/documents", ..ask(&policy) };
        try_now(&budgets, &documents).await.unwrap().finish();
        let wait = try_now(&budgets, &documents).await.unwrap_err();
        assert!(is_about(wait.retry_after, SECOND * 60), "{budgets:?}: {wait:?}");
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    }
}

#[tokio::test]
async fn authentication_has_a_limit_of_its_own_beside_the_ceiling() {
    for budgets in stores().await {
        let authentication = Limit::new(2, SECOND * 60);
        let policy = Arc::new(Policy { ceiling: 1, pacing: false, authentication, ..Policy::default() });
        let authentication = Ask { is_authentication: true, ..ask(&policy) };
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
        try_now(&budgets, &authentication).await.unwrap().finish();
        try_now(&budgets, &authentication).await.unwrap().finish();
        assert!(try_now(&budgets, &authentication).await.is_err(), "{budgets:?}");
        assert_eq!(n_held(&budgets).await, 1, "{budgets:?}");
    }
}

#[tokio::test]
async fn no_more_requests_are_on_their_way_than_allowed() {
    for budgets in stores().await {
        let policy = Arc::new(Policy { pacing: false, max_in_flight: 2, ..Policy::default() });
        let first = try_now(&budgets, &ask(&policy)).await.unwrap();
        let second = try_now(&budgets, &ask(&policy)).await.unwrap();
        assert!(try_now(&budgets, &ask(&policy)).await.is_err(), "{budgets:?}");
        first.finish();
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
        second.finish();
    }
}

#[tokio::test]
async fn lower_classes_keep_their_distance_and_interactive_calls_need_not() {
    for budgets in stores().await {
        let policy = Arc::new(Policy { ceiling: 4, window: SECOND * 240, ..Policy::default() });
        let interactive = Ask { class: Class::Interactive, ..ask(&policy) };
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
        let wait = try_now(&budgets, &ask(&policy)).await.unwrap_err();
        assert!(wait.retry_after > SECOND * 50, "{budgets:?}: {wait:?}");
        try_now(&budgets, &interactive).await.unwrap().finish();
        try_now(&budgets, &interactive).await.unwrap().finish();
    }
}

#[tokio::test]
async fn a_refusal_blocks_the_budget_or_the_path_within_bounds() {
    for budgets in stores().await {
        let paths = vec![PathLimit::new("/v1/documents", 60, SECOND * 60)];
        let policy = Arc::new(Policy { pacing: false, paths, ..Policy::default() });
        let documents = Ask { template: "/v1/documents", ..ask(&policy) };
        let permit = try_now(&budgets, &documents).await.unwrap();
        permit.penalise_path(SECOND * 7);
        permit.finish();
        let wait = try_now(&budgets, &documents).await.unwrap_err();
        assert!(is_about(wait.retry_after, SECOND * 7), "{budgets:?}: {wait:?}");
        let permit = try_now(&budgets, &ask(&policy)).await.unwrap();
        permit.penalise(Duration::MAX);
        permit.finish();
        let wait = try_now(&budgets, &ask(&policy)).await.unwrap_err();
        assert!(is_about(wait.retry_after, SECOND * 600), "{budgets:?}: {wait:?}");
        let view = budgets.look(KEY).await.unwrap();
        assert!(view.last_429_at.is_some() && view.blocked_until > view.last_429_at, "{view:?}");
        assert_eq!((view.limit, view.window_s, view.held, view.in_flight), (200, 60, 2, 0));
    }
}

#[tokio::test]
async fn what_the_vendor_says_is_left_is_adopted_but_never_to_a_standstill() {
    for budgets in stores().await {
        let policy = policy(100, SECOND * 60);
        let permit = try_now(&budgets, &ask(&policy)).await.unwrap();
        for (remaining, held) in [(500, 1), (40, 60), (0, 90)] {
            permit.correct(remaining);
            assert_eq!(n_held(&budgets).await, held, "{budgets:?}: {remaining}");
        }
        permit.finish();
    }
}

#[tokio::test]
async fn hosts_do_not_share_an_address_limit() {
    for budgets in stores().await {
        let policy = Arc::new(Policy { pacing: false, address: Some(Limit::new(1, SECOND * 60)), ..Policy::default() });
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
        assert!(try_now(&budgets, &ask(&policy)).await.is_err(), "{HOST} {budgets:?}");
        try_now(&budgets, &Ask { host: "https://other.example", ..ask(&policy) }).await.unwrap().finish();
    }
}

#[tokio::test]
async fn a_changed_policy_keeps_the_slots_that_are_held() {
    for budgets in stores().await {
        let (wide, narrow) = (policy(3, SECOND * 60), policy(2, SECOND * 60));
        let held = [try_now(&budgets, &ask(&wide)).await.unwrap(), try_now(&budgets, &ask(&wide)).await.unwrap()];
        assert!(try_now(&budgets, &ask(&narrow)).await.is_err(), "{budgets:?}");
        held.into_iter().for_each(Permit::finish);
        let paths = vec![PathLimit::new("/v1/people", 1, SECOND)];
        let with_path = Arc::new(Policy { paths, ..(*wide).clone() });
        try_now(&budgets, &ask(&with_path)).await.unwrap().finish();
        assert!(try_now(&budgets, &ask(&with_path)).await.is_err(), "{budgets:?}");
    }
}
