//! What is known of the vendor's answers, held against every answer that a test of this crate gets.
//!
//! `facts/personio.csv` has a row for each field of each answer: version, method, path, status, field, types, whether it is always
//! there, and where and when that was read. `facts/exceptions.csv` says where the sandbox and the table part, and why; its README
//! explains both. [`routes`](crate::routes) hands each answer to [`expect`] before a fault may spoil it, so that whatever a test
//! asks for is checked on the way. [`drive`] asks for everything there is and finds the rows that no answer has met.

mod check;
mod drive;
mod table;
mod types;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use crate::answer::Answer;
use crate::config::Dialect;
use crate::request::Request;
use crate::v2;

use table::{Key, Table};

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("../../facts/personio.csv"), include_str!("../../facts/exceptions.csv")));

thread_local! {
    /// What the answers of this thread have met.
    static MET: RefCell<BTreeSet<Met>> = const { RefCell::new(BTreeSet::new()) };
}

/// Something of the table that an answer has met, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    /// One of the types of a row.
    Type { row: usize, place: usize },
    /// An exception that was needed.
    Exception(usize),
}

/// Panics when an answer is not as the table tells.
pub(crate) fn expect(dialect: Dialect, request: &Request, path: &str, answer: &Answer) {
    let version = match dialect {
        Dialect::Guide => "guide",
        Dialect::Vendor if v2::owns(&request.path) => "v2",
        Dialect::Vendor => "v1",
    };
    let method = request.method.as_str();
    let body = check::Body::of(answer.content_type, &answer.body);
    let look = |status: &str| check::check(&TABLE, Key { version, method, path, status }, &body);
    settle(if answer.status == 200 && body.says_no() {
        // An error that comes with status 200 is shaped like any other (seen by mcp-server-personio, read 2026-11-23).
        look("404").or_else(|_| look("400"))
    } else {
        look(&answer.status.to_string())
    });
}

/// Panics when the body of a webhook's request is not as the table tells.
pub(crate) fn expect_webhook(body: &Value) {
    let key = Key { version: "v2", method: "POST", path: "(receiver)", status: "" };
    settle(check::check(&TABLE, key, &check::Body::Json(body.clone())));
}

fn settle(outcome: Result<BTreeSet<Met>, Vec<String>>) {
    match outcome {
        Ok(met) => MET.with_borrow_mut(|all| all.extend(met)),
        Err(problems) => panic!("the sandbox and crates/sandbox/facts part:\n{}", problems.join("\n")),
    }
}
