//! The admin listener: what was measured, for a scraper, never on the public address.
//!
//! It answers two fixed paths, so it needs no HTTP framework: one request per connection, the request read up to a cap,
//! nothing of it used but its first line.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{observer::Observer, telemetry::Meters};

const MAX_REQUEST: usize = 8 * 1024;
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Each holds a descriptor; scrapers are few.
const CONNECTIONS: usize = 64;

/// A listener that does not answer yet.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
}

impl Admin {
    /// Takes the address.
    ///
    /// # Errors
    /// When it is taken.
    pub async fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address} for metrics; stop what listens there, choose another with admin.listen, or set it to off")
        })?;
        Ok(Self { listener })
    }

    /// Answers until told to stop.
    pub async fn serve(self, meters: Meters, observer: Arc<Observer>, tasks: TaskTracker, stop: CancellationToken) {
        let Self { listener } = self;
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = async {
                // Never closed.
                let place = Arc::clone(&room).acquire_owned().await.ok();
                listener.accept().await.map(|(stream, _)| (stream, place))
            };
            let Some(accepted) = stop.run_until_cancelled(accepted).await else { return };
            match accepted {
                Ok((stream, place)) => {
                    let (meters, observer, stop) = (meters.clone(), Arc::clone(&observer), stop.clone());
                    tasks.spawn(async move {
                        tokio::select! {
                            _ = tokio::time::timeout(TIME_LIMIT, answer(stream, &meters, &observer)) => {}
                            () = stop.cancelled() => {}
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors: give others time to close theirs.
                    tracing::warn!(%error, "the admin listener could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

async fn answer(mut stream: TcpStream, meters: &Meters, observer: &Observer) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0_u8; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let n = stream.read(&mut buffer).await?;
        request.extend_from_slice(buffer.get(..n).unwrap_or_default());
        if n == 0 || request.len() > MAX_REQUEST {
            break;
        }
    }
    let first = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let words: Vec<_> = first.split(' ').collect();
    let path = words.get(1).and_then(|target| target.split('?').next()).unwrap_or_default();
    let (status, body) = match (words.first().copied().unwrap_or_default(), path) {
        ("GET" | "HEAD", "/metrics") => {
            observer.look().await;
            match meters.text() {
                Ok(text) => ("200 OK", text),
                Err(error) => {
                    tracing::error!("metrics cannot be shown: {error:#}; this is a bug, please report it");
                    ("500 Internal Server Error", "metrics cannot be shown; the log says why\n".to_owned())
                }
            }
        }
        ("GET" | "HEAD", "/healthz") => ("200 OK", "ok\n".to_owned()),
        ("GET" | "HEAD", _) => ("404 Not Found", "GET /metrics or /healthz\n".to_owned()),
        _ => ("405 Method Not Allowed", "GET /metrics or /healthz\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if !first.starts_with("HEAD ") {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}
