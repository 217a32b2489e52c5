//! A serving process on a database, a tenant that is read page by page, and somebody who asks the API all the time.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use gangway_sandbox::{Config, Sandbox};
use gangway_testkit::{Answer, Client, eventually};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{process::Command, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::super::process::{MASTER_KEY, Process, binary, clean, finish, free_port};

/// Twenty pages, which the vendor's limit spreads over some seconds.
pub(super) const N_PEOPLE: usize = 200;
const PAGE_SIZE: usize = 10;

/// How often it is asked, when answers come at once.
const PACE: Duration = Duration::from_millis(20);

/// Everything a test needs.
pub(super) struct Stage {
    place: Place,
    pub(super) serve: Process,
    pub(super) client: Client,
    operator: String,
    tenant: String,
    pub(super) key: String,
    sync: String,
    sandbox: Sandbox,
    port: u16,
    lease_seconds: u32,
}

/// Where the data lies.
pub(super) enum Place {
    Embedded(TempDir),
    Postgres(String),
}

impl Place {
    /// An embedded database in a folder of the test's own.
    pub(super) fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }

    /// The rest of a command line.
    fn add_to(&self, mut command: Command, arguments: &str) -> Command {
        command.args(arguments.split_whitespace());
        match self {
            Self::Embedded(folder) => command.arg("--data").arg(folder.path()),
            Self::Postgres(url) => command.env("DATABASE_URL", url),
        };
        // Nobody reads what it logs, and a full pipe would stop it.
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("GANGWAY__LOG__FILTER", "off");
        command
    }

    async fn out(&self, arguments: &str) -> String {
        let finished = finish(self.add_to(clean(binary()), arguments)).await;
        assert_eq!(finished.code, Some(0), "{arguments}: {}{}", finished.out, finished.err);
        finished.out.trim().to_owned()
    }

    /// The file of an embedded database.
    pub(super) fn file(&self) -> PathBuf {
        match self {
            Self::Embedded(folder) => folder.path().join("gangway.sqlite"),
            Self::Postgres(_) => panic!("a server's files are its own"),
        }
    }

    /// A serving process.
    fn serve(&self, sandbox: &Sandbox, port: u16, lease_seconds: u32) -> Command {
        // A file that may not become longer is to be an error, as a full disk is, and not a signal.
        let mut command = clean("bash");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "bash"]).arg(binary());
        let mut command = self.add_to(command, &format!("serve --listen 127.0.0.1:{port}"));
        command.env("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", sandbox.base_url());
        command.env("GANGWAY__WORKER__LEASE_SECONDS", lease_seconds.to_string());
        for limit in ["KEY_REQUESTS", "OPERATOR_KEY_REQUESTS", "ADDRESS_REQUESTS"] {
            command.env(format!("GANGWAY__API__{limit}"), "100000");
        }
        command
    }
}

impl Stage {
    /// Onboarded, with a sync of employees that has not run.
    pub(super) async fn on(place: Place) -> Self {
        Self::with_lease(place, 15).await
    }

    /// The same; a job stays its worker's for so long without a sign of life.
    pub(super) async fn with_lease(place: Place, lease_seconds: u32) -> Self {
        let sandbox = Sandbox::bind(Config::new(N_PEOPLE, 3).without_rate_limit()).unwrap();
        place.out("migrate").await;
        let port = free_port();
        let serve = Process::start(place.serve(&sandbox, port, lease_seconds));
        let client = Client::new(format!("http://127.0.0.1:{port}"));
        client.wait_until_ready().await;
        let operator = place.out("key create --operator").await;
        let Onboarded { tenant, key, sync } = onboard(&client, &operator, &sandbox).await;
        Self { place, serve, client, operator, tenant, key, sync, sandbox, port, lease_seconds }
    }

    /// Orders a full run and waits until it is in the middle.
    pub(super) async fn run_to_the_middle(&self) -> String {
        let path = format!("/v1/syncs/{}/runs", self.sync);
        let run = self.client.post(&self.key, &path, &json!({"mode": "full"})).await;
        assert!(matches!(run.status, 201 | 202), "{}", run.body);
        let run = text(&run.body, "id");
        eventually("three pages", async || self.run(&run).await["counts"]["pages"].as_i64().unwrap() >= 3).await;
        let now = self.run(&run).await;
        assert_eq!(now["state"], "running", "{now}");
        run
    }

    pub(super) async fn run(&self, run: &str) -> Value {
        self.client.get(&self.key, &format!("/v1/sync-runs/{run}")).await.expect(200)
    }

