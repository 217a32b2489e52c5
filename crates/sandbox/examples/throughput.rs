//! Measures how many employees a second one worker serves, and what starting costs:
//! `cargo run --release -p gangway-sandbox --example throughput -- [PEOPLE]`.
//!
//! The client competes for the processor. Where the system tells (Linux), the rates are also given by the processor time of
//! the worker's thread alone, which says what one core serves however busy the machine is.
#![expect(clippy::print_stdout, reason = "the measurement is the output")]

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gangway_sandbox::{Config, Language, Quirks, Sandbox};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const PEOPLE: usize = 20_000;
const PAGE: usize = 100;
const CONNECTIONS: usize = 4;
const SPAN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = std::env::args().nth(1).map_or(Ok(PEOPLE), |text| text.parse())?;
    let config = Config::new(people, 1).without_rate_limit();
    let (started, before) = (Instant::now(), process_time_ms());
    let sandbox = Sandbox::bind(config)?;
    println!("{people} people");
    let ran = process_time_ms().zip(before).map(|(after, before)| after.saturating_sub(before));
    let ran = ran.map_or(String::new(), |ran| format!(", {ran} ms of processor time"));
    println!("start           {:>12.0} ms{ran}", started.elapsed().as_secs_f64() * 1000.0);
    if let Some(kib) = resident_kib() {
        println!("memory          {:>12} MiB", kib / 1024);
    }
    let token = log_in(&sandbox).await?;
    let n_pages = people.div_ceil(PAGE);

    let first = Measurement::begin();
    let (served, bytes) = read(&sandbox, &token, people, Until::Pages(n_pages)).await?;
    first.end("first pass", served);
    let later = Measurement::begin();
    let (more, _) = read(&sandbox, &token, people, Until::Elapsed(SPAN)).await?;
    later.end("later passes", more);

    // A switch that everybody looks different under: the next pass renders all of them on the worker's core.
    let handle = sandbox.handle();
    handle.set_quirks(Quirks { label_language: Language::German, ..handle.quirks() })?;
    let anew = Measurement::begin();
    let (served_anew, _) = read(&sandbox, &token, people, Until::Pages(n_pages)).await?;
    anew.end("rendered anew", served_anew);
    println!("one employee    {:>12} bytes", bytes / served.max(1));
    sandbox.stop().await;
    Ok(())
}

/// When the clients end.
#[derive(Clone, Copy)]
enum Until {
    Pages(usize),
    Elapsed(Duration),
}

async fn read(sandbox: &Sandbox, token: &str, people: usize, until: Until) -> io::Result<(usize, usize)> {
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        clients.spawn(read_pages(sandbox.addr(), token.to_owned(), people, client, until));
    }
    let (mut served, mut bytes) = (0, 0);
    while let Some(result) = clients.join_next().await {
        let (employees, length) = result.map_err(io::Error::other)??;
        served += employees;
        bytes += length;
    }
    Ok((served, bytes))
}

/// Reads every fourth page, beginning with its own number.
async fn read_pages(
    addr: SocketAddr,
    token: String,
    people: usize,
    client: usize,
    until: Until,
) -> io::Result<(usize, usize)> {
    let mut connection = Connection::open(addr).await?;
    let started = Instant::now();
    let (mut page, mut employees, mut bytes) = (client, 0, 0);
    while match until {
        Until::Pages(n_pages) => page < n_pages,
        Until::Elapsed(span) => started.elapsed() < span,
    } {
        let offset = page * PAGE % people;
        let request = format!(
            "GET /v1/company/employees?limit={PAGE}&offset={offset} HTTP/1.1\r\nhost: sandbox\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        bytes += connection.exchange(&request).await?.len();
        employees += PAGE.min(people - offset);
        page += CONNECTIONS;
    }
    Ok((employees, bytes))
}

async fn log_in(sandbox: &Sandbox) -> io::Result<String> {
    let secret = sandbox.client_secret().expose_secret();
    let login = format!(r#"{{"client_id":"{}","client_secret":"{secret}"}}"#, sandbox.client_id());
    let length = login.len();
    let request = format!("POST /v1/auth HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {length}\r\n\r\n{login}");
    let mut connection = Connection::open(sandbox.addr()).await?;
    let answer = String::from_utf8_lossy(connection.exchange(&request).await?).into_owned();
    Ok(answer.split(r#""token":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned())
}

/// Time on the wall, and on the worker's processor.
struct Measurement {
    started: Instant,
    worker: Option<Duration>,
}

impl Measurement {
    fn begin() -> Self {
        Self { started: Instant::now(), worker: worker_time() }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    fn end(self, what: &str, n: usize) {
        let wall = n as f64 / self.started.elapsed().as_secs_f64();
        let ran = worker_time().zip(self.worker).map(|(after, before)| after.saturating_sub(before));
        let worker = ran.map(|ran| n as f64 / ran.as_secs_f64());
        let worker = worker.map_or(String::new(), |rate| format!(", {rate:.0} per second of the worker's core"));
        println!("{what:<15} {wall:>12.0} employees/s{worker}");
    }
}

/// How long all threads have run, those that have ended too.
fn process_time_ms() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in brackets; Linux tells these two in hundredths of a second on every machine.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks * 10)
}

/// How long the threads that serve have run.
fn worker_time() -> Option<Duration> {
    let mut sum = None;
    for thread in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        let ran = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        // The system cuts "actix-server worker 0" short.
        if name.starts_with("actix-server wo")
            && let Some(nanoseconds) = ran.split(' ').next().and_then(|text| text.parse().ok())
        {
            sum = Some(sum.unwrap_or_default() + Duration::from_nanos(nanoseconds));
        }
    }
    sum
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().split(' ').next()?.parse().ok()
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

    async fn exchange(&mut self, request: &str) -> io::Result<&[u8]> {
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
        Ok(&self.buffer)
    }
}

/// Where the answer ends, once its head is there.
fn head_end(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(buffer.get(..head)?).ok()?.to_ascii_lowercase();
    let length: usize = text.split("content-length: ").nth(1)?.lines().next()?.trim().parse().ok()?;
    Some(head + 4 + length)
}
