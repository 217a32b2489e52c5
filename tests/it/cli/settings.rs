//! Mistakes in settings are told all at once, and secrets are not shown.

use super::process::{MASTER_KEY, finish, gangway};

#[tokio::test]
async fn every_mistake_is_listed_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gangway.toml");
    std::fs::write(&file, "[server]\nlissen = \"x\"\n[worker]\nconcurrency = \"lots\"\n").unwrap();
    let mut command = gangway(&format!("--config {} serve", file.display()));
    command.env("GANGWAY__LOG__FORMAT", "xml").env("DATABASE_URL", "mysql://db").current_dir(&folder);
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(1));
    for expected in [
        "4 mistakes in the settings",
        "server.lissen in ",
        "did you mean server.listen?",
        "worker.concurrency in ",
        "GANGWAY__LOG__FORMAT: `xml` does not fit; write text or json",
        "database.url: is no URL of a kind that is understood",
    ] {
        assert!(finished.err.contains(expected), "{expected} in {}", finished.err);
    }
    assert!(!folder.path().join("gangway-data").exists(), "nothing was started");
}

#[tokio::test]
async fn config_check_shows_what_holds_and_where_it_comes_from() {
    let mut command = gangway("config check");
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", "postgres://gangway:hunter2@db.internal/gangway");
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    for expected in [
        "keys.master = set  # GANGWAY_MASTER_KEY",
        "database.url = postgres://db.internal/gangway  # DATABASE_URL",
        "server.listen = 127.0.0.1:8080  # default",
    ] {
        assert!(finished.out.lines().any(|line| line == expected), "{expected} in {}", finished.out);
    }
    assert!(!finished.out.contains("hunter2") && !finished.out.contains(MASTER_KEY));
}

#[tokio::test]
async fn an_origin_that_is_none_is_told_for_vendors_and_for_webhooks() {
    for (variable, setting) in [
        ("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", "connector.allowed_origins"),
        ("GANGWAY__WEBHOOKS__ALLOWED_ORIGINS", "webhooks.allowed_origins"),
    ] {
        for wrong in ["127.0.0.1:8099", "http://127.0.0.1:8099/path", "ftp://127.0.0.1", "*"] {
            let mut command = gangway("config check");
            command.env(variable, format!("https://hooks.example.com,{wrong}"));
            let finished = finish(command).await;
            assert_eq!(finished.code, Some(1), "{setting} {wrong}: {}", finished.out);
            let said = format!("{}{}", finished.out, finished.err);
            assert!(said.contains(&format!("{variable}: `{wrong}`: ")), "{setting}: {said}");
            assert!(said.contains("write scheme, host and port"), "{setting}: {said}");
        }
        let mut command = gangway("config check");
        command.env(variable, "https://hooks.example.com, http://127.0.0.1:8099");
        let finished = finish(command).await;
        let expected = format!("{setting} = https://hooks.example.com, http://127.0.0.1:8099  # {variable}");
        assert!(finished.code == Some(0) && finished.out.contains(&expected), "{finished:?}");
    }
}

#[tokio::test]
async fn every_setting_is_in_the_documentation() {
    let page = include_str!("../../../docs/configuration.md");
    let shown = finish(gangway("config check")).await.out;
    let names: Vec<_> = shown.lines().filter_map(|line| line.split(" = ").next()).collect();
    assert!(names.len() > 20, "{shown}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/configuration.md");
    }
}

#[tokio::test]
async fn the_example_of_the_documentation_is_accepted() {
    let page = include_str!("../../../docs/configuration.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("url"), "postgres://gangway@db.internal/gangway\n").unwrap();
    std::fs::write(folder.path().join("key"), MASTER_KEY).unwrap();
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let example = example.replace("/run/secrets/database-url", &inside("url"));
    let example = example.replace("/run/secrets/master-key", &inside("key"));
    std::fs::write(folder.path().join("gangway.toml"), example).unwrap();
    let mut command = gangway(&format!("--config {} config check", inside("gangway.toml")));
    command.env_remove("GANGWAY__ADMIN__LISTEN");
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(0), "{}", finished.err);
}

/// What somebody else must never read.
const CANARY: &str = "canary-5f1c";

#[tokio::test]
async fn no_mistake_in_an_address_shows_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, value) in [
        ("DATABASE_URL", "gangway:CANARY@db.internal/gangway"),
        ("DATABASE_URL", "CANARY"),
        ("DATABASE_URL", "postgres:gangway:CANARY@db.internal/gangway"),
        ("DATABASE_URL", "postgres://gangway:5432/CANARY@db.internal/gangway"),
        ("DATABASE_URL", "postgres://gangway:12#CANARY@db.internal/gangway"),
        ("DATABASE_URL", "postgres://gangway:CANARY@127.0.0.1:1/gangway?sslpassword=CANARY"),
        ("REDIS_URL", "default:CANARY@cache.internal/0"),
        ("GANGWAY__TELEMETRY__OTLP_ENDPOINT", "http://traces:CANARY@127.0.0.1:4318"),
        ("GANGWAY__TELEMETRY__OTLP_ENDPOINT", "ftp://traces:CANARY@127.0.0.1:4318"),
        ("GANGWAY__TELEMETRY__OTLP_ENDPOINT", "traces:CANARY@127.0.0.1:4318"),
        ("GANGWAY__TELEMETRY__OTLP_ENDPOINT", "//traces:CANARY@127.0.0.1:4318"),
        ("GANGWAY__SERVER__PUBLIC_URL", "https://me:CANARY@gangway.example.com"),
        ("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", "https://me:CANARY@api.example.com"),
    ] {
        for arguments in ["config check", "doctor", "serve --listen 127.0.0.1:0", "migrate"] {
            let mut command = gangway(arguments);
            command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env(variable, value.replace("CANARY", CANARY));
            if arguments.starts_with("serve") && !value.contains("127.0.0.1:1/") {
                // It must not start where there is no mistake.
                command.env("GANGWAY__WORKER__CONCURRENCY", "0");
            }
            let finished = {
                command.current_dir(&folder);
                finish(command).await
            };
            let said = format!("{}{}", finished.out, finished.err);
            assert!(!said.contains(CANARY), "{variable}={value} {arguments}: {said}");
        }
    }
}

#[tokio::test]
async fn an_embedded_database_is_named_by_its_folder_only() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("elsewhere.sqlite").display());
    let mut command = gangway("serve");
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", url).current_dir(&folder);
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(1));
    assert!(finished.err.contains("set server.data"), "{}", finished.err);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing was made");
}
