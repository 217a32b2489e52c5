//! Which class an attribute has: by the canonical field it feeds, the vendor's universal id, and the words of its label
//! and key in English and German. Unsure means sensitive: an attribute is standard only when every word of its label is
//! known to be harmless.

use gangway_domain::schema::{AttributeClass, AttributeType, DiscoveredAttribute};

use super::vocabulary::{FILLERS, HARMLESS, SENSITIVE, Subject, UNIVERSAL_STANDARD};

/// Why an attribute is sensitive although nothing in it says so; a tenant may lower only this one.
pub(super) const UNSURE: &str = "not recognised as harmless";

/// The class of an attribute, and why.
pub fn classify(attribute: &DiscoveredAttribute) -> (AttributeClass, String) {
    let DiscoveredAttribute { key, label, kind, universal_id, options: _, is_custom, canonical_field } = attribute;
    if let Some(field) = canonical_field {
        return (AttributeClass::Standard, format!("feeds the field `{field}`"));
    }
    // A vendor's own numbering (`dynamic_305`) says nothing; its own names do.
    let texts = [Some(label.as_str()), universal_id.as_deref(), (!is_numbered(key)).then_some(key.as_str())];
    for text in texts.into_iter().flatten() {
        if let Some(subject) = sensitive_subject(text) {
            return (AttributeClass::Sensitive, format!("about {subject}"));
        }
    }
    if universal_id.as_deref().is_some_and(|id| lists(UNIVERSAL_STANDARD, id))
        || (!is_custom && lists(UNIVERSAL_STANDARD, key))
    {
        return (AttributeClass::Standard, "a known work attribute".to_owned());
    }
    // Free text can hold anything, whatever its label promises.
    let is_free = matches!(kind, AttributeType::Multiline | AttributeType::Object | AttributeType::Unknown);
    if !is_free && is_harmless(label) && (is_numbered(key) || *is_custom || is_harmless(key)) {
        return (AttributeClass::Standard, "every word of its label is known to be harmless".to_owned());
    }
    (AttributeClass::Sensitive, UNSURE.to_owned())
}

fn is_numbered(key: &str) -> bool {
    key.rsplit(['_', '-']).next().is_some_and(|end| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()))
}

fn sensitive_subject(text: &str) -> Option<&'static str> {
    let words = words(text);
    let (joined, spaced) = (words.concat(), format!(" {} ", words.join(" ")));
    let is_about = |subject: &&Subject| {
        subject.stems.split_whitespace().any(|stem| joined.contains(stem))
            || words.iter().any(|word| lists(subject.words, word))
            || subject.phrases.iter().any(|phrase| spaced.contains(&format!(" {phrase} ")))
    };
    SENSITIVE.iter().find(is_about).map(|subject| subject.name)
}

fn is_harmless(label: &str) -> bool {
    let words = words(label);
    let known = |word: &String| lists(HARMLESS, word);
    words.iter().any(known) && words.iter().all(|word| known(word) || lists(FILLERS, word))
}

/// Whether a list of words holds one.
fn lists(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// Lower-case words with German letters spelt out; camel case and digits split.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for letter in text.chars() {
        let is_letter = letter.is_alphanumeric() || letter == '\u{308}';
        let starts = !is_letter
            || (letter.is_uppercase() && previous.is_lowercase())
            || (letter.is_ascii_digit() != previous.is_ascii_digit() && previous.is_alphanumeric());
        if starts {
            words.push(String::new());
        }
        if is_letter && let Some(word) = words.last_mut() {
            for lower in letter.to_lowercase() {
                match lower {
                    'ä' => word.push_str("ae"),
                    'ö' => word.push_str("oe"),
                    'ü' => word.push_str("ue"),
                    'ß' => word.push_str("ss"),
                    // The last one is the combining dots of decomposed umlauts.
                    'é' | 'è' | 'ê' | '\u{308}' => word.push('e'),
                    'á' | 'à' | 'â' => word.push('a'),
                    other => word.push(other),
                }
            }
        }
        previous = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}