    /// Waits until the run has ended; then everybody is there once, and that was told once.
    pub(super) async fn assert_ends_well(&self, run: &str) {
        eventually("the run to end", async || self.run(run).await["state"] != "running").await;
        let run = self.run(run).await;
        assert_eq!((&run["state"], &run["counts"]["seen"]), (&json!("completed"), &json!(N_PEOPLE)), "{run}");
        assert_eq!(run["counts"]["created"], json!(N_PEOPLE), "{run}");
        let id = |person: &Value| person["origin"]["external_id"].as_str().unwrap().to_owned();
        let mut shown: Vec<_> = self.client.list(&self.key, "/v1/employees").await.iter().map(id).collect();
        let mut people: Vec<_> = self.sandbox.handle().people().iter().map(|person| person["id"].to_string()).collect();
        shown.sort();
        people.sort();
        assert_eq!(shown, people);
        let events = self.client.list(&self.key, "/v1/events").await;
        let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["sync.completed"]);
        let connections = self.client.list(&self.key, "/v1/connections").await;
        assert_eq!(connections[0]["state"], "active", "{connections:?}");
    }

    /// Makes a tenant: something that must be written.
    pub(super) async fn write(&self) -> Answer {
        write(&self.client, &self.operator).await
    }

    /// Reads the tenant's people.
    pub(super) async fn read(&self) -> Answer {
        self.client.get(&self.key, "/v1/employees?limit=5").await
    }

    pub(super) async fn is_ready(&self) -> bool {
        let answer = self.client.get("", "/readyz").await;
        if answer.status == 200 {
            return true;
        }
        assert_unavailable(&answer);
        false
    }

    /// How many tenants there are beside the first.
    pub(super) async fn n_written(&self) -> usize {
        let tenants = self.client.list(&self.operator, "/v1/tenants").await;
        tenants.iter().filter(|tenant| tenant["id"] != *self.tenant).count()
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Sends the process a signal, and starts another once it has ended; answers its exit code and how long it took to end.
    pub(super) async fn serve_after(&mut self, signal: &str) -> (Option<i32>, Duration) {
        let began = Instant::now();
        self.serve.signal(signal).await;
        let code = self.serve.wait().await;
        let took = began.elapsed();
        self.serve_again();
        (code, took)
    }

    fn serve_again(&mut self) {
        self.serve = Process::start(self.place.serve(&self.sandbox, self.port, self.lease_seconds));
    }

    /// Waits until the process serves; one that is not let in is started anew, as whoever supervises it would.
    pub(super) async fn wait_until_let_in(&mut self) {
        let client = self.client.clone();
        eventually("a process to be let in", async || {
            if self.serve.has_ended() {
                self.serve_again();
            }
            let answer = client.request(Method::GET, "", "/readyz").send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Asks from now on, again and again.
    pub(super) fn asking(&self) -> Asking {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (client, operator, key) = (self.client.clone(), self.operator.clone(), self.key.clone());
        let asked = stop.clone();
        let answers = tasks.spawn(async move {
            let (mut answers, mut pace) = (Vec::new(), tokio::time::interval(PACE));
            while asked.run_until_cancelled(pace.tick()).await.is_some() {
                let read = client.get(&key, "/v1/employees?limit=5");
                let (read, written) = tokio::join!(read, write(&client, &operator));
                answers.extend([read, written]);
            }
            answers
        });
        Asking { stop, answers }
    }

    pub(super) async fn stop(self) {
        let (code, _) = self.serve.stop().await;
        assert_eq!(code, Some(0));
        self.sandbox.stop().await;
    }
}

/// Somebody who asks all the time.
pub(super) struct Asking {
    stop: CancellationToken,
    answers: tokio::task::JoinHandle<Vec<Answer>>,
}

impl Asking {
    /// Ends it: everybody was answered, with what was asked for or with when to come again.
    pub(super) async fn end(self) -> Answers {
        self.stop.cancel();
        let mut answers = Answers::default();
        for answer in self.answers.await.unwrap() {
            match answer.status {
                200 => answers.read += 1,
                201 => answers.written += 1,
                _ => {
                    assert_unavailable(&answer);
                    answers.refused += 1;
                }
            }
        }
        answers
    }
}

/// What was answered, counted.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) read: usize,
    pub(super) written: usize,
    pub(super) refused: usize,
}

/// A tenant whose connection was checked, with a sync of employees that has not run.
pub(in crate::cli) struct Onboarded {
    pub(in crate::cli) tenant: String,
    pub(in crate::cli) key: String,
    pub(in crate::cli) sync: String,
}

/// Makes one.
pub(in crate::cli) async fn onboard(client: &Client, operator: &str, sandbox: &Sandbox) -> Onboarded {
    onboard_as("Acme", client, operator, sandbox).await
}

/// The same, with a name.
pub(in crate::cli) async fn onboard_as(name: &str, client: &Client, operator: &str, sandbox: &Sandbox) -> Onboarded {
    let tenant = client.post(operator, "/v1/tenants", &json!({"name": name, "time_zone": "UTC"})).await;
    let tenant = text(&tenant.expect(201), "id");
    let request = client.request(Method::POST, operator, "/v1/keys").json(&json!({"name": "test"}));
    let key = text(&client.send(request.header("Gangway-Tenant", &tenant)).await.expect(201), "key");
    let connection = json!({
        "connector": "personio", "name": "HR",
        "config": {"base_url": sandbox.base_url(), "page_size": PAGE_SIZE},
        "credential": {
            "client_id": sandbox.client_id(), "client_secret": sandbox.client_secret().expose_secret(),
        },
    });
    let connection = text(&client.post(&key, "/v1/connections", &connection).await.expect(201), "id");
    client.post(&key, &format!("/v1/connections/{connection}/check"), &json!({})).await.expect(200);
    client.post(&key, &format!("/v1/connections/{connection}/discover"), &json!({})).await.expect(200);
    let sync = json!({"connection_id": connection, "stream": "employees", "schedule": null});
    let sync = text(&client.post(&key, "/v1/syncs", &sync).await.expect(201), "id");
    Onboarded { tenant, key, sync }
}

async fn write(client: &Client, operator: &str) -> Answer {
    /// Names of tenants are theirs alone.
    static N_NAMES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("Tenant {}", N_NAMES.fetch_add(1, Ordering::Relaxed));
    client.post(operator, "/v1/tenants", &json!({"name": name, "time_zone": "UTC"})).await
}

/// 503 with when to come again.
pub(super) fn assert_unavailable(answer: &Answer) {
    let Answer { status, body, .. } = answer;
    assert_eq!((*status, body["code"].as_str()), (503, Some("server.unavailable")), "{body}");
    let seconds: u64 = answer.header("retry-after").expect("it says when to come again").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is a text in {value}")).to_owned()
}
