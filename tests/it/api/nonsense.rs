//! Whatever is sent, the answer is a problem of the client's: never a 5xx, never a panic.

use gangway_testkit::{TestApp, TestDb};
use reqwest::Method;
use serde_json::Value;

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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    let address = app.client.base().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{{",
        tenant.key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    app.client.get(&tenant.key, "/v1/keys").await.expect(200);
    app.stop().await;
}
