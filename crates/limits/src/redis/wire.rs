//! What the scripts are asked and what they answer. Times are microseconds from Redis's now.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::port::StoreScript;
use crate::{
    policy::{Limit, Policy},
    view::WaitingByClass,
    window::FAR,
};

/// The operations, each one script.
pub(super) struct Scripts {
    pub(super) ask: StoreScript,
    pub(super) settle: StoreScript,
    pub(super) penalise: StoreScript,
    pub(super) correct: StoreScript,
    pub(super) enter: StoreScript,
    pub(super) beat: StoreScript,
}

const CLOCK: &str = include_str!("clock.lua");
const WINDOW: &str = include_str!("window.lua");
const SERVE: &str = include_str!("serve.lua");

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    let on_a_budget = |operation: &str| StoreScript::new(&[CLOCK, WINDOW, SERVE, operation]);
    Scripts {
        ask: on_a_budget(include_str!("ask.lua")),
        settle: on_a_budget(include_str!("settle.lua")),
        penalise: on_a_budget(include_str!("penalise.lua")),
        correct: on_a_budget(include_str!("correct.lua")),
        enter: StoreScript::new(&[CLOCK, WINDOW, include_str!("enter.lua")]),
        beat: StoreScript::new(&[CLOCK, include_str!("beat.lua")]),
    }
});

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.min(FAR).as_micros()).unwrap_or(u64::MAX)
}

/// How far `at` is from `now`, negative when it is past.
pub(super) fn micros_from(now: Instant, at: Instant) -> i64 {
    let micros = |duration| i64::try_from(micros(duration)).unwrap_or(i64::MAX);
    if at >= now { micros(at - now) } else { -micros(now - at) }
}

#[derive(Debug, Serialize)]
struct WireLimit {
    limit: u32,
    span: u64,
}

impl From<Limit> for WireLimit {
    fn from(Limit { limit, window }: Limit) -> Self {
        Self { limit: limit.max(1), span: micros(window) }
    }
}

#[derive(Debug, Serialize)]
struct WirePath<'a> {
    template: &'a str,
    limit: u32,
    span: u64,
}

/// A policy as the scripts read it.
#[derive(Debug, Serialize)]
pub(super) struct WirePolicy<'a> {
    ceiling: WireLimit,
    pacing: bool,
    in_flight: u32,
    paths: Vec<WirePath<'a>>,
    authentication: WireLimit,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<WireLimit>,
}

impl<'a> From<&'a Policy> for WirePolicy<'a> {
    fn from(policy: &'a Policy) -> Self {
        let Policy { ceiling, window, pacing, max_in_flight, paths, authentication, address } = policy;
        let path = |path: &'a crate::PathLimit| {
            let WireLimit { limit, span } = Limit::new(path.limit, path.window).into();
            WirePath { template: &path.template, limit, span }
        };
        Self {
            ceiling: Limit::new(*ceiling, *window).into(),
            pacing: *pacing,
            in_flight: (*max_in_flight).max(1),
            paths: paths.iter().map(path).collect(),
            authentication: (*authentication).into(),
            address: address.map(WireLimit::from),
        }
    }
}

/// Someone who wants a slot.
#[derive(Debug, Serialize)]
pub(super) struct Join {
    pub(super) member: String,
    pub(super) class: u8,
    pub(super) patience: u64,
}

/// A slot that comes back; without a time, nothing was sent.
#[derive(Debug, Clone, Serialize)]
pub(super) struct WireSlot {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<i64>,
}

/// A slot that a store does not know.
#[derive(Debug, Serialize)]
pub(super) struct Unknown<'a> {
    pub(super) key: String,
    pub(super) policy: WirePolicy<'a>,
    pub(super) in_flight: bool,
    #[serde(flatten)]
    pub(super) slot: WireSlot,
}

/// What is special to an operation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Special {
    Ask {},
    Settle {
        slots: Vec<WireSlot>,
    },
    /// `again` when the refusal is told a second time, to a store that forgot it.
    Penalise {
        kind: String,
        wait: i64,
        again: bool,
    },
    Correct {
        remaining: u32,
        freed_at_take: u64,
    },
}

impl Special {
    pub(super) fn script(&self) -> &'static StoreScript {
        match self {
            Self::Ask {} => &SCRIPTS.ask,
            Self::Settle { .. } => &SCRIPTS.settle,
            Self::Penalise { .. } => &SCRIPTS.penalise,
            Self::Correct { .. } => &SCRIPTS.correct,
        }
    }
}

/// An operation on a budget.
#[derive(Debug, Serialize)]
pub(super) struct OnBudget<'a> {
    pub(super) store: &'a str,
    pub(super) process: &'a str,
    pub(super) key: &'a str,
    pub(super) policy: WirePolicy<'a>,
    pub(super) joins: Vec<Join>,
    pub(super) leaves: Vec<String>,
    #[serde(flatten)]
    pub(super) special: Special,
}

/// How the budget stands for this process.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    /// The store is not the one we know.
    pub(super) lost: bool,
    /// Waiters that have a slot, with the count of slots freed by then.
    pub(super) granted: Vec<(u64, u64)>,
    /// Waiters that would wait too long, with the time they would wait at least.
    pub(super) refused: Vec<(u64, u64)>,
    /// When to ask again.
    pub(super) next: Option<u64>,
    /// How many waiters of ours it knows, where it looked at all.
    pub(super) ours: Option<usize>,
    pub(super) held: u32,
    pub(super) in_flight: u32,
    pub(super) blocked: u64,
    pub(super) refused_ago: Option<u64>,
    pub(super) unsure: Option<u64>,
    /// Slots held in each window that was looked at.
    pub(super) windows: HashMap<String, u32>,
    waiting: [usize; 5],
}

impl Answer {
    pub(super) fn waiting(&self) -> WaitingByClass {
        let [interactive, flow, webhook_follow_up, incremental, sweep] = self.waiting;
        WaitingByClass { interactive, flow, webhook_follow_up, incremental, sweep }
    }
}

/// A process enters its slots.
#[derive(Debug, Serialize)]
pub(super) struct Enter<'a> {
    pub(super) store: &'a str,
    pub(super) slots: Vec<Unknown<'a>>,
}

/// Whether they were.
#[derive(Debug, Deserialize)]
pub(super) struct Entered {
    pub(super) lost: bool,
}

/// A process lives.
#[derive(Debug, Serialize)]
pub(super) struct Beat<'a> {
    pub(super) store: &'a str,
    pub(super) process: &'a str,
    pub(super) proposal: String,
    /// Who was there of late: a store that lost everything lacks their slots.
    pub(super) peers: Vec<&'a str>,
    /// Who was there when the store was last reached, and how long it could not be reached since.
    pub(super) living: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) away: Option<u64>,
    pub(super) grace: u64,
    pub(super) life: u64,
}

/// Who else does, and on which store.
#[derive(Debug, Deserialize)]
pub(super) struct Pulse {
    pub(super) store: String,
    #[serde(default)]
    pub(super) living: Vec<String>,
}
