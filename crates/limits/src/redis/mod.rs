//! Budgets shared by all processes, in Redis: the rule of [`crate::scheduler`], with Redis's clock as the only one.
//!
//! Each operation is one script, so that no two processes see the same free slot. A waiter registers there with its class; one
//! driver per process asks for all of them, and sleeps until the time that the script names or until it is woken. Redis
//! holds nothing durable: each process keeps a ledger of its own slots ([`ledger`]) and enters it into a store that does not know
//! them. Why it is so: `docs/decisions/0011-shared-budgets.md`.

mod desk;
mod driver;
mod ledger;
mod link;
mod peers;
mod port;
mod wire;

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, Utc};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{
    desk::{AUTHENTICATION, Office, Standing, Waiter},
    ledger::Sent,
    link::{Address, Patience},
    wire::Special,
};
pub use self::{
    link::StoreError,
    port::{Connected, ScriptConnection, ScriptServer, StoreScript, WakeUps},
};
use crate::{
    budgets::{Ask, SHORTEST_RETRY, Shared, Wait},
    key::BudgetKey,
    policy::Policy,
    scheduler::Slot,
    view::BudgetView,
    window::later,
};

/// Where the shared store is, and how it is used.
#[derive(Clone)]
pub struct SharedStore {
    /// `redis://…`, perhaps with a password.
    pub url: String,
    /// Tells deployments on one server apart.
    pub namespace: String,
    /// How long Redis may take to answer before the process goes on alone.
    pub answer_timeout: Duration,
    /// How often a process says that it lives. Thrice as long without a word, and it counts as dead.
    pub beat: Duration,
}

impl SharedStore {
    /// A server, used as it should be in production.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            namespace: "limits".to_owned(),
            answer_timeout: Duration::from_millis(250),
            beat: Duration::from_secs(1),
        }
    }
}

impl SharedStore {
    /// The server, not connected yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn server(&self) -> Result<Arc<dyn ScriptServer>, StoreError> {
        let Self { url, namespace: _, answer_timeout, beat: _ } = self;
        let patience = Patience { connect: *answer_timeout * 4, answer: *answer_timeout };
        Ok(Arc::new(Address::new(url, patience)?))
    }

    /// Looks whether it can be used, without joining those who do. Answers what is done there when memory runs out, where the server says it.
    ///
    /// # Errors
    /// When it can't.
    pub async fn check(&self) -> Result<Option<String>, StoreError> {
        let Self { url, namespace: _, answer_timeout, beat: _ } = self;
        Address::new(url, Patience { connect: *answer_timeout * 4, answer: *answer_timeout * 4 })?.check().await
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// This process alone, by choice.
    Here,
    /// All processes together.
    Together {
        /// How many they are.
        n_processes: u32,
    },
    /// Redis does not answer: this process takes its share.
    Share {
        /// Of how many.
        n_processes: u32,
    },
}

/// How a request for a slot ended.
pub(crate) enum Outcome {
    Granted(u64),
    TooLong(Wait),
    /// Redis does not answer.
    Away,
}

/// What the door and the driver share.
struct Inner {
    office: Mutex<Office>,
    work: Notify,
    counting: watch::Sender<Counting>,
    here: Arc<Shared>,
    n_unsure_refusals: AtomicU64,
}

impl Inner {
    fn with<T>(&self, step: impl FnOnce(&mut Office, Instant) -> T) -> T {
        let mut office = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        step(&mut office, Instant::now())
    }

    /// Runs one step that leaves something to do for the driver.
    fn order<T>(&self, step: impl FnOnce(&mut Office, Instant) -> T) -> T {
        let out = self.with(step);
        self.work.notify_one();
        out
    }
}

/// The shared store, as long as somebody uses it.
pub(crate) struct Store {
    inner: Arc<Inner>,
    _end: DropGuard,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Connects, and starts the driver. A server that does not answer is tried again.
    pub(crate) async fn open(store: &SharedStore, here: Arc<Shared>) -> Result<Arc<Self>, StoreError> {
        Self::on(store.server()?, &store.namespace, store.beat, here).await
    }

