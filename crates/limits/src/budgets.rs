//! The door to all budgets of this process.
//!
//! State is in memory: a second process would not see it, so the server refuses to run two of them on it. Callers wait
//! on their own notice; one driver task sleeps until the next slot opens and lives only while somebody waits.
//!
//! With a shared store ([`crate::redis`]) that one decides, and what is here counts this process's own slots along, so that it
//! can go on with its share when the store is away.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use gangway_domain::{Clock, SystemClock};
use tokio::{sync::Notify, time::Instant};
use tokio_util::task::TaskTracker;

use crate::{
    Class,
    key::BudgetKey,
    permit::{Elsewhere, Permit},
    policy::Policy,
    redis::{Counting, Outcome, ScriptServer, SharedStore, Store, StoreError},
    scheduler::{Entry, Scheduler, Slot},
    view::BudgetView,
    window::later,
};

/// The shortest retry time handed out: a job that comes back sooner finds the same queue.
pub(crate) const SHORTEST_RETRY: Duration = Duration::from_millis(50);

/// Settings of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The longest a vendor's answer may block a budget.
    pub longest_penalty: Duration,
    /// Budgets unused for so long are forgotten.
    pub idle_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { longest_penalty: Duration::from_mins(10), idle_after: Duration::from_hours(1) }
    }
}

/// A request for a slot.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Whose budget.
    pub key: BudgetKey,
    /// Its limits; a changed policy takes effect with the next request.
    pub policy: &'a Arc<Policy>,
    /// Route template with ids replaced.
    pub template: &'a str,
    /// Host called: the limit of our own address is counted per host.
    pub host: &'a str,
    /// Priority.
    pub class: Class,
    /// Counts against the authentication limit only.
    pub is_authentication: bool,
    /// The longest the request can take, for slots whose caller dies.
    pub request_timeout: Duration,
}

impl<'a> Ask<'a> {
    fn entry(&self) -> Entry<'a> {
        let Self { key, policy, template, host, class, is_authentication, request_timeout: _ } = self.clone();
        Entry { key, policy, template, host, class, is_authentication }
    }
}

/// No slot soon enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no slot in the vendor's budget for about {} s", retry_after.as_secs())]
pub struct Wait {
    /// When to ask again (an estimate, never zero).
    pub retry_after: Duration,
}

/// All vendor budgets of this process. Clones share them.
#[derive(Clone)]
pub struct Budgets {
    shared: Arc<Shared>,
    store: Option<Arc<Store>>,
}

