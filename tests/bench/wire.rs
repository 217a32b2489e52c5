//! A client that costs little: one kept-alive connection, requests one after the other.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 20) })
    }

    /// Sends a request without a body; answers the answer's body when its status is 200.
    pub(crate) async fn get(&mut self, path: &str, bearer: &str) -> io::Result<&[u8]> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {bearer}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(place) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                break place + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_lowercase();
        if !text.starts_with("http/1.1 200") {
            return Err(io::Error::other(text));
        }
        let length = text.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize =
            length.and_then(|text| text.trim().parse().ok()).ok_or_else(|| io::Error::other(text.clone()))?;
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(&self.buffer[head..])
    }
}
