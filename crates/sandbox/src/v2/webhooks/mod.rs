//! The management of webhooks: list, register, change, remove (developer.personio.de, `reference/post_v2-webhooks` and its
//! neighbours, read 2026-11-28).
//!
//! The vendor publishes no bodies of answers but the members of a webhook, and neither what is a conflict nor how many webhooks
//! a company may have: here an address that is registered already is one, and there may be [`MOST`].

mod happenings;
mod read;

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::hooks::{Auth, Webhook};
use crate::people::Thing;
use crate::state::State;

use super::list::{Listing, WEBHOOKS};
use super::problem::{Problem, stamp};
use super::{Call, Outcome, no_content};

pub(super) use happenings::{activity, events, ping, redeliver, test_event};

/// Webhooks of a company.
const MOST: usize = 20;

/// `GET /v2/webhooks`
pub(super) fn list(state: &State, call: &Call<'_>) -> Outcome {
    let listing = Listing::read(call, WEBHOOKS)?;
    let status = listing.filter("status").map(read::status).transpose()?;
    let event = listing.filter("enabled_events").map(str::to_owned);
    let webhooks = state.changes.webhooks.values();
    let webhooks = webhooks.filter(|webhook| {
        status.is_none_or(|status| status == webhook.is_enabled)
            && event.as_ref().is_none_or(|event| webhook.events.contains(event))
    });
    let page = listing.cut(webhooks, |webhook| webhook.number);
    Ok(page.answer(call, |webhook| shape(state, webhook)))
}

/// `GET /v2/webhooks/{id}`
pub(super) fn get(state: &State, id: &str) -> Outcome {
    Ok(Answer::json(200, &shape(state, find(state, id)?)))
}

/// `POST /v2/webhooks`. Without a status a webhook is there and silent.
pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let body = call.object()?;
    for name in ["url", "description", "enabled_events"] {
        if body.get(name).is_none_or(Value::is_null) {
            return Err(Problem::parameter(name));
        }
    }
    let mut webhook = Webhook {
        number: 0,
        url: String::new(),
        description: String::new(),
        is_enabled: false,
        auth: Auth::Token(None),
        events: std::collections::BTreeSet::new(),
        created_at: call.now,
        updated_at: call.now,
    };
    read::apply(&mut webhook, &body)?;
    must_be_free(state, &webhook)?;
    if state.changes.webhooks.len() >= MOST {
        return Err(Problem::Unprocessable(format!("There are {MOST} webhooks already.")));
    }
    webhook.number = state.next_id(state.changes.webhooks.keys().next_back().copied());
    let answer = Answer::json(201, &shape(state, &webhook));
    state.changes.webhooks.insert(webhook.number, webhook);
    Ok(answer)
}

/// `PATCH /v2/webhooks/{id}`: what is not named stays.
pub(super) fn change(state: &mut State, call: &Call<'_>, id: &str) -> Outcome {
    let mut webhook = find(state, id)?.clone();
    read::apply(&mut webhook, &call.object()?)?;
    must_be_free(state, &webhook)?;
    webhook.updated_at = call.now;
    if !webhook.is_enabled {
        state.hooks.forget(webhook.number);
    }
    let answer = Answer::json(200, &shape(state, &webhook));
    state.changes.webhooks.insert(webhook.number, webhook);
    Ok(answer)
}

/// `DELETE /v2/webhooks/{id}`
pub(super) fn remove(state: &mut State, id: &str) -> Outcome {
    let number = find(state, id)?.number;
    state.remove_webhook(number);
    Ok(no_content())
}

fn must_be_free(state: &State, webhook: &Webhook) -> Result<(), Problem> {
    let mut others = state.changes.webhooks.values();
    if others.any(|other| other.number != webhook.number && other.url == webhook.url) {
        return Err(Problem::Conflict("There is a webhook with this url.".to_owned()));
    }
    Ok(())
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a Webhook, Problem> {
    let number = state.world.uuids.number(Thing::Webhook, id);
    number.and_then(|number| state.changes.webhooks.get(&number)).ok_or(Problem::NotFound)
}

/// The vendor's schema of a webhook has the token among its members, so it is shown.
pub(crate) fn shape(state: &State, webhook: &Webhook) -> Value {
    let mut value = json!({
        "id": state.webhook_id(webhook.number),
        "url": webhook.url,
        "description": webhook.description,
        "status": if webhook.is_enabled { "ENABLED" } else { "DISABLED" },
        "auth_type": webhook.auth.name(),
        "enabled_events": webhook.events,
        "created_at": stamp(webhook.created_at),
        "updated_at": stamp(webhook.updated_at),
    });
    if let Some(members) = value.as_object_mut() {
        match &webhook.auth {
            Auth::Token(Some(token)) => drop(members.insert("token".to_owned(), token.0.clone().into())),
            Auth::Custom(headers) => {
                let headers: Map<String, Value> =
                    headers.iter().map(|(name, value)| (name.clone(), value.0.clone().into())).collect();
                members.insert("custom_headers".to_owned(), headers.into());
            }
            Auth::None | Auth::Token(None) => {}
        }
    }
    value
}

#[cfg(test)]
mod tests;
