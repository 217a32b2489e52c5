//! Starts the binary with nothing of the caller's settings in its environment, and reads what it prints line by line.

use std::{ffi::OsStr, net::TcpListener, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Generous: the machine may build something beside.
const PATIENCE: Duration = Duration::from_secs(90);

/// A master key for tests.
pub(super) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Where the binary is.
pub(super) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_gangway-under-test"))
}

/// The binary with these arguments, separated by spaces.
pub(super) fn gangway(arguments: &str) -> Command {
    let mut command = clean(binary());
    command.args(arguments.split_whitespace());
    command
}

/// A program without the caller's settings.
pub(super) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("GANGWAY_") || text.ends_with("_URL") || text.starts_with("OTEL_") {
            command.env_remove(&name);
        }
    }
    command.env("GANGWAY__ADMIN__LISTEN", "off");
    command
}

/// A port that nobody listens on now.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a finished command left.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs a command to its end.
pub(super) async fn finish(mut command: Command) -> Finished {
    let output = tokio::time::timeout(PATIENCE, command.stdin(Stdio::null()).output());
    let output = output.await.expect("the command ends").expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command writes text");
    Finished { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A running command.
pub(super) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a command.
    pub(super) fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let out = child.stdout.take().expect("standard output is piped");
        Self { child, lines: BufReader::new(out).lines() }
    }

    /// Reads lines until one begins so, and answers all that were read; the last is the one.
    pub(super) async fn read_until(&mut self, beginning: &str) -> Vec<String> {
        let mut read = Vec::new();
        let reading = async {
            while let Some(line) = self.lines.next_line().await.expect("the command writes text") {
                let is_it = line.starts_with(beginning);
                read.push(line);
                if is_it {
                    return true;
                }
            }
            false
        };
        match tokio::time::timeout(PATIENCE, reading).await.ok() {
            Some(true) => read,
            Some(false) => panic!("ended before `{beginning}`: {read:#?}\n{}", self.errors().await),
            None => panic!("`{beginning}` did not come: {read:#?}"),
        }
    }

    /// Its id.
    pub(super) fn id(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    /// Sends a signal by name.
    pub(super) async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await.expect("kill starts");
        assert!(sent.success(), "the process {id} takes signals");
    }

    /// Asks it to stop, and answers its exit code and how long it took.
    pub(super) async fn stop(mut self) -> (Option<i32>, Duration) {
        let began = tokio::time::Instant::now();
        self.signal("INT").await;
        (self.wait().await, began.elapsed())
    }

    /// Asks it to stop, and answers what it wrote to standard error.
    pub(super) async fn stop_and_read(mut self) -> String {
        self.signal("INT").await;
        assert_eq!(self.wait().await, Some(0));
        self.errors().await
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it was started").is_some()
    }

    /// Waits for its end, and answers its exit code.
    pub(super) async fn wait(&mut self) -> Option<i32> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        status.expect("it ends").expect("it was started").code()
    }

    /// Ends it as a power cut would.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("the process can be killed");
    }

    async fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(err) = &mut self.child.stderr {
            drop(err.read_to_string(&mut text).await);
        }
        text
    }
}
