//! What a webhook was told of, how that went, and telling it again.
//!
//! The vendor's pages of these five (`reference/get_v2-webhooks-id-events` and its neighbours, read 2026-11-28) give parameters,
//! limits and rights; the bodies of their answers were not at hand and are plain ones.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::hooks::PING;
use crate::state::State;

use super::super::filter::{Range, moment};
use super::super::list::{Listing, WEBHOOKS};
use super::super::problem::{Problem, stamp};
use super::super::{Call, Outcome};
use super::find;

/// Events that one call sends again.
const MOST_AGAIN: usize = 100;

/// `GET /v2/webhooks/{id}/events`: those of the last 30 days, oldest first.
pub(in super::super) fn events(state: &State, call: &Call<'_>, id: &str) -> Outcome {
    let number = find(state, id)?.number;
    let listing = Listing::read(call, WEBHOOKS)?;
    let range = Range::read(&listing, "occurred_at", moment).ok_or_else(|| Problem::parameter("occurred_at"))?;
    let name = listing.filter("event_name").map(str::to_owned);
    let events = state
        .hooks
        .events_of(number, call.now)
        .filter(|event| range.takes(event.occurred_at) && name.as_ref().is_none_or(|name| *name == event.name));
    let page = listing.cut(events, |event| event.number);
    Ok(page.answer(call, |event| state.hooks.envelope(event)))
}

/// `GET /v2/webhooks/{id}/activity`: the requests of the last 30 days, oldest first.
pub(in super::super) fn activity(state: &State, call: &Call<'_>, id: &str) -> Outcome {
    let webhook = state.webhook_id(find(state, id)?.number);
    let listing = Listing::read(call, WEBHOOKS)?;
    let range = Range::read(&listing, "completed_at", moment).ok_or_else(|| Problem::parameter("completed_at"))?;
    let name = listing.filter("event_name").map(str::to_owned);
    let is_delivered = match listing.filter("is_delivered") {
        None => None,
        Some(text) => Some(text.parse::<bool>().map_err(|_| Problem::parameter("is_delivered"))?),
    };
    let sent = state.hooks.sent(call.now).filter(|one| {
        one.webhook_id == webhook
            && range.takes(one.completed_at)
            && name.as_ref().is_none_or(|name| *name == one.event_name)
            && is_delivered.is_none_or(|is| is == one.is_delivered)
    });
    let page = listing.cut(sent, |one| one.number);
    Ok(page.answer(call, |one| {
        json!({
            "event_name": one.event_name,
            "occurred_at": stamp(one.occurred_at),
            "completed_at": stamp(one.completed_at),
            "is_delivered": one.is_delivered,
            "response_status": one.status,
        })
    }))
}

/// `POST /v2/webhooks/{id}/redelivery`: the first 100 that happened in a span of which one end must be given.
pub(in super::super) fn redeliver(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let number = find(state, id)?.number;
    let body = call.object()?;
    let from = bound(&body, "occurred_at.gte")?;
    let to = bound(&body, "occurred_at.lte")?;
    if from.is_none() && to.is_none() {
        return Err(Problem::parameter("occurred_at"));
    }
    let name = body.get("event_name").and_then(Value::as_str);
    let events = state.hooks.events_of(number, call.now);
    let chosen = events.filter(|event| {
        from.is_none_or(|from| event.occurred_at >= from)
            && to.is_none_or(|to| event.occurred_at <= to)
            && name.is_none_or(|name| name == event.name)
    });
    let chosen: Vec<_> = chosen.take(MOST_AGAIN).cloned().collect();
    if !state.hooks.may_send_again(chosen.len(), call.now) {
        return Err(Problem::TooMany);
    }
    let n = chosen.len();
    for event in chosen {
        state.hooks.queue(crate::hooks::Delivery::first(event, number, call.now));
    }
    Ok(Answer::json(200, &json!({"redelivered_events": n})))
}

/// `POST /v2/webhooks/{id}/ping`: also where it is disabled, since it is a test.
pub(in super::super) fn ping(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let number = find(state, id)?.number;
    state.announce(PING, json!({}), vec![number], call.now);
    Ok(Answer::json(200, &json!({})))
}

/// `POST /v2/webhooks/{id}/test-event`: any payload, of an event that is enabled.
pub(in super::super) fn test_event(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let webhook = find(state, id)?;
    let body = call.object()?;
    let name = body.get("event_name").and_then(Value::as_str).filter(|name| webhook.events.contains(*name));
    let name = name.ok_or_else(|| Problem::parameter("event_name"))?;
    let payload = body.get("payload").filter(|payload| payload.is_object());
    let payload = payload.cloned().ok_or_else(|| Problem::parameter("payload"))?;
    let number = webhook.number;
    state.announce(name, payload, vec![number], call.now);
    Ok(Answer::json(200, &json!({})))
}

fn bound(body: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(given) => given.as_str().and_then(moment).map(Some).ok_or_else(|| Problem::parameter(name)),
    }
}
