//! Left alone: what others may have taken of each limit when the shared store went away.
//!
//! From then on each process takes its share, and what others held beyond theirs at that moment is left to them for a window. How much that
//! was is known of what was looked at just before; since then they may have gone on at the full rate, and have sent at once what is
//! not paced, which is taken to be as many as may be on their way together: some seconds of such calls could be more. So what was not looked at for a window, or never, is taken for used up.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tokio::time::Instant;

use crate::{
    key::BudgetKey,
    policy::{Limit, Policy},
};

/// How many slots of a window were held when it was last looked at; at the earliest moment at which that may have been so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) held: u32,
    pub(crate) at: Instant,
}

/// How many slots of this process's share of each window are used up, its own among them. What is missing is used up.
#[derive(Debug, Default)]
pub(crate) struct UsedUp {
    pub(crate) ceiling: Option<u32>,
    pub(crate) authentication: Option<u32>,
    /// By template, in the policy's order.
    pub(crate) paths: HashMap<String, Vec<Option<u32>>>,
}

impl UsedUp {
    /// What is believed of a budget; `seen` knows its windows by the names that the scripts give them.
    pub(crate) fn of(policy: &Policy, n_processes: u32, seen: impl Fn(&str) -> Option<Seen>, now: Instant) -> Self {
        let of = |name: &str, limit: Limit| used_up(limit, n_processes, policy.max_in_flight, seen(name), now);
        let mut paths: HashMap<String, Vec<Option<u32>>> = HashMap::new();
        for path in &policy.paths {
            let name = format!("p:{}:{}", path.template, path.window.as_micros());
            paths.entry(path.template.clone()).or_default().push(of(&name, Limit::new(path.limit, path.window)));
        }
        Self {
            ceiling: of("c", Limit::new(policy.ceiling, policy.window)),
            authentication: of("a", policy.authentication),
            paths,
        }
    }
}

/// How much of this process's share of a limit is used up; none when nobody knows. At once `in_flight` requests may be sent.
pub(crate) fn used_up(limit: Limit, n_processes: u32, in_flight: u32, seen: Option<Seen>, now: Instant) -> Option<u32> {
    let Seen { held, at } = seen?;
    let whole = limit.limit.max(1);
    let span = limit.window.as_micros().max(1);
    let n_since = (now.saturating_duration_since(at).as_micros() * u128::from(whole)).div_ceil(span);
    let n_since = u32::try_from(n_since).unwrap_or(u32::MAX).saturating_add(in_flight);
    let held = held.saturating_add(n_since).min(whole);
    Some(held.saturating_sub(whole - limit.share(n_processes).limit))
}

/// What is believed of all budgets and hosts since the store went away.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) since: Instant,
    pub(crate) budgets: HashMap<BudgetKey, UsedUp>,
    pub(crate) hosts: HashMap<Arc<str>, Option<u32>>,
    /// Those that have been told.
    pub(crate) told: HashSet<BudgetKey>,
    pub(crate) told_hosts: HashSet<Arc<str>>,
}

impl Left {
    pub(crate) fn new(since: Instant) -> Self {
        Self { since, budgets: HashMap::new(), hosts: HashMap::new(), told: HashSet::new(), told_hosts: HashSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_others_hold_beyond_their_shares_is_used_up() {
        let now = Instant::now();
        let seen = |held| Some(Seen { held, at: now });
        let limit = Limit::new(100, SECOND * 10);
        assert_eq!([40, 50, 70, 200].map(|held| used_up(limit, 2, 0, seen(held), now)), [0, 0, 20, 50].map(Some));
        assert_eq!(used_up(limit, 1, 0, seen(70), now), Some(70), "ours alone");
        // Smaller than the number of processes: one of it in a longer window, and the others may have had the rest.
        assert_eq!([1, 2].map(|held| used_up(Limit::new(2, SECOND), 3, 0, seen(held), now)), [0, 1].map(Some));
    }

    #[test]
    fn they_may_have_gone_on_at_the_full_rate_since_it_was_looked_at() {
        let at = Instant::now();
        let limit = Limit::new(100, SECOND * 10);
        let after = |time| used_up(limit, 2, 0, Some(Seen { held: 50, at }), at + time);
        assert_eq!([SECOND, SECOND * 4, SECOND * 60].map(after), [10, 40, 50].map(Some));
        assert_eq!(used_up(limit, 2, 0, None, at), None);
    }

    #[test]
    fn whoever_is_not_paced_may_have_sent_as_many_as_may_be_on_their_way() {
        let at = Instant::now();
        let limit = Limit::new(100, SECOND * 10);
        let after = |time| used_up(limit, 2, 8, Some(Seen { held: 50, at }), at + time);
        assert_eq!([Duration::ZERO, SECOND, SECOND * 60].map(after), [8, 18, 50].map(Some));
    }
}
