//! The one task that speaks to Redis for this process: it tells what happened in order, asks for all waiters, says that the
//! process lives, and decides when Redis is away and when it is back.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Counting, Inner,
    desk::{Office, Operation, Stood},
    link::StoreError,
    peers::Peers,
    port::{Connected, ScriptConnection, ScriptServer, StoreScript},
    wire::{Answer, Beat, Entered, Pulse, SCRIPTS, micros},
};
use crate::{
    key::BudgetKey,
    left::{Left, Seen, UsedUp, used_up},
    policy::Limit,
    window::later,
};

/// How long a new store waits at least for the slots of all processes that were there.
const GRACE: Duration = Duration::from_secs(2);
/// How many processes there are taken to be before anybody could be asked: more than a deployment has, so that their shares never
/// add up to more than a limit.
const UNKNOWN: u32 = 1_000;
/// How many operations on one budget are carried out before others have their turn.
const TURN: u32 = 64;

/// Why a turn ended early.
enum Trouble {
    /// The store does not know us.
    Forgotten,
    /// No use to go on.
    Away(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Away(error)
    }
}

pub(super) struct Driver {
    inner: Arc<Inner>,
    server: Arc<dyn ScriptServer>,
    prefix: String,
    process: String,
    beat: Duration,
    next_beat: Instant,
    /// The store we know; empty before the first.
    store: String,
    n_stores: u64,
    peers: Peers,
    /// Since when the store cannot be reached.
    away_since: Option<Instant>,
    link: Option<Connected>,
}

impl Driver {
    /// Connects and enters the store; goes alone where it does not answer.
    pub(super) async fn start(
        inner: Arc<Inner>,
        server: Arc<dyn ScriptServer>,
        namespace: &str,
        beat: Duration,
    ) -> Result<Self, StoreError> {
        let process = inner.with(|office, _| office.process.clone());
        let mut driver = Self {
            inner,
            server,
            prefix: format!("gangway:{{{namespace}}}:"),
            process,
            beat,
            next_beat: Instant::now(),
            store: String::new(),
            n_stores: 0,
            peers: Peers::default(),
            away_since: None,
            link: None,
        };
        match Box::pin(driver.connect()).await {
            Ok(()) => {}
            Err(error) if error.may_pass() => driver.go_alone(&error),
            Err(error) => return Err(error),
        }
        Ok(driver)
    }

    /// Works until `ended`; then tells what is left to tell.
    pub(super) async fn run(mut self, ended: CancellationToken) {
        loop {
            if let Err(trouble) = Box::pin(self.step()).await {
                match trouble {
                    Trouble::Away(error) => self.go_alone(&error),
                    Trouble::Forgotten => self.next_beat = Instant::now(),
                }
            }
            if ended.is_cancelled() {
                return;
            }
            let wake_at = match &self.link {
                Some(_) => {
                    self.inner.with(|office, _| office.next_due()).map_or(self.next_beat, |at| at.min(self.next_beat))
                }
                None => self.next_beat,
            };
            tokio::select! {
                () = ended.cancelled() => {}
                () = self.inner.work.notified(), if self.link.is_some() => {}
                () = tokio::time::sleep_until(wake_at) => {}
                wake = next_wake(&mut self.link) => match wake {
                    Some(key) => self.inner.with(|office, _| office.look(key)),
                    None => self.go_alone(&StoreError::Closed),
                },
            }
        }
    }

    async fn step(&mut self) -> Result<(), Trouble> {
        if self.next_beat <= Instant::now() {
            self.next_beat = later(Instant::now(), self.beat);
            if self.link.is_some() {
                self.live().await?;
            } else if let Err(error) = self.connect().await {
                if error.may_pass() {
                    tracing::debug!(error = %error, "Redis is still away");
                } else {
                    tracing::warn!(error = %error, "Redis cannot be used; check redis.url");
                }
                return Ok(());
            }
            self.inner.with(|office, now| office.sweep(now, self.inner.here.idle_after()));
        }
        let Some((link, _)) = &self.link else { return Ok(()) };
        let due = self.inner.with(Office::due);
        for outcome in join_all(due.into_iter().map(|key| self.turn(&**link, key))).await {
            outcome?;
        }
        Ok(())
    }

    fn store_key(&self) -> String {
        format!("{}store", self.prefix)
    }

    /// Tells all there is to tell about one budget, and asks how it stands.
    async fn turn(&self, link: &dyn ScriptConnection, key: BudgetKey) -> Result<(), Trouble> {
        for n_done in 0..TURN {
            let operation = self.inner.with(|office, _| office.next_operation(key, &self.store, n_done));
            let Some(Operation { request, script, is_refusal }) = operation else { return Ok(()) };
            let asked_at = Instant::now();
            let answer: Answer = run(link, script, &self.store_key(), request).await?;
            if answer.lost {
                return Err(Trouble::Forgotten);
            }
            if is_refusal && answer.unsure.is_some() {
                self.inner.n_unsure_refusals.fetch_add(1, Ordering::Relaxed);
            }
            self.inner.with(|office, now| office.note(key, answer, asked_at, now));
        }
        self.inner.with(|office, _| office.look(key));
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), StoreError> {
        let channel = format!("{}wake:{}", self.prefix, self.process);
        self.link = Some(self.server.connect(&channel).await?);
        let entered = self.enter().await;
        if entered.is_err() {
            self.link = None;
            self.inner.with(|office, _| office.abandon());
        }
        entered
    }

