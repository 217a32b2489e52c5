//! The dialects as a table, and that no header makes us panic or wait for ever.

use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn seconds(pairs: &[(&str, &str)]) -> Option<f64> {
    from_headers(&headers(pairs), now()).map(|advice| advice.wait.as_secs_f64())
}

#[test]
fn reads_every_dialect() {
    let epoch = now().timestamp();
    for (name, value, expected) in [
        ("retry-after", "7", Some(7.0)),
        ("retry-after", " 2.5 ", Some(2.5)),
        ("retry-after", "0", Some(0.0)),
        ("retry-after", "Mon, 23 Nov 2026 12:00:30 GMT", Some(30.0)),
        ("retry-after", "Monday, 23-Nov-26 12:00:30 GMT", Some(30.0)),
        ("retry-after", "Mon Nov 23 12:00:30 2026", Some(30.0)),
        ("retry-after", "Mon, 23 Nov 2026 11:00:00 GMT", Some(0.0)),
        ("retry-after", "99999999", Some(600.0)),
        ("retry-after", "-5", None),
        ("retry-after", "NaN", None),
        ("retry-after", "soon", None),
        ("x-ratelimit-reset", "12", Some(12.0)),
        ("x-ratelimit-reset", &(epoch + 20).to_string(), Some(20.0)),
        ("x-ratelimit-reset", &((epoch + 20) * 1000).to_string(), Some(20.0)),
        ("x-ratelimit-reset", &(epoch - 20).to_string(), Some(0.0)),
        ("x-ratelimit-reset", "1e300", Some(600.0)),
        ("x-ratelimit-reset", "", None),
        ("ratelimit-reset", "3", Some(3.0)),
        ("x-ratelimit-replenish-rate", "0", None),
        ("x-ratelimit-replenish-rate", "4", Some(0.25)),
        ("x-ratelimit-remaining", "4", None),
    ] {
        assert_eq!(seconds(&[(name, value)]), expected, "{name}: {value}");
    }
}

#[test]
fn a_costly_request_waits_until_the_bucket_holds_its_tokens() {
    let family = [
        ("x-ratelimit-replenish-rate", "10"),
        ("x-ratelimit-burst-capacity", "100"),
        ("x-ratelimit-requested-tokens", "25"),
        ("x-ratelimit-remaining", "5"),
    ];
    assert_eq!(seconds(&family), Some(2.0));
}

#[test]
fn better_evidence_wins_and_nonsense_counts_as_absent() {
    let all = [("x-ratelimit-replenish-rate", "1"), ("x-ratelimit-reset", "9"), ("retry-after", "5")];
    assert_eq!(seconds(&all), Some(5.0));
    assert_eq!(seconds(&all[..2]), Some(9.0));
    assert_eq!(seconds(&[("x-ratelimit-reset", "9"), ("retry-after", "later")]), Some(9.0));
}

#[test]
fn without_headers_the_configured_window_comes_before_backoff() {
    let window = Some(Duration::from_secs(1));
    let first = advise(&[], now(), window, 1, 0);
    assert_eq!(first, Advice { wait: Duration::from_secs(1), evidence: Evidence::Configured });
    assert_eq!(advise(&[], now(), window, 4, 0), Advice { wait: Duration::from_secs(8), evidence: Evidence::Backoff });
    assert_eq!(advise(&[], now(), None, 1, 0).evidence, Evidence::Backoff);
}

#[test]
fn remaining_counts_only_for_our_own_limit() {
    let left = |pairs: &[(&str, &str)]| remaining(&headers(pairs), 200);
    assert_eq!(left(&[("x-ratelimit-remaining", "150")]), Some(150));
    assert_eq!(left(&[("x-ratelimit-limit", "200"), ("x-ratelimit-remaining", "150")]), Some(150));
    assert_eq!(left(&[("x-ratelimit-limit", "15"), ("x-ratelimit-remaining", "3")]), None);
    assert_eq!(left(&[("x-ratelimit-replenish-rate", "30"), ("x-ratelimit-remaining", "99")]), None);
    assert_eq!(left(&[("x-ratelimit-remaining", "-1")]), None);
}

proptest! {
    #[test]
    fn no_header_value_panics_or_waits_for_ever(
        pairs in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "retry-after", "x-ratelimit-reset", "ratelimit-reset", "x-ratelimit-replenish-rate",
                    "x-ratelimit-requested-tokens", "x-ratelimit-remaining", "x-ratelimit-limit",
                ]),
                prop_oneof!["\\PC*", "-?[0-9]{1,25}(\\.[0-9]{1,9})?(e[0-9]{1,4})?", "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} 12:00:00 GMT"],
            ),
            0..6,
        ),
        at in -62_135_596_800_i64..253_402_300_799,
        n_refusals: u32,
        jitter: u64,
    ) {
        let headers: Vec<_> = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
        let advice = advise(&headers, at, None, n_refusals, jitter);
        prop_assert!(advice.wait >= SHORTEST_WAIT && advice.wait <= LONGEST_WAIT);
        prop_assert!(from_headers(&headers, at).is_none_or(|advice| advice.wait <= LONGEST_WAIT));
        prop_assert!(remaining(&headers, 200).is_none() || headers.iter().any(|(name, _)| name == "x-ratelimit-remaining"));
    }

    #[test]
    fn backoff_grows_to_its_cap_with_jitter_in_the_upper_half(n_refusals in 1_u32..100, jitter: u64) {
        let wait = backoff(n_refusals, jitter);
        prop_assert!(wait >= SHORTEST_WAIT && wait <= LONGEST_BACKOFF);
        prop_assert!(n_refusals < 7 || wait >= LONGEST_BACKOFF / 2);
    }
}
