//! The state of one budget: its windows, its waiters in order, and what the vendor told us.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::{
    Class,
    left::UsedUp,
    policy::{Limit, Policy},
    view::{BudgetView, WaitingByClass},
    window::{Opening, Window, later},
};

/// Which windows a request counts in, besides its host's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Route {
    /// The authentication limit alone.
    Authentication,
    /// The ceiling alone.
    Plain,
    /// The ceiling and the windows of this template.
    Path(Arc<str>),
}

/// Waiters held back by the same limits: if the first can't go, none behind it can.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub(crate) route: Route,
    pub(crate) host: Arc<str>,
}

/// One budget.
#[derive(Debug)]
pub(crate) struct Budget {
    policy: Arc<Policy>,
    ceiling: Window,
    authentication: Window,
    paths: HashMap<Arc<str>, Vec<Window>>,
    /// Raised when the path windows were rebuilt: permits from before no longer count in them.
    pub(crate) generation: u32,
    in_flight: u32,
    lanes: BTreeMap<Lane, BTreeSet<(Class, u64)>>,
    blocked_until: Option<Instant>,
    blocked_routes: HashMap<Route, Instant>,
    pub(crate) last_429_at: Option<DateTime<Utc>>,
    pub(crate) used_at: Instant,
    /// Its entry in the agenda.
    pub(crate) wake: Option<Instant>,
}

/// All but interactive calls keep their distance.
fn is_paced(policy: &Policy, class: Class) -> bool {
    policy.pacing && class != Class::Interactive
}

impl Budget {
    pub(crate) fn new(policy: &Arc<Policy>, now: Instant) -> Self {
        let mut budget = Self {
            ceiling: Window::new(Limit::new(policy.ceiling, policy.window)).leaving_room(),
            authentication: Window::new(policy.authentication),
            policy: Arc::clone(policy),
            paths: HashMap::new(),
            generation: 0,
            in_flight: 0,
            lanes: BTreeMap::new(),
            blocked_until: None,
            blocked_routes: HashMap::new(),
            last_429_at: None,
            used_at: now,
            wake: None,
        };
        budget.build_paths();
        budget
    }

    fn build_paths(&mut self) {
        for path in &self.policy.paths {
            let windows = self.paths.entry(Arc::from(path.template.as_str())).or_default();
            windows.push(Window::new(Limit::new(path.limit, path.window)));
        }
    }

    /// Takes over a changed policy without forgetting a slot that is held.
    pub(crate) fn adopt(&mut self, policy: &Arc<Policy>, now: Instant) {
        if Arc::ptr_eq(&self.policy, policy) || self.policy == *policy {
            return;
        }
        let templates = |policy: &Policy| policy.paths.iter().map(|path| path.template.clone()).collect::<Vec<_>>();
        let paths_changed = templates(&self.policy) != templates(policy);
        self.policy = Arc::clone(policy);
        self.ceiling.resize(Limit::new(policy.ceiling, policy.window));
        self.authentication.resize(policy.authentication);
        if paths_changed {
            self.rebuild_paths(now);
        } else {
            let mut seen: HashMap<&str, usize> = HashMap::new();
            for path in &policy.paths {
                let nth = seen.entry(&path.template).or_default();
                let window = self.paths.get_mut(path.template.as_str()).and_then(|windows| windows.get_mut(*nth));
                if let Some(window) = window {
                    window.resize(Limit::new(path.limit, path.window));
                }
                *nth += 1;
            }
        }
    }

    fn rebuild_paths(&mut self, now: Instant) {
        self.generation += 1;
        let mut old = std::mem::take(&mut self.paths);
        self.build_paths();
        for (template, windows) in &mut self.paths {
            let Some(old) = old.remove(template) else { continue };
            for (window, mut old) in windows.iter_mut().zip(old) {
                let limit = Limit::new(window.limit(), window.span());
                // What is on its way can no longer report here; it is over within the longest request time-out.
                old.disown(later(now, limit.window + Duration::from_mins(2)));
                old.resize(limit);
                *window = old;
            }
        }
    }

