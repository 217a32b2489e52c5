//! Each limit of the table in `docs/api-design.md`: what is just within it is read, what is beyond is answered as stated.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use gangway_api::{Quota, Quotas, StatedLimit, stated_limits};
use gangway_testkit::{Answer, Client, TestApp, TestDb};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::task::TaskTracker;

use super::support::{code, pointers};

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn limit(name: &str) -> usize {
    let found = stated_limits().into_iter().find(|limit| limit.name == name);
    usize::try_from(found.unwrap_or_else(|| panic!("`{name}` is no stated limit")).value).unwrap()
}

/// The status and code that the table promises.
fn stated(name: &str) -> (u16, String) {
    let StatedLimit { beyond, .. } = stated_limits().into_iter().find(|limit| limit.name == name).unwrap();
    let (status, code) = beyond.split_once(' ').unwrap();
    (status.parse().unwrap(), code.trim_matches('`').to_owned())
}

fn assert_beyond(name: &str, answer: &Answer) {
    assert_eq!((answer.status, code(answer)), stated(name), "{name}: {}", answer.body);
}

struct Bench {
    app: TestApp,
    key: String,
}

impl Bench {
    async fn start() -> Self {
        let app = TestApp::on(TestDb::sqlite().await).start().await;
        let key = app.onboard("Acme").await.key;
        Self { app, key }
    }

    async fn get(&self, path: &str) -> Answer {
        self.app.client.get(&self.key, path).await
    }

    /// What comes back on a connection of its own until the server ends it.
    async fn send_raw(&self, head: &str) -> String {
        let address = self.app.client.base().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may hang up before everything was sent.
        drop(stream.write_all(head.as_bytes()).await);
        read_to_end(&mut stream).await
    }

    /// With a client of its own: the server ends connections that it has not read to their end.
    async fn post(&self, body: Vec<u8>) -> Answer {
        let client = Client::new(self.app.client.base());
        let request = client.request(Method::POST, &self.key, "/v1/keys").body(body);
        client.send(request.header("content-type", "application/json")).await
    }

    /// A listener of its own with other settings, on the same application.
    async fn with_listener(&self, change: impl FnOnce(&mut gangway_api::Config), work: impl AsyncFnOnce(SocketAddr)) {
        let mut config = gangway_api::Config::new(([127, 0, 0, 1], 0).into());
        change(&mut config);
        let gangway_api::Server { addr, handle, run } = gangway_api::bind(self.app.app.clone(), config).unwrap();
        let serving = TaskTracker::new().spawn(run);
        work(addr).await;
        handle.stop().await;
        serving.await.unwrap().unwrap();
    }
}

async fn bodies(bench: &Bench) {
    let name = "body";
    let mut body = br#"{"name":"x"}"#.to_vec();
    body.resize(limit(name), b' ');
    assert_eq!(bench.post(body.clone()).await.status, 201);
    body.push(b' ');
    assert_beyond(name, &bench.post(body).await);
    // Far beyond, announced and not.
    let announced = format!(
        "POST /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: 10485760\r\n\r\n",
        bench.key
    );
    let answer = bench.send_raw(&announced).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("request.too-large"), "{answer}");
    let chunks = futures::stream::iter((0..160).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024])));
    let client = Client::new(bench.app.client.base());
    let request = client.request(Method::POST, &bench.key, "/v1/keys").header("content-type", "application/json");
    if let Ok(answer) = request.body(reqwest::Body::wrap_stream(chunks)).send().await {
        // The server may answer and hang up before everything was sent.
        assert_eq!(answer.status().as_u16(), stated(name).0);
    }
}

async fn depth(bench: &Bench) {
    let name = "arrays and objects within each other in a body";
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!("{{\"name\":{open}{close}}}").into_bytes()
    };
    assert_eq!(pointers(&bench.post(nested(limit(name))).await), ["/name"]);
    for depth in [limit(name) + 1, 100_000] {
        assert_beyond(name, &bench.post(nested(depth)).await);
    }
}

async fn url(bench: &Bench) {
    let name = "path with its query";
    let fill = |length: usize| format!("/v1/keys?{}", "x".repeat(length - "/v1/keys?".len()));
    assert_eq!(bench.get(&fill(limit(name))).await.status, 422);
    assert_beyond(name, &bench.get(&fill(limit(name) + 1)).await);
    assert_beyond(name, &bench.get(&format!("/{}", "x".repeat(limit(name)))).await);
}

