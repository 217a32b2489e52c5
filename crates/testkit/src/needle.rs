//! Looks for a value that must not be there, in every spelling it may have taken on its way.

use std::collections::HashSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use crate::Needles;

/// Shorter pieces would be found by chance.
const MIN_LENGTH: usize = 8;

/// A value and its spellings.
#[derive(Debug, Clone)]
pub struct Needle {
    spellings: Vec<(&'static str, Vec<u8>)>,
}

impl Needle {
    /// Prepares the spellings of a value.
    ///
    /// # Panics
    /// When the value is so short that it would be found by chance.
    pub fn new(value: &str) -> Self {
        assert!(value.len() >= MIN_LENGTH, "a canary needs {MIN_LENGTH} bytes, so that it is not found by chance");
        let bytes = value.as_bytes();
        let mut spellings = vec![
            ("plain", bytes.to_vec()),
            ("upper case", value.to_uppercase().into_bytes()),
            ("lower case", value.to_lowercase().into_bytes()),
            ("reversed", bytes.iter().rev().copied().collect()),
            ("UTF-16", value.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("hexadecimal", hex(bytes, false)),
            ("hexadecimal, upper case", hex(bytes, true)),
            ("URL-encoded", percent(bytes, |byte| !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte))),
            ("URL-encoded throughout", percent(bytes, |_| true)),
            ("form-encoded", form(bytes)),
            ("JSON-escaped", json_text(value)),
            ("JSON-escaped twice", json_text(&String::from_utf8(json_text(value)).expect("JSON is text"))),
            ("quotes doubled", value.replace('"', "\"\"").into_bytes()),
            (
                "JSON-escaped throughout",
                value.encode_utf16().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).collect(),
            ),
            ("decimal bytes", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes()),
        ];
        for (offset, name) in [(0, "base64"), (1, "base64, shifted by one"), (2, "base64, shifted by two")] {
            spellings.push((name, base64_inside(bytes, offset, false)));
            spellings.push((name, base64_inside(bytes, offset, true)));
        }
        spellings.extend(numbers(value));
        let mut known = HashSet::new();
        spellings.retain(|(_, spelling)| known.insert(spelling.clone()));
        Self { spellings }
    }

    /// The spellings that a haystack holds.
    pub fn find_in(&self, haystack: &[u8]) -> Vec<&'static str> {
        let needles = Needles::new([(String::new(), self.clone())]);
        needles.find_in(haystack).into_iter().map(|(_, spelling)| spelling).collect()
    }

    pub(crate) fn into_spellings(self) -> Vec<(&'static str, Vec<u8>)> {
        self.spellings
    }
}

/// How a database or a program keeps a number: as a float, in cents, or in the digits of `PostgreSQL`'s `numeric`.
fn numbers(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let (Some((whole, part)), Ok(float)) = (value.split_once('.'), value.parse::<f64>()) else { return Vec::new() };
    if !is_number {
        return Vec::new();
    }
    let mut digits = format!("{}{whole}{part}", "0".repeat(whole.len().next_multiple_of(4) - whole.len()));
    digits.push_str(&"0".repeat(digits.len().next_multiple_of(4) - digits.len()));
    let group = |digits: &[u8]| digits.iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let numeric = digits.as_bytes().chunks(4).flat_map(|digits| group(digits).to_le_bytes()).collect();
    vec![
        ("without its point", format!("{whole}{part}").into_bytes()),
        ("scientific", format!("{float:e}").into_bytes()),
        ("float", float.to_be_bytes().to_vec()),
        ("float, turned round", float.to_le_bytes().to_vec()),
        ("numeric", numeric),
    ]
}

fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }.into_bytes())
        .collect()
}

fn percent(bytes: &[u8], escapes: impl Fn(u8) -> bool) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| if escapes(*byte) { format!("%{byte:02X}").into_bytes() } else { vec![*byte] })
        .collect()
}

fn form(bytes: &[u8]) -> Vec<u8> {
    percent(bytes, |byte| !byte.is_ascii_alphanumeric() && !b"-._* ".contains(&byte))
        .into_iter()
        .map(|byte| if byte == b' ' { b'+' } else { byte })
        .collect()
}

fn json_text(value: &str) -> Vec<u8> {
    let quoted = serde_json::Value::from(value).to_string();
    quoted.trim_matches('"').as_bytes().to_vec()
}

/// What is the same however the value lies inside a longer text: digits that mix with its neighbours are cut off.
fn base64_inside(bytes: &[u8], offset: usize, url_safe: bool) -> Vec<u8> {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(bytes);
    let text = if url_safe { URL_SAFE_NO_PAD.encode(&padded) } else { STANDARD_NO_PAD.encode(&padded) };
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    text.as_bytes().get(first..last).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "canary/ü \"secret\" 77";

    fn found(haystack: impl AsRef<[u8]>) -> Vec<&'static str> {
        Needle::new(VALUE).find_in(haystack.as_ref())
    }

    #[test]
    fn is_found_in_every_encoding() {
        assert_eq!(found(format!("x{VALUE}y")), ["plain"]);
        assert_eq!(found(hex(VALUE.as_bytes(), false)), ["hexadecimal"]);
        assert_eq!(found(serde_json::json!({"a": VALUE}).to_string()), ["JSON-escaped"]);
        assert_eq!(found(serde_json::json!(format!("{VALUE:?}")).to_string()), ["JSON-escaped twice"]);
        // As PostgreSQL prints a row, and CSV.
        assert_eq!(found(r#"(7,"canary/ü ""secret"" 77",)"#), ["quotes doubled"]);
        let url = url::form_urlencoded::Serializer::new(String::new()).append_pair("a", VALUE).finish();
        assert_eq!(found(url), ["form-encoded"]);
        for before in ["", "a", "ab", "abc"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}{VALUE} and more"));
            assert_eq!(found(&text).len(), 1, "{text}");
        }
        assert_eq!(found(format!("{:?}", VALUE.as_bytes())), ["decimal bytes"]);
    }

    #[test]
    fn a_number_is_found_however_it_is_kept() {
        let needle = Needle::new("1234567890.25");
        let found = |haystack: &[u8]| needle.find_in(haystack);
        assert_eq!(found(b"amount: 123456789025;"), ["without its point"]);
        assert_eq!(found(b"1.23456789025e9"), ["scientific"]);
        assert_eq!(found(&[&[9], &1_234_567_890.25_f64.to_be_bytes()[..], &[9]].concat()), ["float"]);
        assert_eq!(found(&1_234_567_890.25_f64.to_le_bytes()), ["float, turned round"]);
        let groups = [12_u16, 3456, 7890, 2500].map(u16::to_le_bytes).concat();
        assert_eq!(found(&groups), ["numeric"]);
    }

    #[test]
    fn is_found_at_the_ends_and_beside_its_own_beginning() {
        assert_eq!(found(VALUE), ["plain"]);
        assert_eq!(found(format!("can{VALUE}")), ["plain"]);
        assert_eq!(found(&VALUE.as_bytes()[..VALUE.len() - 1]), [""; 0]);
        assert_eq!(found("c"), [""; 0]);
    }

    #[test]
    fn is_not_found_where_it_is_not() {
        assert_eq!(found("canary/u \"secret\" 77, canary, secret"), [""; 0]);
        assert_eq!(found(""), [""; 0]);
    }
}
