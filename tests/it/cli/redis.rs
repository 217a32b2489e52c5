//! A Redis of one test's own, which the test may kill and start again.

use std::process::Stdio;

use gangway_testkit::{eventually, redis_url};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::process::free_port;

/// A running server.
pub(super) struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    /// None where this test run has no Redis.
    pub(super) async fn start() -> Option<Self> {
        redis_url()?;
        let port = free_port();
        Some(Self { port, process: Self::launch(port).await })
    }

    async fn launch(port: u16) -> Child {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.current_dir(std::env::temp_dir()).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let process = command.spawn().unwrap();
        eventually("Redis to answer", async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        process
    }

    /// Ends it as a crash would.
    pub(super) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again, empty.
    pub(super) async fn recover(&mut self) {
        self.process = Self::launch(self.port).await;
    }

    /// Where it answers.
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}
