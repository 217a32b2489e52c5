//! A collector of traces that keeps every byte it is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

/// Listens until it is dropped.
pub(super) struct Collector {
    addr: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
    listening: tokio::task::JoinHandle<()>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<u8>>>::default();
        let (tasks, sink) = (TaskTracker::new(), Arc::clone(&received));
        let listening = tasks.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tasks.spawn(serve(stream, Arc::clone(&sink)));
            }
        });
        Self { addr, received, listening }
    }

    /// The address for `telemetry.otlp_endpoint`.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What came so far.
    pub(super) fn received(&self) -> Vec<u8> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Answers one connection's requests; a client that leaves in the middle is none of our business.
async fn serve(stream: TcpStream, sink: Arc<Mutex<Vec<u8>>>) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|n_bytes| n_bytes > 0) {
        sink.lock().unwrap().extend(line.as_bytes());
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
            sink.lock().unwrap().extend(body);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
        line.clear();
    }
}
