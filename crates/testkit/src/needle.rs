//! Looks for a value that must not be there, in every spelling it may have taken on its way.

use std::collections::HashSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

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
        let mut known = HashSet::new();
        spellings.retain(|(_, spelling)| known.insert(spelling.clone()));
        Self { spellings }
    }

    /// The spellings that a haystack holds.
    pub fn find_in(&self, haystack: &[u8]) -> Vec<&'static str> {
        let holds = |spelling: &[u8]| haystack.windows(spelling.len()).any(|window| window == spelling);
        let mut found: Vec<_> =
            self.spellings.iter().filter(|(_, spelling)| holds(spelling)).map(|(name, _)| *name).collect();
        found.dedup();
        found
    }
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
        let url = url::form_urlencoded::Serializer::new(String::new()).append_pair("a", VALUE).finish();
        assert_eq!(found(url), ["form-encoded"]);
        for before in ["", "a", "ab", "abc"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}{VALUE} and more"));
            assert_eq!(found(&text).len(), 1, "{text}");
        }
        assert_eq!(found(format!("{:?}", VALUE.as_bytes())), ["decimal bytes"]);
    }

    #[test]
    fn is_not_found_where_it_is_not() {
        assert_eq!(found("canary/u \"secret\" 77, canary, secret"), [""; 0]);
        assert_eq!(found(""), [""; 0]);
    }
}
