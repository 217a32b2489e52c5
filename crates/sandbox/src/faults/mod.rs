//! Failures to order: what goes wrong, with which of the requests. They hit before token, limits and routes have a say, are in the
//! ledger, count against no limit of their own and are not kept over a restart. What each does is told in [`Effect`].

mod body;
mod effect;
mod pattern;
mod wire;

use serde::{Deserialize, Serialize};

use crate::request::Request;

pub use effect::{Effect, TooMany};
pub(crate) use effect::{answer, prepare, rework};
pub(crate) use wire::{Delivery, Wire};

/// What goes wrong, and which requests it hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests of this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Path of the requests: `*` or `{id}` stands for one segment, `**` at the end for any number of them.
    pub path: String,
    /// Only requests with this `offset`; an absent one counts as 0.
    #[serde(default)]
    pub offset: Option<u64>,
    /// Only requests for this page, counted from 1.
    #[serde(default)]
    pub page: Option<u64>,
    /// How many such requests are spared before the first is hit.
    #[serde(default)]
    pub after: u32,
    /// How many are hit; null hits all until the fault is removed.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// An effect on all requests of a path, until it is removed.
    pub fn always(path: impl Into<String>, effect: Effect) -> Self {
        let path = path.into();
        Self { method: None, path, offset: None, page: None, after: 0, times: None, effect }
    }

    /// One answer of this status, with an empty body, at a path or below it.
    pub fn once(path: &str, status: u16) -> Self {
        let effect = Effect::Answer { status, body: String::new(), headers: Vec::new() };
        Self { times: once(), ..Self::always(format!("{path}/**"), effect) }
    }

    /// Sets the body of an ordered answer.
    pub fn with_body(mut self, text: impl Into<String>) -> Self {
        if let Effect::Answer { body, .. } = &mut self.effect {
            *body = text.into();
        }
        self
    }

    /// Adds a header to an ordered answer.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Effect::Answer { headers, .. } = &mut self.effect {
            headers.push((name.to_owned(), value.into()));
        }
        self
    }

    /// What is wrong with it, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if !self.path.starts_with("/v1/") && !self.path.starts_with("/v2/") {
            return Some("path: must begin with /v1/ or /v2/");
        }
        let is_v2 = self.path.starts_with("/v2/");
        if is_v2 && (self.offset.is_some() || self.page.is_some()) {
            return Some("page: version 2 has neither pages nor offsets to count; `after` spares the first requests");
        }
        self.effect.problem().or_else(|| self.effect.does_nothing(is_v2))
    }

    fn concerns(&self, request: &Request) -> bool {
        let number = |name| request.parameter(name).and_then(|text| text.parse::<u64>().ok());
        let offset = number("offset").unwrap_or(0);
        let page = if request.path.ends_with("/time-offs") {
            offset.max(1)
        } else {
            offset / number("limit").unwrap_or(50).max(1) + 1
        };
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
            && pattern::matches(&self.path, &request.path)
            && self.offset.is_none_or(|wanted| wanted == offset)
            && self.page.is_none_or(|wanted| wanted == page)
    }
}

/// A fault as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Names it for its removal.
    pub id: u64,
    /// How many requests it concerned, those spared included.
    pub n_concerned: u32,
    /// How many it hit.
    pub n_hit: u32,
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
}

/// A fault that hits a request.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) effect: Effect,
    /// Which of its hits this is, from 1.
    pub(crate) n: u32,
}

/// The faults, in the order they were told.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    standing: Vec<Standing>,
    last_id: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.last_id += 1;
        self.standing.push(Standing { id: self.last_id, n_concerned: 0, n_hit: 0, fault });
        self.last_id
    }

    /// Removes one, or all.
    pub(crate) fn remove(&mut self, id: Option<u64>) -> bool {
        let before = self.standing.len();
        self.standing.retain(|standing| id.is_some_and(|id| standing.id != id));
        id.is_none() || self.standing.len() < before
    }

    pub(crate) fn list(&self) -> Vec<Standing> {
        self.standing.clone()
    }

    /// The faults that hit this request. One that answers by itself is the last: those after it wait for the next request.
    pub(crate) fn hits(&mut self, request: &Request) -> Vec<Hit> {
        let mut hits = Vec::new();
        for Standing { n_concerned, n_hit, fault, .. } in &mut self.standing {
            if fault.times.is_some_and(|times| *n_hit >= times) || !fault.concerns(request) {
                continue;
            }
            *n_concerned += 1;
            if *n_concerned <= fault.after {
                continue;
            }
            *n_hit += 1;
            hits.push(Hit { effect: fault.effect.clone(), n: *n_hit });
            if fault.effect.answers() {
                break;
            }
        }
        hits
    }
}

#[cfg(test)]
mod tests;
