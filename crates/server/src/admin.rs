//! The admin listener: process and build facts for a scraper, never on the public address.
//!
//! It answers two fixed paths, so it needs no HTTP framework: one request per connection, the request read up to a cap,
//! nothing of it used but its first line.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use gangway_domain::{Clock as _, SystemClock};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const MAX_REQUEST: usize = 8 * 1024;
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// A listener that does not answer yet.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    started_at: i64,
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
        Ok(Self { listener, started_at: SystemClock.now().timestamp() })
    }

    /// Answers until told to stop.
    pub async fn serve(self, tasks: TaskTracker, stop: CancellationToken) {
        let Self { listener, started_at } = self;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let stop = stop.clone();
                    tasks.spawn(async move {
                        tokio::select! {
                            _ = tokio::time::timeout(TIME_LIMIT, answer(stream, started_at)) => {}
                            () = stop.cancelled() => {}
                        }
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

async fn answer(mut stream: TcpStream, started_at: i64) -> std::io::Result<()> {
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
    let (status, body) = match first.split(' ').collect::<Vec<_>>().as_slice() {
        ["GET", "/metrics", _] => ("200 OK", metrics(started_at)),
        ["GET", "/healthz", _] => ("200 OK", "ok\n".to_owned()),
        ["GET", ..] => ("404 Not Found", "GET /metrics or /healthz\n".to_owned()),
        _ => ("405 Method Not Allowed", "GET /metrics or /healthz\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

fn metrics(started_at: i64) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "# HELP gangway_build_info Version of this binary.\n# TYPE gangway_build_info gauge\n\
         gangway_build_info{{version=\"{version}\"}} 1\n\
         # HELP process_start_time_seconds When the process started.\n# TYPE process_start_time_seconds gauge\n\
         process_start_time_seconds {started_at}\n"
    );
    // Linux only; elsewhere the line is left out.
    if let Some(bytes) = resident_bytes() {
        text += "# HELP process_resident_memory_bytes Memory in use.\n# TYPE process_resident_memory_bytes gauge\n";
        text.extend(["process_resident_memory_bytes ", &bytes.to_string(), "\n"]);
    }
    text
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(request: &str) -> String {
        let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = admin.listener.local_addr().unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let serving = tasks.spawn(admin.serve(tasks.clone(), stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        stop.cancel();
        serving.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn shows_metrics_and_nothing_else() {
        let answer = ask("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("gangway_build_info{version="), "{answer}");
        assert!(ask("GET /v1/tenants HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404"));
        assert!(ask("POST /metrics HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405"));
    }
}
