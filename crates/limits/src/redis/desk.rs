//! What this process knows of its own: its waiters, and what is still to be told to Redis. Its slots are in the
//! [`super::ledger`]. Nothing here awaits.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    ledger::{Ledger, Sent},
    port::StoreScript,
    wire::{Answer, Join, OnBudget, Special, WireSlot, micros, micros_from},
};
use crate::{Class, key::BudgetKey, left::Seen, policy::Policy, window::later};

/// The kind of an authentication request in the scripts; other kinds are templates, which begin with a slash.
pub(super) const AUTHENTICATION: &str = "@auth";

/// A waiter asks again after so long at the latest, should a wake-up be lost.
pub(super) const LONGEST_SLEEP: Duration = Duration::from_secs(2);

/// How a waiter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Redis was not asked yet.
    Asking,
    /// In the queue; nothing before then.
    Queued(Instant),
    /// It has a slot.
    Granted,
    /// It would have to wait longer than it can.
    Refused(Instant),
}

/// A waiter of ours.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) sent: Sent,
    pub(super) class: Class,
    pub(super) request_timeout: Duration,
    pub(super) deadline: Instant,
    pub(super) notify: Arc<Notify>,
    pub(super) standing: Standing,
}

/// How a budget stood when Redis was last asked.
#[derive(Debug)]
pub(super) struct View {
    pub(super) answer: Answer,
    pub(super) at: Instant,
}

/// What goes on at one budget.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) policy: Arc<Policy>,
    todo: Vec<Special>,
    joins: Vec<u64>,
    leaves: Vec<String>,
    /// Those that left while Redis was being asked for them: a slot that comes for them is given back.
    gone: HashMap<u64, Sent>,
    pub(super) waiters: BTreeMap<u64, Waiter>,
    /// Those who want to know how it stands, and those for whom Redis is being asked.
    pub(super) looks: Vec<oneshot::Sender<()>>,
    looking: Vec<oneshot::Sender<()>>,
    look_at: Option<Instant>,
    pub(super) seen: Option<View>,
    /// How many slots were held in each window, by the names that the scripts give them.
    windows: HashMap<String, Seen>,
    pub(super) blocked: HashMap<String, Instant>,
    used_at: Instant,
}

/// Something to be run at Redis.
pub(super) struct Operation {
    pub(super) request: String,
    pub(super) script: &'static StoreScript,
    /// It tells a vendor's refusal.
    pub(super) is_refusal: bool,
}

/// How a budget stood before Redis went away.
pub(super) struct Stood {
    pub(super) key: BudgetKey,
    pub(super) policy: Arc<Policy>,
    pub(super) windows: HashMap<String, Seen>,
    pub(super) blocked_until: Option<Instant>,
}

/// All desks and the ledger.
#[derive(Debug)]
pub(super) struct Office {
    pub(super) process: String,
    pub(super) desks: HashMap<BudgetKey, Desk>,
    pub(super) ledger: Ledger,
    dirty: BTreeSet<BudgetKey>,
    agenda: BTreeSet<(Instant, BudgetKey)>,
    next_number: u64,
    /// Redis does not answer: nothing is told to it, the ledger alone is kept.
    pub(super) is_away: bool,
}

impl Office {
    pub(super) fn new(process: String) -> Self {
        Self {
            ledger: Ledger::new(process.clone()),
            process,
            desks: HashMap::new(),
            dirty: BTreeSet::new(),
            agenda: BTreeSet::new(),
            next_number: 1,
            is_away: false,
        }
    }

    /// The budget's desk, with the newest policy.
    pub(super) fn desk(&mut self, key: BudgetKey, policy: &Arc<Policy>, now: Instant) -> &mut Desk {
        let desk = self.desks.entry(key).or_insert_with(|| Desk {
            policy: Arc::clone(policy),
            todo: Vec::new(),
            joins: Vec::new(),
            leaves: Vec::new(),
            gone: HashMap::new(),
            waiters: BTreeMap::new(),
            looks: Vec::new(),
            looking: Vec::new(),
            look_at: None,
            seen: None,
            windows: HashMap::new(),
            blocked: HashMap::new(),
            used_at: now,
        });
        desk.policy = Arc::clone(policy);
        desk.used_at = now;
        desk
    }