async fn header_fields(bench: &Bench) {
    let name = "header fields";
    let ask = async |n: usize| {
        // Authorization, accept, accept-encoding and host come along.
        let request = bench.app.client.request(Method::GET, &bench.key, "/v1/keys");
        let request = (0..n - 4).fold(request, |request, n| request.header(format!("x-{n}"), "x"));
        bench.app.client.send(request).await
    };
    assert_eq!(ask(limit(name)).await.status, 200);
    assert_beyond(name, &ask(limit(name) + 1).await);
    // Too many to be read at all.
    let many = "x: x\r\n".repeat(200);
    let answer = bench.send_raw(&format!("GET /v1/keys HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

async fn header_bytes(bench: &Bench) {
    let name = "all header fields together";
    let ask = async |length: usize| {
        let request = bench.app.client.request(Method::GET, &bench.key, "/v1/keys").header("x", "x".repeat(length));
        bench.app.client.send(request).await
    };
    assert_eq!(ask(limit(name) - 500).await.status, 200);
    assert_beyond(name, &ask(limit(name)).await);
    // Too large to be read at all: what was not read may cost the client the answer, too.
    let answer =
        bench.send_raw(&format!("GET /v1/keys HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(200_000))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

/// Reads until the server ends the connection.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = async { while stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {} };
    tokio::time::timeout(PATIENCE, reading).await.expect("the server ends the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn slow_headers(bench: &Bench) {
    let quick = |config: &mut gangway_api::Config| config.client_timeout = Duration::from_secs(1);
    bench
        .with_listener(quick, async |address| {
            for sent in ["", "GET /v1/keys HTTP/1.1\r\nhost: x\r\nx-slow: "] {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(sent.as_bytes()).await.unwrap();
                let answer = read_to_end(&mut stream).await;
                assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{sent:?}: {answer}");
            }
        })
        .await;
}

async fn idle(bench: &Bench) {
    let quick = |config: &mut gangway_api::Config| config.keep_alive = Duration::from_secs(1);
    bench
        .with_listener(quick, async |address| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let answer = read_to_end(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
        })
        .await;
}

async fn connections(bench: &Bench) {
    let few = |config: &mut gangway_api::Config| (config.workers, config.connections) = (1, 2);
    bench
        .with_listener(few, async |address| {
            let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
            let mut held = Vec::new();
            for _ in 0..2 {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(request).await.unwrap();
                assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                held.push(stream);
            }
            let mut waiting = TcpStream::connect(address).await.unwrap();
            waiting.write_all(request).await.unwrap();
            let mut answer = [0; 1024];
            let early = tokio::time::timeout(Duration::from_millis(300), waiting.read(&mut answer)).await;
            assert!(early.is_err(), "a third is answered beside two");
            drop(held);
            let late = tokio::time::timeout(PATIENCE, waiting.read(&mut answer)).await.expect("it has its turn");
            assert!(late.unwrap() > 0);
        })
        .await;
}

async fn parameters(bench: &Bench) {
    let name = "text of a parameter";
    let ask = async |length: usize| bench.get(&format!("/v1/employees?email={}", "x".repeat(length))).await;
    assert_eq!(ask(limit(name)).await.status, 200);
    assert_beyond(name, &ask(limit(name) + 1).await);
    let name = "rows of a page";
    let ask = async |rows: usize| bench.get(&format!("/v1/keys?limit={rows}")).await;
    assert_eq!(ask(limit(name)).await.status, 200);
    assert_beyond(name, &ask(limit(name) + 1).await);
}

async fn idempotency_keys(bench: &Bench) {
    let name = "`Idempotency-Key`";
    let ask = async |length: usize| {
        let request = bench.app.client.request(Method::POST, &bench.key, "/v1/keys").json(&json!({"name": "x"}));
        bench.app.client.send(request.header("idempotency-key", "k".repeat(length))).await
    };
    assert_eq!(ask(limit(name)).await.status, 201);
    assert_beyond(name, &ask(limit(name) + 1).await);
}

async fn mistakes(bench: &Bench) {
    let body: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("m{n}"), Value::Null)).collect();
    let answer = bench.post(serde_json::to_vec(&body).unwrap()).await;
    assert_eq!(pointers(&answer).len(), limit("mistakes told at once"));
}

/// The numbers by default, counted through; that they are per key and address is tested in `quotas.rs`.
async fn requests(bench: &Bench) {
    let usual = Quotas::default();
    let operator = bench.app.operator_key().await;
    for (name, quota, key) in [
        ("requests of a tenant's key", usual.key, bench.key.as_str()),
        ("requests of an operator's key", usual.operator_key, operator.as_str()),
        ("requests without a good key from an address", usual.address, "gwt_nonsense"),
    ] {
        let quota = quota.unwrap();
        assert_eq!((quota.requests as usize, quota.window), (limit(name), Duration::from_mins(1)), "{name}");
        // Counting all of them through takes longer than their window may: the rule is the same for two.
        let two = Some(Quota { requests: 2, window: Duration::from_hours(1) });
        let set = |config: &mut gangway_api::Config| {
            config.quotas = Quotas { key: two, operator_key: two, address: two };
        };
        bench
            .with_listener(set, async |address| {
                let client = Client::new(format!("http://{address}"));
                for _ in 0..2 {
                    assert_ne!(client.get(key, "/v1/tenants").await.status, 429, "{name}");
                }
                assert_beyond(name, &client.get(key, "/v1/tenants").await);
            })
            .await;
    }
}

/// Which of them each check is about; the time for a body is in `problems.rs`'s neighbour, `nonsense.rs`.
const CHECKED: &[&str] = &[
    "body",
    "arrays and objects within each other in a body",
    "path with its query",
    "header fields",
    "all header fields together",
    "time for the headers",
    "time for the body",
    "time between two requests of a connection",
    "connections",
    "text of a parameter",
    "rows of a page",
    "`Idempotency-Key`",
    "mistakes told at once",
    "requests of a tenant's key",
    "requests of an operator's key",
    "requests without a good key from an address",
];

#[test]
fn every_stated_limit_is_checked() {
    let stated: BTreeSet<_> = stated_limits().into_iter().map(|limit| limit.name).collect();
    let checked: BTreeSet<_> = CHECKED.iter().copied().collect();
    assert_eq!(stated, checked, "add a check of the new limit to stated_limits.rs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_sends_is_read_up_to_each_limit_and_no_further() {
    let bench = Bench::start().await;
    bodies(&bench).await;
    depth(&bench).await;
    url(&bench).await;
    header_fields(&bench).await;
    header_bytes(&bench).await;
    parameters(&bench).await;
    idempotency_keys(&bench).await;
    mistakes(&bench).await;
    assert_eq!(bench.get("/v1/keys").await.status, 200, "after all that it still answers");
    bench.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_take_too_long_or_are_too_many_are_held_back() {
    let bench = Bench::start().await;
    slow_headers(&bench).await;
    idle(&bench).await;
    connections(&bench).await;
    requests(&bench).await;
    bench.app.stop().await;
}
