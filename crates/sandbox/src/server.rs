//! The HTTP side: binds the port, turns requests into [`Request`] and answers back, and ends when told.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::faults::Wire;
use crate::handle::Handle;
use crate::hooks::sender;
use crate::request::{Headers, Request};
use crate::state::Shared;
use crate::store::StateError;

/// The largest body an admin may send.
const BODY_LIMIT: usize = 1 << 20;

/// A running emulator; it ends when dropped.
#[derive(Debug)]
pub struct Sandbox {
    addr: SocketAddr,
    handle: Handle,
    server: ServerHandle,
    end: CancellationToken,
    tasks: TaskTracker,
    client_id: String,
    client_secret: secrecy::SecretString,
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The port is taken or not allowed.
    #[error("the sandbox cannot listen on {addr}: {}", why(source))]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What was kept cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

fn why(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken",
        io::ErrorKind::PermissionDenied => "the port needs rights this process lacks",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        _ => "the system refuses",
    }
}

impl Sandbox {
    /// Binds the port and serves from then on. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be had or the state file belongs to another sandbox.
    pub fn bind(config: Config) -> Result<Self, BindError> {
        let asked = config.listen;
        let listen = |source| BindError::Listen { addr: asked, source };
        let listener = TcpListener::bind(asked).map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let (client_id, client_secret) = (config.client_id(), config.client_secret());
        let workers = config.workers.max(1);
        let handle = Handle(Arc::new(Shared::new(config, format!("http://{addr}"))?));
        let shared = handle.clone();
        let app = move || {
            App::new()
                .app_data(web::PayloadConfig::new(BODY_LIMIT))
                .app_data(web::Data::new(shared.clone()))
                .default_service(web::to(serve))
        };
        let server = HttpServer::new(app)
            .workers(workers)
            .worker_max_blocking_threads(1)
            .disable_signals()
            .shutdown_timeout(1)
            .listen(listener)
            .map_err(listen)?
            .run();
        let stop = server.handle();
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the sandbox ended");
            }
        });
        let end = CancellationToken::new();
        if handle.0.config.webhooks.by_itself {
            tasks.spawn(sender::run(handle.clone(), end.clone()));
        }
        tasks.close();
        Ok(Self { addr, handle, server: stop, end, tasks, client_id, client_secret })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its origin, `http://127.0.0.1:PORT`, without the `/v1` of the API.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The first credential's id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The first credential's secret.
    pub fn client_secret(&self) -> &secrecy::SecretString {
        &self.client_secret
    }

    /// A way to its state.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `until` is done, then ends.
    pub async fn run(self, until: impl Future<Output = ()>) {
        until.await;
        self.stop().await;
    }

    /// Ends: answers that are under way get a second.
    pub async fn stop(self) {
        self.end.cancel();
        self.server.stop(true).await;
        self.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end.cancel();
        // The command is sent at once; only waiting for the end is left out.
        drop(self.server.stop(false));
    }
}

async fn serve(handle: web::Data<Handle>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = Request {
        method: request.method().as_str().to_owned(),
        path: request.path().to_owned(),
        query: query_pairs(request.query_string()),
        authorization: header("authorization"),
        headers: Headers { host: header("host"), content_type: header("content-type"), beta: header("beta") },
        body,
        peer: request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip()),
    };
    let answer = handle.answer(&request);
    if answer.late_ms > 0 {
        tokio::time::sleep(Duration::from_millis(answer.late_ms.into())).await;
    }
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    response.content_type(answer.content_type);
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    for header in answer.ordered_headers.into_vec() {
        response.insert_header(header);
    }
    response.body(Wire::new(answer.body, answer.delivery))
}

/// Reads `a=1&b[]=2`, a query or a form.
pub(crate) fn query_pairs(text: &str) -> Vec<(String, String)> {
    web::Query::<Vec<(String, String)>>::from_query(text).map(web::Query::into_inner).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    async fn exchange(addr: SocketAddr, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let length = body.len();
        let request = format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn it_serves_over_http_until_it_is_stopped() {
        let sandbox = Sandbox::bind(Config::new(5, 1)).unwrap();
        let addr = sandbox.addr();
        let secret = sandbox.client_secret().expose_secret();
        let login = format!("client_id={}&client_secret={secret}", sandbox.client_id());
        let answer = exchange(addr, "POST /v1/auth HTTP/1.1", &login).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let token = answer.split(r#""token":""#).nth(1).unwrap().split('"').next().unwrap();
        let head = format!("GET /v1/company/employees?limit=3 HTTP/1.1\r\nauthorization: Bearer {token}");
        let answer = exchange(addr, &head, "").await;
        assert!(answer.contains(r#""total_elements":5"#) && answer.contains("authorization: Bearer papi-"));
        assert!(answer.contains("content-type: application/json"));
        assert_eq!(sandbox.handle().request_count(), 2);
        let answer = exchange(addr, "GET /_sandbox/ledger HTTP/1.1", "").await;
        assert!(answer.contains(r#""total":2"#));
        sandbox.stop().await;
        assert!(TcpStream::connect(addr).await.is_err());
    }

    #[tokio::test]
    async fn version_2_is_on_the_same_port_and_a_cut_leaves_nothing_of_an_answer_without_a_body() {
        let sandbox = Sandbox::bind(Config::new(12, 1)).unwrap();
        let addr = sandbox.addr();
        let secret = sandbox.client_secret().expose_secret();
        let form = format!("grant_type=client_credentials&client_id={}&client_secret={secret}", sandbox.client_id());
        let head = "POST /v2/auth/token HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded";
        let answer = exchange(addr, head, &form).await;
        let token = answer.split(r#""access_token":""#).nth(1).unwrap().split('"').next().unwrap();
        let call = |what: &str| format!("{what} HTTP/1.1\r\nbeta: true\r\nauthorization: Bearer {token}");
        let answer = exchange(addr, &call("GET /v2/persons"), "").await;
        assert!(answer.contains(r#""next":{"href":"http://x/v2/persons?cursor="#), "{answer}");
        assert!(answer.contains("x-ratelimit-remaining: 99"), "{answer}");
        assert!(exchange(addr, &call("GET /v2/workplaces"), "").await.starts_with("HTTP/1.1 200"));
        let id = sandbox.handle().people()[5]["id"].clone();
        let cut = crate::faults::Effect::Cut { after_percent: 50 };
        sandbox.handle().add_fault(crate::faults::Fault::always("/v2/persons/{id}", cut)).unwrap();
        assert_eq!(exchange(addr, &call(&format!("DELETE /v2/persons/{id}")), "").await, "");
        assert_eq!(sandbox.handle().person(id.as_u64().unwrap()), None, "it was carried out");
        sandbox.stop().await;
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Sandbox::bind(Config::new(1, 1)).unwrap();
        let error = Sandbox::bind(Config { listen: first.addr(), ..Config::new(1, 1) }).unwrap_err();
        assert_eq!(error.to_string(), format!("the sandbox cannot listen on {}: the port is taken", first.addr()));
    }

    #[tokio::test]
    async fn run_ends_when_told() {
        let sandbox = Sandbox::bind(Config::new(1, 1)).unwrap();
        let addr = sandbox.addr();
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let running = sandbox.run(async move { drop(told.await) });
        drop(tell);
        running.await;
        assert!(TcpStream::connect(addr).await.is_err());
    }
}
