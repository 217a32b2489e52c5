//! Which class an attribute has: by the canonical field it feeds, the vendor's universal id, and the words of its label
//! and key in German, English, French, Spanish, Italian and Dutch. Unsure means sensitive: an attribute is standard only when
//! every word of its label is known to be harmless.

use std::{collections::HashSet, sync::LazyLock};

use gangway_domain::schema::{AttributeClass, AttributeType, DiscoveredAttribute};

use super::{
    harmless_words::{FILLERS, HARMLESS, UNIVERSAL_STANDARD},
    sensitive_words::{SENSITIVE, Subject},
    words::{folded, words},
};

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
    let is_about = |subject: &&Listed| {
        subject.stems.iter().any(|stem| joined.contains(stem))
            || words.iter().any(|word| subject.words.contains(word))
            || subject.phrases.iter().any(|phrase| spaced.contains(phrase))
    };
    SUBJECTS.iter().find(is_about).map(|subject| subject.name)
}

fn is_harmless(label: &str) -> bool {
    let words = words(label);
    words.iter().any(|word| HARMLESS_WORDS.contains(word))
        && words.iter().all(|word| HARMLESS_WORDS.contains(word) || FILLER_WORDS.contains(word))
}

/// Whether a list of names holds one.
fn lists(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|listed| listed == name)
}

/// A subject in the form that texts are compared in.
struct Listed {
    name: &'static str,
    stems: Vec<String>,
    words: HashSet<String>,
    phrases: Vec<String>,
}

static SUBJECTS: LazyLock<Vec<Listed>> = LazyLock::new(|| {
    let listed = |subject: &Subject| Listed {
        name: subject.name,
        stems: subject.stems.split_whitespace().map(folded).collect(),
        words: set(subject.words),
        phrases: subject.phrases.iter().map(|phrase| format!(" {} ", folded(phrase))).collect(),
    };
    SENSITIVE.iter().map(listed).collect()
});
static HARMLESS_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| set(HARMLESS));
static FILLER_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| set(FILLERS));

fn set(list: &str) -> HashSet<String> {
    list.split_whitespace().map(folded).collect()
}
