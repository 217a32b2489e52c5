//! Cutting members out of JSON that was stored, by their names: who reads the vendor's bytes again knows no spans any more.

use std::{collections::HashSet, ops::Range};

use gangway_connector::{AttributeSpan, SourceRecord};
use gangway_domain::record::{ExternalId, Fields};
use serde::de::IgnoredAny;

/// The bytes without the members that `is_cut` names, at any depth; `null` for what is no JSON. A member of a selected value
/// that bears the name of another attribute goes as well: too little is kept rather than too much.
pub(super) fn without(raw: &[u8], is_cut: impl Fn(&str) -> bool) -> Vec<u8> {
    if serde_json::from_slice::<IgnoredAny>(raw).is_err() {
        return b"null".to_vec();
    }
    let spans = spans(raw, is_cut);
    let keys: HashSet<String> = spans.iter().map(|span| span.key.clone()).collect();
    let nobody = ExternalId { source: String::new(), id: String::new() };
    let mut record = SourceRecord::new(nobody, Fields::new(), raw.to_vec().into());
    record.spans = spans;
    record.raw_without(&keys.iter().map(String::as_str).collect())
}

/// Where those members lie in valid JSON; there, a string before a colon is a member's name.
fn spans(raw: &[u8], is_cut: impl Fn(&str) -> bool) -> Vec<AttributeSpan> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(start) = find(raw, at, |byte| byte == b'"') {
        let end = end_of_text(raw, start);
        let after = find(raw, end, |byte| !byte.is_ascii_whitespace());
        let colon = after.filter(|after| raw.get(*after) == Some(&b':'));
        let Some(colon) = colon else {
            at = end;
            continue;
        };
        // A name that is no text is none that anybody chose.
        let name: Option<String> = raw.get(start..end).and_then(|name| serde_json::from_slice(name).ok());
        if name.as_deref().is_none_or(&is_cut) {
            let value = end_of_value(raw, colon + 1);
            spans.push(AttributeSpan { key: name.unwrap_or_default(), range: Range { start, end: value } });
            at = value;
        } else {
            at = colon + 1;
        }
    }
    spans
}

fn find(raw: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    raw.get(from..)?.iter().position(|byte| wanted(*byte)).map(|place| from + place)
}

/// Behind the closing quote of a text that opens at `start`.
fn end_of_text(raw: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(place) = find(raw, at, |byte| byte == b'"' || byte == b'\\') {
        if raw.get(place) == Some(&b'"') {
            return place + 1;
        }
        at = place + 2;
    }
    raw.len()
}

/// Behind the value that follows.
fn end_of_value(raw: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = find(raw, from, |byte| !byte.is_ascii_whitespace()).unwrap_or(raw.len());
    while let Some(byte) = raw.get(at) {
        match byte {
            b'"' => at = end_of_text(raw, at),
            b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b']' | b'}' | b',' if depth == 0 => return at,
            b']' | b'}' => {
                depth -= 1;
                at += 1;
            }
            _ => at += 1,
        }
        // Texts and containers end by themselves, numbers and words before what follows.
        if depth == 0 && matches!(byte, b'"' | b']' | b'}') {
            return at;
        }
    }
    raw.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn cut(raw: &str, names: &[&str]) -> Value {
        serde_json::from_slice(&without(raw.as_bytes(), |name| names.contains(&name))).unwrap()
    }

    #[test]
    fn members_go_at_any_depth_and_whatever_their_value_is() {
        let raw = r#" {"id": 1, "pay": {"value": "a\"}", "x": [1, {"pay": 2}]}, "list": [{"pay": 3}, "pay", 4], "b": true, "pay" : 5.5e3 }"#;
        assert_eq!(cut(raw, &["pay"]), json!({"id": 1, "list": [{}, "pay", 4], "b": true}));
        assert_eq!(cut(raw, &["id", "list", "pay", "b"]), json!({}));
    }

    #[test]
    fn a_name_is_known_however_it_is_written() {
        assert_eq!(cut(r#"{"pay":1,"\"":2,"a":3}"#, &["pay", "\""]), json!({"a": 3}));
    }

    #[test]
    fn the_bytes_that_stay_stay_as_they_are() {
        let raw = br#"{"amount": 1.10, "pay": 2, "text": "\u0000\/" }"#;
        assert_eq!(without(raw, |name| name == "pay"), br#"{"amount": 1.10, "text": "\u0000\/" }"#);
    }

    #[test]
    fn what_is_no_json_leaves_nothing() {
        for raw in [&b"{\"pay\": 5"[..], b"", b"\xff"] {
            assert_eq!(without(raw, |_| false), b"null");
        }
    }

    proptest! {
        #[test]
        fn any_json_loses_those_members_and_nothing_else(value in any_json(), pretty: bool) {
            let raw = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let kept: Value = serde_json::from_slice(&without(&raw, |name| name == "a")).unwrap();
            prop_assert_eq!(kept, pruned(value));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let name = prop_oneof![Just("a".to_owned()), "[ab\"\\\\:]{0,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn pruned(value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(pruned).collect(),
            Value::Object(members) => {
                members.into_iter().filter(|(name, _)| name != "a").map(|(name, value)| (name, pruned(value))).collect()
            }
            plain => plain,
        }
    }
}
