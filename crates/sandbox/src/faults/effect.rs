//! What a fault does: it answers in the vendor's place, changes something before the vendor looks, or spoils its answer.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;
use crate::config::Dialect;
use crate::request::Request;
use crate::state::State;
use crate::v2;

use super::{Delivery, Hit, body};

/// One thing that goes wrong; see the variants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers with this status and body, as a proxy, a firewall or an outage would; HTML when the body begins with `<`.
    Answer {
        /// The status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: String,
        /// Headers beside the content type.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// Answers 429 and says, or does not say, when to come again.
    TooMany {
        /// In which dialect.
        says: TooMany,
        /// After how many seconds.
        wait_s: u32,
    },
    /// The vendor's refusal of a client id and secret: 403 with code 0, in version 2 `invalid_client`.
    WrongCredential,
    /// The vendor's answer to a missing right: 403 with code 0, in version 2 403 with a problem.
    Forbidden,
    /// Status 200 with `success: false` and this code.
    Unsuccessful {
        /// The vendor's own code.
        code: u16,
    },
    /// A body of so many bytes, made while it is sent. Its length is told in advance or not.
    Huge {
        /// How many.
        bytes: u64,
        /// Whether there is a `Content-Length`.
        #[serde(default)]
        is_declared: bool,
    },

    /// Every token given out ends before this request is looked at.
    ExpireTokens,
    /// People come and go before this request is looked at; those who come are written as at the admin endpoint.
    ChangePeople {
        /// Who comes.
        #[serde(default)]
        add: Vec<Value>,
        /// The ids of those who go.
        #[serde(default)]
        remove: Vec<u64>,
    },
    /// Whatever offset is asked for, the page at this one is sent.
    SamePage {
        /// The offset of the page that is repeated.
        offset: u64,
    },

    /// The list is empty, and says so.
    Empty,
    /// The list has no `metadata`.
    WithoutMetadata,
    /// The list's total is off by this much, by twice as much at the next hit, and so on.
    Total {
        /// How much is added each time.
        add: i64,
    },
    /// The list begins with this person in the place of its first, whatever page it is: what an unsteady order does.
    Repeat {
        /// The id of a person.
        id: u64,
    },
    /// From its second page on, a list of version 2 has itself as its next page: the same cursor comes back for ever.
    NextAgain,
    /// The next page of a list of version 2 is said to be at another origin, written `https://host:port`.
    NextElsewhere {
        /// The origin.
        origin: String,
    },
    /// Ids of records are texts instead of numbers.
    IdsAsText,
    /// These attributes are missing from employees and from the list of attributes, as if they were not permitted.
    WithoutAttributes {
        /// Their keys.
        keys: Vec<String>,
    },
    /// Employees and the list of attributes have more of the company's own attributes.
    MoreAttributes {
        /// How many.
        n: usize,
        /// How long their keys are made.
        #[serde(default)]
        key_bytes: usize,
        /// How they are labelled; a number is added to it.
        #[serde(default)]
        label: String,
        /// The value each person has.
        #[serde(default)]
        value: String,
    },
    /// An attribute's value is this JSON, taken letter for letter: also what no JSON library writes.
    Value {
        /// The attribute.
        key: String,
        /// The text between the colon and the comma.
        json: String,
        /// Only for this person.
        #[serde(default)]
        id: Option<u64>,
    },

    /// The request is carried out, and then this status and body are answered: what a gateway does that gave up waiting.
    AnswerAfter {
        /// The status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: String,
    },
    /// The answer begins late.
    Late {
        /// By how much.
        pause_ms: u32,
    },
    /// The answer breaks off after this share of its body.
    Cut {
        /// In hundredths.
        after_percent: u8,
    },
    /// The answer comes in drops.
    Drip {
        /// Bytes in each.
        bytes: usize,
        /// Between two.
        pause_ms: u64,
    },
}

