//! Commands that do one thing and end, on an embedded database that nobody runs.

use tokio::process::Command;

use super::process::{Finished, MASTER_KEY, finish, free_port, gangway};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = gangway(&format!("{arguments} --data {}/data", self.0.path().display()));
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY);
        command
    }

    async fn run(&self, arguments: &str) -> Finished {
        finish(self.command(arguments)).await
    }

    async fn out(&self, arguments: &str) -> String {
        let finished = self.run(arguments).await;
        assert_eq!(finished.code, Some(0), "{arguments}: {}", finished.err);
        finished.out.trim().to_owned()
    }
}

#[tokio::test]
async fn tenants_and_keys_are_made_listed_and_revoked() {
    let folder = Folder::new();
    let tenant = folder.out("tenant create Acme --time-zone Europe/Vienna").await;
    assert!(tenant.starts_with("ten_"), "{tenant}");
    assert_eq!(folder.out("tenant list").await, format!("{tenant}  active  Acme"));

    let key = folder.out(&format!("key create --tenant {tenant} --name nightly --expires 90d")).await;
    assert!(key.starts_with("gwt_"), "{key}");
    let listed = folder.out(&format!("key list --tenant {tenant}")).await;
    assert!(listed.ends_with("  active  nightly") && !listed.contains(&key), "{listed}");
    let id = listed.split("  ").next().unwrap();
    folder.out(&format!("key revoke {id} --tenant {tenant}")).await;
    assert!(folder.out(&format!("key list --tenant {tenant}")).await.contains("  revoked  "));

    let operator = folder.out("key create --operator").await;
    assert!(operator.starts_with("gwo_"), "{operator}");
    assert_eq!(folder.out("key list --operator").await.lines().count(), 1);
}

#[tokio::test]
async fn audit_logs_are_listed_and_verified() {
    let folder = Folder::new();
    let tenant = folder.out("tenant create Acme").await;
    folder.out("key create --operator").await;
    let listed = folder.out(&format!("audit list --tenant {tenant}")).await;
    assert!(listed.starts_with("-  ") && listed.contains(&format!("cli  tenant.create  {tenant}")), "{listed}");
    let installation = folder.out("audit list --operator").await;
    assert!(installation.contains("  cli  key.create  key_"), "{installation}");
    let verified = folder.out("audit verify").await;
    let expected =
        format!("the installation: ok; 0 verified, 1 not chained yet\n{tenant}: ok; 0 verified, 1 not chained yet");
    assert_eq!(verified, expected);
}

#[tokio::test]
async fn a_key_for_sensitive_values_is_made_when_asked_for() {
    let folder = Folder::new();
    let tenant = folder.out("tenant create Acme").await;
    let asked = "--scope records:read --scope sensitive:read";
    assert!(folder.out(&format!("key create --tenant {tenant} {asked}")).await.starts_with("gwt_"));
    let refused = folder.run(&format!("key create --tenant {tenant} --scope everything")).await;
    assert!(refused.code == Some(2) && refused.err.contains("the scopes are tenants:write"), "{}", refused.err);
}

#[tokio::test]
async fn a_database_sealed_with_another_master_key_is_refused() {
    let folder = Folder::new();
    folder.out("tenant create Acme").await;
    for arguments in ["tenant list", "serve --listen 127.0.0.1:0"] {
        let mut command = gangway(&format!("{arguments} --data {}/data", folder.0.path().display()));
        command.env("GANGWAY_MASTER_KEY", "c29tZSBvdGhlciBrZXkgb2YgMzIgYnl0ZXMgbG9uZyE=");
        let finished = finish(command).await;
        assert_eq!(finished.code, Some(1), "{arguments}: {}", finished.out);
        assert!(finished.err.contains("sealed with another master key"), "{}", finished.err);
    }
}

#[tokio::test]
async fn mistakes_are_one_line_each() {
    let folder = Folder::new();
    folder.out("tenant create Acme").await;
    for (arguments, expected) in [
        ("tenant create Acme", "There is a tenant named `Acme` already"),
        ("tenant create Other --time-zone Mars/Olympus", "time_zone must be an IANA time zone"),
        ("key create --tenant ten_1", "`ten_1` is no tenant's id"),
        ("key create --tenant ten_00000000000070008000000000000001", "no such tenant"),
        ("key create --operator --expires soon", "`soon` is no time"),
        ("key revoke key_1 --operator", "`key_1` is no key's id"),
    ] {
        let finished = folder.run(arguments).await;
        assert_eq!(finished.code, Some(1), "{arguments}");
        assert!(finished.err.contains(expected), "{arguments}: {}", finished.err);
        assert_eq!(finished.err.trim().lines().count(), 1, "{arguments}: {}", finished.err);
    }
}

