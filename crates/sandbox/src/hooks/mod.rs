//! Webhooks: who wants to be told of what, what has happened, and what was sent where.
//!
//! They belong to the company: every credential with the right sees all of them. What a request changes is noted while it is
//! answered ([`journal`]) and becomes events at its end, so that a record that is written twice in one request is told of once.
//! [`plan`] knows when a delivery is due. Webhooks are kept with the other changes; events, deliveries and what was sent are
//! forgotten by a restart.

mod journal;
mod plan;
pub(crate) mod sender;
mod webhook;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};

use crate::people::Thing;
use crate::state::State;

use journal::Journal;
pub(crate) use plan::{Delivery, Outcome};
use sender::Outgoing;
pub(crate) use webhook::{Auth, Secret, Webhook};

/// The events that can be asked for (n8n-nodes-personio-hr lists them, the vendor's pages confirm the families; read 2026-11-23).
/// Those of documents and the two of effective dates never happen by themselves here, but as test events.
pub(crate) const EVENTS: [&str; 20] = [
    "person.created",
    "person.updated",
    "person.deleted",
    "employment.created",
    "employment.updated",
    "employment.updated.cost-centers",
    "employment.deleted",
    "employment.started",
    "employment.terminated",
    "absence-period.created",
    "absence-period.updated.status",
    "absence-period.updated.timerange",
    "absence-period.deleted",
    "attendance-period.created",
    "attendance-period.updated",
    "attendance-period.deleted",
    "document.created",
    "document.updated",
    "document.deleted",
    "document.signed",
];
/// The event of a ping, which cannot be asked for.
pub(crate) const PING: &str = "ping";

/// For how long the vendor keeps events and deliveries.
const KEPT_DAYS: i64 = 30;
/// More events or deliveries than this are forgotten earlier.
const KEPT: usize = 10_000;
/// The vendor's limit of events that are sent again in an hour.
pub(crate) const AGAIN_PER_HOUR: usize = 500;

/// Something that happened.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    /// Rises in the order of the events.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) payload: Value,
    /// Numbers of the webhooks that are told.
    pub(crate) told: Vec<u64>,
}

/// One request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookDelivery {
    /// Rises in the order of the requests.
    pub number: u64,
    /// The webhook's id.
    pub webhook_id: String,
    /// What happened.
    pub event_name: String,
    /// Names the event among all of this sandbox.
    pub event: u64,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When the request ended.
    pub completed_at: DateTime<Utc>,
    /// Which attempt it belongs to: 0 is the first, then up to 6 later ones.
    pub attempt: usize,
    /// Which request of the attempt it is, 1 or 2.
    pub request: u8,
    /// The receiver's status; none when it did not answer in time.
    pub status: Option<u16>,
    /// Whether that counts as delivered.
    pub is_delivered: bool,
    /// Why it was not sent at all.
    pub unsent: Option<&'static str>,
}

/// What happened and what is sent.
#[derive(Debug)]
pub(crate) struct Hooks {
    company_id: String,
    events: VecDeque<Arc<Event>>,
    queue: Vec<Delivery>,
    /// Numbers of the webhooks that somebody sends to.
    busy: BTreeSet<u64>,
    sent: VecDeque<WebhookDelivery>,
    /// When events were sent again, and how many.
    again: VecDeque<(DateTime<Utc>, usize)>,
    last_event: u64,
    last_sent: u64,
    /// Breaks ties among deliveries that are due at the same moment.
    last_order: u64,
    journal: Journal,
}

impl Hooks {
    pub(crate) fn new(company_id: String) -> Self {
        Self {
            company_id,
            events: VecDeque::new(),
            queue: Vec::new(),
            busy: BTreeSet::new(),
            sent: VecDeque::new(),
            again: VecDeque::new(),
            last_event: 0,
            last_sent: 0,
            last_order: 0,
            journal: Journal::default(),
        }
    }

