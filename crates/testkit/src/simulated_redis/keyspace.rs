//! What the played server holds: keys with an end, channels, its life and its clock.

use std::collections::{HashMap, HashSet};

use tokio::{sync::mpsc, time::Instant};

use super::{Contents, sorted::Sorted};

/// When the clock of a simulation begins, in microseconds: some day in 2025.
const EPOCH: u64 = 1_760_000_000_000_000;

/// What a key holds.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Hash(HashMap<String, String>),
    Set(HashSet<String>),
    Sorted(Sorted),
}

impl Value {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Hash(fields) => fields.is_empty(),
            Self::Set(members) => members.is_empty(),
            Self::Sorted(members) => members.len() == 0,
        }
    }
}

#[derive(Debug)]
struct Entry {
    value: Value,
    ends_at: Option<u64>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Keyspace {
    begun: Instant,
    entries: HashMap<String, Entry>,
    channels: HashMap<String, mpsc::UnboundedSender<String>>,
    life: u64,
    is_up: bool,
}

impl Keyspace {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), entries: HashMap::new(), channels: HashMap::new(), life: 1, is_up: true }
    }

    pub(super) fn kill(&mut self) {
        self.is_up = false;
        self.channels.clear();
    }

    pub(super) fn restart(&mut self, contents: Contents) {
        self.life += 1;
        self.is_up = true;
        if contents == Contents::Empty {
            self.entries.clear();
        }
    }

    /// Whether the server still has the life that a connection was made in.
    pub(super) fn lives(&self, life: u64) -> bool {
        self.is_up && self.life == life
    }

    /// Listens on a channel; answers the server's life. None while it is away.
    pub(super) fn subscribe(&mut self, channel: &str) -> Option<(u64, mpsc::UnboundedReceiver<String>)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.channels.insert(channel.to_owned(), sender);
        self.is_up.then_some((self.life, receiver))
    }

    pub(super) fn publish(&self, channel: &str, message: &str) {
        if let Some(sender) = self.channels.get(channel) {
            // Who listened may have gone.
            sender.send(message.to_owned()).ok();
        }
    }

    /// What tells this life of the server from others.
    pub(super) fn run_id(&self) -> String {
        format!("{:040x}", self.life)
    }

    /// Microseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        EPOCH + u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX - EPOCH)
    }

    /// Reads a key.
    pub(super) fn get(&mut self, key: &str) -> Option<&Value> {
        let now = self.now();
        if self.entries.get(key).is_some_and(|entry| entry.ends_at.is_some_and(|at| at <= now)) {
            self.entries.remove(key);
        }
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Changes a key, which is made by `new` where it is missing. One that is left empty is gone.
    pub(super) fn change<T>(&mut self, key: &str, new: fn() -> Value, step: impl FnOnce(&mut Value) -> T) -> T {
        self.get(key);
        let entry = self.entries.entry(key.to_owned()).or_insert_with(|| Entry { value: new(), ends_at: None });
        let out = step(&mut entry.value);
        if entry.value.is_empty() {
            self.entries.remove(key);
        }
        out
    }

    pub(super) fn remove(&mut self, key: &str) -> bool {
        self.entries.remove(key).is_some()
    }

    /// Milliseconds left: -2 without the key, -1 when it has no end.
    pub(super) fn left(&mut self, key: &str) -> i64 {
        if self.get(key).is_none() {
            return -2;
        }
        let ends_at = self.entries.get(key).and_then(|entry| entry.ends_at);
        ends_at.map_or(-1, |at| i64::try_from((at - self.now()) / 1000).unwrap_or(i64::MAX))
    }

    pub(super) fn end_in(&mut self, key: &str, milliseconds: u64) {
        let at = self.now() + milliseconds * 1000;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.ends_at = Some(at);
        }
    }
}
