//! Whatever is sent, the answer is a problem of the client's: never a 5xx, never a panic.

use std::time::Duration;

use gangway_testkit::{TestApp, TestDb};
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::task::TaskTracker;

const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "[]",
    "{}",
    "[[[[]]]]",
    "{\"a\":{}}",
    "\"con_00000000000000000000000000000000\"",
    "99999999999999999999999999",
    "\"every 0s\"",
    "\"2026-13-45\"",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_breaks_a_route() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let operator = app.operator_key().await;
    let document = serde_json::to_value(gangway_api::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("requestBody").is_none() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", &tenant.connection);
            for body in bodies(&document, operation) {
                let request = app.client.request(method.clone(), &operator, &path);
                let request =
                    request.header("gangway-tenant", &tenant.tenant).header("content-type", "application/json");
                let answer = app.client.send(request.body(body.clone())).await;
                assert!(answer.status < 500, "{method} {path} {body}: {}", answer.body);
            }
        }
    }
    app.client.get(&tenant.key, "/v1/connections").await.expect(200);
    app.stop().await;
}

/// Each value as the whole body, and as each member of an otherwise empty one.
fn bodies(document: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let members: Vec<String> = document["components"]["schemas"][name]["properties"]
        .as_object()
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default();
    let mut bodies: Vec<String> = VALUES.iter().map(|value| (*value).to_owned()).collect();
    for member in &members {
        bodies.extend(VALUES.iter().map(|value| format!("{{\"{member}\":{value}}}")));
    }
    for value in VALUES {
        let all: Vec<String> = members.iter().map(|member| format!("\"{member}\":{value}")).collect();
        bodies.push(format!("{{{}}}", all.join(",")));
    }
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_and_no_path_breaks_a_route() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let document = serde_json::to_value(gangway_api::openapi()).unwrap();
    let queries = [
        "",
        "?limit=%00",
        "?after=%F0%9F%98%80",
        "?after=9223372036854775807",
        "?after=-9223372036854775808",
        "?state=%27",
        "?updated_since=0000-01-01T00:00:00Z",
        "?updated_since=9999-12-31T23:59:59Z",
        "?from=-9999-01-01",
        "?email=%25",
        "?status=%00",
        "?type=,",
        "?&&=&a=b=c",
        "?limit=1&limit=1",
    ];
    let ids = [
        "x",
        "%2F",
        "%2e%2e",
        "con_ffffffffffffffffffffffffffffffff",
        "emp_00000000000000000000000000000000",
        "%00",
        "ä",
    ];
    for (path, item) in document["paths"].as_object().unwrap() {
        if item.get("get").is_none() {
            continue;
        }
        for id in if path.contains("{id}") { &ids[..] } else { &[""] } {
            for query in queries {
                let path = format!("{}{query}", path.replace("{id}", id));
                let answer = app.client.get(&tenant.key, &path).await;
                assert!(answer.status < 500, "{path}: {}", answer.body);
            }
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_comes_ends_in_time() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let before = app.client.list(&tenant.key, "/v1/keys").await;
    // A listener of its own: a test need not wait as long as the usual one does.
    let usual = gangway_api::Config::new(([127, 0, 0, 1], 0).into());
    let patience = Duration::from_secs(2);
    assert!(patience * 5 < usual.client_timeout, "else this would not tell the two apart");
    let config = gangway_api::Config { client_timeout: patience, ..usual };
    let gangway_api::Server { addr, handle, run } = gangway_api::bind(app.app.clone(), config).unwrap();
    let serving = TaskTracker::new().spawn(run);

    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "POST /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{{",
        tenant.key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The client keeps its side open: nobody but the server can end this.
    let mut answer = Vec::new();
    let answered = async { while !answer.ends_with(b"}") && stream.read_buf(&mut answer).await.unwrap() > 0 {} };
    tokio::time::timeout(patience * 5, answered).await.expect("the server gives up first");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("request.malformed") && answer.contains("did not arrive in time"), "{answer}");
    drop(stream);
    handle.stop().await;
    serving.await.unwrap().unwrap();
    assert_eq!(app.client.list(&tenant.key, "/v1/keys").await, before);
    app.stop().await;
}
