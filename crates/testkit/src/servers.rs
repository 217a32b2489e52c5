//! The servers that a test run brings along. This is the one place that decides what a test does without them.
//!
//! A plain `cargo test` leaves out what needs a server, and says so. A run that has them sets
//! `GANGWAY_TEST_REQUIRE_DATABASES` (`make test` does), and then a test without its server fails: it would pass without having
//! looked at anything.

use std::path::PathBuf;

/// Where `PostgreSQL` answers a login that may make databases and roles.
const POSTGRES_URL: &str = "GANGWAY_TEST_POSTGRES_URL";
/// The folder with its data, its write-ahead log and its own log; the tests only read there.
const POSTGRES_DATA: &str = "GANGWAY_TEST_POSTGRES_DATA";
/// Where Redis answers.
const REDIS_URL: &str = "GANGWAY_TEST_REDIS_URL";
/// Set when nothing may be left out.
const REQUIRED: &str = "GANGWAY_TEST_REQUIRE_DATABASES";

/// The URL of the `PostgreSQL` to test with, or none: then the test ends, which was printed.
///
/// # Panics
/// When there is none in a run that leaves nothing out.
pub fn postgres_url() -> Option<String> {
    setting(POSTGRES_URL, "on PostgreSQL")
}

/// The URL of the Redis to test with, or none: then the test ends, which was printed.
///
/// # Panics
/// When there is none in a run that leaves nothing out.
pub fn redis_url() -> Option<String> {
    setting(REDIS_URL, "on Redis")
}

/// The folder of that server, or none: then the search in it is left out, which was printed.
///
/// # Panics
/// When there is none in a run that leaves nothing out.
pub fn postgres_folder() -> Option<PathBuf> {
    setting(POSTGRES_DATA, "in the files of PostgreSQL").map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the settings of a test run; nothing that ships reads them")]
#[expect(clippy::print_stdout, reason = "the test run must say what it left out")]
fn setting(name: &str, part: &str) -> Option<String> {
    let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match decide(name, part, read(name), read(REQUIRED).is_some()) {
        Ok(value) => Some(value),
        Err(Missing::LeftOut(text)) => {
            println!("{text}");
            None
        }
        Err(Missing::Failure(text)) => panic!("{text}"),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Missing {
    LeftOut(String),
    Failure(String),
}

fn decide(name: &str, part: &str, value: Option<String>, is_required: bool) -> Result<String, Missing> {
    value.ok_or_else(|| {
        if is_required {
            Missing::Failure(format!(
                "{name} is not set, but {REQUIRED} is: this test may not be left out; run it with make test, which sets both, \
                 or unset {REQUIRED}"
            ))
        } else {
            Missing::LeftOut(format!("skipped {part}: {name} is not set (make test sets it)"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_server_a_test_is_left_out_aloud() {
        let outcome = decide(POSTGRES_URL, "on PostgreSQL", None, false);
        let text = "skipped on PostgreSQL: GANGWAY_TEST_POSTGRES_URL is not set (make test sets it)";
        assert_eq!(outcome, Err(Missing::LeftOut(text.to_owned())));
    }

    #[test]
    fn without_a_server_in_a_run_that_has_them_a_test_fails() {
        let Err(Missing::Failure(text)) = decide(POSTGRES_URL, "on PostgreSQL", None, true) else {
            panic!("it must fail")
        };
        for expected in [POSTGRES_URL, REQUIRED, "make test"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }

    #[test]
    fn with_a_server_it_is_used() {
        for is_required in [false, true] {
            let outcome = decide(POSTGRES_URL, "on PostgreSQL", Some("postgres://x".to_owned()), is_required);
            assert_eq!(outcome, Ok("postgres://x".to_owned()));
        }
    }
}
