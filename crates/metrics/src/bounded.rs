//! Texts that are known at run time only, as values of labels: a bounded number of them.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
    sync::{LazyLock, PoisonError, RwLock},
};

/// What stands for everything that is not known.
pub const OTHER: &str = "other";

/// Routes and the like that may become values in one process: they are leaked, and each is a series.
const MOST: usize = 500;

static KNOWN: LazyLock<RwLock<HashSet<&'static str>>> = LazyLock::new(RwLock::default);

/// Those that are registered (<https://www.iana.org/assignments/http-status-codes>, seen 2026-11-27), and those of proxies that
/// stand before vendors: a vendor may answer with any number, and each would be a series of each route.
const KNOWN_STATUSES: [RangeInclusive<u16>; 14] = [
    100..=104,
    200..=208,
    226..=226,
    300..=308,
    400..=418,
    421..=426,
    428..=429,
    431..=431,
    451..=451,
    499..=499,
    500..=508,
    510..=511,
    520..=526,
    530..=530,
];

static STATUSES: LazyLock<HashMap<u16, String>> =
    LazyLock::new(|| KNOWN_STATUSES.into_iter().flatten().map(|status| (status, status.to_string())).collect());

/// The same text as a value. Only for texts of the program itself, such as the templates of its routes; what goes beyond a
/// sane number of them is [`OTHER`].
pub fn text(text: &str) -> &'static str {
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return known;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return known;
    }
    if known.len() >= MOST {
        return OTHER;
    }
    let text: &'static str = Box::leak(text.into());
    known.insert(text);
    text
}

/// A status of HTTP as a value.
pub fn status(status: u16) -> &'static str {
    STATUSES.get(&status).map_or(OTHER, String::as_str)
}

/// A method of HTTP as a value.
pub fn method(method: &str) -> &'static str {
    one_of(super::catalogue::METHODS, method)
}

/// The one of these that a text is, or [`OTHER`].
pub fn one_of(known: &[&'static str], text: &str) -> &'static str {
    known.iter().find(|known| **known == text).copied().unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_cannot_add_statuses_without_end() {
        assert_eq!((status(200), status(429), status(503)), ("200", "429", "503"));
        let values: HashSet<_> = (0..=u16::MAX).map(status).collect();
        assert!(values.len() < 80 && values.contains(OTHER), "{}", values.len());
    }

    #[test]
    fn strangers_cannot_add_values_without_end() {
        assert_eq!(text("/v1/employees/{id}"), "/v1/employees/{id}");
        let values: HashSet<_> = (0..10_000).map(|n| text(&format!("/{n}"))).collect();
        assert!(values.len() <= MOST && values.contains(OTHER), "{}", values.len());
        assert_eq!(text("/v1/employees/{id}"), "/v1/employees/{id}");
    }

    #[test]
    fn statuses_and_methods_are_bounded_too() {
        assert_eq!((status(599), status(99), status(1_000)), (OTHER, OTHER, OTHER));
        assert_eq!((method("GET"), method("get"), method("BREW")), ("GET", OTHER, OTHER));
    }
}
