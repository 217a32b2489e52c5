//! What `gangway demo` refuses, each in one line with the cure.

use std::{fs, net::TcpListener, path::Path};

use super::{
    demo::{LAST, demo},
    end_state::{client, line},
    process::{Finished, Process, finish, free_port, gangway},
};

async fn refused(data: &Path, flags: &str) -> Finished {
    let finished = finish(demo(data, flags)).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    finished
}

#[tokio::test]
async fn other_flags_on_old_data_name_both_values_and_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let flags = "--people 3 --seed 5 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";
    let mut first = Process::start(demo(&data, flags));
    first.read_until("operator key: ").await;
    first.kill().await;
    let finished = refused(&data, "--people 4 --dialect guide").await;
    assert!(finished.err.contains("--people 4, but it was 3, --dialect guide, but it was vendor"), "{}", finished.err);
    assert!(finished.err.contains("choose another folder with --data, or delete this one"), "{}", finished.err);
}

#[tokio::test]
async fn an_address_in_the_settings_is_said_not_to_count() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let flags = "--people 3 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";
    for (flags, is_set, is_said) in [(flags, true, false), ("", true, true), ("", false, false)] {
        let mut command = demo(&data, flags);
        if is_set {
            command.env("GANGWAY__SERVER__LISTEN", "127.0.0.1:4");
        }
        let mut started = Process::start(command);
        started.read_until("operator key: ").await;
        let err = started.stop_and_read().await;
        assert_eq!(err.contains("server.listen (127.0.0.1:4) is not used"), is_said, "{err}");
    }
}

#[tokio::test]
async fn a_taken_port_binds_nothing_to_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let api = refused(&data, &format!("--people 3 --listen {address} --sandbox-listen 127.0.0.1:0")).await;
    assert!(api.err.contains(&format!("cannot listen on {address}")), "{}", api.err);
    let sandbox = refused(&data, &format!("--people 4 --listen 127.0.0.1:0 --sandbox-listen {address}")).await;
    assert!(
        sandbox.err.contains(&format!("the sandbox cannot listen on {address}: the port is taken; ")),
        "{}",
        sandbox.err
    );
    assert!(api.err.contains("with --listen") && sandbox.err.contains("with --sandbox-listen"), "{}", sandbox.err);
    // Other people than the two that failed: neither left its flags behind.
    let flags = "--people 5 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";
    let mut started = Process::start(demo(&data, flags));
    started.read_until("operator key: ").await;
    started.kill().await;
}

#[tokio::test]
async fn one_address_for_both_is_refused_and_binds_nothing_to_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let address = format!("127.0.0.1:{}", free_port());
    let finished = refused(&data, &format!("--people 3 --listen {address} --sandbox-listen {address}")).await;
    for expected in ["API and sandbox", &address, "--listen or --sandbox-listen"] {
        assert!(finished.err.contains(expected), "{expected} in {}", finished.err);
    }
    let flags = "--people 5 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";
    let mut started = Process::start(demo(&data, flags));
    started.read_until("operator key: ").await;
    started.kill().await;
}

#[tokio::test]
async fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gangway.sqlite"), "something").unwrap();
    let finished = refused(folder.path(), "--listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0").await;
    assert!(finished.err.contains("holds data that no demo made"), "{}", finished.err);
}

/// A folder of a demo that has ended its first sync and was stopped.
async fn made(people: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let flags = format!("--people {people} --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0");
    let mut first = Process::start(demo(folder.path(), &flags));
    first.read_until(LAST).await;
    first.stop().await;
    folder
}

#[tokio::test]
async fn a_damaged_file_is_named_with_the_cure_and_not_quoted() {
    let folder = made(3).await;
    for (name, cure) in
        [("demo.json", "choose another with --data"), ("sandbox.json", "move it away"), ("master.key", "delete")]
    {
        let path = folder.path().join(name);
        let whole = fs::read_to_string(&path).unwrap();
        let half = &whole[..whole.len() / 2];
        for damaged in ["", half, "{\"people\": \"canary\"}", "[\"canary\"]"] {
            fs::write(&path, damaged).unwrap();
            let finished = refused(folder.path(), "").await;
            for expected in [&*path.display().to_string(), "damaged", cure] {
                assert!(finished.err.contains(expected), "{name} `{damaged}`: {expected} in {}", finished.err);
            }
            assert!(!finished.err.contains("canary"), "{}", finished.err);
        }
        fs::write(&path, whole).unwrap();
    }
    Process::start(demo(folder.path(), "")).read_until(LAST).await;
}

#[tokio::test]
async fn a_damaged_database_is_one_line_with_the_cure() {
    let folder = made(40).await;
    let path = folder.path().join("gangway.sqlite");
    // Whoever closes it last moves the log into the file.
    let url = format!("sqlite://{}", path.display());
    gangway_storage::doctor::connect_as_owner(&url).await.unwrap().close().await.unwrap();
    assert!(!folder.path().join("gangway.sqlite-wal").exists());
    let whole = fs::read(&path).unwrap();
    let noise = |from: usize, to: usize| {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0x5a);
        bytes
    };
    let page = 4096;
    let n_pages = whole.len() / page;
    let one = |n: usize| noise(n * page, (n + 1) * page);
    for (what, damaged) in [
        ("its beginning", noise(0, 100)),
        ("its first page", noise(100, page)),
        ("everything but its first page", noise(page, whole.len())),
        ("a page", one(n_pages / 4)),
        ("a page", one(n_pages / 2)),
        ("a page", one(n_pages - 1)),
        ("cut off", whole[..whole.len() / 3].to_vec()),
        ("a text", b"no database at all, but text ".repeat(200)),
    ] {
        fs::write(&path, damaged).unwrap();
        let finished = refused(folder.path(), "").await;
        for expected in
            ["the database ", &*path.display().to_string(), "is damaged; restore a backup of the folder, or"]
        {
            assert!(finished.err.contains(expected), "{what}: {expected} in {}", finished.err);
        }
        let doctor = finish(gangway(&format!("doctor --data {}", folder.path().display()))).await;
        assert_eq!(doctor.code, Some(1), "{what}: {}", doctor.out);
        assert!(doctor.out.contains("is damaged; restore a backup"), "{what}: {}", doctor.out);
    }
}

#[tokio::test]
async fn what_is_printed_works_when_the_database_was_taken_away() {
    let folder = made(3).await;
    fs::remove_file(folder.path().join("gangway.sqlite")).unwrap();
    let mut again = Process::start(demo(folder.path(), ""));
    let lines = again.read_until(LAST).await;
    let (client, tenant) = (client(&lines), line(&lines, "tenant key: "));
    assert_eq!(client.list(tenant, "/v1/employees").await.len(), 3);
    client.get(line(&lines, "operator key: "), "/v1/tenants").await.expect(200);
    again.stop().await;
}