/// How a 429 says when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooMany {
    /// Not at all.
    Nothing,
    /// `Retry-After` in seconds.
    RetryAfter,
    /// `Retry-After` as a date.
    RetryAfterDate,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` in seconds since 1970.
    Reset,
    /// The `x-ratelimit-*` family of a token bucket, which refills one token in the time to wait.
    Replenish,
}

impl TooMany {
    fn headers(self, wait_s: u32, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
        let at = now + chrono::TimeDelta::seconds(wait_s.into());
        match self {
            Self::Nothing => Vec::new(),
            Self::RetryAfter => vec![("retry-after", wait_s.to_string())],
            Self::RetryAfterDate => vec![("retry-after", at.format("%a, %d %b %Y %H:%M:%S GMT").to_string())],
            Self::Reset => vec![
                ("x-ratelimit-limit", "200".to_owned()),
                ("x-ratelimit-remaining", "0".to_owned()),
                ("x-ratelimit-reset", at.timestamp().to_string()),
            ],
            Self::Replenish => vec![
                ("x-ratelimit-replenish-rate", "1".to_owned()),
                ("x-ratelimit-burst-capacity", wait_s.to_string()),
                ("x-ratelimit-requested-tokens", wait_s.to_string()),
                ("x-ratelimit-remaining", "0".to_owned()),
            ],
        }
    }
}

impl Effect {
    /// Whether it answers in the vendor's place.
    pub(super) const fn answers(&self) -> bool {
        matches!(
            self,
            Self::Answer { .. }
                | Self::TooMany { .. }
                | Self::WrongCredential
                | Self::Forbidden
                | Self::Unsuccessful { .. }
                | Self::Huge { .. }
        )
    }

    /// Why it would do nothing to a version of the API, if so.
    pub(super) const fn does_nothing(&self, is_v2: bool) -> Option<&'static str> {
        match (self, is_v2) {
            (Self::SamePage { .. }, true) => {
                Some("effect: version 2 has no offsets; `next_again` repeats a page of it")
            }
            (Self::WithoutMetadata | Self::Total { .. }, true) => Some("effect: lists of version 2 have no `metadata`"),
            (Self::Repeat { .. }, true) => Some("effect: only lists of version 1 repeat a person"),
            (Self::IdsAsText, true) => Some("effect: ids of version 2 are texts"),
            (Self::Unsuccessful { .. }, true) => Some("effect: version 2 has no `success`; order an `answer`"),
            (Self::WithoutAttributes { .. } | Self::MoreAttributes { .. } | Self::Value { .. }, true) => Some(
                "effect: attributes are those of version 1; order an `answer`, or change what the credential may read",
            ),
            (Self::NextAgain | Self::NextElsewhere { .. }, false) => {
                Some("effect: lists of version 1 have no links; `same_page` repeats a page of them")
            }
            _ => None,
        }
    }

    fn raw_json(&self) -> Option<&str> {
        if let Self::Value { json, .. } = self { Some(json) } else { None }
    }

    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            // An informational status would leave the caller waiting for the real one.
            Self::Answer { status, .. } | Self::AnswerAfter { status, .. } if !(200..=599).contains(status) => {
                Some("effect.status: must lie between 200 and 599")
            }
            Self::Cut { after_percent: 100.. } => Some("effect.after_percent: must be below 100"),
            Self::Drip { bytes: 0, .. } => Some("effect.bytes: must be 1 at least"),
            _ => None,
        }
    }
}

/// The answer in the vendor's place, if one of the hits is one.
pub(crate) fn answer(hits: &[Hit], request: &Request, dialect: Dialect, now: DateTime<Utc>) -> Option<Answer> {
    let is_v2 = v2::owns(&request.path);
    let answer = match &hits.last()?.effect {
        Effect::Answer { status, body, headers } => {
            let content_type = if body.starts_with('<') { "text/html" } else { "application/json" };
            Answer { ordered_headers: headers.clone().into(), ..Answer::bytes(*status, content_type, body.clone()) }
        }
        Effect::TooMany { says, wait_s } => Answer { headers: says.headers(*wait_s, now), ..Answer::too_many() },
        Effect::WrongCredential if is_v2 => v2::invalid_client(now),
        Effect::Forbidden if is_v2 => v2::Problem::Forbidden.answer(now),
        Effect::WrongCredential => Answer::wrong_credentials(dialect),
        Effect::Forbidden => Answer::missing_right(),
        Effect::Unsuccessful { code } => Answer { status: 200, ..Answer::error(200, *code, "Das geht gerade nicht ") },
        Effect::Huge { bytes, is_declared } => Answer {
            delivery: Delivery::Huge { bytes: *bytes, is_declared: *is_declared },
            ..Answer::bytes(200, "application/json", "")
        },
        _ => return None,
    };
    Some(answer)
}

/// What happens before the vendor looks at the request.
pub(crate) fn prepare<'a>(
    state: &mut State,
    request: &'a Request,
    hits: &[Hit],
    now: DateTime<Utc>,
) -> Cow<'a, Request> {
    let mut request = Cow::Borrowed(request);
    for hit in hits {
        match &hit.effect {
            Effect::ExpireTokens => state.tokens.expire_all(),
            Effect::ChangePeople { add, remove } => {
                for person in add {
                    if let Err(error) = state.add_person(person, now) {
                        tracing::warn!(%error, "a fault's person was not added");
                    }
                }
                for id in remove {
                    if let Err(error) = state.remove_person(*id, now) {
                        tracing::warn!(%error, "a fault's person was not removed");
                    }
                }
            }
            Effect::SamePage { offset } => {
                let query = &mut request.to_mut().query;
                query.retain(|(name, _)| name != "offset");
                query.push(("offset".to_owned(), offset.to_string()));
            }
            _ => {}
        }
    }
    request
}

/// Spoils the vendor's answer.
pub(crate) fn rework(state: &mut State, hits: &[Hit], holder: Option<usize>, answer: &mut Answer) {
    let raw: Vec<&str> = hits.iter().filter_map(|hit| hit.effect.raw_json()).collect();
    let mut n_places = 0;
    for hit in hits {
        match &hit.effect {
            Effect::Cut { after_percent } => {
                // An answer without a body is whole with its head, and could not be cut.
                if answer.body.is_empty() {
                    (answer.status, answer.body) = (200, Bytes::from_static(b" "));
                }
                answer.delivery = Delivery::Cut { after_percent: *after_percent };
            }
            Effect::AnswerAfter { status, body } => {
                let content_type = if body.starts_with('<') { "text/html" } else { "application/json" };
                *answer = Answer::bytes(*status, content_type, body.clone());
            }
            Effect::Late { pause_ms } => answer.late_ms = *pause_ms,
            Effect::Drip { bytes, pause_ms } => {
                answer.delivery = Delivery::Drip { bytes: *bytes, pause: Duration::from_millis(*pause_ms) };
            }
            Effect::Repeat { id } => {
                let item = holder.and_then(|holder| {
                    let dialect = state.dialect;
                    let (scene, view) = state.scene_and_view(holder)?;
                    view.person(scene, dialect, *id)
                });
                if let Some(item) = item {
                    body::rework(answer, |page| body::replace_first(page, &item));
                }
            }
            Effect::Value { key, json: _, id } => {
                body::keep_place(answer, key, *id, n_places);
                n_places += 1;
            }
            effect => body::spoil(answer, effect, hit.n),
        }
    }
    // Last, since what is put there may be no JSON that could be read again.
    body::fill_places(answer, &raw);
}
