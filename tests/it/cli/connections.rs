//! Ten thousand open connections, server and client each a process of its own.

use std::{process::Stdio, time::Duration};

use gangway_testkit::Client;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

use super::process::{MASTER_KEY, Process, binary, clean, free_port};

const WANTED: usize = 10_000;
/// Descriptors of a process for other things: files, the database's pool, the runtime.
const SPARE: usize = 200;
/// Memory of the server for each connection that waits for its next request. Its two buffers alone have 16 KiB.
const BYTES_PER_CONNECTION: u64 = 48 * 1024;
/// A new client must not wait for the others; generous, since the machine may build something beside.
const PROMPT: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_mins(3);

/// A program with as many descriptors as the hard limit allows.
fn with_descriptors(program: &std::path::Path, arguments: &str) -> Command {
    let mut command = clean("sh");
    command.args(["-c", "ulimit -n \"$(ulimit -Hn)\" && exec \"$0\" \"$@\""]).arg(program);
    command.args(arguments.split_whitespace());
    command
}

/// The hard limit on descriptors.
async fn most_descriptors() -> usize {
    let output = Command::new("sh").args(["-c", "ulimit -Hn"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse().unwrap_or(usize::MAX)
}

/// Memory in use, where the system tells it.
fn resident_bytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_answers_promptly_and_in_bounded_memory_beside_ten_thousand_open_connections() {
    let most = most_descriptors().await;
    let number = WANTED.min(most.saturating_sub(SPARE));
    let folder = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = format!("serve --listen {address} --data {}/data", folder.path().display());
    let mut command = with_descriptors(&binary(), &arguments);
    // Longer than any machine takes to open them all.
    command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("GANGWAY__API__KEEP_ALIVE_SECONDS", "600");
    let server = Process::start(command);
    let client = Client::new(format!("http://{address}"));
    client.wait_until_ready().await;
    let before = resident_bytes(server.id());

    let program = std::path::Path::new(env!("CARGO_BIN_EXE_gangway-connections-client"));
    let mut command = with_descriptors(program, &format!("{address} {number}"));
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let mut next_line = async || {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the client tells in time");
        line.unwrap().expect("the client does not end before")
    };
    assert_eq!(next_line().await, format!("open {number}"), "the hard limit is {most} descriptors");

    let asked = tokio::time::Instant::now();
    let fresh = Client::new(format!("http://{address}"));
    fresh.get("", "/readyz").await.expect(200);
    let took = asked.elapsed();
    assert!(took < PROMPT, "a new client waited {took:?} beside {number} connections");
    if let (Some(before), Some(after)) = (before, resident_bytes(server.id())) {
        let each = after.saturating_sub(before) / number as u64;
        assert!(each <= BYTES_PER_CONNECTION, "{each} bytes for each of {number} connections");
    }

    holder.stdin.take().unwrap().write_all(b"\n").await.unwrap();
    assert_eq!(next_line().await, format!("held {number}"), "the server ended connections by itself");
    assert!(holder.wait().await.unwrap().success());
    fresh.get("", "/readyz").await.expect(200);
    let (code, _) = server.stop().await;
    assert_eq!(code, Some(0));
    // Fewer are a test too, and what allowed no more is said where somebody looks.
    if number < WANTED {
        println!("tested with {number} connections instead of {WANTED}: the hard limit on descriptors is {most}");
    }
}
