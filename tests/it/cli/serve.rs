//! `gangway serve`: what it refuses, and how it ends.

use std::net::TcpListener;

use super::process::{MASTER_KEY, Process, finish, free_port, gangway};

#[tokio::test]
async fn without_a_master_key_it_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let finished = finish(gangway(&format!("serve --data {}/data", folder.path().display()))).await;
    assert_eq!(finished.code, Some(1));
    assert!(finished.err.contains("openssl rand -base64 32"), "{}", finished.err);
    assert!(!folder.path().join("data").exists(), "nothing was started");
}

#[tokio::test]
async fn a_taken_port_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut command = gangway(&format!("serve --listen {address} --data {}", folder.path().display()));
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY);
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    assert!(finished.err.starts_with(&format!("error: cannot listen on {address}")), "{}", finished.err);
    assert!(finished.err.contains("choose another with --listen"), "{}", finished.err);
}

#[tokio::test]
async fn a_taken_port_of_the_admin_listener_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut command = gangway(&format!("serve --listen 127.0.0.1:{} --data {}", free_port(), folder.path().display()));
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("GANGWAY__ADMIN__LISTEN", address.to_string());
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    assert!(finished.err.starts_with(&format!("error: cannot listen on {address} for metrics")), "{}", finished.err);
    assert!(finished.err.contains("choose another with admin.listen, or set it to off"), "{}", finished.err);
}

#[tokio::test]
async fn a_damaged_database_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gangway.sqlite"), "no database at all, but text ".repeat(200)).unwrap();
    let mut command = gangway(&format!("serve --listen 127.0.0.1:{} --data {}", free_port(), folder.path().display()));
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY);
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    assert!(finished.err.contains("is damaged; restore a backup"), "{}", finished.err);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_one_clear_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = gangway(&format!("serve --data {}/data", file.path().display()));
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY);
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    assert!(finished.err.contains("choose another with --data"), "{}", finished.err);
}

#[tokio::test]
async fn a_database_that_is_away_is_told_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://gangway:hunter2@127.0.0.1:{}/gangway", free_port());
    let mut command = gangway(&format!("serve --listen 127.0.0.1:{}", free_port()));
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", url).current_dir(&folder);
    let finished = finish(command).await;
    assert_eq!(finished.code, Some(1));
    assert!(finished.err.contains("does not answer; check database.url"), "{}", finished.err);
    assert!(!finished.err.contains("hunter2"), "{}", finished.err);
}

#[tokio::test]
async fn it_serves_alone_on_its_folder_with_commands_beside_and_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (data, port) = (folder.path().display(), free_port());
    let with_key = |arguments: String| {
        let mut command = gangway(&arguments);
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY);
        command
    };
    let serving = Process::start(with_key(format!("serve --listen 127.0.0.1:{port} --data {data}")));
    let client = gangway_testkit::Client::new(format!("http://127.0.0.1:{port}"));
    client.wait_until_ready().await;

    let second = finish(with_key(format!("serve --listen 127.0.0.1:{} --data {data}", free_port()))).await;
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("another gangway (process "), "{}", second.err);

    let made = finish(with_key(format!("key create --operator --data {data}"))).await;
    assert_eq!(made.code, Some(0), "{}", made.err);
    let key = made.out.trim();
    assert!(key.starts_with("gwo_") && made.out.lines().count() == 1, "{}", made.out);
    client.get(key, "/v1/tenants").await.expect(200);

    let (code, took) = serving.stop().await;
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 5, "{took:?}");
}

#[tokio::test]
async fn its_document_names_where_others_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = gangway(&format!("serve --listen 127.0.0.1:{port} --data {}", folder.path().display()));
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("GANGWAY__SERVER__PUBLIC_URL", "https://hr.example.com/gangway/");
    let serving = Process::start(command);
    let client = gangway_testkit::Client::new(format!("http://127.0.0.1:{port}"));
    client.wait_until_ready().await;
    let document = client.get("", "/openapi.json").await.expect(200);
    let servers = serde_json::json!([{"url": "https://hr.example.com/gangway"}, {"url": "/"}]);
    assert_eq!(document["servers"], servers);
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_passes_row_level_security_is_named_in_the_log() {
    let Some(db) = gangway_testkit::TestDb::postgres().await else { return };
    for (url, is_named) in [(db.owner_url().to_owned(), true), (db.url().to_owned(), false)] {
        let port = free_port();
        let mut command = gangway(&format!("serve --listen 127.0.0.1:{port}"));
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", url);
        command.env("DATABASE_MIGRATION_URL", db.owner_url());
        let serving = Process::start(command);
        gangway_testkit::Client::new(format!("http://127.0.0.1:{port}")).wait_until_ready().await;
        let log = serving.stop_and_read().await;
        assert_eq!(log.contains("a login is superuser or has BYPASSRLS"), is_named, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_postgres_is_refused_until_the_first_has_ended() {
    let Some(db) = gangway_testkit::TestDb::postgres().await else { return };
    let serve = |port: u16| {
        let mut command = gangway(&format!("serve --listen 127.0.0.1:{port}"));
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", db.url());
        command.env("DATABASE_MIGRATION_URL", db.owner_url()).env("GANGWAY__WORKER__LEASE_SECONDS", "3600");
        command
    };
    let port = free_port();
    let first = Process::start(serve(port));
    gangway_testkit::Client::new(format!("http://127.0.0.1:{port}")).wait_until_ready().await;

    let second = finish(serve(free_port())).await;
    assert_eq!(second.code, Some(1));
    for expected in ["another gangway runs on the database", "vendor budgets", "stop the other", " s"] {
        assert!(second.err.contains(expected), "{expected} in {}", second.err);
    }
    let (code, _) = first.stop().await;
    assert_eq!(code, Some(0));

    // An orderly end leaves no lease to wait for.
    let port = free_port();
    let next = Process::start(serve(port));
    gangway_testkit::Client::new(format!("http://127.0.0.1:{port}")).wait_until_ready().await;
    next.stop().await;
}
