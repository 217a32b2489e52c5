//! The real `gangway serve` on PostgreSQL in a process of its own, set up through its API.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use gangway_sandbox::Sandbox;
use gangway_testkit::{Client, TestDb};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

pub(crate) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A running server.
pub(crate) struct Platform {
    child: Child,
    pub(crate) client: Client,
    pub(crate) operator: String,
    pub(crate) db: TestDb,
    /// From starting the process until it was ready.
    pub(crate) ready_after: Duration,
    started: Instant,
}

/// A tenant with a connection to a sandbox.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) connection: String,
}

/// Where the binary is that is measured.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("GANGWAY_BENCH_BINARY").context("GANGWAY_BENCH_BINARY names the gangway binary")?;
    Ok(path.into())
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Platform {
    /// Starts it beside nothing, with these settings on top.
    pub(crate) async fn start(settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let db = TestDb::postgres().await.context("there is no PostgreSQL; scripts/bench.sh starts one")?;
        Self::start_on(db, settings).await
    }

    pub(crate) async fn start_on(db: TestDb, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let port = free_port()?;
        let command = |arguments: &[&str]| -> anyhow::Result<Command> {
            let mut command = Command::new(binary()?);
            command.args(arguments).env_clear().kill_on_drop(true).stdin(Stdio::null());
            command
                .env("GANGWAY_MASTER_KEY", MASTER_KEY)
                .env("GANGWAY__ADMIN__LISTEN", "off")
                .env("GANGWAY__LOG__FILTER", "warn");
            command.env("DATABASE_URL", db.url()).env("DATABASE_MIGRATION_URL", db.owner_url());
            for setting in ["KEY_REQUESTS", "OPERATOR_KEY_REQUESTS", "ADDRESS_REQUESTS"] {
                command.env(format!("GANGWAY__API__{setting}"), "0");
            }
            command.envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
            Ok(command)
        };
        let started = Instant::now();
        let listen = format!("127.0.0.1:{port}");
        let child = command(&["serve", "--listen", &listen])?.stdout(Stdio::null()).spawn()?;
        let client = Client::new(format!("http://{listen}"));
        while std::net::TcpStream::connect(&listen).is_err() {
            ensure!(started.elapsed() < Duration::from_mins(1), "gangway serve does not listen");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        client.wait_until_ready().await;
        let ready_after = started.elapsed();
        let made = command(&["key", "create", "--operator"])?.output().await?;
        let operator = String::from_utf8(made.stdout)?.trim().to_owned();
        ensure!(operator.starts_with("gwo_"), "no operator key: {}", String::from_utf8_lossy(&made.stderr));
        Ok(Self { child, client, operator, db, ready_after, started })
    }

    /// When the process was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// A tenant with every right that tenants' keys can have, and a checked connection.
    pub(crate) async fn tenant(&self, name: &str, sandbox: &Sandbox) -> anyhow::Result<Tenant> {
        let tenant = self.client.post(&self.operator, "/v1/tenants", &json!({ "name": name })).await.expect(201);
        let scopes = ["records:read", "sensitive:read", "connections:read", "connections:write", "proxy:read"];
        let request = self.client.request(Method::POST, &self.operator, "/v1/keys");
        let request = request.header("gangway-tenant", text(&tenant, "id"));
        let key = self.client.send(request.json(&json!({"name": "bench", "scopes": scopes}))).await.expect(201);
        let key = text(&key, "key");
        let body = json!({
            "connector": "personio", "name": "Personio", "config": {"base_url": sandbox.base_url()},
            "credential": {
                "client_id": sandbox.client_id(), "client_secret": sandbox.client_secret().expose_secret(),
            },
        });
        let connection = text(&self.client.post(&key, "/v1/connections", &body).await.expect(201), "id");
        for step in ["check", "discover"] {
            self.client.post(&key, &format!("/v1/connections/{connection}/{step}"), &json!({})).await.expect(200);
        }
        Ok(Tenant { id: text(&tenant, "id"), key, connection })
    }

    /// A sync without a schedule.
    pub(crate) async fn sync(&self, tenant: &Tenant, stream: &str) -> String {
        let body = json!({"connection_id": tenant.connection, "stream": stream, "schedule": null});
        text(&self.client.post(&tenant.key, "/v1/syncs", &body).await.expect(201), "id")
    }

    /// Starts a run; answers its path.
    pub(crate) async fn start_run(&self, tenant: &Tenant, sync: &str, mode: &str) -> String {
        let run = self.client.post(&tenant.key, &format!("/v1/syncs/{sync}/runs"), &json!({ "mode": mode })).await;
        format!("/v1/sync-runs/{}", text(&run.expect(202), "id"))
    }

    /// Runs a sync to its end; answers how long that took by its own times, and the run.
    pub(crate) async fn run(&self, tenant: &Tenant, sync: &str, mode: &str) -> anyhow::Result<(f64, Value)> {
        let path = self.start_run(tenant, sync, mode).await;
        loop {
            let run = self.client.get(&tenant.key, &path).await.expect(200);
            match run["state"].as_str() {
                Some("running") => tokio::time::sleep(Duration::from_millis(20)).await,
                Some("completed") => {
                    let at = |name: &str| text(&run, name).parse::<chrono::DateTime<chrono::Utc>>();
                    let took = at("finished_at")? - at("started_at")?;
                    return Ok((took.to_std()?.as_secs_f64(), run));
                }
                _ => anyhow::bail!("the run did not complete: {run}"),
            }
        }
    }

    fn status(&self, field: &str) -> anyhow::Result<f64> {
        let id = self.child.id().context("it runs")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("Linux tells the memory")?;
        Ok(line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
    }

    /// Memory in use, in MiB.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        self.status("VmRSS")
    }

    /// The most memory in use since the last call, in MiB.
    pub(crate) fn take_peak(&self) -> anyhow::Result<f64> {
        let peak = self.status("VmHWM")?;
        let id = self.child.id().context("it runs")?;
        std::fs::write(format!("/proc/{id}/clear_refs"), "5")?;
        Ok(peak)
    }

    /// Ends it in order.
    pub(crate) async fn stop(mut self) -> anyhow::Result<TestDb> {
        let id = self.child.id().context("it runs")?.to_string();
        Command::new("kill").args(["-s", "TERM", &id]).status().await?;
        tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await??;
        Ok(self.db)
    }
}

/// A member that is a text.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
