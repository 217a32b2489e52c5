//! Two APIs and three workers that are started again whenever they ended, on a PostgreSQL and a Redis that can be killed.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use gangway_testkit::{Answer, Client, eventually, eventually_some};
use reqwest::Method;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tokio::process::Command;

use super::super::{
    process::{MASTER_KEY, Process, finish, free_port, gangway},
    redis::Redis,
};
use crate::queue::server::Server;

const APIS: usize = 2;
const WORKERS: usize = 3;
/// Whoever supervises processes looks so often.
const LOOK: Duration = Duration::from_millis(200);

/// One of the processes.
struct Member {
    arguments: String,
    process: Mutex<Process>,
}

/// All of it.
pub(super) struct Fleet {
    postgres: tokio::sync::Mutex<Server>,
    redis: tokio::sync::Mutex<Redis>,
    settings: Vec<(&'static str, String)>,
    members: Vec<Member>,
    clients: Vec<Client>,
}

impl Fleet {
    /// Everything runs. None where this test run has no servers.
    pub(super) async fn start(origins: &str) -> Option<Self> {
        let redis = Redis::start().await?;
        let postgres = Server::start().await;
        let mut settings = vec![
            ("GANGWAY_MASTER_KEY", MASTER_KEY.to_owned()),
            ("DATABASE_URL", postgres.url()),
            ("REDIS_URL", redis.url()),
            ("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", origins.to_owned()),
            // Nobody reads what they log, and a full pipe would stop them.
            ("GANGWAY__LOG__FILTER", "off".to_owned()),
        ];
        let limits =
            ["GANGWAY__API__KEY_REQUESTS", "GANGWAY__API__OPERATOR_KEY_REQUESTS", "GANGWAY__API__ADDRESS_REQUESTS"];
        settings.extend(limits.map(|limit| (limit, "1000000".to_owned())));
        let migrated = finish(command("migrate", &settings)).await;
        assert_eq!(migrated.code, Some(0), "{}", migrated.err);
        let ports: Vec<u16> = (0..APIS).map(|_| free_port()).collect();
        let apis = ports.iter().map(|port| format!("api --listen 127.0.0.1:{port}"));
        let workers = (0..WORKERS).map(|_| "worker".to_owned());
        let member = |arguments: String| {
            let process = Mutex::new(Process::start(command(&arguments, &settings)));
            Member { arguments, process }
        };
        let members = apis.chain(workers).map(member).collect();
        let clients = ports.iter().map(|port| Client::new(format!("http://127.0.0.1:{port}"))).collect();
        let (postgres, redis) = (tokio::sync::Mutex::new(postgres), tokio::sync::Mutex::new(redis));
        let fleet = Self { postgres, redis, settings, members, clients };
        for client in &fleet.clients {
            client.wait_until_ready().await;
        }
        Some(fleet)
    }

    /// One of the APIs, for times in which nobody is killed.
    pub(super) fn client(&self) -> &Client {
        &self.clients[0]
    }

    /// A command beside the processes, which succeeds.
    pub(super) async fn out(&self, arguments: &str) -> String {
        let made = finish(command(arguments, &self.settings)).await;
        assert_eq!(made.code, Some(0), "{}", made.err);
        made.out.trim().to_owned()
    }

    /// Starts again whatever ended, until it is dropped.
    pub(super) async fn supervise(&self) {
        let mut interval = tokio::time::interval(LOOK);
        loop {
            interval.tick().await;
            for member in &self.members {
                let mut process = member.process.lock().unwrap_or_else(PoisonError::into_inner);
                if process.has_ended() {
                    *process = Process::start(command(&member.arguments, &self.settings));
                }
            }
        }
    }

    /// Kills one of the processes; false when it was dead already.
    pub(super) async fn kill(&self, place: usize) -> bool {
        let id = {
            let member = &self.members[place % self.members.len()];
            let mut process = member.process.lock().unwrap_or_else(PoisonError::into_inner);
            (!process.has_ended()).then(|| process.id())
        };
        match id {
            Some(id) => Command::new("kill").args(["-s", "KILL", &id.to_string()]).status().await.unwrap().success(),
            None => false,
        }
    }

    /// PostgreSQL crashes and is started again.
    pub(super) async fn crash_postgres(&self) {
        let mut postgres = self.postgres.lock().await;
        postgres.crash().await;
        postgres.recover().await;
    }

    /// Redis dies, is away as long as `meanwhile` takes, and comes back empty.
    pub(super) async fn kill_redis(&self, meanwhile: impl Future<Output = ()>) {
        let mut redis = self.redis.lock().await;
        redis.kill().await;
        meanwhile.await;
        redis.recover().await;
    }

    /// Asks until somebody answers wholly and has what it needs.
    pub(super) async fn ask(&self, method: &Method, key: &str, path: &str, body: Option<&Value>) -> Answer {
        eventually_some(path, async || {
            for client in &self.clients {
                let request = client.request(method.clone(), key, path);
                let request = match body {
                    Some(body) => request.json(body),
                    None => request,
                };
                if let Ok(answer) = client.try_send(request).await
                    && answer.status != 503
                {
                    return Some(answer);
                }
            }
            None
        })
        .await
    }

    /// The jobs that have not ended, as text.
    pub(super) async fn jobs(&self) -> String {
        let url = self.postgres.lock().await.url();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let sql = "SELECT concat_ws(' ', kind, state, 'attempt', attempts, 'of', max_attempts,
                     'due in s', (run_at - extract(epoch FROM now()) * 1e6)::bigint / 1000000,
                     'leased for s', (lease_until - extract(epoch FROM now()) * 1e6)::bigint / 1000000, last_error)
                   FROM job WHERE state IN ('pending', 'scheduled', 'running') ORDER BY kind, id";
        let rows = connection.fetch_all(sql).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
    }

    /// Waits until all APIs are ready; nobody is killed any more.
    pub(super) async fn recover(&self) {
        eventually("all APIs to be ready", async || {
            for client in &self.clients {
                let answer = client.try_send(client.request(Method::GET, "", "/readyz")).await;
                if !answer.is_ok_and(|answer| answer.status == 200) {
                    return false;
                }
            }
            true
        })
        .await;
    }
}

fn command(arguments: &str, settings: &[(&'static str, String)]) -> Command {
    let mut command = gangway(arguments);
    command.envs(settings.iter().map(|(name, value)| (*name, value)));
    command
}
