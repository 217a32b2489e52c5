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
        "database.url: is no URL",
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
        "database.url = postgres://gangway:***@db.internal/gangway  # DATABASE_URL",
        "server.listen = 127.0.0.1:8080  # default",
    ] {
        assert!(finished.out.lines().any(|line| line == expected), "{expected} in {}", finished.out);
    }
    assert!(!finished.out.contains("hunter2") && !finished.out.contains(MASTER_KEY));
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
