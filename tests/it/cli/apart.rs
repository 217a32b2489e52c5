//! `gangway api` and `gangway worker`: several processes on one PostgreSQL and one Redis are one platform.

use std::time::Duration;

use gangway_sandbox::{Config, Sandbox};
use gangway_testkit::{Client, TestDb, eventually};
use serde_json::{Value, json};
use tokio::{process::Command, time::Instant};

use super::{
    process::{MASTER_KEY, Process, finish, free_port, gangway},
    redis::Redis,
    trouble::stage::{Onboarded, onboard},
};

/// Thirty pages, which the vendor's limit of a path spreads over some seconds.
const N_PEOPLE: usize = 300;
/// What is promised of a killed worker's jobs.
const TAKEN_OVER: Duration = Duration::from_secs(10);
/// What a busy machine may need beyond it.
const LENIENCE: Duration = Duration::from_secs(5);

/// A port alone is no sign: it is taken for a moment before the process is let in.
async fn answers(url: &str) -> bool {
    reqwest::get(url).await.is_ok_and(|response| response.status().is_success())
}

/// What all processes of a platform have in common.
struct Platform {
    db: TestDb,
    redis: Redis,
    sandbox: Sandbox,
}

impl Platform {
    async fn new() -> Option<Self> {
        let (db, redis) = (TestDb::postgres().await?, Redis::start().await?);
        Some(Self { db, redis, sandbox: Sandbox::bind(Config::new(N_PEOPLE, 3)).unwrap() })
    }

    /// A command without Redis.
    fn command(&self, arguments: &str) -> Command {
        let mut command = gangway(arguments);
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", self.db.url());
        command.env("DATABASE_MIGRATION_URL", self.db.owner_url());
        command.env("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", self.sandbox.base_url());
        // Nobody reads what it logs, and a full pipe would stop it.
        command.env("GANGWAY__LOG__FILTER", "off");
        command
    }

    fn together(&self, arguments: &str) -> Command {
        let mut command = self.command(arguments);
        command.env("REDIS_URL", self.redis.url());
        command
    }

    /// A process with the API, which answers.
    async fn api(&self) -> (Process, Client) {
        let port = free_port();
        let process = Process::start(self.together(&format!("api --listen 127.0.0.1:{port}")));
        let client = Client::new(format!("http://127.0.0.1:{port}"));
        client.wait_until_ready().await;
        (process, client)
    }

    /// A process with the worker, which runs.
    async fn worker(&self) -> Process {
        let admin = format!("127.0.0.1:{}", free_port());
        let mut command = self.together("worker");
        command.env("GANGWAY__ADMIN__LISTEN", &admin);
        let process = Process::start(command);
        eventually("the worker to run", async || answers(&format!("http://{admin}/healthz")).await).await;
        process
    }

    async fn onboard(&self, client: &Client) -> Onboarded {
        let made = finish(self.command("key create --operator")).await;
        assert_eq!(made.code, Some(0), "{}", made.err);
        onboard(client, made.out.trim(), &self.sandbox).await
    }

    /// Every person is there once, that was told once, and the vendor was never asked too often.
    async fn assert_is_whole(&self, client: &Client, key: &str) {
        let id = |person: &Value| person["origin"]["external_id"].as_str().unwrap().to_owned();
        let mut shown: Vec<_> = client.list(key, "/v1/employees").await.iter().map(id).collect();
        let mut people: Vec<_> = self.sandbox.handle().people().iter().map(|person| person["id"].to_string()).collect();
        shown.sort();
        people.sort();
        assert_eq!(shown, people);
        let events = client.list(key, "/v1/events").await;
        assert_eq!(events.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(), ["sync.completed"]);
        let report = self.sandbox.handle().ledger(0);
        assert_eq!(report.too_many, 0, "of {} requests", report.total);
    }
}

/// Orders a full run, and waits until it is in the middle.
async fn run_to_the_middle(client: &Client, Onboarded { key, sync, .. }: &Onboarded) -> String {
    let run = client.post(key, &format!("/v1/syncs/{sync}/runs"), &json!({"mode": "full"})).await;
    let path = format!("/v1/sync-runs/{}", run.expect(202)["id"].as_str().unwrap());
    eventually("three pages", async || n_pages(client, key, &path).await >= 3).await;
    path
}

async fn n_pages(client: &Client, key: &str, run: &str) -> i64 {
    let run = client.get(key, run).await.expect(200);
    assert_ne!(run["state"], "failed", "{run}");
    run["counts"]["pages"].as_i64().unwrap()
}

async fn ends(client: &Client, key: &str, run: &str) {
    eventually("the run to end", async || client.get(key, run).await.expect(200)["state"] != "running").await;
    let run = client.get(key, run).await.expect(200);
    assert_eq!((&run["state"], &run["counts"]["created"]), (&json!("completed"), &json!(N_PEOPLE)), "{run}");
}

