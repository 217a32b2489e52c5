//! What `gangway demo` refuses, each in one line with the cure.

use std::{net::TcpListener, path::Path};

use super::process::{Finished, Process, finish, gangway};

async fn refused(data: &Path, flags: &str) -> Finished {
    let finished = finish(gangway(&format!("demo --data {} {flags}", data.display()))).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    finished
}

#[tokio::test]
async fn other_flags_on_old_data_name_both_values_and_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let flags = "--people 3 --seed 5 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";
    let mut first = Process::start(gangway(&format!("demo --data {} {flags}", data.display())));
    first.read_until("operator key: ").await;
    first.kill().await;
    let finished = refused(&data, "--people 4 --dialect guide").await;
    assert!(finished.err.contains("--people 4, but it was 3, --dialect guide, but it was vendor"), "{}", finished.err);
    assert!(finished.err.contains("choose another folder with --data, or delete this one"), "{}", finished.err);
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
        sandbox.err.contains(&format!("the sandbox cannot listen on {address}: the port is taken")),
        "{}",
        sandbox.err
    );
    // Other people than the two that failed: neither left its flags behind.
    let flags = "--people 5 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";
    let mut started = Process::start(gangway(&format!("demo --data {} {flags}", data.display())));
    started.read_until("operator key: ").await;
    started.kill().await;
}

#[tokio::test]
async fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gangway.sqlite"), "something").unwrap();
    let finished = refused(folder.path(), "--listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0").await;
    assert!(finished.err.contains("holds data that no demo made"), "{}", finished.err);
}
