//! `gangway demo`: what it prints works, and a second start takes everything up.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use super::{
    end_state::{client, line},
    process::{Process, gangway},
};

/// Begins the line that tells the end of the first sync.
pub(super) const COMPLETE: &str = "first sync complete: ";
/// Begins the last line.
pub(super) const LAST: &str = "Ctrl-C stops";

/// The demo on a folder.
pub(super) fn demo(data: &Path, flags: &str) -> Command {
    gangway(&format!("demo --data {} {flags}", data.display()))
}

const FLAGS: &str = "--people 12 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";

/// What a stranger sees through the API: everything that has no time of ours in it.
async fn end_state(lines: &[String]) -> Vec<Value> {
    let client = client(lines);
    let key = line(lines, "tenant key: ");
    let mut seen = Vec::new();
    for path in ["/v1/connections", "/v1/syncs", "/v1/employees", "/v1/absences", "/v1/attendances"] {
        for mut item in client.list(key, path).await {
            for ours in [
                "created_at",
                "updated_at",
                "changed_at",
                "first_seen_at",
                "next_run_at",
                "cursor",
                "checked_at",
                "discovered_at",
            ] {
                item.as_object_mut().unwrap().remove(ours);
            }
            seen.push(item);
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_works_and_a_second_start_takes_everything_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut first = Process::start(demo(&data, FLAGS));
    let lines = first.read_until(LAST).await;
    // Eight days of attendances for each, of which version 2 tells work and breaks apart.
    let complete = line(&lines, COMPLETE);
    let (first_part, rest) = complete.split_once(" absences, ").unwrap();
    let (periods, _) = rest.split_once(" attendances in ").unwrap();
    assert_eq!(first_part, "12 employees, 48", "{lines:#?}");
    assert!((2 * 96..=3 * 96).contains(&periods.parse::<usize>().unwrap()), "{lines:#?}");
    assert_eq!(line(&lines, "webhooks may go to: "), "http://127.0.0.1:8099");
    assert!(line(&lines, "data: ").contains("gangway.sqlite"));
    assert!(line(&lines, "operator key: ").starts_with("gwo_"));

    let curls: Vec<_> = lines.iter().filter(|line| line.trim_start().starts_with("curl ")).collect();
    assert_eq!(curls.len(), 5, "{lines:#?}");
    for curl in curls {
        let output = Command::new("bash").args(["-c", curl.trim()]).output().await.unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{curl}: {error}"));
        assert!(answer.get("code").is_none(), "{curl}: {answer}");
        assert!(answer.get("data").is_none_or(|data| !data.as_array().unwrap().is_empty()), "{curl}: {answer}");
    }
    let before = end_state(&lines).await;
    let (code, took) = first.stop().await;
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 5, "{took:?}");

    // Without flags: ports, people and keys are remembered.
    let mut second = Process::start(demo(&data, ""));
    let again = second.read_until(LAST).await;
    for same in ["operator key: ", "tenant key: ", "api: ", "sandbox vendor: ", COMPLETE] {
        assert_eq!(line(&again, same), line(&lines, same));
    }
    assert_eq!(without_runs(end_state(&again).await), without_runs(before));
    second.stop().await;
}

/// A run by hand was started by one of the printed lines.
fn without_runs(items: Vec<Value>) -> Vec<Value> {
    let strip = |mut item: Value| {
        for field in ["last_run", "last_run_id", "version"] {
            item.as_object_mut().unwrap().remove(field);
        }
        item
    };
    items.into_iter().map(strip).collect()
}