    /// Says that the process lives; a store that does not know us is told our slots first.
    async fn live(&mut self) -> Result<(), StoreError> {
        let pulse = self.pulse(true).await?;
        if pulse.store == self.store {
            self.count(pulse);
            return Ok(());
        }
        self.enter().await
    }

    /// One that has not entered yet does not count.
    async fn pulse(&mut self, has_entered: bool) -> Result<Pulse, StoreError> {
        self.n_stores += 1;
        let away = self.away_since.filter(|_| !has_entered);
        let beat = Beat {
            store: if has_entered { &self.store } else { "" },
            process: &self.process,
            proposal: format!("{}:{}", self.process, self.n_stores),
            peers: self.peers.of_late(),
            living: self.peers.living(),
            away: away.map(|since| micros(since.elapsed())),
            grace: micros((self.beat * 3).max(GRACE)),
            life: micros(self.beat * 3),
        };
        let request = serde_json::to_string(&beat).map_err(StoreError::Answer)?;
        match &self.link {
            Some((link, _)) => run(&**link, &SCRIPTS.beat, &self.store_key(), request).await,
            None => Ok(Pulse { store: String::new(), living: Vec::new() }),
        }
    }

    /// Enters our slots, and only then counts as one who has.
    async fn enter(&mut self) -> Result<(), StoreError> {
        loop {
            let known = self.pulse(false).await?.store;
            let Some((link, _)) = &self.link else { return Ok(()) };
            let entries = self.inner.with(|office, now| {
                office.resume(now);
                office.ledger.entries(&known)
            });
            let mut is_lost = false;
            for request in entries {
                let entered: Entered = run(&**link, &SCRIPTS.enter, &self.store_key(), request).await?;
                is_lost |= entered.lost;
            }
            self.store = known;
            let pulse = self.pulse(true).await?;
            if is_lost || pulse.store != self.store {
                continue;
            }
            self.count(pulse);
            return Ok(());
        }
    }

    fn count(&mut self, pulse: Pulse) {
        let n_processes = self.peers.note(pulse.living, Instant::now());
        self.away_since = None;
        let old = self.inner.counting.send_replace(Counting::Together { n_processes });
        if old != (Counting::Together { n_processes }) {
            self.inner.with(|office, _| office.look_at_all());
            if matches!(old, Counting::Share { .. }) {
                self.inner.here.with(|scheduler, _| scheduler.set_left(None));
                tracing::info!(process.count = n_processes, "Redis is back: vendor budgets are counted together again");
            }
        }
    }

    fn go_alone(&mut self, error: &StoreError) {
        self.link = None;
        self.next_beat = later(Instant::now(), self.beat / 4);
        self.away_since.get_or_insert_with(Instant::now);
        self.leave_to_shares();
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(
            error = %error,
            error.cause = cause,
            "Redis is away: this process takes its share of each vendor budget"
        );
    }

    /// From here on each process takes its share.
    fn leave_to_shares(&mut self) {
        let highest = self.peers.highest();
        let stood = self.inner.with(|office, _| office.abandon());
        self.inner.here.with(|scheduler, now| {
            for Stood { key, policy, blocked_until, .. } in &stood {
                if let Some(until) = *blocked_until {
                    scheduler.keep_blocked(*key, policy, until, now);
                }
            }
            // One that was alone has seen everything; one that could never ask takes next to nothing.
            let n_processes = highest.filter(|n_processes| *n_processes > 1);
            scheduler.set_left(n_processes.map(|n_processes| left(&stood, n_processes, now)));
        });
        self.inner.counting.send_replace(Counting::Share { n_processes: highest.unwrap_or(UNKNOWN) });
    }
}

/// What is believed of the budgets that were looked at, and of their hosts.
fn left(stood: &[Stood], n_processes: u32, now: Instant) -> Left {
    let mut left = Left::new(now);
    let mut hosts: HashMap<String, (Limit, u32, Seen)> = HashMap::new();
    for Stood { key, policy, windows, blocked_until: _ } in stood {
        let seen = |name: &str| windows.get(name).copied();
        left.budgets.insert(*key, UsedUp::of(policy, n_processes, seen, now));
        for (name, seen) in windows {
            let host = name.strip_prefix("h:").and_then(|name| name.strip_suffix(":c"));
            if let (Some(host), Some(limit)) = (host, policy.address)
                && hosts.get(host).is_none_or(|(_, _, other)| other.at < seen.at)
            {
                hosts.insert(host.to_owned(), (limit, policy.max_in_flight, *seen));
            }
        }
    }
    for (host, (limit, in_flight, seen)) in hosts {
        left.hosts.insert(Arc::from(host), used_up(limit, n_processes, in_flight, Some(seen), now));
    }
    left
}

async fn run<Answer: DeserializeOwned>(
    link: &dyn ScriptConnection,
    script: &StoreScript,
    key: &str,
    request: String,
) -> Result<Answer, StoreError> {
    serde_json::from_str(&link.run(script, key, request).await?).map_err(StoreError::Answer)
}

/// The next budget to look at; none when the connection is gone.
async fn next_wake(link: &mut Option<Connected>) -> Option<BudgetKey> {
    match link {
        Some((_, wakes)) => wakes.next().await,
        None => std::future::pending().await,
    }
}
