//! `gangway sandbox personio`: the lines that scripts read, and an orderly end.

use super::process::{Process, finish, gangway};

#[tokio::test]
async fn it_prints_its_credential_on_lines_of_their_own() {
    let mut sandbox = Process::start(gangway(
        "sandbox personio --listen 127.0.0.1:0 --people 7 --seed 4 --company Brauhaus --dialect guide --no-rate-limit",
    ));
    let lines = sandbox.read_until("client_secret=").await;
    let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let (base, id, secret) = (value("base_url="), value("client_id="), value("client_secret="));
    assert!(base.starts_with("http://127.0.0.1:") && !id.is_empty() && !secret.is_empty(), "{lines:?}");
    let client = gangway_testkit::Client::new(base);
    let login = serde_json::json!({"client_id": id, "client_secret": secret});
    let token = client.post("none", "/v1/auth", &login).await.expect(200)["data"]["token"].as_str().unwrap().to_owned();
    let people = client.get(&token, "/v1/company/employees?limit=50").await.expect(200);
    assert_eq!(people["data"].as_array().unwrap().len(), 7);
    let (code, took) = sandbox.stop().await;
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 5, "{took:?}");
}

#[tokio::test]
async fn a_taken_port_is_one_line_with_the_cure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let finished = finish(gangway(&format!("sandbox personio --listen {address}"))).await;
    assert_eq!((finished.code, finished.out.as_str()), (Some(1), ""), "{finished:?}");
    let expected = format!(
        "error: the sandbox cannot listen on {address}: the port is taken; stop what listens there, or choose another \
         address with --listen\n"
    );
    assert_eq!(finished.err, expected);
}
