//! The door to all budgets of this process.
//!
//! State is in memory: a second process would not see it, so the server refuses to run two of them on it. Callers wait
//! on their own notice; one driver task sleeps until the next slot opens and lives only while somebody waits.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gangway_domain::{Clock, SystemClock};
use tokio::{sync::Notify, time::Instant};
use tokio_util::task::TaskTracker;

use crate::{
    Class,
    key::BudgetKey,
    permit::Permit,
    policy::Policy,
    scheduler::{Entry, Scheduler},
    view::BudgetView,
    window::later,
};

/// The shortest retry time handed out: a job that comes back sooner finds the same queue.
const SHORTEST_RETRY: Duration = Duration::from_millis(50);

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
        Self { shared: Arc::new(shared) }
    }

    /// Takes a slot, waiting at most `max_wait`. Whoever could not be served in that time is told when to come back, at once
    /// where that is certain already. Dropping the future leaves neither a waiter nor a slot behind.
    ///
    /// # Errors
    /// [`Wait`] when there is no slot in time.
    pub async fn acquire(&self, ask: &Ask<'_>, max_wait: Duration) -> Result<Permit, Wait> {
        let notify = Arc::new(Notify::new());
        let deadline = later(Instant::now(), max_wait);
        let mut ticket = self.shared.enqueue(ask, Arc::clone(&notify));
        if let Some(wait) = ticket.refusal(deadline) {
            return Err(wait);
        }
        loop {
            if let Some(permit) = ticket.collect(ask.request_timeout) {
                return Ok(permit);
            }
            self.shared.ensure_driver();
            if tokio::time::timeout_at(deadline, notify.notified()).await.is_err() {
                return ticket.collect(ask.request_timeout).ok_or_else(|| ticket.give_up());
            }
        }
    }

    /// The vendor refused a request made with this credential: nothing is sent for so long, to that template's limits when it
    /// has some of its own, else at all.
    pub fn penalise(&self, key: BudgetKey, template: Option<&str>, retry_after: Duration) {
        let wall = self.shared.clock.now();
        let retry_after = self.shared.clamp_penalty(retry_after);
        self.shared.with(|scheduler, now| scheduler.block(key, template, later(now, retry_after), wall, now));
    }

    /// How a budget stands; none when it was not used lately (see [`BudgetView::idle`]).
    #[must_use]
    pub fn snapshot(&self, key: BudgetKey) -> Option<BudgetView> {
        let wall = self.shared.clock.now();
        self.shared.with(|scheduler, now| scheduler.view(key, now, wall))
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
    tasks: TaskTracker,
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

    pub(crate) fn clamp_penalty(&self, retry_after: Duration) -> Duration {
        retry_after.clamp(SHORTEST_RETRY, self.settings.longest_penalty.max(SHORTEST_RETRY))
    }

    fn enqueue(self: &Arc<Self>, ask: &Ask<'_>, notify: Arc<Notify>) -> Ticket {
        let Ask { key, policy, template, host, class, is_authentication, request_timeout: _ } = ask.clone();
        let entry = Entry { key, policy, template, host, class, is_authentication };
        let sequence = self.with(|scheduler, now| {
            scheduler.sweep(now, self.settings.idle_after);
            scheduler.enqueue(&entry, notify, now)
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
    fn collect(&mut self, request_timeout: Duration) -> Option<Permit> {
        let slot = self.shared.with(|scheduler, _| scheduler.collect(self.sequence))?;
        self.left = true;
        Some(Permit::new(Arc::clone(&self.shared), slot, request_timeout))
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
