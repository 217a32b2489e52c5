//! Somebody to whom an emulated vendor sends webhooks: keeps what comes, and answers as told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A receiver on a port of this machine; it ends when dropped.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

struct State {
    received: Vec<Received>,
    status: u16,
}

impl Receiver {
    /// Listens on a free port, and answers 204.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(Mutex::new(State { received: Vec::new(), status: 204 }));
        let mut task = JoinSet::new();
        let shared = Arc::clone(&state);
        task.spawn(async move {
            // One after the other, so that what came is in order.
            while let Ok((stream, _)) = listener.accept().await {
                drop(receive(stream, &shared).await);
            }
        });
        Self { address, state, _task: task }
    }

    /// An address of this receiver.
    pub fn url(&self, path: &str) -> SecretString {
        SecretString::from(format!("http://{}{path}", self.address))
    }

    /// What requests are answered with from now on.
    pub fn answers_always(&self, status: u16) {
        self.state().status = status;
    }

    /// What has come since the last call.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.state().received)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let received = loop {
        if let Some(received) = read(&bytes) {
            break received;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let status = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received.push(received);
        state.status
    };
    let answer = format!("HTTP/1.1 {status} told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// A whole request, once it is there.
fn read(bytes: &[u8]) -> Option<Received> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse::<usize>().ok()?;
    let body = bytes.get(end + 4..(end + 4).checked_add(length)?)?.to_vec();
    Some(Received { path, headers, body })
}
