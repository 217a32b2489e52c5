//! Inputs made of known ones: JSON is changed as JSON, and then bytes as bytes.

use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Map, Value, json};

/// Texts that readers trip over.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "\u{0}",
    "null",
    "0",
    "-1",
    "1e999",
    "2026-02-30",
    "2026-11-24T00:00:00+25:00",
    "0000-00-00",
    "9999999999999999999999",
    "38,5",
    "../../v1/auth",
    "'; DROP TABLE record; --",
    "<script>alert(1)</script>",
    "\u{202e}evil",
    "e\u{301}\u{301}\u{301}",
    "\u{feff}x",
    "dynamic_1",
    "https://[::1]:99999/",
    "a@b",
    "true",
    "\\",
    "😀",
];
/// Bytes that are no JSON, or odd JSON.
const SNIPPETS: [&[u8]; 20] = [
    b"\\ud800",
    b"\\u0000",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"1e400",
    b"-0",
    b"0x1",
    b"NaN",
    b",,",
    b"[[[[[[[[",
    b"]]]]",
    b"{\"\":",
    b"\"",
    b"\\",
    b"null",
    b"{}",
    b"18446744073709551616",
    b"0.1e-400",
    b"//",
];
/// Deepest nesting that is made; readers have their own limits well below.
const DEEPEST: usize = 400;
/// Longest text that is made.
const LONGEST_TEXT: usize = 20_000;

/// Of a few known inputs the shortest, most of the time: what is kept grows by every change, and long ones are slow to try and
/// say little more.
fn parent<'a>(dice: &mut StdRng, corpus: &'a [Vec<u8>]) -> &'a Vec<u8> {
    let n_looked_at = if dice.random_range(0..100) < 90 { 4 } else { 1 };
    let looked_at = (0..n_looked_at).map(|_| &corpus[dice.random_range(0..corpus.len())]);
    looked_at.min_by_key(|input| input.len()).expect("at least one was looked at")
}

/// A new input.
pub(crate) fn one(dice: &mut StdRng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = parent(dice, corpus).clone();
    if dice.random_range(0..100) < 65
        && let Ok(mut value) = serde_json::from_slice::<Value>(&input)
    {
        for _ in 0..dice.random_range(1..5) {
            change(dice, &mut value);
        }
        input = value.to_string().into_bytes();
        if dice.random_range(0..100) < 80 {
            return input;
        }
    }
    for _ in 0..dice.random_range(1..5) {
        spoil(dice, &mut input, corpus);
    }
    input
}

/// Changes one place of a value.
fn change(dice: &mut StdRng, value: &mut Value) {
    let go_on = dice.random_range(0..100) < 75;
    match value {
        Value::Array(items) if go_on && !items.is_empty() => {
            let place = dice.random_range(0..items.len());
            match dice.random_range(0..12) {
                0 => drop(items.remove(place)),
                1 => {
                    let again = items[place].clone();
                    items.push(again);
                }
                2 => {
                    let other = dice.random_range(0..items.len());
                    items.swap(place, other);
                }
                _ => change(dice, &mut items[place]),
            }
        }
        Value::Object(members) if go_on && !members.is_empty() => {
            let place = dice.random_range(0..members.len());
            let name = members.keys().nth(place).cloned().unwrap_or_default();
            match dice.random_range(0..12) {
                0 => drop(members.remove(&name)),
                1 => {
                    let member = members.remove(&name).unwrap_or_default();
                    members.insert(text(dice), member);
                }
                2 => {
                    let member = members.get(&name).cloned().unwrap_or_default();
                    members.insert(text(dice), member);
                }
                _ => {
                    if let Some(member) = members.get_mut(&name) {
                        change(dice, member);
                    }
                }
            }
        }
        other => *other = made(dice, other.take()),
    }
}

/// Something in the place of a value.
fn made(dice: &mut StdRng, old: Value) -> Value {
    match dice.random_range(0..16) {
        0 => Value::Null,
        1 => json!(dice.random_range(0..2) == 0),
        2 => json!(dice.random_range(i64::MIN..i64::MAX)),
        3 => json!(dice.random_range(-3..400)),
        4 => json!(f64::from_bits(dice.random_range(0..u64::MAX))),
        5 => json!([]),
        6 => json!({}),
        7 => json!([old]),
        8 => Value::Object(Map::from_iter([(text(dice), old)])),
        9 => json!({ "value": old }),
        10 => json!({ "type": "Employee", "attributes": old }),
        11 if dice.random_range(0..200) == 0 => (0..dice.random_range(1..DEEPEST)).fold(old, |inner, _| json!([inner])),
        12 if dice.random_range(0..200) == 0 => json!(TEXTS[19].repeat(dice.random_range(1..LONGEST_TEXT / 20))),
        13 => match old {
            Value::Number(number) => json!(number.to_string()),
            Value::String(text) => {
                text.parse::<i64>().map_or_else(|_| json!(format!(" {text} ")), |number| json!(number))
            }
            other => json!(other.to_string()),
        },
        _ => json!(text(dice)),
    }
}

fn text(dice: &mut StdRng) -> String {
    TEXTS[dice.random_range(0..TEXTS.len())].to_owned()
}

/// Changes some bytes.
fn spoil(dice: &mut StdRng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let place = dice.random_range(0..=input.len());
    match dice.random_range(0..8) {
        0 if place < input.len() => input[place] ^= 1 << dice.random_range(0..8),
        1 if place < input.len() => input[place] = dice.random_range(0..=255),
        2 => input.truncate(place),
        3 => {
            let end = (place + dice.random_range(0..20)).min(input.len());
            input.drain(place..end);
        }
        4 => {
            let snippet = SNIPPETS[dice.random_range(0..SNIPPETS.len())];
            input.splice(place..place, snippet.iter().copied());
        }
        5 => {
            let other = &corpus[dice.random_range(0..corpus.len())];
            let from = dice.random_range(0..=other.len());
            input.truncate(place);
            input.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        6 => {
            let end = (place + dice.random_range(0..40)).min(input.len());
            let part = input.get(place..end).unwrap_or_default().repeat(dice.random_range(1..4));
            input.splice(place..place, part);
        }
        _ => input.insert(place, dice.random_range(0..=255)),
    }
}
