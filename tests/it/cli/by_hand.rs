//! The block of the README that does everything by hand, run as it is written.

use std::{net::TcpListener, os::unix::fs::symlink, time::Duration};

use super::process::{binary, clean};

const README: &str = include_str!("../../../README.md");

fn block() -> &'static str {
    let (_, after) = README.split_once("<!-- by-hand -->\n```sh\n").expect("the README marks its block");
    after.split_once("```").expect("the block ends").0
}

#[tokio::test]
async fn the_block_of_the_readme_works_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("target/release");
    std::fs::create_dir_all(&bin).unwrap();
    symlink(binary(), bin.join("gangway")).unwrap();
    // Only the ports differ, since others may use the usual ones. `serve` learns its own from its setting.
    let ports: Vec<_> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let [api, sandbox] = [&ports[0], &ports[1]].map(|listener| listener.local_addr().unwrap().port().to_string());
    drop(ports);
    let script = block().replace("8080", &api).replace("8090", &sandbox);
    let script =
        script.replace("gangway sandbox personio", &format!("gangway sandbox personio --listen 127.0.0.1:{sandbox}"));

    let mut bash = clean("bash");
    bash.env("GANGWAY__SERVER__LISTEN", format!("127.0.0.1:{api}"));
    // Whatever fails, nothing is left running.
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(&folder);
    let output = tokio::time::timeout(Duration::from_secs(90), bash.output()).await.expect("it ends").unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let lines: Vec<serde_json::Value> = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let [_check, _discover, attributes, employees, events] = lines.as_slice() else { panic!("{out}\n{err}") };
    assert!(!attributes["data"].as_array().unwrap().is_empty(), "{attributes}");
    assert_eq!(employees["data"].as_array().unwrap().len(), 2, "{employees}");
    let completed = events["data"].as_array().unwrap().iter().any(|event| event["type"] == "sync.completed");
    assert!(completed, "{events}");
}
