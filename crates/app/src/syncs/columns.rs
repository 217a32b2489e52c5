//! What fits a column that records are found by. Vendors send anything; a database takes no NUL in text and no long text in
//! an index, and one odd value must not stop a page.
//!
//! Pure. Only columns are fitted: fields and attributes keep what came, as JSON, where NUL is escaped.

use chrono::NaiveDate;

/// Characters of a vendor id; with four bytes each, they and the rest of the key stay below PostgreSQL's 2,704 bytes for an
/// index row.
const MAX_NAME: usize = 500;
/// Characters of an email address that mail can be sent to.
const MAX_EMAIL: usize = 320;
/// Characters of a status.
const MAX_STATUS: usize = 100;
/// Bytes of an attribute's key, for the same index row.
const MAX_KEY_BYTES: usize = 2_000;

/// Whether a vendor id can be held as it is; one that is fitted would be another id.
pub(super) fn holds_name(id: &str) -> bool {
    !id.contains('\0') && id.chars().nth(MAX_NAME).is_none()
}

/// Whether an attribute's key can be held as it is.
pub(crate) fn holds_key(key: &str) -> bool {
    !key.contains('\0') && key.len() <= MAX_KEY_BYTES
}

/// A work email in lower case. One that is too long is none: cut, it would be somebody else's.
pub(super) fn email(text: &str) -> Option<String> {
    let email = without_nul(text.trim()).to_lowercase();
    (!email.is_empty() && email.chars().nth(MAX_EMAIL).is_none()).then_some(email)
}

/// A status, cut to its column.
pub(super) fn status(text: &str) -> String {
    label(text, MAX_STATUS)
}

/// Text for humans, cut to `most` characters.
pub(super) fn label(text: &str, most: usize) -> String {
    without_nul(text).chars().take(most).collect()
}

/// A calendar day as `YYYY-MM-DD`; days are compared as text.
pub(super) fn day(text: &str) -> Option<String> {
    let parsed: NaiveDate = text.parse().ok()?;
    (text.len() == "YYYY-MM-DD".len() && parsed.to_string() == text).then(|| text.to_owned())
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_up_to_their_length_and_without_nul() {
        assert!(holds_name("7") && holds_name(&"ß".repeat(500)));
        assert!(!holds_name(&"a".repeat(501)) && !holds_name("7\0"));
        assert!(holds_key(&"k".repeat(2_000)) && !holds_key(&"k".repeat(2_001)) && !holds_key("\0"));
    }

    #[test]
    fn emails_are_trimmed_lowered_and_never_cut() {
        assert_eq!(email(" Ida@Example.ORG ").as_deref(), Some("ida@example.org"));
        assert_eq!(email("I\0@example.org").as_deref(), Some("i\u{fffd}@example.org"));
        assert_eq!(email("  "), None);
        assert_eq!(email(&"a".repeat(320)).map(|email| email.len()), Some(320));
        assert_eq!(email(&"a".repeat(321)), None);
    }

    #[test]
    fn statuses_are_cut() {
        assert_eq!(status("act\0ive"), "act\u{fffd}ive");
        assert_eq!(status(&"ß".repeat(200)).chars().count(), 100);
    }

    #[test]
    fn days_are_days() {
        assert_eq!(day("2026-02-28").as_deref(), Some("2026-02-28"));
        for wrong in ["2026-02-30", "2026-2-8", "28.02.2026", "+12026-02-28", "2026-02-28\0", " 2026-02-28", ""] {
            assert_eq!(day(wrong), None, "{wrong:?}");
        }
    }
}