    /// As [`Store::open`], on any server.
    pub(crate) async fn on(
        server: Arc<dyn ScriptServer>,
        namespace: &str,
        beat: Duration,
        here: Arc<Shared>,
    ) -> Result<Arc<Self>, StoreError> {
        let random = || RandomState::new().hash_one(0);
        let process = format!("{:016x}{:016x}", random(), random());
        let inner = Arc::new(Inner {
            office: Mutex::new(Office::new(process)),
            work: Notify::new(),
            counting: watch::Sender::new(Counting::Together { n_processes: 1 }),
            here,
            n_unsure_refusals: AtomicU64::new(0),
        });
        let ended = CancellationToken::new();
        let driver = driver::Driver::start(Arc::clone(&inner), server, namespace, beat).await?;
        inner.here.tasks.spawn(driver.run(ended.clone()));
        Ok(Arc::new(Self { inner, _end: ended.drop_guard() }))
    }

    pub(crate) fn counting(&self) -> Counting {
        *self.inner.counting.borrow()
    }

    pub(crate) fn n_unsure_refusals(&self) -> u64 {
        self.inner.n_unsure_refusals.load(Ordering::Relaxed)
    }

    /// Waits until it is decided who counts: Redis went away or came back at this moment.
    pub(crate) async fn settled(&self) {
        let mut counting = self.inner.counting.subscribe();
        // The sender lives as long as we do; the time is the driver's next try.
        tokio::time::timeout(SHORTEST_RETRY, counting.changed()).await.ok();
    }

    /// Waits until all count together.
    pub(crate) async fn back(&self) {
        let mut counting = self.inner.counting.subscribe();
        // The sender lives as long as we do.
        counting.wait_for(|counting| matches!(counting, Counting::Together { .. })).await.ok();
    }

    /// Waits for a slot.
    pub(crate) async fn acquire(&self, ask: &Ask<'_>, deadline: Instant) -> Outcome {
        let notify = Arc::new(Notify::new());
        let waiter = Waiter {
            sent: sent(ask),
            class: ask.class,
            request_timeout: ask.request_timeout,
            deadline,
            notify: Arc::clone(&notify),
            standing: Standing::Asking,
        };
        let joined = self.inner.order(|office, now| (!office.is_away).then(|| office.join(waiter, ask.policy, now)));
        let Some(number) = joined else { return Outcome::Away };
        let mut ticket = Ticket { inner: &self.inner, key: ask.key, number, is_over: false };
        let mut is_late = false;
        loop {
            let Some(standing) = ticket.standing() else { return Outcome::Away };
            let refused = |at: Instant| {
                let retry_after = at.saturating_duration_since(Instant::now()).max(SHORTEST_RETRY);
                Outcome::TooLong(Wait { retry_after })
            };
            match standing {
                Standing::Granted => {
                    ticket.take();
                    return Outcome::Granted(number);
                }
                Standing::Refused(at) => return refused(at),
                Standing::Queued(at) if is_late => return refused(at),
                Standing::Asking if is_late => return refused(Instant::now()),
                // Redis answers soon, or is given up; only a queue longer than a script looks at leaves somebody out.
                Standing::Asking => {
                    let at_last = later(deadline, desk::LONGEST_SLEEP);
                    is_late = tokio::time::timeout_at(at_last, notify.notified()).await.is_err();
                }
                Standing::Queued(_) => is_late = tokio::time::timeout_at(deadline, notify.notified()).await.is_err(),
            }
        }
    }

    /// Notes a slot that was taken without Redis.
    pub(crate) fn take(&self, ask: &Ask<'_>, slot: &Slot) -> u64 {
        self.inner.order(|office, now| {
            office.desk(ask.key, ask.policy, now);
            let number = office.number();
            office.ledger.take(number, sent(ask), slot.taken_at + ask.request_timeout);
            // It came back at this moment: the slot is told as one that came back late, which holds it as long.
            let slot = office.ledger.describe(number, slot.taken_at + ask.request_timeout);
            office.tell(ask.key, Special::Settle { slots: slot.into_iter().collect() });
            number
        })
    }

    pub(crate) fn settle(&self, number: u64, settled_by: Option<Instant>) {
        self.inner.order(|office, _| office.settle(number, settled_by));
    }