#[tokio::test]
async fn processes_that_would_share_nothing_are_refused() {
    for (role, settings, missing) in [
        ("api", &[][..], "set database.url (PostgreSQL) and redis.url"),
        ("worker", &[("REDIS_URL", "redis://127.0.0.1:1/")], "set database.url (PostgreSQL), the same"),
        ("worker", &[("DATABASE_URL", "postgres://127.0.0.1:1/x")], "set redis.url, the same"),
    ] {
        let mut command = gangway(role);
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY).envs(settings.iter().copied());
        let refused = finish(command).await;
        assert_eq!(refused.code, Some(1), "{role}: {}", refused.err);
        assert!(refused.err.contains(missing) && refused.err.contains("gangway serve"), "{role}: {}", refused.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_counts_budgets_alone_is_refused_beside_those_who_count_together() {
    let Some(platform) = Platform::new().await else { return };
    let alone = || platform.command(&format!("serve --listen 127.0.0.1:{}", free_port()));
    let (api, _) = platform.api().await;
    let refused = finish(alone()).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("this one would count them in its memory; set redis.url"), "{}", refused.err);
    let mut elsewhere = platform.command("worker");
    elsewhere.env("REDIS_URL", format!("{}1", platform.redis.url()));
    let refused = finish(elsewhere).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("or in another one; set the same redis.url"), "{}", refused.err);
    let mut worker = platform.worker().await;
    let (code, _) = api.stop().await;
    assert_eq!(code, Some(0));
    assert!(!worker.has_ended());
    worker.signal("INT").await;
    assert_eq!(worker.wait().await, Some(0));

    // What was shared runs out by itself.
    let port = free_port();
    let mut serving = None;
    eventually("it to be let in", async || {
        let process = serving
            .get_or_insert_with(|| Process::start(platform.command(&format!("serve --listen 127.0.0.1:{port}"))));
        if process.has_ended() {
            serving = None;
            return false;
        }
        answers(&format!("http://127.0.0.1:{port}/readyz")).await
    })
    .await;
    let refused = finish(platform.together("worker")).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("this one would count them in Redis, the other does not"), "{}", refused.err);
    serving.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_workers_run_goes_on_in_another_and_all_processes_are_one_platform() {
    let Some(platform) = Platform::new().await else { return };
    let ((one, first), (two, second)) = (platform.api().await, platform.api().await);
    let (victim, tenant) = (platform.worker().await, platform.onboard(&first).await);
    // The other answers for the same tenants, keys and runs.
    let run = run_to_the_middle(&second, &tenant).await;
    let heir = platform.worker().await;
    let done = n_pages(&first, &tenant.key, &run).await;
    victim.kill().await;
    let killed = Instant::now();
    // A page that was under way may still have been committed.
    eventually("the run to go on", async || n_pages(&first, &tenant.key, &run).await > done + 1).await;
    let took = killed.elapsed();
    assert!(took <= TAKEN_OVER + LENIENCE, "{took:?}");
    ends(&second, &tenant.key, &run).await;
    platform.assert_is_whole(&second, &tenant.key).await;
    let logins = platform.sandbox.handle().ledger(0).count("/v1/auth");
    assert_eq!(logins, 1, "all processes use one token");
    let budget = first.list(&tenant.key, "/v1/connections").await;
    let path = format!("/v1/connections/{}/budget", budget[0]["id"].as_str().unwrap());
    let budget = first.get(&tenant.key, &path).await.expect(200);
    assert!(budget["held"].as_i64().unwrap() >= 30, "the API sees what workers hold: {budget}");
    for process in [one, two, heir] {
        assert_eq!(process.stop().await.0, Some(0));
    }
    platform.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_readers_are_served_and_syncs_go_on_with_their_shares() {
    let Some(mut platform) = Platform::new().await else { return };
    let ((api, client), worker) = (platform.api().await, platform.worker().await);
    let tenant = platform.onboard(&client).await;
    let run = run_to_the_middle(&client, &tenant).await;
    platform.redis.kill().await;
    let done = n_pages(&client, &tenant.key, &run).await;
    eventually("the run to go on without Redis", async || n_pages(&client, &tenant.key, &run).await > done + 2).await;
    client.get(&tenant.key, "/v1/employees?limit=5").await.expect(200);
    client.get("", "/readyz").await.expect(200);
    platform.redis.recover().await;
    ends(&client, &tenant.key, &run).await;
    platform.assert_is_whole(&client, &tenant.key).await;
    for process in [api, worker] {
        assert_eq!(process.stop().await.0, Some(0));
    }
    platform.sandbox.stop().await;
}
