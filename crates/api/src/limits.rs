//! Every limit on what a client may send and how long it may take: the numbers, and the table of them in `docs/api-design.md`.

use std::time::Duration;

use gangway_domain::Code;

use crate::{Config, Quotas, problem::status};

/// Bytes of a body.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;
/// Arrays and objects within each other in a body. The JSON parser's own limit; a test holds the two together.
pub(crate) const DEPTH: usize = 127;
/// Bytes of a path with its query.
pub(crate) const URL_BYTES: usize = 8 * 1024;
/// Header fields of a request.
pub(crate) const HEADER_FIELDS: usize = 64;
/// Bytes of all header fields, names and values.
pub(crate) const HEADER_BYTES: usize = 16 * 1024;
/// How long a client may take to send its headers, and then its body.
pub(crate) const CLIENT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may do nothing between two requests: longer than load balancers keep theirs, which would else use one
/// that we are just ending.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Connections that each thread holds; further ones wait until one ends.
pub(crate) const CONNECTIONS: usize = 16 * 1024;
/// Rows of a page.
pub(crate) const PAGE_ROWS: u64 = 200;
/// Characters of a parameter.
pub(crate) const PARAMETER_CHARACTERS: usize = 500;
/// Characters of an `Idempotency-Key`.
pub(crate) const IDEMPOTENCY_KEY_CHARACTERS: usize = 200;
/// Mistakes of shape told at once.
pub(crate) const MISTAKES: usize = gangway_app::error::MOST_FIELDS;

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedLimit {
    /// Of what.
    pub name: &'static str,
    /// How much.
    pub value: u64,
    /// In which unit.
    pub unit: &'static str,
    /// What happens beyond it.
    pub beyond: String,
}

/// Every limit there is, with its number by default.
pub fn stated_limits() -> Vec<StatedLimit> {
    let config = Config::new(([127, 0, 0, 1], 0).into());
    let problem = |code: Code| format!("{} `{code}`", status(code).as_u16());
    let limit = |name, value: usize, unit, beyond: String| StatedLimit { name, value: value as u64, unit, beyond };
    let seconds = |name, duration: Duration, beyond: &str| StatedLimit {
        name,
        value: duration.as_secs(),
        unit: "seconds",
        beyond: beyond.to_owned(),
    };
    let mut limits = vec![
        limit("body", config.max_body_bytes, "bytes", problem(Code::RequestTooLarge)),
        limit("arrays and objects within each other in a body", DEPTH, "levels", problem(Code::RequestMalformed)),
        limit("path with its query", URL_BYTES, "bytes", problem(Code::UrlTooLong)),
        limit("header fields", HEADER_FIELDS, "fields", problem(Code::HeadersTooLarge)),
        limit("all header fields together", HEADER_BYTES, "bytes", problem(Code::HeadersTooLarge)),
        seconds("time for the headers", config.client_timeout, "408, and the connection ends"),
        seconds("time for the body", config.client_timeout, &problem(Code::RequestMalformed)),
        seconds("time between two requests of a connection", config.keep_alive, "the connection ends"),
        limit("connections", config.connections * config.workers, "connections", "new ones wait".to_owned()),
        limit("text of a parameter", PARAMETER_CHARACTERS, "characters", problem(Code::RequestInvalid)),
        limit("`Idempotency-Key`", IDEMPOTENCY_KEY_CHARACTERS, "characters", problem(Code::RequestMalformed)),
        limit("mistakes told at once", MISTAKES, "mistakes", "the rest is told once these are corrected".to_owned()),
    ];
    limits.push(StatedLimit {
        name: "rows of a page",
        value: PAGE_ROWS,
        unit: "rows",
        beyond: problem(Code::RequestInvalid),
    });
    let Quotas { key, operator_key, address } = config.quotas;
    for (name, quota) in [
        ("requests of a tenant's key", key),
        ("requests of an operator's key", operator_key),
        ("requests without a good key from an address", address),
    ] {
        if let Some(quota) = quota {
            let unit = "requests a minute";
            debug_assert_eq!(quota.window, Duration::from_mins(1));
            limits.push(StatedLimit { name, value: quota.requests.into(), unit, beyond: problem(Code::RateLimited) });
        }
    }
    limits
}

/// The table of `docs/api-design.md`.
pub fn limits_table() -> String {
    let mut table = String::from("| limit | most | beyond it |\n|---|---|---|\n");
    for StatedLimit { name, value, unit, beyond } in stated_limits() {
        table.extend(["| ", name, " | ", &grouped(value), " ", unit, " | ", &beyond, " |\n"]);
    }
    table
}

/// Thousands apart, as people read them.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([7, 700, 7_000, 1_048_576].map(grouped), ["7", "700", "7,000", "1,048,576"]);
    }

    #[test]
    fn the_page_on_the_api_has_the_table() {
        let page = include_str!("../../../docs/api-design.md");
        let table = limits_table();
        assert!(page.contains(&table), "put this table into docs/api-design.md:\n{table}");
    }
}
