//! A client as a process of its own that holds many connections open, for the test of the server's limits.
//!
//! Arguments: address, number. Prints `open` and how many answered; after a line on standard input asks on each of them again and
//! prints `held` and how many answered.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
/// Connections opened at once: the server's queue of unaccepted ones is not endless.
const AT_ONCE: usize = 200;
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(number)) = (arguments.next(), arguments.next().and_then(|text| text.parse().ok())) else {
        return Err(io::Error::other("the arguments are an address and a number"));
    };
    let mut open = Vec::new();
    while open.len() < number {
        let batch = (0..AT_ONCE.min(number - open.len())).map(|_| async {
            let mut stream = TcpStream::connect(&address).await?;
            ask(&mut stream).await.map(|()| stream)
        });
        for stream in futures::future::join_all(batch).await {
            open.push(stream?);
        }
    }
    tell("open", open.len())?;
    io::stdin().read_line(&mut String::new())?;
    let mut n_held = 0;
    for streams in open.chunks_mut(AT_ONCE) {
        let answers = futures::future::join_all(streams.iter_mut().map(ask)).await;
        n_held += answers.iter().filter(|answer| answer.is_ok()).count();
    }
    tell("held", n_held)
}

async fn ask(stream: &mut TcpStream) -> io::Result<()> {
    let asking = async {
        stream.write_all(REQUEST).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::Error::other("the server ended the connection"));
            }
        }
        if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err(io::Error::other("no 200")) }
    };
    tokio::time::timeout(PATIENCE, asking).await?
}

fn tell(what: &str, number: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{what} {number}")?;
    out.flush()
}