impl Budgets {
    /// Empty budgets, timed by the machine's clock.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::with_clock(settings, Arc::new(SystemClock))
    }

    /// Empty budgets; `clock` serves only the times shown in a [`BudgetView`].
    #[must_use]
    pub fn with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let shared =
            Shared { scheduler: Mutex::default(), driver: Notify::new(), tasks: TaskTracker::new(), settings, clock };
        Self { shared: Arc::new(shared), store: None }
    }

    /// Budgets that all processes on `store` share. The task that speaks to it runs where this is called, until the last clone
    /// and the last permit are gone.
    ///
    /// While the store does not answer, nearly nothing may be sent, since nobody knows how many share the limits; what is waited for goes
    /// on when it answers.
    ///
    /// # Errors
    /// When the address or the login is wrong.
    pub async fn on_redis(settings: Settings, clock: Arc<dyn Clock>, store: &SharedStore) -> Result<Self, StoreError> {
        let Self { shared, .. } = Self::with_clock(settings, clock);
        let store = Store::open(store, Arc::clone(&shared)).await?;
        Ok(Self { shared, store: Some(store) })
    }

    /// As [`Budgets::on_redis`], on any server: [`SharedStore::server`], or one that somebody plays.
    ///
    /// # Errors
    /// When the login is wrong.
    pub async fn on_server(
        settings: Settings,
        clock: Arc<dyn Clock>,
        server: Arc<dyn ScriptServer>,
        (namespace, beat): (&str, Duration),
    ) -> Result<Self, StoreError> {
        let Self { shared, .. } = Self::with_clock(settings, clock);
        let store = Store::on(server, namespace, beat, Arc::clone(&shared)).await?;
        Ok(Self { shared, store: Some(store) })
    }

    /// Takes a slot, waiting at most `max_wait`. Whoever could not be served in that time is told when to come back, at once
    /// where that is certain already. Dropping the future leaves neither a waiter nor a slot behind.
    ///
    /// # Errors
    /// [`Wait`] when there is no slot in time.
    pub async fn acquire(&self, ask: &Ask<'_>, max_wait: Duration) -> Result<Permit, Wait> {
        let deadline = later(Instant::now(), max_wait);
        match &self.store {
            None => {
                let slot = self.shared.acquire(ask, deadline).await?;
                Ok(Permit::new(Arc::clone(&self.shared), slot, ask.request_timeout, None))
            }
            Some(store) => self.acquire_of(store, ask, deadline).await,
        }
    }

    async fn acquire_of(&self, store: &Arc<Store>, ask: &Ask<'_>, deadline: Instant) -> Result<Permit, Wait> {
        let permit = |slot, number| {
            let elsewhere = Elsewhere { store: Arc::clone(store), number };
            Permit::new(Arc::clone(&self.shared), slot, ask.request_timeout, Some(elsewhere))
        };
        loop {
            match store.acquire(ask, deadline).await {
                Outcome::Granted(number) => return Ok(permit(self.shared.take_over(ask), number)),
                Outcome::TooLong(wait) => return Err(wait),
                Outcome::Away => {}
            }
            let Counting::Share { n_processes } = store.counting() else {
                store.settled().await;
                continue;
            };
            let policy = Arc::new(ask.policy.share(n_processes));
            let share = Ask { policy: &policy, ..ask.clone() };
            tokio::select! {
                biased;
                slot = self.shared.acquire(&share, deadline) => {
                    let slot = slot?;
                    let number = store.take(ask, &slot);
                    return Ok(permit(slot, number));
                }
                () = store.back() => {}
            }
        }
    }

    /// The vendor refused a request made with this credential: nothing is sent for so long, to that template's limits when it
    /// has some of its own, else at all.
    pub fn penalise(&self, key: BudgetKey, template: Option<&str>, retry_after: Duration) {
        let (until, wall) = self.shared.penalty(retry_after);
        self.shared.with(|scheduler, now| scheduler.block(key, template, until, wall, now));
        if let Some(store) = &self.store {
            store.penalise(key, template, until);
        }
    }

    /// How a budget stands; none when it was not used lately (see [`BudgetView::idle`]). In a shared store: how it stood when
    /// this process last asked.
    #[must_use]
    pub fn snapshot(&self, key: BudgetKey) -> Option<BudgetView> {
        let wall = self.shared.clock.now();
        let shared = self.store.as_ref().and_then(|store| store.snapshot(key, wall));
        shared.or_else(|| self.shared.with(|scheduler, now| scheduler.view(key, now, wall)))
    }

    /// As [`Budgets::snapshot`], after asking the shared store.
    pub async fn look(&self, key: BudgetKey) -> Option<BudgetView> {
        if let Some(store) = &self.store {
            store.look(key).await;
        }
        self.snapshot(key)
    }

    /// Who counts.
    #[must_use]
    pub fn counting(&self) -> Counting {
        self.store.as_ref().map_or(Counting::Here, |store| store.counting())
    }

    /// How often a vendor refused while slots may have been held that nobody knew of: no fault of the rule.
    #[must_use]
    pub fn n_unsure_refusals(&self) -> u64 {
        self.store.as_ref().map_or(0, |store| store.n_unsure_refusals())
    }

    /// How many budgets are in memory.
    #[must_use]
    pub fn n_budgets(&self) -> usize {
        self.shared.with(|scheduler, _| scheduler.n_budgets())
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").field("n_budgets", &self.n_budgets()).finish()
    }
}

/// What clones, permits and the driver share.
pub(crate) struct Shared {
    scheduler: Mutex<Scheduler>,
    driver: Notify,
    pub(crate) tasks: TaskTracker,
    settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// Runs one step under the lock, then wakes the driver if there is something earlier to do.
    pub(crate) fn with<T>(&self, step: impl FnOnce(&mut Scheduler, Instant) -> T) -> T {
        let mut scheduler = self.scheduler.lock().unwrap_or_else(PoisonError::into_inner);
        let out = step(&mut scheduler, Instant::now());
        if let Some(until) = scheduler.driver_until {
            let idle = !scheduler.has_waiters();
            if idle || scheduler.next_wake().is_some_and(|at| at < until) {
                self.driver.notify_one();
            }
        }
        out
    }