    pub(super) fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// Queues a waiter.
    pub(super) fn join(&mut self, waiter: Waiter, policy: &Arc<Policy>, now: Instant) -> u64 {
        let (number, key) = (self.number(), waiter.sent.key);
        let desk = self.desk(key, policy, now);
        desk.joins.push(number);
        desk.waiters.insert(number, waiter);
        self.dirty.insert(key);
        number
    }

    /// Takes a waiter out; a slot granted to it but not taken is free again.
    pub(super) fn leave(&mut self, key: BudgetKey, number: u64) {
        let process = &self.process;
        let Some(desk) = self.desks.get_mut(&key) else { return };
        let Some(waiter) = desk.waiters.remove(&number) else { return };
        match waiter.standing {
            Standing::Granted => self.settle(number, None),
            Standing::Refused(_) => {}
            Standing::Asking | Standing::Queued(_) => {
                desk.joins.retain(|join| *join != number);
                desk.leaves.push(member(process, number, &waiter));
                desk.gone.insert(number, waiter.sent);
                self.dirty.insert(key);
            }
        }
    }

    /// A slot comes back: nobody counts it after `settled_by`, or nothing was sent.
    pub(super) fn settle(&mut self, number: u64, settled_by: Option<Instant>) {
        if let Some((key, slot)) = self.ledger.settle(number, settled_by) {
            self.tell(key, Special::Settle { slots: vec![slot] });
        }
    }

    /// The vendor refused: no request of this kind before `until`, or none at all.
    pub(super) fn block(&mut self, key: BudgetKey, kind: &str, until: Instant, now: Instant) {
        let Some(desk) = self.desks.get_mut(&key) else { return };
        let at = desk.blocked.entry(kind.to_owned()).or_insert(until);
        *at = (*at).max(until);
        self.tell(key, Special::Penalise { kind: kind.to_owned(), wait: micros_from(now, until), again: false });
    }

    /// Notes something to be told to Redis, in order.
    pub(super) fn tell(&mut self, key: BudgetKey, special: Special) {
        let special = match (self.is_away, special) {
            (false, special) => special,
            // The ledger forgets them; answered slots are among its entries.
            (true, Special::Settle { slots }) => Special::Settle { slots: unsent(slots) },
            (true, _) => return,
        };
        if let Some(desk) = self.desks.get_mut(&key) {
            match (desk.todo.last_mut(), special) {
                (Some(Special::Settle { slots }), Special::Settle { slots: more }) => slots.extend(more),
                (_, special) => desk.todo.push(special),
            }
            self.dirty.insert(key);
        }
    }

    /// Has a budget looked at again.
    pub(super) fn look(&mut self, key: BudgetKey) {
        if self.desks.contains_key(&key) {
            self.dirty.insert(key);
        }
    }