    pub(crate) fn route(&self, template: &str, is_authentication: bool) -> Route {
        if is_authentication {
            return Route::Authentication;
        }
        self.paths.get_key_value(template).map_or(Route::Plain, |(template, _)| Route::Path(Arc::clone(template)))
    }

    /// The windows a request of `route` counts in; those of a path only for permits of this `generation`.
    fn windows(&mut self, route: &Route, generation: u32) -> impl Iterator<Item = &mut Window> {
        let (first, path) = match route {
            Route::Authentication => (&mut self.authentication, None),
            Route::Path(template) if generation == self.generation => (&mut self.ceiling, self.paths.get_mut(template)),
            Route::Plain | Route::Path(_) => (&mut self.ceiling, None),
        };
        std::iter::once(first).chain(path.into_iter().flatten())
    }

    pub(crate) fn is_paced(&self, route: &Route, class: Class) -> bool {
        *route != Route::Authentication && is_paced(&self.policy, class)
    }

    /// When a request of this route and class can go, its host's limit apart.
    pub(crate) fn opening(&mut self, route: &Route, class: Class, now: Instant) -> Opening {
        let paced = self.is_paced(route, class);
        let mut opening = Opening::from(self.blocked_routes.get(route).copied(), now);
        if *route != Route::Authentication {
            opening = opening.and(Opening::from(self.blocked_until, now));
            if self.in_flight >= self.policy.max_in_flight.max(1) {
                opening = opening.and(Opening::WhenReturned);
            }
        }
        let generation = self.generation;
        self.windows(route, generation).fold(opening, |opening, window| opening.and(window.opening(now, paced)))
    }

    /// A lower bound for when the waiter `(class, sequence)` of `lane` can go.
    pub(crate) fn earliest(&mut self, lane: &Lane, class: Class, sequence: u64, now: Instant) -> Instant {
        let place = (class, sequence);
        let (mut ahead, mut ahead_paced) = (0, 0);
        for (other, waiters) in &self.lanes {
            let same_windows = (other.route == Route::Authentication) == (lane.route == Route::Authentication);
            if same_windows {
                ahead += waiters.range(..place).count();
                ahead_paced += waiters.range(..place).filter(|(class, _)| is_paced(&self.policy, *class)).count();
            }
        }
        let ahead_in_lane = self.lanes.get(lane).map_or(0, |waiters| waiters.range(..place).count());
        let paced = self.is_paced(&lane.route, class);
        let mut at = self.blocked_routes.get(&lane.route).copied().unwrap_or(now).max(now);
        if lane.route != Route::Authentication {
            at = at.max(self.blocked_until.unwrap_or(now));
        }
        let generation = self.generation;
        for (index, window) in self.windows(&lane.route, generation).enumerate() {
            let (ahead, ahead_paced) = if index == 0 { (ahead, ahead_paced) } else { (ahead_in_lane, ahead_in_lane) };
            at = at.max(window.earliest(now, ahead, paced.then_some(ahead_paced)));
        }
        at
    }

    pub(crate) fn enqueue(&mut self, lane: Lane, class: Class, sequence: u64) {
        self.lanes.entry(lane).or_default().insert((class, sequence));
    }

    pub(crate) fn dequeue(&mut self, lane: &Lane, class: Class, sequence: u64) {
        if let Some(waiters) = self.lanes.get_mut(lane) {
            waiters.remove(&(class, sequence));
            if waiters.is_empty() {
                self.lanes.remove(lane);
            }
        }
    }

    /// The first waiter of each lane.
    pub(crate) fn heads(&self) -> Vec<(Class, u64, Lane)> {
        let first = |(lane, waiters): (&Lane, &BTreeSet<(Class, u64)>)| {
            waiters.first().map(|(class, sequence)| (*class, *sequence, lane.clone()))
        };
        self.lanes.iter().filter_map(first).collect()
    }