    /// Until when a refusal blocks, and when it was.
    pub(crate) fn penalty(&self, retry_after: Duration) -> (Instant, DateTime<Utc>) {
        let wait = retry_after.clamp(SHORTEST_RETRY, self.settings.longest_penalty.max(SHORTEST_RETRY));
        (later(Instant::now(), wait), self.clock.now())
    }

    /// How long what is unused is remembered.
    pub(crate) fn idle_after(&self) -> Duration {
        self.settings.idle_after
    }

    /// Counts a slot that the shared store granted.
    fn take_over(&self, ask: &Ask<'_>) -> Slot {
        self.with(|scheduler, now| {
            scheduler.sweep(now, self.settings.idle_after);
            scheduler.take_over(&ask.entry(), now)
        })
    }

    /// Waits for a slot.
    async fn acquire(self: &Arc<Self>, ask: &Ask<'_>, deadline: Instant) -> Result<Slot, Wait> {
        let notify = Arc::new(Notify::new());
        let mut ticket = self.enqueue(ask, Arc::clone(&notify));
        if let Some(wait) = ticket.refusal(deadline) {
            return Err(wait);
        }
        loop {
            if let Some(slot) = ticket.collect() {
                return Ok(slot);
            }
            self.ensure_driver();
            if tokio::time::timeout_at(deadline, notify.notified()).await.is_err() {
                return ticket.collect().ok_or_else(|| ticket.give_up());
            }
        }
    }

    fn enqueue(self: &Arc<Self>, ask: &Ask<'_>, notify: Arc<Notify>) -> Ticket {
        let sequence = self.with(|scheduler, now| {
            scheduler.sweep(now, self.settings.idle_after);
            scheduler.enqueue(&ask.entry(), notify, now)
        });
        Ticket { shared: Arc::clone(self), sequence, left: false }
    }

    /// Starts the driver unless it runs.
    fn ensure_driver(self: &Arc<Self>) {
        let start = self.with(|scheduler, now| {
            let start = scheduler.driver_until.is_none();
            if start {
                scheduler.driver_until = Some(now);
            }
            start
        });
        if start {
            self.tasks.spawn(drive(Running(Arc::clone(self))));
        }
    }
}

/// Marks that a driver runs; when its runtime goes away under it, a waiter on another one takes over.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        let successor = self.0.with(|scheduler, _| {
            scheduler.driver_until = None;
            scheduler.any_waiter()
        });
        if let Some(waiter) = successor {
            waiter.notify_one();
        }
    }
}

/// Serves waiters as slots open, until nobody waits.
async fn drive(running: Running) {
    let shared = &running.0;
    loop {
        let wake = shared.with(|scheduler, now| {
            scheduler.run_due(now);
            let wake = scheduler.next_wake().unwrap_or_else(|| later(now, Duration::MAX));
            scheduler.driver_until = Some(wake);
            scheduler.has_waiters().then_some(wake)
        });
        let Some(wake) = wake else { return };
        tokio::select! {
            () = tokio::time::sleep_until(wake) => {}
            () = shared.driver.notified() => {}
        }
    }
}

/// A place in the queue; dropping it leaves the queue.
struct Ticket {
    shared: Arc<Shared>,
    sequence: u64,
    left: bool,
}

impl Ticket {
    fn collect(&mut self) -> Option<Slot> {
        let slot = self.shared.with(|scheduler, _| scheduler.collect(self.sequence))?;
        self.left = true;
        Some(slot)
    }

    fn retry_after(&self) -> Duration {
        let earliest = self.shared.with(|scheduler, now| scheduler.earliest(self.sequence, now) - now);
        earliest.max(SHORTEST_RETRY)
    }

    /// Says no at once when it is certain that no slot comes before the deadline.
    fn refusal(&self, deadline: Instant) -> Option<Wait> {
        self.shared.with(|scheduler, now| {
            if scheduler.is_granted(self.sequence) {
                return None;
            }
            let earliest = scheduler.earliest(self.sequence, now);
            (earliest > deadline).then(|| Wait { retry_after: (earliest - now).max(SHORTEST_RETRY) })
        })
    }

    fn give_up(&self) -> Wait {
        Wait { retry_after: self.retry_after() }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.left {
            self.shared.with(|scheduler, now| scheduler.leave(self.sequence, now));
        }
    }
}
