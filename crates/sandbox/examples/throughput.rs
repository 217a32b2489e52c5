//! Measures how many employees a second one worker serves: `cargo run --release -p gangway-sandbox --example throughput`.
//!
//! The client competes for the processor, so the rate of rendering alone is printed too.
#![expect(clippy::print_stdout, reason = "the measurement is the output")]

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gangway_sandbox::{Config, Sandbox};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const PEOPLE: usize = 10_000;
const PAGE: usize = 100;
const CONNECTIONS: usize = 4;
const SPAN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::new(PEOPLE, 1).without_rate_limit();
    let sandbox = Sandbox::bind(config)?;
    let handle = sandbox.handle();
    let secret = sandbox.client_secret().expose_secret();
    let login = format!(r#"{{"client_id":"{}","client_secret":"{secret}"}}"#, sandbox.client_id());

    let mut connection = Connection::open(sandbox.addr()).await?;
    let length = login.len();
    let request = format!("POST /v1/auth HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {length}\r\n\r\n{login}");
    let answer = String::from_utf8(connection.exchange(&request).await?)?;
    let token =
        answer.split(r#""token":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();

    let first = Instant::now();
    (0..PEOPLE / PAGE).for_each(|page| drop(handle.render_employees(page * PAGE, PAGE)));
    println!("first rendering      {:>10.0} employees/s", rate(PEOPLE, first));

    let (started, mut rendered) = (Instant::now(), 0);
    while started.elapsed() < SPAN {
        (0..PEOPLE / PAGE).for_each(|page| drop(handle.render_employees(page * PAGE, PAGE)));
        rendered += PEOPLE;
    }
    println!("rendering alone      {:>10.0} employees/s", rate(rendered, started));

    let started = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        clients.spawn(read_pages(sandbox.addr(), token.clone(), client, started));
    }
    let (mut served, mut bytes) = (0, 0);
    while let Some(result) = clients.join_next().await {
        let (pages, length) = result??;
        served += pages * PAGE;
        bytes += length;
    }
    println!("over {CONNECTIONS} connections   {:>10.0} employees/s", rate(served, started));
    println!("bytes per employee   {:>10}", bytes / served.max(1));
    sandbox.stop().await;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
fn rate(n: usize, since: Instant) -> f64 {
    n as f64 / since.elapsed().as_secs_f64()
}

async fn read_pages(addr: SocketAddr, token: String, client: usize, started: Instant) -> io::Result<(usize, usize)> {
    let mut connection = Connection::open(addr).await?;
    let (mut pages, mut bytes) = (0, 0);
    while started.elapsed() < SPAN {
        let offset = (pages * CONNECTIONS + client) * PAGE % PEOPLE;
        let request = format!(
            "GET /v1/company/employees?limit={PAGE}&offset={offset} HTTP/1.1\r\nhost: sandbox\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        bytes += connection.exchange(&request).await?.len();
        pages += 1;
    }
    Ok((pages, bytes))
}

/// A kept-alive connection that reads just enough HTTP to know where an answer ends.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 20) })
    }

    async fn exchange(&mut self, request: &str) -> io::Result<Vec<u8>> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let mut end = None;
        while end.is_none_or(|end| self.buffer.len() < end) {
            self.buffer.reserve(1 << 18);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if end.is_none() {
                end = head_end(&self.buffer);
            }
        }
        if !self.buffer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other("the sandbox answered with an error"));
        }
        Ok(self.buffer.clone())
    }
}

/// Where the answer ends, once its head is there.
fn head_end(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(buffer.get(..head)?).ok()?.to_ascii_lowercase();
    let length: usize = text.split("content-length: ").nth(1)?.lines().next()?.trim().parse().ok()?;
    Some(head + 4 + length)
}
