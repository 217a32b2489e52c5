//! The flows in the binary as an operator runs it, at its most talkative: what it prints, exports and leaves in its folder.

use std::{fs::File, net::TcpListener, path::Path, process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gangway_sandbox::Sandbox;
use gangway_testkit::{Client, Disk, TestDb, on_both_databases};
use tokio::process::Command;

use super::{
    collector::Collector,
    search::Search,
    stage::{Stage, vendor},
    values::{Canaries, text},
};

const PATIENCE: Duration = Duration::from_secs(90);

on_both_databases! {
    async fn the_running_binary_leaves_no_trace_in_clear(db: TestDb) {
        let disk = Disk::of(&db).await;
        let canaries = Canaries::new();
        let sandbox = Sandbox::bind(vendor(&canaries)).unwrap();
        let collector = Collector::start().await;
        let output = tempfile::tempdir().unwrap();
        let master = text("master").get(..32).unwrap().to_owned();
        let master_key = STANDARD.encode(&master);
        let [port, admin] = free_ports();
        write_config(output.path(), &db, &sandbox, &collector, (port, admin));
        let gangway = |arguments: &str| gangway(arguments, output.path(), &db, &master_key);

        let mut serving = to_files(gangway("serve"), output.path(), "serve").spawn().unwrap();
        let client = Client::new(format!("http://127.0.0.1:{port}"));
        client.wait_until_ready().await;
        // This one prints a key on purpose. What it logs beside is searched.
        let made = gangway("key create --operator").output().await.unwrap();
        let operator = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        assert!(operator.starts_with("gwo_"), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(output.path().join("key-create.err"), made.stderr).unwrap();

        let settle = async || {};
        let mut stage = Stage { client: &client, sandbox: &sandbox, canaries: &canaries, settle, keys: vec![operator] };
        let answers = stage.play().await;
        let mut search = Search::new(canaries.named().into_iter().chain([("master key", master.as_str())]), &stage.keys);
        search.look_at("the answers", &answers);
        let metrics = Client::new(format!("http://127.0.0.1:{admin}")).get("", "/metrics").await;
        assert!(String::from_utf8_lossy(&metrics.bytes).contains("gangway_sync_records_total{"));
        search.look_at("the metrics", &metrics.bytes);
        // While it runs, and so with a write-ahead log, and once more when it has tidied up.
        search.look_at_database(&db, &disk).await;
        for arguments in ["doctor", "config check", "key list --operator", "tenant list", "migrate status"] {
            let name = arguments.replace(' ', "-");
            to_files(gangway(arguments), output.path(), &name).status().await.unwrap();
        }
        stop(&mut serving).await;
        search.look_at_database(&db, &disk).await;

        for path in ["/v1/traces", "/v1/metrics"] {
            assert!(!collector.bodies(path).is_empty(), "nothing was sent to {path}");
        }
        search.look_at("what was exported", &collector.received());
        for entry in std::fs::read_dir(output.path()).unwrap() {
            let file = entry.unwrap().path();
            let bytes = std::fs::read(&file).unwrap();
            if !bytes.is_empty() {
                search.look_at(&file.display().to_string(), &bytes);
            }
        }
        let log = std::fs::read_to_string(output.path().join("serve.err")).unwrap();
        assert!(log.contains("\"level\":\"TRACE\""), "it was as talkative as can be: {} bytes", log.len());
        assert_eq!(search.finds(), Vec::<String>::new());
        sandbox.stop().await;
    }
}

/// Ports that nobody listens on now.
fn free_ports() -> [u16; 2] {
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    taken.each_ref().map(|listener| listener.local_addr().unwrap().port())
}

/// The settings, but for secrets.
fn write_config(folder: &Path, db: &TestDb, sandbox: &Sandbox, collector: &Collector, (port, admin): (u16, u16)) {
    let data = db.folder().unwrap_or(folder);
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\ndata = \"{}\"\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n\
         [connector]\nallowed_origins = [\"{}\"]\n[log]\nformat = \"json\"\nfilter = \"trace\"\n\
         [telemetry]\notlp_endpoint = \"{}\"\n[worker]\npoll_milliseconds = 50\n",
        data.display(),
        sandbox.base_url(),
        collector.endpoint(),
    );
    std::fs::write(folder.join("gangway.toml"), text).unwrap();
}

/// The binary with the settings of that folder and nothing of the caller's.
fn gangway(arguments: &str, folder: &Path, db: &TestDb, master_key: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gangway-under-test"));
    command.env_clear().env("GANGWAY_MASTER_KEY", master_key).env("RUST_BACKTRACE", "full");
    if db.is_postgres() {
        command.env("DATABASE_URL", db.url()).env("DATABASE_MIGRATION_URL", db.owner_url());
    }
    command.arg("--config").arg(folder.join("gangway.toml")).args(arguments.split_whitespace());
    command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Lets it write to files: nobody empties a pipe meanwhile.
fn to_files(mut command: Command, folder: &Path, name: &str) -> Command {
    let file = |kind: &str| File::create(folder.join(format!("{name}.{kind}"))).unwrap();
    command.stdout(file("out")).stderr(file("err"));
    command
}

async fn stop(serving: &mut tokio::process::Child) {
    let id = serving.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-s", "INT", &id]).status().await.unwrap().success());
    let status = tokio::time::timeout(PATIENCE, serving.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(0));
}
