//! `gangway demo`: what it prints works, a second start takes everything up, and a kill in the middle changes nothing.

use std::path::Path;

use gangway_testkit::Client;
use serde_json::Value;
use tokio::process::Command;

use super::process::{Process, gangway};

const COMPLETE: &str = "first sync complete: ";
const LAST: &str = "Ctrl-C stops";

fn demo(data: &Path, flags: &str) -> Command {
    gangway(&format!("demo --data {} {flags}", data.display()))
}

const FLAGS: &str = "--people 12 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";

fn line<'a>(lines: &'a [String], beginning: &str) -> &'a str {
    let found = lines.iter().find_map(|line| line.strip_prefix(beginning));
    found.unwrap_or_else(|| panic!("no line begins with `{beginning}`: {lines:#?}"))
}

/// What a stranger sees through the API: everything that has no time of ours in it.
async fn end_state(lines: &[String]) -> Vec<Value> {
    let client = Client::new(line(lines, "api: ").split(' ').next().unwrap());
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
    assert!(line(&lines, COMPLETE).starts_with("12 employees, 48 absences, 96 attendances in "), "{lines:#?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_ends_in_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Between any two steps, of the onboarding and of the first sync.
    for step in ["tenant: ", "operator key: ", "discovered ", "synced employees"] {
        let mut killed = Process::start(demo(&data, FLAGS));
        killed.read_until(step).await;
        killed.kill().await;
    }
    let mut resumed = Process::start(demo(&data, FLAGS));
    let lines = resumed.read_until(LAST).await;
    assert!(line(&lines, COMPLETE).starts_with("12 employees, 48 absences, 96 attendances in "), "{lines:#?}");
    let client = Client::new(line(&lines, "api: ").split(' ').next().unwrap());
    let (operator, key) = (line(&lines, "operator key: "), line(&lines, "tenant key: "));
    for (path, expected) in
        [("/v1/connections", 1), ("/v1/syncs", 3), ("/v1/employees", 12), ("/v1/absences", 48), ("/v1/attendances", 96)]
    {
        assert_eq!(client.list(key, path).await.len(), expected, "{path}");
    }
    assert_eq!(client.list(operator, "/v1/tenants").await.len(), 1);
    let working = client.list(key, "/v1/keys").await.into_iter().filter(|key| key["revoked_at"].is_null()).count();
    assert_eq!(working, 1, "a key whose text was lost is revoked");
    let events = client.get(key, "/v1/events?after=0").await.expect(200);
    let kinds: Vec<_> =
        events["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "sync.completed").count(), 3, "{kinds:?}");
    resumed.stop().await;
}
