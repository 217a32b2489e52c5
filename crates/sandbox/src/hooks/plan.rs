//! When a delivery is due, and what follows from how it went.
//!
//! The vendor's page (v2.0/reference/webhooks, read 2026-11-23) says: acknowledged is what is answered with 2xx within 3 seconds;
//! after silence, and 5xx but 501, it is tried again over 3 days with growing waits, up to 6 times; each time with up to 2
//! requests, so at most 14 in all; redirects are not followed. The single waits are not published: these are ours.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Event, Hooks, KEPT, WebhookDelivery};

/// Minutes between one attempt and the next; in all less than three days.
const WAITS_MIN: [i64; 6] = [5, 30, 120, 480, 1_200, 2_400];

/// An event on its way to a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) event: Arc<Event>,
    /// The webhook's number.
    pub(crate) webhook: u64,
    due_at: DateTime<Utc>,
    order: u64,
    attempt: usize,
    request: u8,
    /// A second one of the same, of which nothing follows.
    is_copy: bool,
}

/// How a request to a receiver went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Status(u16),
    /// No answer in time, or nobody there.
    Silence,
    /// The sandbox sends nothing there.
    Unsent(&'static str),
}

impl Outcome {
    fn is_delivered(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }

    fn is_tried_again(self) -> bool {
        match self {
            Self::Silence => true,
            Self::Status(status) => (500..=599).contains(&status) && status != 501,
            Self::Unsent(_) => false,
        }
    }
}

impl Delivery {
    /// The first request of the first attempt.
    pub(crate) fn first(event: Arc<Event>, webhook: u64, due_at: DateTime<Utc>) -> Self {
        Self { event, webhook, due_at, order: 0, attempt: 0, request: 1, is_copy: false }
    }

    /// What follows when this one failed at `now`; waits are divided by `speed`.
    fn next(&self, now: DateTime<Utc>, speed: u32) -> Option<Self> {
        if self.request == 1 {
            return Some(Self { request: 2, due_at: now, ..self.clone() });
        }
        let wait_ms = WAITS_MIN.get(self.attempt)? * 60_000 / i64::from(speed.max(1));
        let due_at = now + TimeDelta::milliseconds(wait_ms);
        Some(Self { attempt: self.attempt + 1, request: 1, due_at, ..self.clone() })
    }
}

impl Hooks {
    /// Puts a delivery behind those that are due at the same moment.
    pub(crate) fn queue(&mut self, delivery: Delivery) {
        self.last_order += 1;
        self.queue.push(Delivery { order: self.last_order, ..delivery });
    }

    /// Drops what is on its way to a webhook.
    pub(crate) fn forget(&mut self, webhook: u64) {
        self.queue.retain(|delivery| delivery.webhook != webhook);
    }

    /// When the next delivery is due.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.queue.iter().map(|delivery| delivery.due_at).min()
    }

    /// How many deliveries wait.
    pub(crate) fn n_waiting(&self) -> usize {
        self.queue.len()
    }

    /// The webhooks that something is due for and that nobody sends to; from now on somebody does, until [`Hooks::release`].
    pub(crate) fn engage(&mut self, now: DateTime<Utc>) -> Vec<u64> {
        let due = self.queue.iter().filter(|delivery| delivery.due_at <= now).map(|delivery| delivery.webhook);
        let due: BTreeSet<u64> = due.filter(|webhook| !self.busy.contains(webhook)).collect();
        self.busy.extend(&due);
        due.into_iter().collect()
    }

    /// Nobody sends to a webhook any more.
    pub(crate) fn release(&mut self, webhook: u64) {
        self.busy.remove(&webhook);
    }

    /// Takes what is due for a webhook: in order or the wrong way round, each so many times.
    pub(crate) fn take_due(
        &mut self,
        webhook: u64,
        now: DateTime<Utc>,
        is_reversed: bool,
        copies: u8,
    ) -> Vec<Delivery> {
        let queue = std::mem::take(&mut self.queue);
        let is_due = |delivery: &Delivery| delivery.webhook == webhook && delivery.due_at <= now;
        let (mut due, rest): (Vec<_>, Vec<_>) = queue.into_iter().partition(is_due);
        self.queue = rest;
        due.sort_by_key(|delivery| (delivery.due_at, delivery.order));
        if is_reversed {
            due.reverse();
        }
        let repeated = |delivery: Delivery| {
            (0..copies.clamp(1, 10))
                .map(move |copy| Delivery { is_copy: copy > 0 || delivery.is_copy, ..delivery.clone() })
        };
        due.into_iter().flat_map(repeated).collect()
    }

    /// Notes how a delivery went, and queues what follows.
    pub(crate) fn settle(
        &mut self,
        delivery: &Delivery,
        webhook_id: String,
        outcome: Outcome,
        now: DateTime<Utc>,
        speed: u32,
    ) {
        self.last_sent += 1;
        if self.sent.len() == KEPT {
            self.sent.pop_front();
        }
        self.sent.push_back(WebhookDelivery {
            number: self.last_sent,
            webhook_id,
            event_name: delivery.event.name.clone(),
            event: delivery.event.number,
            occurred_at: delivery.event.occurred_at,
            completed_at: now,
            attempt: delivery.attempt,
            request: delivery.request,
            status: if let Outcome::Status(status) = outcome { Some(status) } else { None },
            is_delivered: outcome.is_delivered(),
            unsent: if let Outcome::Unsent(why) = outcome { Some(why) } else { None },
        });
        if outcome.is_tried_again()
            && !delivery.is_copy
            && let Some(next) = delivery.next(now, speed)
        {
            self.queue(next);
        }
    }
}