#[tokio::test]
async fn a_look_makes_neither_folder_nor_database() {
    let folder = Folder::new();
    let data = folder.0.path().join("data");
    for look in ["migrate status", "doctor"] {
        let code = Some(i32::from(look != "doctor"));
        let finished = folder.run(look).await;
        assert_eq!(finished.code, code, "{look}: {finished:?}");
        assert!(!data.exists(), "{look} made the folder");
    }
    std::fs::create_dir(&data).unwrap();
    for look in ["migrate status", "doctor"] {
        folder.run(look).await;
        let made: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(made.is_empty(), "{look} made {made:?}");
    }
}

#[tokio::test]
async fn migrate_brings_the_schema_up_to_date_and_says_what_is_missing() {
    let folder = Folder::new();
    let before = folder.run("migrate status").await;
    assert_eq!(before.code, Some(1));
    assert!(
        before.out.lines().count() > 1 && before.out.lines().all(|line| line.starts_with("pending  ")),
        "{before:?}"
    );
    assert!(folder.out("migrate").await.starts_with("ran "));
    assert!(folder.out("migrate status").await.lines().all(|line| line.starts_with("applied  ")));
    assert!(folder.out("migrate").await.contains("is up to date"));
}

#[tokio::test]
async fn doctor_finds_what_is_wrong_and_names_the_cure() {
    let folder = Folder::new();
    folder.out("migrate").await;
    let well = folder.run("doctor").await;
    assert_eq!(well.code, Some(0), "{}", well.out);
    for expected in
        ["ok    settings", "ok    master key", "ok    data folder", "ok    migrations", "warn  isolation: SQLite"]
    {
        assert!(well.out.contains(expected), "{expected} in {}", well.out);
    }
    let keyless = finish(gangway(&format!("doctor --data {}/data", folder.0.path().display()))).await;
    assert_eq!(keyless.code, Some(1));
    assert!(keyless.out.contains("fail  master key: none"), "{}", keyless.out);
}

#[tokio::test]
async fn doctor_asks_redis() {
    let Some(url) = gangway_testkit::redis_url() else { return };
    let folder = Folder::new();
    folder.out("migrate").await;
    let nobody = format!("redis://:hunter2@127.0.0.1:{}/", free_port());
    for (url, code, expected) in [
        (url, 0, "ok    redis: answers; vendor budgets are counted there"),
        (nobody, 1, "fail  redis: Redis does not answer"),
    ] {
        let mut command = folder.command("doctor");
        command.env("REDIS_URL", url);
        let found = finish(command).await;
        assert!(found.code == Some(code) && found.out.contains(expected), "{found:?}");
        assert!(!found.out.contains("hunter2"), "{}", found.out);
    }
}

#[tokio::test]
async fn a_command_on_a_folder_without_a_database_says_that_it_made_one() {
    let folder = Folder::new();
    for is_new in [true, false] {
        let listed = folder.run("tenant list").await;
        assert_eq!((listed.code, listed.err.contains("so a new one was made")), (Some(0), is_new), "{listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_which_isolation_runs_on_postgres() {
    let Some(db) = gangway_testkit::TestDb::postgres().await else { return };
    let mut command = gangway("doctor");
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", db.url());
    command.env("DATABASE_MIGRATION_URL", db.owner_url());
    let plain = finish(command).await;
    assert_eq!(plain.code, Some(0), "{}", plain.out);
    for expected in [
        "warn  isolation: row-level security with one NOINHERIT login",
        "ok    row-level security: forced on every table of tenants",
        "ok    clock: ",
    ] {
        assert!(plain.out.contains(expected), "{expected} in {}", plain.out);
    }
    let mut command = gangway("doctor");
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", db.owner_url());
    let superuser = finish(command).await;
    assert_eq!(superuser.code, Some(1), "{}", superuser.out);
    assert!(superuser.out.contains("fail  isolation: a login is superuser"), "{}", superuser.out);
}