    /// Takes a slot in every window of the route; returns what [`Budget::correct`] needs to know later.
    pub(crate) fn take(&mut self, route: &Route, class: Class, now: Instant) -> u64 {
        let paced = self.is_paced(route, class);
        if *route != Route::Authentication {
            self.in_flight += 1;
        }
        let generation = self.generation;
        self.windows(route, generation).for_each(|window| window.take(now, paced));
        self.used_at = now;
        self.ceiling.freed()
    }

    pub(crate) fn put_back(&mut self, route: &Route, generation: u32) {
        self.returned(route);
        self.windows(route, generation).for_each(Window::put_back);
    }

    pub(crate) fn give(&mut self, route: &Route, generation: u32, from: Instant, now: Instant) {
        self.returned(route);
        self.windows(route, generation).for_each(|window| window.give(from));
        self.used_at = now;
    }

    fn returned(&mut self, route: &Route) {
        if *route != Route::Authentication {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// Sends nothing until `until`: on one route when `route` is one with limits of its own, else at all.
    pub(crate) fn block(&mut self, route: Route, until: Instant) {
        match route {
            Route::Plain => self.blocked_until = Some(self.blocked_until.map_or(until, |at| at.max(until))),
            route => {
                let at = self.blocked_routes.entry(route).or_insert(until);
                *at = (*at).max(until);
            }
        }
    }

    /// The vendor says that less is left than we think: someone else uses the credential. Holds the difference for a window,
    /// but leaves a tenth of the ceiling, so that a nonsensical header can't stop a tenant.
    pub(crate) fn correct(&mut self, remaining: u32, freed_at_take: u64, now: Instant) {
        self.ceiling.expire(now);
        // Slots freed since the request left were perhaps still counted by the vendor: no reason to doubt our count.
        let freed_since = u32::try_from(self.ceiling.freed().saturating_sub(freed_at_take)).unwrap_or(u32::MAX);
        let ours = self.ceiling.limit().saturating_sub(self.ceiling.held().saturating_add(freed_since));
        let floor = self.ceiling.limit().div_ceil(10);
        let until = later(now, self.ceiling.span());
        for _ in remaining.max(floor)..ours {
            self.ceiling.hold(until);
        }
    }

    /// Counts what others took before `since`.
    pub(crate) fn leave_to_others(&mut self, used_up: &UsedUp, since: Instant, now: Instant) {
        self.ceiling.leave_to_others(used_up.ceiling, since, now);
        self.authentication.leave_to_others(used_up.authentication, since, now);
        for (template, windows) in &mut self.paths {
            let of_path = used_up.paths.get(&**template);
            for (nth, window) in windows.iter_mut().enumerate() {
                let used_up = of_path.and_then(|used_up| used_up.get(nth).copied()).flatten();
                window.leave_to_others(used_up, since, now);
            }
        }
    }

    /// Whether it can be forgotten: nothing held, nobody waiting, nothing to remember.
    pub(crate) fn is_idle(&mut self, now: Instant) -> bool {
        self.blocked_routes.retain(|_, until| *until > now);
        let Self { ceiling, authentication, paths, .. } = self;
        let mut windows = [ceiling, authentication].into_iter().chain(paths.values_mut().flatten());
        let windows_idle = windows.all(|window| {
            window.expire(now);
            window.is_idle(now)
        });
        windows_idle
            && self.lanes.is_empty()
            && self.in_flight == 0
            && self.blocked_until.is_none_or(|until| until <= now)
            && self.blocked_routes.is_empty()
    }

    pub(crate) fn view(&mut self, now: Instant, wall: DateTime<Utc>) -> BudgetView {
        self.ceiling.expire(now);
        let mut waiting = WaitingByClass::default();
        self.lanes.values().flatten().for_each(|(class, _)| waiting.count(*class));
        let blocked_until = self.blocked_until.filter(|until| *until > now).and_then(|until| {
            chrono::Duration::from_std(until - now).ok().and_then(|left| wall.checked_add_signed(left))
        });
        BudgetView {
            held: self.ceiling.held(),
            in_flight: self.in_flight,
            waiting,
            last_429_at: self.last_429_at,
            blocked_until,
            ..BudgetView::idle(&self.policy)
        }
    }
}
