//! Help for people who have never seen it.

use super::process::{finish, gangway};

#[tokio::test]
async fn every_command_explains_itself() {
    for command in [
        "",
        "serve",
        "demo",
        "migrate",
        "migrate status",
        "sandbox",
        "sandbox personio",
        "tenant",
        "tenant create",
        "tenant list",
        "key",
        "key create",
        "key list",
        "key rewrap",
        "key revoke",
        "audit",
        "audit list",
        "audit verify",
        "config",
        "config check",
        "openapi",
        "doctor",
    ] {
        let finished = finish(gangway(&format!("{command} --help"))).await;
        assert_eq!(finished.code, Some(0), "{command}: {finished:?}");
        assert!(finished.out.contains("Usage: gangway"), "{command}: {}", finished.out);
    }
}

#[tokio::test]
async fn the_pinned_flags_are_in_the_help() {
    for (command, flags) in [
        ("serve", &["--listen", "--data"][..]),
        ("demo", &["--people", "--seed", "--listen", "--sandbox-listen", "--data", "--dialect"]),
        (
            "sandbox personio",
            &[
                "--listen",
                "--people",
                "--seed",
                "--company",
                "--dialect",
                "--no-rate-limit",
                "--webhook-speed",
                "--webhook-origin",
            ],
        ),
    ] {
        let help = finish(gangway(&format!("{command} --help"))).await.out;
        for flag in flags {
            assert!(help.contains(flag), "{command}: {flag} in {help}");
        }
    }
}

#[tokio::test]
async fn a_wrong_call_ends_with_code_two() {
    for call in [
        "",
        "frobnicate",
        "serve --frobnicate",
        "key create",
        "demo --dialect klingon",
        "demo --people many",
        "sandbox personio --webhook-speed 0",
        "sandbox personio --webhook-origin hooks.example.org",
    ] {
        let finished = finish(gangway(call)).await;
        assert_eq!(finished.code, Some(2), "{call}: {finished:?}");
        assert_eq!(finished.out, "", "{call}");
    }
}

#[tokio::test]
async fn a_demo_without_people_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let finished = finish(gangway(&format!("demo --people 0 --data {}/data", folder.path().display()))).await;
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let expected = "error: invalid value '0' for '--people <N>': the company needs one person at least";
    assert_eq!(finished.err.lines().next(), Some(expected), "{}", finished.err);
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn the_openapi_document_is_printed_without_any_setting() {
    let finished = finish(gangway("openapi")).await;
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    let document: serde_json::Value = serde_json::from_str(&finished.out).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/v1/employees"].is_object());
}
