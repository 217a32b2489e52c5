//! A PostgreSQL of one test's own, which the test may crash and start again. Nobody else's server is touched.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use gangway_testkit::eventually;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::support::new_id;

/// `nobody` on most systems; any that is not root does, which PostgreSQL refuses to run as.
const NOBODY: u32 = 65_534;

/// Others may take a port between its choice and its use.
const TRIES: usize = 5;

/// A running server.
pub(crate) struct Server {
    home: Home,
    password: String,
    port: u16,
    process: Child,
}

impl Server {
    /// A new server that answers.
    pub(crate) async fn start() -> Self {
        let home = Home::new();
        let password = new_id().uuid().simple().to_string();
        home.write("password", &password);
        let mut initdb = home.command("initdb");
        initdb.args(["--pgdata=data", "--username=gangway", "--auth=scram-sha-256", "--pwfile=password"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync"]);
        let made = initdb.stderr(Stdio::piped()).output().await.unwrap();
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));

        for _ in 0..TRIES {
            let port = free_port();
            let mut process = home.launch(port);
            if is_up(&mut process, &url(&password, port)).await {
                return Self { home, password, port, process };
            }
        }
        panic!("PostgreSQL does not start: {}", home.log());
    }

    /// The URL of its owner.
    pub(crate) fn url(&self) -> String {
        url(&self.password, self.port)
    }

    /// Ends it at once, as a crash would; answers when it is gone.
    pub(crate) async fn crash(&mut self) {
        assert!(self.home.stop().status().await.unwrap().success());
        self.process.wait().await.unwrap();
    }

    /// Starts it again on the same port, and answers when it is there.
    pub(crate) async fn recover(&mut self) {
        self.process = self.home.launch(self.port);
        let url = self.url();
        assert!(is_up(&mut self.process, &url).await, "PostgreSQL does not start again: {}", self.home.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Waits until its children are gone too: they still write to the folder that goes next.
        drop(self.home.stop().into_std().status());
    }
}

/// Its programs and its folder.
struct Home {
    programs: PathBuf,
    folder: TempDir,
    is_root: bool,
}

impl Home {
    fn new() -> Self {
        let programs = programs().expect("PostgreSQL's programs are in /usr/lib/postgresql or in the PATH");
        let folder = tempfile::tempdir().unwrap();
        // Whoever makes a folder owns it.
        let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
        let home = Self { programs, folder, is_root };
        home.hand_over(home.folder.path());
        home
    }

    fn hand_over(&self, path: &Path) {
        if self.is_root {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        self.hand_over(&path);
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// One of the programs, silent, as somebody whom it accepts.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if self.is_root {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}")).arg("--clear-groups");
            command.arg("--").arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Commits reach the operating system, since they must survive the server; nothing need survive the system.
    fn launch(&self, port: u16) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut postgres = self.command("postgres");
        postgres.args(["-D", "data", "-h", "127.0.0.1", "-k", "", "-p", &port.to_string()]);
        postgres.args(["-c", "fsync=off", "-c", "synchronous_commit=on", "-c", "full_page_writes=off"]);
        postgres.stderr(log).kill_on_drop(true).spawn().unwrap()
    }

    fn stop(&self) -> Command {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "-m", "immediate", "-D", "data"]);
        stop
    }
}

/// The newest of the folders in which Debian keeps them, or one of the PATH.
fn programs() -> Option<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|folder| Some((version(&folder)?, folder.join("bin"))))
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest_first = versions.into_iter().rev().map(|(_, folder)| folder);
    let mut folders = newest_first.chain(std::env::split_paths(&path));
    folders.find(|folder| ["initdb", "postgres", "pg_ctl"].iter().all(|program| folder.join(program).is_file()))
}

/// Waits until it answers; not when it has ended, since then somebody else has its port.
async fn is_up(process: &mut Child, url: &str) -> bool {
    let mut has_ended = false;
    eventually("PostgreSQL to answer or to end", async || {
        has_ended = process.try_wait().unwrap().is_some();
        has_ended || answers(url).await
    })
    .await;
    !has_ended
}

async fn answers(url: &str) -> bool {
    let Ok(connection) = PgConnection::connect(url).await else { return false };
    connection.close().await.is_ok()
}

fn url(password: &str, port: u16) -> String {
    format!("postgres://gangway:{password}@127.0.0.1:{port}/postgres")
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