    /// Tells what the vendor says is left, unless Redis is away.
    pub(crate) fn correct(&self, number: u64, remaining: u32) -> bool {
        self.inner.order(|office, _| {
            if let Some((key, freed_at_take)) = office.ledger.freed_at_take(number) {
                office.tell(key, Special::Correct { remaining, freed_at_take });
            }
            !office.is_away
        })
    }

    /// The vendor refused a request of this slot's kind.
    pub(crate) fn penalise_kind(&self, number: u64, until: Instant) {
        self.inner.order(|office, now| {
            if let Some((key, kind)) = office.ledger.kind(number) {
                office.block(key, &kind, until, now);
            }
        });
    }

    /// The vendor refused.
    pub(crate) fn penalise(&self, key: BudgetKey, template: Option<&str>, until: Instant) {
        self.inner.order(|office, now| {
            let kind = office.desks.get(&key).map(|desk| kind(&desk.policy, template.unwrap_or_default(), false));
            if let Some(kind) = kind {
                office.block(key, &kind, until, now);
            }
        });
    }

    /// How a budget stood when Redis was last asked; asks anew, for the next time.
    pub(crate) fn snapshot(&self, key: BudgetKey, wall: DateTime<Utc>) -> Option<BudgetView> {
        self.inner.order(|office, now| {
            office.look(key);
            let desk = office.desks.get(&key).filter(|_| !office.is_away)?;
            let seen = desk.seen.as_ref()?;
            // Times are shown as exactly as they are told.
            let wall = wall.trunc_subsecs(6);
            let past = |micros: u64| wall.checked_sub_signed(span(micros)?);
            let ahead = |micros: u64| {
                let since = u64::try_from((now - seen.at).as_micros()).ok()?;
                wall.checked_add_signed(span(micros.checked_sub(since)?)?)
            };
            Some(BudgetView {
                held: seen.answer.held,
                in_flight: seen.answer.in_flight,
                waiting: seen.answer.waiting(),
                last_429_at: seen.answer.refused_ago.and_then(past),
                blocked_until: Some(seen.answer.blocked).filter(|left| *left > 0).and_then(ahead),
                unsure_until: seen.answer.unsure.and_then(ahead),
                ..BudgetView::idle(&desk.policy)
            })
        })
    }

    /// Waits until Redis was asked how a budget stands.
    pub(crate) async fn look(&self, key: BudgetKey) {
        let (sender, receiver) = oneshot::channel();
        self.inner.order(|office, _| {
            office.look(key);
            if let Some(desk) = office.desks.get_mut(&key).filter(|_| !office.is_away) {
                desk.looks.push(sender);
            }
        });
        // An error says that nobody will look: then what is known must do.
        receiver.await.ok();
    }
}

fn span(micros: u64) -> Option<chrono::Duration> {
    chrono::Duration::from_std(Duration::from_micros(micros)).ok()
}

/// The windows a request counts in, as the scripts name them.
fn kind(policy: &Policy, template: &str, is_authentication: bool) -> Arc<str> {
    let has_own = policy.paths.iter().any(|path| path.template == template);
    Arc::from(if is_authentication {
        AUTHENTICATION
    } else if has_own {
        template
    } else {
        ""
    })
}

fn sent(ask: &Ask<'_>) -> Sent {
    Sent {
        key: ask.key,
        policy: Arc::clone(ask.policy),
        kind: kind(ask.policy, ask.template, ask.is_authentication),
        host: Arc::from(ask.host),
        freed_at_take: 0,
    }
}

/// A place in the queue; dropping it leaves the queue.
struct Ticket<'a> {
    inner: &'a Inner,
    key: BudgetKey,
    number: u64,
    is_over: bool,
}

impl Ticket<'_> {
    fn standing(&self) -> Option<Standing> {
        self.inner.with(|office, _| {
            let waiter = office.desks.get(&self.key)?.waiters.get(&self.number)?;
            Some(waiter.standing)
        })
    }

    fn take(&mut self) {
        self.is_over = true;
        self.inner.with(|office, _| {
            if let Some(desk) = office.desks.get_mut(&self.key) {
                desk.waiters.remove(&self.number);
            }
        });
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.inner.order(|office, _| office.leave(self.key, self.number));
        }
    }
}
