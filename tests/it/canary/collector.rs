//! A collector of traces and metrics that keeps every byte it is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

/// A request as it came.
#[derive(Clone)]
struct Request {
    head: String,
    body: Vec<u8>,
}

/// Listens until it is dropped.
pub(crate) struct Collector {
    addr: SocketAddr,
    received: Arc<Mutex<Vec<Request>>>,
    listening: tokio::task::JoinHandle<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<Request>>>::default();
        let (tasks, sink) = (TaskTracker::new(), Arc::clone(&received));
        let listening = tasks.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tasks.spawn(serve(stream, Arc::clone(&sink)));
            }
        });
        Self { addr, received, listening }
    }

    /// The address for `telemetry.otlp_endpoint`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What came so far.
    pub(super) fn received(&self) -> Vec<u8> {
        let requests = self.received.lock().unwrap();
        requests.iter().flat_map(|request| [request.head.as_bytes(), &request.body].concat()).collect()
    }

    /// The heads of the requests that came to a path so far.
    pub(crate) fn heads(&self, path: &str) -> Vec<String> {
        let requests = self.received.lock().unwrap();
        let to_it = requests.iter().filter(|request| request.head.starts_with(&format!("POST {path} ")));
        to_it.map(|request| request.head.clone()).collect()
    }

    /// The bodies that came to a path so far.
    pub(crate) fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let requests = self.received.lock().unwrap();
        let to_it = requests.iter().filter(|request| request.head.starts_with(&format!("POST {path} ")));
        to_it.map(|request| request.body.clone()).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Answers one connection's requests; a client that leaves in the middle is none of our business.
async fn serve(stream: TcpStream, sink: Arc<Mutex<Vec<Request>>>) {
    let mut stream = BufReader::new(stream);
    let (mut length, mut head) = (0, String::new());
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|n_bytes| n_bytes > 0) {
        head += &line;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
            sink.lock().unwrap().push(Request { head: std::mem::take(&mut head), body });
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
        line.clear();
    }
}
