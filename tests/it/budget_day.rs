//! A vendor's limit over hours, in seconds: many processes on a played Redis that runs the scripts of production.
//!
//! `make bench-budget` plays the whole grid.

use std::time::Duration;

use gangway_testkit::budget_day::{Counts, Crisis, Day, Outcome, simulate};

async fn outcome(counts: Counts, n_workers: usize, crisis: Crisis) -> Outcome {
    let day = Day {
        counts,
        n_workers,
        n_processes: 4,
        crisis,
        every: Duration::from_mins(4),
        warm_up: Duration::from_mins(2),
        steady: Duration::from_mins(10),
        seed: 1,
    };
    simulate(&day).await.unwrap()
}

fn assert_is_used_and_kept(outcome: &Outcome) {
    assert_eq!((outcome.n_refused, outcome.n_unsure), (0, 0), "of {}", outcome.n_sent);
    // In hours it is 99.5 % and more, which the bench shows; minutes differ.
    assert!(outcome.use_of_ceiling >= 0.99, "{}", outcome.use_of_ceiling);
    let place = outcome.waits.len() * 99 / 100;
    assert!(outcome.waits[place] <= 1.0, "{}", outcome.waits[place]);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_vendor_counts_by_it_never_refuses_and_its_limit_is_used() {
    for counts in Counts::ALL {
        assert_is_used_and_kept(&outcome(counts, 8, Crisis::None).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_leaves_its_slots_held_to_their_end() {
    assert_is_used_and_kept(&outcome(Counts::Sliding, 32, Crisis::Process).await);
}

#[tokio::test(start_paused = true)]
async fn redis_may_die_and_come_back_empty_or_as_it_was() {
    let outcome = outcome(Counts::SlidingAndBurst, 8, Crisis::Redis).await;
    assert_is_used_and_kept(&outcome);
    assert!(outcome.use_while_away.unwrap() > 0.1, "each process takes its share: {outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn where_redis_and_a_process_die_together_what_is_refused_is_counted_apart() {
    let outcome = outcome(Counts::Sliding, 8, Crisis::Both).await;
    assert_eq!(outcome.n_refused, 0, "of {}", outcome.n_sent);
    assert!(outcome.use_of_ceiling >= 0.99, "{}", outcome.use_of_ceiling);
}
