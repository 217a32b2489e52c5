//! Asks the sandbox for everything it serves, with each switch turned, and finds what of the table no answer has met.

mod guide;
mod version_1;
mod version_2;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::Dialect;
use crate::quirks::Quirks;
use crate::routes::Route;

use super::{MET, TABLE};

const METHODS: [&str; 4] = ["GET", "POST", "PATCH", "DELETE"];

#[test]
fn every_answer_is_told_and_every_fact_is_met() {
    MET.take();
    version_1::drive();
    version_2::drive();
    guide::drive();
    let problems = TABLE.unmet(&MET.take());
    assert!(problems.is_empty(), "crates/sandbox/facts and the sandbox part:\n{}", problems.join("\n"));
}

#[test]
fn every_operation_has_its_facts() {
    let mut served = Vec::new();
    for method in METHODS {
        for (version, dialect) in [("v1", Dialect::Vendor), ("guide", Dialect::Guide)] {
            let routes = Route::ALL.into_iter().filter(|route| {
                let path = route.template().replace("{id}", "1").replace("{width}", "1");
                route.takes(method, dialect) && Route::parse(&path, dialect).is_some()
            });
            served.extend(routes.map(|route| (version, method, route.template())));
        }
        served.extend(crate::v2::taking(method).map(|path| ("v2", method, path)));
    }
    served.retain(|(version, method, path)| !TABLE.knows(version, method, path));
    assert!(served.is_empty(), "crates/sandbox/facts tells of no good answer of {served:?}");
}

/// Each switch turned the other way, one at a time.
fn switches() -> Vec<Value> {
    let Value::Object(usual) = json!(Quirks::default()) else { panic!("switches are an object") };
    let turned = |(name, value): (String, Value)| {
        let other = match &value {
            Value::Bool(is_on) => json!(!is_on),
            Value::Number(_) => json!(2),
            Value::String(text) => match text.as_str() {
                "stable" => json!("rotating"),
                "own_version" => json!("both_versions"),
                "german" => json!("english"),
                "english" => json!("german"),
                other => panic!("what is the other of {name}, which is {other}?"),
            },
            other => panic!("what is the other of {name}, which is {other}?"),
        };
        json!({name: other})
    };
    usual.into_iter().map(turned).collect()
}

/// That an answer has the status that it was asked for.
#[track_caller]
fn is(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
}
