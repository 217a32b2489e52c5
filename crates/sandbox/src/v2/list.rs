//! Lists: a page at a time, from a cursor that carries the filter. Keys rise through a list, so that a page goes on after its
//! last item whatever came or went meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer::Answer;

use super::Call;
use super::problem::Problem;

/// How many items a page may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) default: usize,
    pub(super) max: usize,
}

/// Of persons and employments.
pub(super) const TEN: Bounds = Bounds { default: 10, max: 50 };
/// Of absence periods, org units and legal entities. The vendor publishes none for the other lists, which get the same.
pub(super) const HUNDRED: Bounds = Bounds { default: 100, max: 100 };
/// Of webhooks, their events and their deliveries.
pub(super) const WEBHOOKS: Bounds = Bounds { default: 100, max: 200 };
/// Of documents.
pub(super) const TWO_HUNDRED: Bounds = Bounds { default: 200, max: 200 };

/// What `cursor` holds; callers must not look inside.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    path: String,
    after: u64,
    limit: usize,
    filter: Vec<(String, String)>,
}

/// The page that is asked for.
pub(super) struct Listing {
    path: String,
    after: Option<u64>,
    limit: usize,
    filter: Vec<(String, String)>,
}

impl Listing {
    /// Reads `limit`, `cursor` and the filter. A filter repeated beside a cursor is accepted and changes nothing.
    pub(super) fn read(call: &Call<'_>, bounds: Bounds) -> Result<Self, Problem> {
        let request = call.request;
        let path = request.path.clone();
        let limit = match request.parameter("limit").map(str::parse::<usize>) {
            None => None,
            Some(Ok(limit)) if (1..=bounds.max).contains(&limit) => Some(limit),
            Some(_) => return Err(Problem::parameter("limit")),
        };
        let Some(text) = request.parameter("cursor") else {
            let filter = request.query.iter().filter(|(name, _)| name != "limit").cloned().collect();
            return Ok(Self { path, after: None, limit: limit.unwrap_or(bounds.default), filter });
        };
        let cursor: Option<Cursor> =
            URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match cursor {
            Some(Cursor { path: its_path, after, limit: first_limit, filter }) if its_path == path => {
                Ok(Self { path, after: Some(after), limit: limit.unwrap_or(first_limit).min(bounds.max), filter })
            }
            _ => Err(Problem::parameter("cursor")),
        }
    }

    /// The last value of a filter; an empty one counts as absent.
    pub(super) fn filter(&self, name: &str) -> Option<&str> {
        let value = self.filter.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// The values of a filter that takes several with commas between.
    pub(super) fn several(&self, name: &str) -> Option<Vec<&str>> {
        self.filter(name).map(|text| text.split(',').map(str::trim).collect())
    }

    /// The first key that may be on the page.
    pub(super) fn first_key(&self) -> u64 {
        self.after.map_or(0, |after| after.saturating_add(1))
    }

    /// Cuts the page out of all items, which come in the order of their keys.
    pub(super) fn cut<T>(self, items: impl Iterator<Item = T>, key: impl Fn(&T) -> u64) -> Page<T> {
        let first = self.first_key();
        let mut rest = items.skip_while(|item| key(item) < first).peekable();
        let items: Vec<T> = rest.by_ref().take(self.limit).collect();
        let after = rest.peek().and(items.last()).map(key);
        let Self { path, after: _, limit, filter } = self;
        Page { items, next: after.map(|after| Cursor { path, after, limit, filter }) }
    }
}

/// One page, and what the next begins with.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    next: Option<Cursor>,
}

impl<T> Page<T> {
    pub(super) fn answer(self, call: &Call<'_>, shape: impl FnMut(T) -> Value) -> Answer {
        let address = format!("{}{}", call.origin, call.request.path);
        let mut links = Map::new();
        links.insert("self".to_owned(), json!({"href": with_query(&address, &call.request.query)}));
        if let Some(cursor) = self.next {
            let cursor = URL_SAFE_NO_PAD.encode(json!(cursor).to_string());
            links.insert("next".to_owned(), json!({"href": format!("{address}?cursor={cursor}")}));
        }
        let data: Value = self.items.into_iter().map(shape).collect();
        Answer::json(200, &json!({"_data": data, "_meta": {"links": links}}))
    }
}

fn with_query(address: &str, query: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    if pairs.is_empty() { address.to_owned() } else { format!("{address}?{}", pairs.join("&")) }
}

fn escaped(text: &str) -> String {
    let written = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(written).collect()
}
