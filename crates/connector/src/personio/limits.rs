//! How much of an answer is taken. Every answer comes from a stranger: what grows with it has an end here, far above
//! anything an account holds.

/// Members of one object, and attributes of one record.
pub(super) const MAX_MEMBERS: usize = 5_000;
/// Elements of one list inside a record, and tags in one text.
pub(super) const MAX_ELEMENTS: usize = 5_000;
/// Values of one record at all depths: small ones take many times their bytes in memory.
const MAX_VALUES: usize = 50_000;
/// Attributes of one account.
pub(super) const MAX_ATTRIBUTES: usize = 5_000;
/// Choices of one attribute.
pub(super) const MAX_OPTIONS: usize = 1_000;
/// Largest answer about attributes.
pub(super) const MAX_DISCOVERY_BYTES: usize = 8 * 1024 * 1024;
/// Longest key of an attribute.
const MAX_KEY_BYTES: usize = 16 * 1024;
/// Longest label, universal id and choice.
const MAX_TEXT_CHARS: usize = 500;
/// Items of a page in any case: systems with pages of their own size send more than was asked for.
const ITEMS_ALWAYS_TAKEN: usize = 400;

/// Most items of a page when `limit` were asked for.
pub(super) fn most_items(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(2).max(ITEMS_ALWAYS_TAKEN)
}

/// Whether a key can stand in the catalogue. It is a name, so it is never cut or mended; databases take no NUL in text.
pub(super) fn is_usable_key(key: &str) -> bool {
    key.len() <= MAX_KEY_BYTES && !key.contains('\0')
}

/// A text for people, fit for the catalogue: cut at a letter, with U+FFFD for NUL.
pub(super) fn fitted(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).collect()
}

/// Whether valid JSON holds more values than a record may, told in one pass by what begins or parts them.
pub(super) fn has_too_many_values(json: &str) -> bool {
    // Each takes a byte at least; hardly any record is as long.
    if json.len() <= MAX_VALUES {
        return false;
    }
    let mut is_text = false;
    let mut is_escaped = false;
    let mut n = 0_usize;
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' if !is_text => n += 1,
            _ => {}
        }
    }
    n > MAX_VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_hold_twice_what_was_asked_for_but_four_hundred_always() {
        assert_eq!([1, 100, 200, 300].map(most_items), [400, 400, 400, 600]);
    }

    #[test]
    fn only_values_count_not_the_letters_of_texts() {
        let text = format!(r#"["{}\"{}"]"#, ",[{".repeat(MAX_VALUES), ",".repeat(MAX_VALUES));
        assert!(!has_too_many_values(&text));
        assert!(!has_too_many_values(&format!("[{}0]", "0,".repeat(MAX_VALUES - 1))));
        assert!(has_too_many_values(&format!("[{}0]", "0,".repeat(MAX_VALUES))));
    }
}
