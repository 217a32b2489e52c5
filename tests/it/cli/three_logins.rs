//! `serve` on PostgreSQL with a login for each role, made by the block of `docs/operations.md`, from nothing to a finished sync.

use gangway_testkit::{Client, TestDb, eventually_some};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::process::Command;
use url::Url;

use super::process::{MASTER_KEY, Process, finish, free_port, gangway};

const PAGE: &str = include_str!("../../../docs/operations.md");
const N_PEOPLE: usize = 30;

/// A database whose logins were made as the page says.
struct Logins {
    tenants: Url,
    across: Url,
    owner: Url,
}

impl Logins {
    /// Names differ from the page's, since tests share a server: everything but the two working roles gets an ending.
    async fn make(server: &str) -> Self {
        let (_, after) = PAGE.split_once("<!-- three-logins -->\n```sql\n").expect("the page marks its block");
        let (block, _) = after.split_once("```").expect("the block ends");
        let ending = format!("t{}", std::process::id());
        let mut server = Url::parse(server).unwrap();
        let mut admin = PgConnection::connect(server.as_str()).await.unwrap();
        for statement in block.split_inclusive(";\n") {
            let mut statement = statement.replace('…', &ending).replace("DATABASE gangway ", "DATABASE gangway_db ");
            for name in ["tenants", "across", "owner", "db"] {
                statement = statement.replace(&format!("gangway_{name}"), &format!("gangway_{name}_{ending}"));
            }
            match admin.execute(AssertSqlSafe(statement.clone())).await {
                Ok(_) => {}
                // Another test has made the working roles.
                Err(error) if statement.contains("NOLOGIN") => drop(error),
                Err(error) => panic!("{statement}: {error}"),
            }
        }
        admin.close().await.unwrap();
        server.set_path(&format!("gangway_db_{ending}"));
        server.set_password(Some(&ending)).unwrap();
        let login = |name: &str| {
            let mut url = server.clone();
            url.set_username(&format!("gangway_{name}_{ending}")).unwrap();
            url
        };
        Self { tenants: login("tenants"), across: login("across"), owner: login("owner") }
    }

    fn gangway(&self, arguments: &str) -> Command {
        let mut command = gangway(arguments);
        command.env("GANGWAY_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", self.tenants.as_str());
        command.env("DATABASE_SYSTEM_URL", self.across.as_str());
        command.env("DATABASE_MIGRATION_URL", self.owner.as_str());
        command
    }

    async fn out(&self, arguments: &str) -> String {
        let finished = finish(self.gangway(arguments)).await;
        assert_eq!(finished.code, Some(0), "{arguments}: {}{}", finished.out, finished.err);
        finished.out.trim().to_owned()
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is a text in {value}")).to_owned()
}

/// Creates something and answers it.
async fn create(client: &Client, key: &str, path: &str, body: Value) -> Value {
    let answer = client.post(key, path, &body).await;
    assert!(matches!(answer.status, 200..=202), "{path}: {} {}", answer.status, answer.body);
    answer.body
}

/// The steps of the README, over HTTP; answers how many people the tenant has then.
async fn onboard(client: &Client, operator: &str, sandbox: &[String]) -> usize {
    let line = |name: &str| sandbox.iter().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let tenant = create(client, operator, "/v1/tenants", json!({"name": "Acme", "time_zone": "Europe/Berlin"})).await;
    let named = client.request(reqwest::Method::POST, operator, "/v1/keys").json(&json!({"name": "by hand"}));
    let key = client.send(named.header("Gangway-Tenant", text(&tenant, "id"))).await.expect(201);
    let key = text(&key, "key");
    let credential = json!({"client_id": line("client_id="), "client_secret": line("client_secret=")});
    let config = json!({"base_url": line("base_url=")});
    let connection = create(
        client,
        &key,
        "/v1/connections",
        json!({"connector": "personio", "name": "Personio", "config": config, "credential": credential}),
    )
    .await;
    let connection = text(&connection, "id");
    let checked = create(client, &key, &format!("/v1/connections/{connection}/check"), json!({})).await;
    assert_eq!(checked["ok"], true, "{checked}");
    create(client, &key, &format!("/v1/connections/{connection}/discover"), json!({})).await;
    let attributes = client.list(&key, &format!("/v1/connections/{connection}/attributes")).await;
    assert!(!attributes.is_empty());
    let sync = json!({"connection_id": connection, "stream": "employees", "schedule": null});
    let sync = text(&create(client, &key, "/v1/syncs", sync).await, "id");
    let run = create(client, &key, &format!("/v1/syncs/{sync}/runs"), json!({"mode": "full"})).await;
    let path = format!("/v1/sync-runs/{}", text(&run, "id"));
    let run = eventually_some("the run to end", async || {
        let run = client.get(&key, &path).await.expect(200);
        (run["state"] != "running").then_some(run)
    })
    .await;
    assert_eq!(run["state"], "completed", "{run}");
    let events = client.list(&key, "/v1/events").await;
    assert!(events.iter().any(|event| event["type"] == "sync.completed"), "{events:?}");
    client.list(&key, "/v1/employees").await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_logins_carry_a_tenant_from_nothing_to_a_finished_sync() {
    let Some(server) = TestDb::postgres().await else { return };
    let logins = Logins::make(server.owner_url()).await;
    let mut sandbox = Process::start(gangway(&format!("sandbox personio --listen 127.0.0.1:0 --people {N_PEOPLE}")));
    let printed = sandbox.read_until("client_secret=").await;
    let origin = printed.iter().find_map(|line| line.strip_prefix("base_url=")).unwrap();

    // Nobody but the owner brings the schema up to date, and not by the way.
    let early = finish(logins.gangway("serve --listen 127.0.0.1:0")).await;
    assert_eq!(early.code, Some(1), "{}", early.err);
    assert!(early.err.contains("run `gangway migrate`"), "{}", early.err);
    assert!(logins.out("migrate").await.starts_with("ran "));

    let port = free_port();
    let mut serve = logins.gangway(&format!("serve --listen 127.0.0.1:{port}"));
    serve.env("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", origin);
    let serve = Process::start(serve);
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    client.wait_until_ready().await;
    let operator = logins.out("key create --operator").await;
    assert_eq!(onboard(&client, &operator, &printed).await, N_PEOPLE);

    let doctor = logins.out("doctor").await;
    for expected in [
        "ok    isolation: row-level security with a login for each role",
        "ok    row-level security: forced on every table of tenants",
        "ok    migrations: none pending",
    ] {
        assert!(doctor.lines().any(|line| line == expected), "{expected} in {doctor}");
    }
    let (code, _) = serve.stop().await;
    assert_eq!(code, Some(0));
    sandbox.stop().await;
    reaches_too_much(&logins, server.owner_url()).await;
}

/// A login of tenants that may take the other role is found.
async fn reaches_too_much(logins: &Logins, server: &str) {
    let mut admin = PgConnection::connect(server).await.unwrap();
    let grant = format!("GRANT gangway_system TO {}", logins.tenants.username());
    admin.execute(AssertSqlSafe(grant)).await.unwrap();
    let doctor = logins.out("doctor").await;
    assert!(doctor.contains("warn  isolation: the login of database.url may take gangway_system"), "{doctor}");
    let database = logins.tenants.path().trim_start_matches('/').to_owned();
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {database} WITH (FORCE)"))).await.unwrap();
    for login in [&logins.tenants, &logins.across, &logins.owner] {
        admin.execute(AssertSqlSafe(format!("DROP ROLE {}", login.username()))).await.unwrap();
    }
    admin.close().await.unwrap();
}
