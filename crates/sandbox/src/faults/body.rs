//! Spoiling the JSON of an answer. Answers that are no JSON, and errors, stay as they are.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::answer::Answer;

use super::Effect;

/// Stands in a body for JSON that no library writes, until the body is text.
fn place(n: usize) -> Value {
    format!("\u{e000}place {n}\u{e000}").into()
}

/// Changes the JSON of a good answer.
pub(super) fn rework(answer: &mut Answer, change: impl FnOnce(&mut Value)) {
    if answer.status != 200 {
        return;
    }
    let Ok(mut page) = serde_json::from_slice::<Value>(&answer.body) else { return };
    change(&mut page);
    answer.body = Bytes::from(page.to_string());
}

/// Puts an item in the place of a list's first.
pub(super) fn replace_first(page: &mut Value, item: &[u8]) {
    let first = items(page).and_then(|items| items.first_mut());
    if let (Some(first), Ok(item)) = (first, serde_json::from_slice(item)) {
        *first = item;
    }
}

/// Spoils an answer by the effects that are about its content; `n` is which hit it is.
pub(super) fn spoil(answer: &mut Answer, effect: &Effect, n: u32) {
    match effect {
        Effect::Empty => rework(answer, |page| {
            if let Some(items) = items(page) {
                items.clear();
            }
            links(page).and_then(|links| links.remove("next"));
            set_total(page, |_| 0);
        }),
        Effect::NextAgain => rework(answer, |page| {
            let href = links(page).and_then(|links| links.get("self")).cloned();
            let is_later =
                href.as_ref().and_then(|href| href.get("href")?.as_str()).is_some_and(|at| at.contains("cursor="));
            if let (Some(href), Some(links)) = (href.filter(|_| is_later), links(page)) {
                links.insert("next".to_owned(), href);
            }
        }),
        Effect::NextElsewhere { origin } => rework(answer, |page| {
            let href = links(page).and_then(|links| links.get_mut("next")?.get_mut("href"));
            let Some(href) = href else { return };
            let path = href.as_str().and_then(|at| Some(at.split_once("://")?.1.split_once('/')?.1));
            if let Some(path) = path {
                *href = format!("{origin}/{path}").into();
            }
        }),
        Effect::WithoutMetadata => rework(answer, |page| {
            page.as_object_mut().and_then(|page| page.remove("metadata"));
        }),
        Effect::Total { add } => rework(answer, |page| set_total(page, |total| total + add * i64::from(n))),
        Effect::IdsAsText => rework(answer, |page| each(page, ids_as_text)),
        Effect::WithoutAttributes { keys } => rework(answer, |page| {
            let is_one = |key: &str| keys.iter().any(|hidden| hidden == key);
            if let Some(items) = items(page) {
                items.retain(|item| !item.get("key").and_then(Value::as_str).is_some_and(is_one));
            }
            each(page, |item| {
                if let Some(attributes) = attributes(item) {
                    attributes.retain(|key, _| !is_one(key));
                }
            });
        }),
        Effect::MoreAttributes { n, key_bytes, label, value } => {
            rework(answer, |page| more(page, *n, *key_bytes, label, value));
        }
        _ => {}
    }
}

/// Keeps the place of an attribute's value, for everybody or for one person.
pub(super) fn keep_place(answer: &mut Answer, key: &str, id: Option<u64>, n: usize) {
    rework(answer, |page| {
        each(page, |item| {
            let Some(attributes) = attributes(item) else { return };
            let own = attributes.get("id").map(|own| own.get("value").unwrap_or(own));
            if id.is_some_and(|id| own.and_then(Value::as_u64) != Some(id)) {
                return;
            }
            if let Some(slot) = attributes.get_mut(key) {
                match slot.get_mut("value") {
                    Some(value) => *value = place(n),
                    None => *slot = place(n),
                }
            }
        });
    });
}

/// Writes what belongs there into the places that were kept.
pub(super) fn fill_places(answer: &mut Answer, raw: &[&str]) {
    for (n, json) in raw.iter().enumerate() {
        if let Ok(text) = std::str::from_utf8(&answer.body) {
            answer.body = Bytes::from(text.replace(&place(n).to_string(), json));
        }
    }
}

fn items(page: &mut Value) -> Option<&mut Vec<Value>> {
    page.get_mut(data(page))?.as_array_mut()
}

/// The member that holds the content: version 2 spells it with an underscore.
fn data(page: &Value) -> &'static str {
    if page.get("_data").is_some() { "_data" } else { "data" }
}

/// The links of a list of version 2.
fn links(page: &mut Value) -> Option<&mut Map<String, Value>> {
    page.get_mut("_meta")?.get_mut("links")?.as_object_mut()
}

/// Each item of a list, or the one object of an answer.
fn each(page: &mut Value, change: impl FnMut(&mut Value)) {
    match page.get_mut(data(page)) {
        Some(Value::Array(items)) => items.iter_mut().for_each(change),
        Some(item) => std::iter::once(item).for_each(change),
        None => {}
    }
}

fn attributes(item: &mut Value) -> Option<&mut Map<String, Value>> {
    item.get_mut("attributes")?.as_object_mut()
}

fn set_total(page: &mut Value, change: impl FnOnce(i64) -> i64) {
    if let Some(total) = page.get_mut("metadata").and_then(|metadata| metadata.get_mut("total_elements")) {
        *total = json!(total.as_i64().map_or(0, change));
    }
}

fn ids_as_text(item: &mut Value) {
    let inner = attributes(item).and_then(|attributes| attributes.get_mut("id"));
    let inner = inner.map(|id| if id.is_object() { id.get_mut("value") } else { Some(id) });
    if let Some(Some(id)) = inner {
        *id = id.to_string().trim_matches('"').into();
    }
    if let Some(id) = item.get_mut("id") {
        *id = id.to_string().trim_matches('"').into();
    }
}

fn more(page: &mut Value, n: usize, key_bytes: usize, label: &str, value: &str) {
    let own = |number: usize| {
        let mut key = format!("dynamic_9{number:06}");
        key.extend(std::iter::repeat_n('k', key_bytes.saturating_sub(key.len())));
        (key, format!("{label}{number}"))
    };
    let is_discovery = items(page).is_some_and(|items| items.iter().all(|item| item.get("key").is_some()));
    if is_discovery {
        if let Some(items) = items(page) {
            items.extend((0..n).map(own).map(|(key, label)| {
                json!({"key": key, "label": label, "type": "standard", "universal_id": null, "options": []})
            }));
        }
        return;
    }
    each(page, |item| {
        let Some(attributes) = attributes(item) else { return };
        attributes.extend((0..n).map(own).map(|(key, label)| {
            (key, json!({"label": label, "value": value, "type": "standard", "universal_id": null}))
        }));
    });
}