    /// All budgets with something to do by now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<BudgetKey> {
        while let Some((at, key)) = self.agenda.first().copied().filter(|(at, _)| *at <= now) {
            self.agenda.pop_first();
            if self.desks.get(&key).is_some_and(|desk| desk.look_at == Some(at)) {
                self.dirty.insert(key);
            }
        }
        std::mem::take(&mut self.dirty).into_iter().collect()
    }

    /// When the next budget has something to do.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.dirty.is_empty() { self.agenda.first().map(|(at, _)| *at) } else { Some(Instant::now()) }
    }

    /// The next operation on a budget; none when all was told. The first call of a turn also asks how it stands.
    pub(super) fn next_operation(&mut self, key: BudgetKey, store: &str, n_done: u32) -> Option<Operation> {
        let now = Instant::now();
        let process = self.process.clone();
        let desk = self.desks.get_mut(&key)?;
        if desk.todo.is_empty() && desk.joins.is_empty() && desk.leaves.is_empty() && n_done > 0 {
            return None;
        }
        let special = if desk.todo.is_empty() { Special::Ask {} } else { desk.todo.remove(0) };
        let is_last = desk.todo.is_empty();
        let joins = if is_last { std::mem::take(&mut desk.joins) } else { Vec::new() };
        // At once: whoever left is not to be served by an operation before the last.
        let leaves = std::mem::take(&mut desk.leaves);
        if is_last {
            desk.looking.append(&mut desk.looks);
        }
        let join = |number: u64| {
            desk.waiters.get(&number).map(|waiter| Join {
                member: member(&process, number, waiter),
                class: waiter.class as u8,
                patience: micros(waiter.deadline.saturating_duration_since(now)),
            })
        };
        let (script, is_refusal) = (special.script(), matches!(special, Special::Penalise { again: false, .. }));
        let request = OnBudget {
            store,
            process: &process,
            key: &key.to_hex(),
            policy: desk.policy.as_ref().into(),
            joins: joins.into_iter().filter_map(join).collect(),
            leaves,
            special,
        };
        serde_json::to_string(&request).ok().map(|request| Operation { request, script, is_refusal })
    }

    /// Notes what Redis answered to what it was asked at `asked_at`.
    pub(super) fn note(&mut self, key: BudgetKey, mut answer: Answer, asked_at: Instant, now: Instant) {
        let Some(desk) = self.desks.get_mut(&key) else { return };
        let at = |micros: u64| later(now, Duration::from_micros(micros));
        let mut untaken = Vec::new();
        let is_quiet = desk.leaves.is_empty();
        for (number, freed_at_take) in &answer.granted {
            let Some(waiter) = desk.waiters.get_mut(number) else {
                untaken.extend(desk.gone.remove(number).map(|sent| (*number, sent)));
                continue;
            };
            waiter.standing = Standing::Granted;
            waiter.sent.freed_at_take = *freed_at_take;
            let settled_by = later(now, waiter.request_timeout);
            self.ledger.take(*number, waiter.sent.clone(), settled_by);
            waiter.notify.notify_one();
        }
        for (number, after) in &answer.refused {
            if let Some(waiter) = desk.waiters.get_mut(number) {
                waiter.standing = Standing::Refused(at(*after));
                waiter.notify.notify_one();
            }
        }
        let next = answer.next.map(at);
        if let Some(next) = next {
            for waiter in desk.waiters.values_mut() {
                if !waiter.is_waiting() {
                    continue;
                }
                let was = std::mem::replace(&mut waiter.standing, Standing::Queued(next));
                if was == Standing::Asking {
                    waiter.notify.notify_one();
                }
            }
        }
        let n_asked =
            desk.waiters.iter().filter(|(number, waiter)| waiter.is_waiting() && !desk.joins.contains(number));
        if answer.ours.is_some_and(|ours| n_asked.count() > ours) {
            // Redis took us for dead. Who still is in the queue keeps its place.
            desk.joins =
                desk.waiters.iter().filter(|(_, waiter)| waiter.is_waiting()).map(|(number, _)| *number).collect();
            self.dirty.insert(key);
        }
        let look_at = next.map(|next| next.min(later(now, LONGEST_SLEEP)));
        if let Some(old) = std::mem::replace(&mut desk.look_at, look_at) {
            self.agenda.remove(&(old, key));
        }
        self.agenda.extend(look_at.map(|at| (at, key)));
        if answer.blocked > 0 {
            desk.blocked.insert(String::new(), at(answer.blocked));
        }
        let windows = std::mem::take(&mut answer.windows).into_iter();
        desk.windows.extend(windows.map(|(name, held)| (name, Seen { held, at: asked_at })));
        desk.seen = Some(View { answer, at: now });
        for look in desk.looking.drain(..) {
            // Whoever asked may have gone.
            look.send(()).ok();
        }
        if is_quiet {
            desk.gone.clear();
        }
        for (number, sent) in untaken {
            self.ledger.take(number, sent, now);
            self.settle(number, None);
        }
    }

    /// Redis is back, or forgot: everybody asks anew. What is noted from here on is told after the entries.
    pub(super) fn resume(&mut self, now: Instant) {
        self.is_away = false;
        for (key, desk) in &mut self.desks {
            desk.todo.retain_mut(keep_unsent);
            desk.blocked.retain(|_, until| *until > now);
            for (kind, until) in &desk.blocked {
                desk.todo.push(Special::Penalise { kind: kind.clone(), wait: micros_from(now, *until), again: true });
            }
            let waiting = desk.waiters.iter().filter(|(_, waiter)| waiter.is_waiting());
            desk.joins = waiting.map(|(number, _)| *number).collect();
            self.dirty.insert(*key);
        }
    }

    /// Redis is away: waiters go elsewhere. Answers how the budgets stood when they were last seen.
    pub(super) fn abandon(&mut self) -> Vec<Stood> {
        self.is_away = true;
        self.agenda.clear();
        self.dirty.clear();
        let (process, mut stood) = (&self.process, Vec::new());
        for (key, desk) in &mut self.desks {
            desk.todo.retain_mut(keep_unsent);
            desk.joins.clear();
            // A store that lives on still has them in its queue, or has granted them slots that we were not told of.
            let waiting = desk.waiters.iter().filter(|(_, waiter)| waiter.is_waiting());
            let waiting: Vec<_> = waiting.map(|(number, waiter)| (*number, waiter)).collect();
            desk.leaves.extend(waiting.iter().map(|(number, waiter)| member(process, *number, waiter)));
            let untold = waiting.iter().map(|(number, waiter)| (*number, &waiter.sent));
            let untold = untold.chain(desk.gone.iter().map(|(number, sent)| (*number, sent)));
            let slots: Vec<_> = untold.map(|(number, sent)| sent.unsent(process, number)).collect();
            desk.gone.clear();
            if !slots.is_empty() {
                desk.todo.push(Special::Settle { slots });
            }
            desk.looks.clear();
            desk.looking.clear();
            desk.look_at = None;
            desk.waiters.retain(|_, waiter| {
                waiter.notify.notify_one();
                !waiter.is_waiting()
            });
            stood.push(Stood {
                key: *key,
                policy: Arc::clone(&desk.policy),
                windows: std::mem::take(&mut desk.windows),
                blocked_until: desk.blocked.get("").copied(),
            });
        }
        stood
    }

    /// Forgets slots that are free and desks that nobody uses.
    pub(super) fn sweep(&mut self, now: Instant, idle_after: Duration) {
        self.ledger.sweep(now);
        let agenda = &mut self.agenda;
        self.desks.retain(|key, desk| {
            let is_used =
                now.duration_since(desk.used_at) < idle_after || !desk.waiters.is_empty() || !desk.todo.is_empty();
            if !is_used && let Some(at) = desk.look_at {
                agenda.remove(&(at, *key));
            }
            is_used
        });
    }

    /// All budgets somebody waits for are looked at again.
    pub(super) fn look_at_all(&mut self) {
        let waited_for = self.desks.iter().filter(|(_, desk)| !desk.waiters.is_empty()).map(|(key, _)| *key);
        self.dirty.extend(waited_for);
    }
}

impl Waiter {
    fn is_waiting(&self) -> bool {
        matches!(self.standing, Standing::Asking | Standing::Queued(_))
    }
}

/// Of something to be told, what no entry of the ledger tells: slots that nothing was sent with.
fn keep_unsent(special: &mut Special) -> bool {
    let Special::Settle { slots } = special else { return false };
    *slots = unsent(std::mem::take(slots));
    !slots.is_empty()
}

fn unsent(slots: Vec<WireSlot>) -> Vec<WireSlot> {
    slots.into_iter().filter(|slot| slot.settled.is_none()).collect()
}

/// A waiter's name in the queue: who asks, and what a script has to know to serve it.
fn member(process: &str, number: u64, waiter: &Waiter) -> String {
    let Waiter { sent, request_timeout, .. } = waiter;
    format!("{process}:{number}\n{}\n{}\n{}", sent.kind, sent.host, micros(*request_timeout))
}