    /// Where changes are noted.
    pub(crate) fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// What a webhook was told of and is still kept, in the order of its happening.
    pub(crate) fn events_of(&self, webhook: u64, now: DateTime<Utc>) -> impl Iterator<Item = &Arc<Event>> {
        let first = now - TimeDelta::days(KEPT_DAYS);
        self.events.iter().filter(move |event| event.told.contains(&webhook) && event.occurred_at >= first)
    }

    /// The requests so far that are still kept, oldest first.
    pub(crate) fn sent(&self, now: DateTime<Utc>) -> impl Iterator<Item = &WebhookDelivery> {
        let first = now - TimeDelta::days(KEPT_DAYS);
        self.sent.iter().filter(move |one| one.completed_at >= first)
    }

    /// Whether so many events may be sent again now; then they count.
    pub(crate) fn may_send_again(&mut self, n: usize, now: DateTime<Utc>) -> bool {
        self.again.retain(|(at, _)| now - *at < TimeDelta::hours(1));
        let spent: usize = self.again.iter().map(|(_, n)| n).sum();
        let may = spent + n <= AGAIN_PER_HOUR;
        if may {
            self.again.push_back((now, n));
        }
        may
    }

    /// What a receiver gets, and what the list of events holds.
    pub(crate) fn envelope(&self, event: &Event) -> Value {
        json!({
            "company_id": self.company_id,
            "event_name": event.name,
            "occurred_at": event.occurred_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "payload": event.payload,
        })
    }
}

impl State {
    /// Turns what was changed since the last call into events, and queues their deliveries.
    pub(crate) fn tell_changes(&mut self, now: DateTime<Utc>) {
        let journal = std::mem::take(&mut self.hooks.journal);
        if self.changes.webhooks.is_empty() {
            return;
        }
        for (name, payload) in journal.events(self) {
            let is_told = |webhook: &&Webhook| webhook.is_enabled && webhook.events.contains(name);
            let told: Vec<u64> = self.changes.webhooks.values().filter(is_told).map(|webhook| webhook.number).collect();
            if !told.is_empty() {
                self.announce(name, payload, told, now);
            }
        }
    }

    /// Lets something happen that these webhooks are told of.
    pub(crate) fn announce(&mut self, name: &str, payload: Value, told: Vec<u64>, now: DateTime<Utc>) {
        let hooks = &mut self.hooks;
        hooks.last_event += 1;
        let event = Event { number: hooks.last_event, name: name.to_owned(), occurred_at: now, payload, told };
        let event = Arc::new(event);
        for webhook in &event.told {
            hooks.queue(Delivery::first(Arc::clone(&event), *webhook, now));
        }
        if hooks.events.len() == KEPT {
            hooks.events.pop_front();
        }
        hooks.events.push_back(event);
    }

    /// What is to be sent to a webhook now.
    pub(crate) fn webhook_due(&mut self, webhook: u64, now: DateTime<Utc>) -> Vec<Outgoing> {
        let Self { hooks, quirks, changes, world, .. } = self;
        let due = hooks.take_due(webhook, now, quirks.webhooks_reversed, quirks.webhook_copies);
        let outgoing = |delivery: Delivery| {
            let webhook = changes.webhooks.get(&delivery.webhook)?;
            let headers = webhook.headers().into_iter();
            let envelope = hooks.envelope(&delivery.event);
            #[cfg(test)]
            crate::facts::expect_webhook(&envelope);
            Some(Outgoing {
                webhook_id: world.uuids.of(Thing::Webhook, webhook.number),
                url: webhook.url.clone(),
                headers: headers.map(|(name, Secret(value))| (name, SecretString::from(value))).collect(),
                body: envelope.to_string().into(),
                delivery,
            })
        };
        due.into_iter().filter_map(outgoing).collect()
    }

    /// Takes a webhook away, with what is still to be sent to it.
    pub(crate) fn remove_webhook(&mut self, number: u64) {
        self.changes.webhooks.remove(&number);
        self.hooks.forget(number);
    }

    /// The id of a webhook.
    pub(crate) fn webhook_id(&self, number: u64) -> String {
        self.world.uuids.of(Thing::Webhook, number)
    }
}

#[cfg(test)]
mod tests;
